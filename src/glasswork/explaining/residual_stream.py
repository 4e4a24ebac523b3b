r"""What flows through a Transformer as a sum, and what each part of the sum adds to an answer.

The stream of one position is the embedding plus what every head and every MLP wrote: x = sum_i part_i. The last norm
divides by a number that depends on all parts; once that number is known, it is linear, so that a logit is a sum too:

    logit_v = W_v . norm(x) = sum_i W_v . (g * (part_i - [mean part_i]) / s) + W_v . b

with s the deviation (layer norm) or the root mean square (RMS norm, which subtracts no mean) of x, g and b the norm's
gain and bias. This is direct logit attribution: N. Elhage et al., "A Mathematical Framework for Transformer Circuits",
2021, https://transformer-circuits.pub/2021/framework/index.html. The logit lens asks what the last norm and the
unembedding would answer from the stream of an earlier block: nostalgebraist, "interpreting GPT: the logit lens", 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# T positions, S positions that are looked at, W width, H heads of D, V tokens, N parts


@dataclass(frozen=True)
class Norm:
    """The last norm of a Transformer.

    Attributes:
        gain: (W).
        bias: (W), or None.
        eps: added under the root.
        centred: whether the mean is subtracted (layer norm), or not (RMS norm).
    """

    gain: Tensor
    bias: Tensor | None
    eps: float
    centred: bool

    def scale(self, x: Tensor) -> Tensor:
        """What each vector is divided by: (..., W) -> (..., 1), fp64."""
        x = self._centred(x.double())
        return (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt()

    def through(self, part: Tensor, scale: Tensor) -> Tensor:
        """A part of the stream as the norm passes it on, without the bias: (..., W) -> (..., W), fp64."""
        return self._centred(part.double()) / scale * self.gain.double()

    def _centred(self, x: Tensor) -> Tensor:
        return x - x.mean(-1, keepdim=True) if self.centred else x


@dataclass(frozen=True)
class Attribution:
    """What each part adds to an answer.

    Attributes:
        parts: (N), fp64.
        bias: what the norm's bias adds.
        total: their sum.
        error: |total - what the whole stream gives| / its size.
    """

    parts: Tensor
    bias: float
    total: float
    error: float


def attribute(parts: Tensor, stream: Tensor, norm: Norm, direction: Tensor) -> Attribution:
    """Direct logit attribution.

    Args:
        parts: what was added up, (N, W).
        stream: the sum as the network has it, (W).
        norm: the last norm.
        direction: whose product with the normed stream is the answer, (W), fp64: for a logit less the mean of all, a
            token's row of the unembedding less the mean row.
    """
    scale = norm.scale(stream)
    given = norm.through(parts, scale) @ direction  # (N)
    bias = 0.0 if norm.bias is None else float(norm.bias.double() @ direction)
    total = float(given.sum()) + bias
    whole = float(norm.through(stream, scale) @ direction) + bias
    return Attribution(given, bias, total, abs(total - whole) / max(abs(whole), float(given.abs().sum()), 1e-12))


def lens(streams: Tensor, norm: Norm, unembedding: Tensor) -> Tensor:
    """What the last norm and the unembedding would answer: (..., W) -> logits (..., V), in the weights' precision."""
    normed = norm.through(streams, norm.scale(streams))
    if norm.bias is not None:
        normed = normed + norm.bias.double()
    return normed.to(unembedding.dtype) @ unembedding.T


def head_outputs(mixed: Tensor, output: Tensor) -> Tensor:
    """What each head writes: its mix of values (H, T, D) through its rows of the output matrix (H·D, W): (H, T, W)."""
    heads, _, size = mixed.shape
    return torch.einsum("htd,hdw->htw", mixed.double(), output.double().view(heads, size, -1))


def gifts(weights: Tensor, values: Tensor, output: Tensor) -> Tensor:
    """What one head takes from each position, as it is written: (S) weights, (S, D) values, (D, W) -> (S, W), fp64."""
    return weights.double()[:, None] * values.double() @ output.double()


def rank(logits: Tensor, token: int) -> Tensor:
    """How many tokens are likelier, and one: (..., V) -> (...)."""
    return (logits > logits[..., token : token + 1]).sum(-1) + 1
