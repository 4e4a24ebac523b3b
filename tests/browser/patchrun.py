"""What the page of Vision Transformers says of a picture, beside the run's own numbers, computed again in torch."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any

import torch
import torch.nn.functional as F
from anyrun import AnyRun
from claims import NoNumberError, Number, picked
from torch import Tensor


class Patches:
    """A run of a ViT of ours on a picture, changed or not."""

    first = "encoder.dropout"

    def __init__(self, run: AnyRun) -> None:
        self.run = run
        module: Any = run.module
        self.module = module
        self.blocks = module.encoder.layers
        self.paths = [f"encoder.layers.encoder_layer_{i}" for i in range(len(self.blocks))]
        self.heads = self.blocks[0].self_attention.heads
        norm = module.encoder.ln
        self.gain, self.shift, self.eps = norm.weight.detach().double(), norm.bias.detach().double(), norm.eps

    @cached_property
    def matrix(self) -> Tensor:
        return self.module.heads.head.weight.detach().double()

    @cached_property
    def bias(self) -> Tensor:
        return self.module.heads.head.bias.detach().double()

    @cached_property
    def places(self) -> Tensor:
        return self.module.encoder.pos_embedding.detach()[0].double()

    def value(self, path: str) -> Tensor:
        return self.run.values[self.run.key(path)][0].double()

    def inner(self, layer: int, operation: str) -> Tensor:
        return self.value(f"{self.paths[layer]}.self_attention:{operation}")

    @cached_property
    def streams(self) -> Tensor:
        return torch.stack([self.value(path) for path in (self.first, *self.paths)])

    @cached_property
    def logits(self) -> Tensor:
        return self.value("heads.head")

    def weights(self, layer: int) -> Tensor:
        return self.inner(layer, "softmax")

    def lens(self, stream: int, token: int) -> Tensor:
        normed = F.layer_norm(self.streams[stream, token], self.gain.shape, self.gain, self.shift, self.eps)
        return (F.linear(normed, self.matrix, self.bias)).softmax(0)

    @cached_property
    def flows(self) -> list[Tensor]:
        """Attention rollout after each block: half of what comes is each token's own."""
        flow = torch.eye(self.streams.shape[1], dtype=torch.float64)
        found = []
        for layer in range(len(self.blocks)):
            mixed = self.weights(layer).mean(0) + torch.eye(len(flow), dtype=torch.float64)
            flow = mixed / mixed.sum(1, keepdim=True) @ flow
            found.append(flow)
        return found

    def given(self, part: Tensor, label: int) -> float:
        """What a part of the class token's stream adds to a logit less the mean of all."""
        whole = self.streams[-1, 0]
        deviation = (whole.var(correction=0) + self.eps).sqrt()
        towards = (self.matrix[label] - self.matrix.mean(0)) * self.gain
        return ((part - part.mean()) / deviation * towards).sum().item()

    def rows(self, layer: int, head: int) -> Tensor:
        return self.blocks[layer].self_attention.out_proj.weight.detach().double().T.chunk(self.heads)[head]

    def written(self, layer: int, head: int) -> Tensor:
        off = any(f'"{self.paths[layer]}.self_attention:matmul#2"' in edit for edit in self.run.record["edits"])
        mixed = self.inner(layer, "matmul#2")[head, 0]
        if not off:
            mixed = self.weights(layer)[head, 0] @ self.inner(layer, "transpose#3")[head]
        return mixed @ self.rows(layer, head)

    def gives(self, layer: int, head: int, label: int, token: int) -> float:
        if not self.inner(layer, "matmul#2")[head, 0].any():
            return 0.0
        values = self.inner(layer, "transpose#3")[head, token]
        return self.given(self.weights(layer)[head, 0, token] * values @ self.rows(layer, head), label)

    @cache  # noqa: B019  it lives as long as the process
    def slopes(self, label: int) -> tuple[Tensor, Tensor, Tensor]:
        """By autograd: the slopes at each stream (L + 1, T, W), the first stream, and the slopes at each pixel."""
        kept: list[Tensor] = []

        def keep(module: Any, given: Any, made: Tensor) -> None:
            made.retain_grad()
            kept.append(made)

        hooks = [part.register_forward_hook(keep) for part in self.blocks]
        hooks.append(self.blocks[0].register_forward_pre_hook(lambda module, given: keep(module, None, given[0])))
        pixels = self.run.values["input"].clone().requires_grad_()
        self.module(pixels).flatten()[label].backward()  # of a class, or of a pixel
        for hook in hooks:
            hook.remove()
        slopes = torch.stack([one.grad[0].double() for one in kept])  # pyright: ignore[reportOptionalSubscript]
        self.module.zero_grad()
        assert pixels.grad is not None
        return slopes, kept[0].detach()[0].double(), pixels.grad[0]

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        kind, *rest = path.split("/")
        numbers = [int(one) for one in rest]
        first = index[0]
        match kind:
            case "share":
                return Number(self.logits.softmax(0)[first].item(), 1)
            case "lens":
                return Number(self.lens(*numbers)[first].item(), 1)
            case "attention":
                return Number(picked(self.weights(numbers[0]), index), 1)
            case "rollout":
                return Number(self.flows[first][numbers[0], index[1]].item(), 1)
            case "position":
                one, other = self.places[numbers[0]], self.places[first + 1]
                return Number((one @ other / (one.norm() * other.norm())).item(), 1)
            case "slope":
                return Number(self.slopes(numbers[0])[0][first, index[1]].norm().item(), 1)
            case "pixelslope":
                return Number(picked(self.slopes(numbers[0])[2], index), 1)
            case "gradient":
                slopes, stream, _ = self.slopes(numbers[0])
                return Number((slopes[0, first] * stream[first]).sum().item(), 10)
            case _:
                return Number(self.added(kind, numbers, first), 10)

    def added(self, kind: str, numbers: list[int], first: int) -> float:
        layers = range(len(self.blocks))
        match kind:
            case "query" | "key":
                layer, head, token, step = numbers
                return self.inner(layer, "transpose" if kind == "query" else "transpose#2")[head, token, step].item()
            case "products":
                layer, head, token, column, step = numbers
                query, key = self.inner(layer, "transpose")[head], self.inner(layer, "transpose#2")[head]
                return (query[token, step] * key[column, step]).item()
            case "gives":
                layer, head, label = numbers
                return self.gives(layer, head, label, first)
            case "head":
                return self.given(self.written(*numbers), first)
            case "heads":
                return self.given(self.value(f"{self.paths[numbers[0]]}.dropout")[0], first)
            case "mlp":
                return self.given(self.value(f"{self.paths[numbers[0]]}.mlp.4")[0], first)
            case "allheads":
                return sum(self.added("heads", [layer], first) for layer in layers)
            case "allmlps":
                return sum(self.added("mlp", [layer], first) for layer in layers)
            case "embedding":
                return self.given(self.streams[0, 0], first)
            case "bias":
                shifted = (self.matrix[first] - self.matrix.mean(0)) @ self.shift
                return (shifted + self.bias[first] - self.bias.mean()).item()
            case "total":
                return (self.logits[first] - self.logits.mean()).item()
        raise NoNumberError(f"nothing is written down here about {kind!r}")


class Strikes(Patches):
    """A run of one that names no class, and says of each pixel how much it strikes."""

    first = "encoder:add"

    @cached_property
    def strikes(self) -> Tensor:
        return self.run.values[self.run.key(":interpolate")][0, 0].double().sigmoid()

    @cached_property
    def places(self) -> Tensor:
        table, side = self.module.encoder.pos_embedding.detach()[0], self.module.encoder.places
        rows, columns = (size // self.module.patch for size in self.strikes.shape)
        maps = table[1:].view(side, side, -1).permute(2, 0, 1)[None]
        maps = F.interpolate(maps, size=(rows, columns), mode="bicubic", align_corners=False)[0]
        return torch.cat([table[:1], maps.permute(1, 2, 0).flatten(0, 1)]).double()

    @cache  # noqa: B019  it lives as long as the process
    def decoded(self, stream: int) -> Tensor:
        """What the decoder makes of a stream, of each patch the mean: (N)."""
        tokens = F.layer_norm(self.streams[stream, 1:], self.gain.shape, self.gain, self.shift, self.eps)
        patch = self.module.patch
        rows, columns = (size // patch for size in self.strikes.shape)
        maps = tokens.view(rows, columns, -1).permute(2, 0, 1)[None].float()
        with torch.no_grad():
            strikes = F.interpolate(self.module.decoder(maps), size=self.strikes.shape, mode="bilinear").sigmoid()
        return strikes[0, 0].double().view(rows, patch, columns, patch).mean((1, 3)).flatten()

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        kind, *rest = path.split("/")
        match kind:
            case "lens":
                stream, token = (int(one) for one in rest)
                mean = self.decoded(stream)
                return Number((mean[token - 1] if token else mean.mean()).item(), 1)
            case "strikes":
                return Number(self.strikes[index].item(), 1)
            case "striking":
                return Number((self.strikes > 0.5).double().mean().item(), 1)
        return super().number(path, index)


def resolve(run: Any, known: dict[str, Patches], id: str, path: str, index: tuple[int, ...]) -> Number:
    """`patches:TRACE#...`."""
    if not isinstance(run, AnyRun):
        raise NoNumberError("this is no network that reads patches")
    if id not in known:
        known[id] = Strikes(run) if hasattr(run.module, "decoder") else Patches(run)
    return known[id].number(path, index)
