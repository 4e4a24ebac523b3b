"""A recorded run of an encoder-decoder as a sum: what each part of the decoder adds to an answer.

A norm stands after each sum here, not before each part (A. Vaswani et al., 2017, section 3.1). Once the number that a
norm divides by is known, it is linear all the same: what a part wrote is passed through every norm behind it, and the
parts still add up to the logit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from glasswork.explaining.residual_stream import Norm, gifts, head_outputs, lens
from glasswork.scenes import messages as m
from glasswork.scenes.messages import speaking as s
from glasswork.scenes.messages import translating as p
from glasswork.scenes.messages.base import Number
from glasswork.tracing import Trace
from glasswork.zoo import Network, Translation

# S tokens that are read, T that are written, L blocks, H heads of D, W width, V tokens of the vocabulary

ENCODER, DECODER = "core.encoder", "core.decoder"
ATTENTION: dict[p.Part, str] = {"encoder": "self_attn", "decoder": "self_attn", "cross": "multihead_attn"}
STEPS = (("self_attn", "add", "norm1"), ("multihead_attn", "add#2", "norm2"), ("dropout3", "add#3", "norm3"))
"""What a block of the decoder does: who writes, the sum, and the norm after it."""
Kind = tuple[str, int, int]
"""Whose part of the sum: "decoder", "cross", "mlp", "embedding", "bias" or "patched"; its block; its head."""
SIDES: dict[p.Side, tuple[str, str]] = {"encoder": (ENCODER, "dropout"), "decoder": (DECODER, "dropout#2")}
"""Where each side's blocks are, and its stream before the first."""


@dataclass(frozen=True)
class Attributed:
    """What each part adds to an answer.

    Attributes:
        parts: by kind, block and head.
        total: their sum.
        error: how far it is from what the network answers, of its size.
    """

    parts: dict[Kind, float]
    total: float
    error: float

    def of(self, kind: str, layer: int | None = None) -> float:
        """What all of a kind add, in a block or in all."""
        return sum(value for one, value in self.parts.items() if one[0] == kind and layer in (None, one[1]))


@dataclass(frozen=True)
class PairRun:
    """A run on a phrase and a translation, and the position whose next token is looked at."""

    id: str
    trace: Trace
    network: Network
    words: Translation
    at: int

    @property
    def core(self) -> Any:
        """The encoder and the decoder."""
        module: Any = self.network.module
        return module.core

    @property
    def layers(self) -> int:
        """Blocks of each."""
        return len(self.core.decoder.layers)

    @property
    def heads(self) -> int:
        """Of each attention."""
        return self.core.decoder.layers[0].self_attn.heads

    @property
    def matrix(self) -> Tensor:
        """What reads tokens from the last stream, (V, W)."""
        module: Any = self.network.module
        return module.embedding.weight.detach()

    @property
    def read(self) -> list[int]:
        """The tokens of the phrase."""
        return self.trace.value("input").tensor[0].tolist()

    @property
    def written(self) -> list[int]:
        """The tokens of the translation, after the mark of its start."""
        return self.trace.value("input.1").tensor[0].tolist()

    @cached_property
    def logits(self) -> Tensor:
        """(T, V)."""
        return self.trace.value(":linear").tensor[0].detach()

    def ref(self, path: str, *index: int) -> str:
        """The address of something computed from this run."""
        place = f"[{','.join(map(str, index))}]" if index else ""
        return f"pair:{self.id}#{path}{place}@value"

    def number(self, path: str, *index: int) -> Number:
        """A number of the run itself."""
        value = self.trace.value(path).tensor[index].item()
        return Number(f"trace:{self.id}#{path}[{','.join(map(str, index))}]@value", value)

    def word(self, token: int) -> s.Word:
        """A token as it is shown."""
        return s.Word(self.words.pieces([token])[0], token)

    def share(self, token: int) -> Number:
        """The probability that a token comes after the position."""
        value = self.logits[self.at].double().softmax(0)[token].item()
        return Number(self.ref(f"share/{self.at}", token), value)

    # -- places --------------------------------------------------------------------------------------------------------

    def attention(self, part: p.Part, layer: int, operation: str) -> str:
        """The path of an operation of an attention."""
        side = ENCODER if part == "encoder" else DECODER
        return f"{side}.layers.{layer}.{ATTENTION[part]}:{operation}"

    def weights(self, part: p.Part) -> Tensor:
        """All attention weights of a part, (L, H, rows, columns)."""
        paths = [self.attention(part, layer, "softmax") for layer in range(self.layers)]
        return torch.stack([self.trace.value(path).tensor[0].detach() for path in paths])

    def off(self, part: p.Part, layer: int, head: int) -> m.Edit:
        """A head switched off, as a change of the run's tensors."""
        return m.Edit(at=self.attention(part, layer, "matmul#2"), index=[0, head, 0, 0], axis=1, action="off")

    def stream_paths(self, side: p.Side) -> list[str]:
        """The addresses of the stream before each block of the encoder or the decoder, and after the last."""
        blocks, first = SIDES[side]
        return [first, *(f"{blocks}.layers.{layer}" for layer in range(self.layers))]

    def streams(self, side: p.Side) -> Tensor:
        """Before each block of the encoder or the decoder, and after the last: (L + 1, tokens, W)."""
        return torch.stack([self.trace.value(path).tensor[0].detach() for path in self.stream_paths(side)])

    @cached_property
    def lenses(self) -> Tensor:
        """What the last norm and the unembedding make of each stream of the decoder: logits, (L + 1, T, V)."""
        early = lens(self.streams("decoder")[:-1], norm_of(self.core.decoder.norm), self.matrix)
        return torch.cat([early, self.logits[None]])

    # -- the sum -------------------------------------------------------------------------------------------------------

    def direction(self, token: int) -> Tensor:
        """Of a token's logit less the mean of all, (W), fp64."""
        return self.matrix[token].double() - self.matrix.mean(0, dtype=torch.float64)

    def _norms(self) -> list[tuple[Norm, Tensor]]:
        """Every norm of the decoder in turn, the last one too, and what it divides by at the position."""
        found = []
        for layer, block in enumerate(self.core.decoder.layers):
            for _, total, name in STEPS:
                norm = norm_of(getattr(block, name))
                before = self.trace.value(f"{DECODER}.layers.{layer}:{total}").tensor[0, self.at].detach()
                found.append((norm, norm.scale(before)))
        norm = norm_of(self.core.decoder.norm)
        return [*found, (norm, norm.scale(self.streams("decoder")[-1, self.at]))]

    def attributed(self, token: int, jumps: Collection[int] = ()) -> Attributed:
        """What embedding, heads, MLPs and biases add to a token's logit, less the mean of all.

        Before each block of `jumps` the stream was set from outside: how far it then was from its parts is one more.
        """
        kinds: list[Kind] = [("embedding", 0, 0)]
        streams = self.streams("decoder")[:, self.at].double()  # (L + 1, W)
        rows = streams[:1]  # (parts, W)
        norms = self._norms()
        for i, (norm, scale) in enumerate(norms):
            layer, step = divmod(i, len(STEPS))
            if layer in jumps and not step:
                rows = torch.cat([rows, (streams[layer] - rows.sum(0))[None]])
                kinds.append(("patched", layer, 0))
            if layer < self.layers:
                wrote = self._wrote(layer, step)
                kinds += [kind for kind, _ in wrote]
                rows = torch.cat([rows, torch.stack([row for _, row in wrote])])
            assert norm.bias is not None
            rows = torch.cat([norm.through(rows, scale), norm.bias.double()[None]])
            kinds.append(("bias", layer, 0))
        given = rows @ self.direction(token)  # (parts)
        parts: dict[Kind, float] = defaultdict(float)
        for kind, value in zip(kinds, given.tolist(), strict=True):
            parts[kind] += value
        total = float(given.sum())
        logits = self.logits[self.at].double()
        whole = (logits[token] - logits.mean()).item()
        return Attributed(dict(parts), total, abs(total - whole) / max(abs(whole), float(given.abs().sum()), 1e-12))

    def _wrote(self, layer: int, step: int) -> list[tuple[Kind, Tensor]]:
        """What a step of a block wrote at the position: each head apart and the bias of all, or the MLP."""
        name = STEPS[step][0]
        if name == "dropout3":
            fed = self.trace.value(f"{DECODER}.layers.{layer}.{name}").tensor[0, self.at].detach().double()
            return [(("mlp", layer, 0), fed)]
        part: p.Part = "cross" if step else "decoder"
        output = getattr(self.core.decoder.layers[layer], name).out_proj
        mixed = self.trace.value(self.attention(part, layer, "matmul#2")).tensor[0, :, self.at : self.at + 1].detach()
        each = head_outputs(mixed, output.weight.detach().T)[:, 0]  # (H, W)
        heads: list[tuple[Kind, Tensor]] = [((part, layer, head), row) for head, row in enumerate(each)]
        return [*heads, (("bias", layer, 0), output.bias.detach().double())]

    def given(self, part: p.Part, layer: int, head: int, token: int) -> Tensor:
        """What each token that is looked at gives to an answer through a head of the decoder, fp64, (columns)."""
        assert part != "encoder"
        if not self.trace.value(self.attention(part, layer, "matmul#2")).tensor[0, head, self.at].any():
            columns = self.trace.value(self.attention(part, layer, "softmax")).shape[-1]
            return torch.zeros(columns, dtype=torch.float64)  # it is off
        weights = self.trace.value(self.attention(part, layer, "softmax")).tensor[0, head, self.at].detach()
        values = self.trace.value(self.attention(part, layer, "transpose#3")).tensor[0, head].detach()
        output = getattr(self.core.decoder.layers[layer], ATTENTION[part]).out_proj.weight.detach().T
        size = values.shape[-1]
        rows = gifts(weights, values, output[head * size : (head + 1) * size])
        for norm, scale in self._norms()[len(STEPS) * layer + (part == "cross") :]:
            rows = norm.through(rows, scale)
        return rows @ self.direction(token)


def norm_of(part: Any) -> Norm:
    """A layer norm of torch's, as its numbers."""
    return Norm(part.weight.detach(), part.bias.detach(), part.eps, centred=True)


def strongest(parts: dict[Kind, float]) -> tuple[int, int]:
    """Block and head of the head from decoder to encoder that adds most."""
    _, layer, head = max((kind for kind in parts if kind[0] == "cross"), key=lambda kind: parts[kind])
    return layer, head


def after(path: Sequence[int]) -> str:
    """Tokens as they stand in an address."""
    return ",".join(map(str, path)) or "-"
