"""A recorded run of a Vision Transformer on a picture, and what it answers: a class, or how much each place strikes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor

from glasswork.explaining.residual_stream import lens
from glasswork.networks.vit_saliency import ViTSaliency
from glasswork.scenes.anatomy import last_norm, unembedding, vision_anatomy
from glasswork.scenes.messages import vision as v
from glasswork.scenes.messages.base import Number
from glasswork.scenes.streams import StreamRun
from glasswork.tracing import Trace
from glasswork.zoo import Network

# L blocks, H heads, T tokens of which the first is the class token, N = T - 1 patches, W width, K classes or places


STRIKES = ":interpolate"
"""The operation whose outputs are how much each pixel strikes, as logits."""


@dataclass(frozen=True)
class PictureRun(StreamRun):
    """A recorded run of a Vision Transformer on a picture."""

    kind: ClassVar[str] = "patches"

    @property
    def seen(self) -> int:
        """All tokens are seen by each."""
        return self.parts.context

    @cached_property
    @abstractmethod
    def answers(self) -> Tensor:
        """What is answered, of each class or place, (K)."""

    @abstractmethod
    def share(self, index: int) -> v.ClassShare:
        """What the network says of one of them."""

    @abstractmethod
    def loss(self, index: int) -> tuple[int, ...]:
        """The element of the output that it is, with the batch."""

    @abstractmethod
    def lensed(self, followed: int) -> Tensor:
        """What each token's stream would answer already: (L + 1, T)."""

    def attention(self, layer: int) -> Tensor:
        """(H, T, T)."""
        return self.trace.value(self.parts.weights(layer)).tensor[0].detach()

    def rollout(self) -> Tensor:
        """Attention from each block's tokens down to the patches, shortcuts counted as half: (L, T, T).

        S. Abnar, W. Zuidema, "Quantifying Attention Flow in Transformers", 2020, https://arxiv.org/abs/2005.00928, the
        mean over heads in place of one head.
        """
        flow = torch.eye(self.seen, dtype=torch.float64)
        rows = []
        for layer in range(self.parts.layers):
            mean = self.attention(layer).double().mean(0)
            flow = (0.5 * mean + 0.5 * torch.eye(self.seen, dtype=torch.float64)) @ flow
            rows.append(flow)
        return torch.stack(rows)


@dataclass(frozen=True)
class ClassRun(PictureRun):
    """Of one that names classes; the class token is what is read out."""

    @cached_property
    def answers(self) -> Tensor:
        """Logits, (K)."""
        return self.trace.value("heads.head").tensor[0].detach()

    @cached_property
    def last_bias(self) -> Tensor:
        """Of the last layer, (K)."""
        module: Any = self.network.module
        return module.heads.head.bias.detach()

    def share(self, index: int) -> v.ClassShare:
        """Its probability."""
        value = torch.softmax(self.answers.double(), 0)[index].item()
        label = self.network.labels[index] if self.network.labels else str(index)
        return v.ClassShare(index, label, self.number("heads.head", 0, index), Number(self.ref("share", index), value))

    def loss(self, index: int) -> tuple[int, ...]:
        """The logit."""
        return (0, index)

    @cached_property
    def lens(self) -> Tensor:
        """What the last norm and layer would answer of each stream: logits (L + 1, T, K)."""
        return lens(self.streams, last_norm(self.network), unembedding(self.network)) + self.last_bias

    def lensed(self, followed: int) -> Tensor:
        """The class's probability at each token: (L + 1, T)."""
        return torch.softmax(self.lens.double(), -1)[..., followed]

    @property
    def decided(self) -> int:
        """After so many blocks the class token would answer as at the end."""
        answers = self.lens[:, 0].argmax(-1).tolist()
        return next(i for i in range(len(answers)) if all(one == answers[-1] for one in answers[i:]))


@dataclass(frozen=True)
class SaliencyRun(PictureRun):
    """Of one that says how much each pixel strikes; a decoder reads all patches, and not the class token."""

    @cached_property
    def answers(self) -> Tensor:
        """Logits, pixel by pixel, (K)."""
        return self.trace.value(STRIKES).tensor[0, 0].detach().flatten()

    def share(self, index: int) -> v.ClassShare:
        """A pixel's, from 0 to 1."""
        value = self.answers[index].double().sigmoid().item()
        logit = self.number(STRIKES, 0, 0, *self.pixel(index))
        return v.ClassShare(index, "", logit, Number(self.ref("strikes", *self.pixel(index)), value))

    def pixel(self, index: int) -> tuple[int, int]:
        """Its row and column."""
        row, column = divmod(index, self.trace.value(STRIKES).shape[-1])
        return row, column

    def loss(self, index: int) -> tuple[int, ...]:
        """The pixel's logit."""
        return (0, 0, *self.pixel(index))

    def lensed(self, followed: int) -> Tensor:
        """How much each patch would strike if the decoder read the streams already, its pixels' mean; for the class
        token, which is not read, the mean of all patches: (L + 1, T)."""
        if self.trace not in _decoded:
            module: Any = self.network.module
            _, rows, columns = self.trace.value(":unflatten").shape[1:]
            pixels = self.trace.value(STRIKES).shape[-2:]
            found = []
            with torch.inference_mode():
                for stream in self.streams:
                    patches = module.encoder.ln(stream[1:]).T.unflatten(1, (rows, columns))  # (W, R, Q)
                    strikes = F.interpolate(module.decoder(patches[None]), size=pixels, mode="bilinear").sigmoid()
                    mean = F.adaptive_avg_pool2d(strikes, (int(rows), int(columns))).flatten().double()  # (N)
                    found.append(torch.cat([mean.mean()[None], mean]))
            _decoded[self.trace] = torch.stack(found)
        return _decoded[self.trace]


_decoded: WeakKeyDictionary[Trace, Tensor] = WeakKeyDictionary()
"""To decode every stream takes as long as a run, and does not change with what is looked at."""


def run_of(id: str, trace: Trace, network: Network) -> PictureRun:
    """A run as what it is.

    Raises:
        GlassworkError: the network is no Vision Transformer that can be looked into.
    """
    kind = SaliencyRun if isinstance(network.module, ViTSaliency) else ClassRun
    return kind(id, trace, network, vision_anatomy(network), 0)
