"""What the page of language models says of a translation beside its run's numbers, computed again with plain torch."""

from __future__ import annotations

import json
import math
from functools import cache, cached_property
from typing import Any

import torch
from anyrun import AnyRun
from claims import NoNumberError, Number, picked
from torch import Tensor

SUMS = ("add", "add#2", "add#3")
WRITERS = {"heads": ("self_attn", 0), "cross": ("multihead_attn", 1), "mlp": ("dropout3", 2)}
PARTS = {"encoder": "self_attn", "decoder": "self_attn", "cross": "multihead_attn"}


class Pairs:
    """A run of our encoder-decoder on a phrase and the beginning of its translation, changed or not."""

    def __init__(self, run: AnyRun) -> None:
        self.run = run
        module: Any = run.module
        self.module, self.decoder = module, module.core.decoder
        self.layers = range(len(self.decoder.layers))
        self.read, self.written = (run.values[name][0].tolist() for name in ("input", "input.1"))

    def value(self, path: str) -> Tensor:
        return self.run.values[self.run.key(path)][0].double()

    @cached_property
    def logits(self) -> Tensor:
        return self.value(":linear")

    @cached_property
    def matrix(self) -> Tensor:
        return self.module.embedding.weight.detach().double()

    @cached_property
    def streams(self) -> list[Tensor]:
        return [self.value("dropout#2"), *(self.value(f"core.decoder.layers.{i}") for i in self.layers)]

    def lens(self, stream: int, at: int) -> Tensor:
        if stream == len(self.layers):
            return self.logits[at]
        norm = self.decoder.norm
        weight, bias = norm.weight.detach().double(), norm.bias.detach().double()
        return torch.nn.functional.layer_norm(self.streams[stream][at], weight.shape, weight, bias) @ self.matrix.T

    @cache  # noqa: B019  it lives as long as the process
    def after(self, *path: int) -> Tensor:
        """ln of every token's probability after these, by the network as it is."""
        with torch.no_grad():
            ids = torch.tensor([[self.written[0], *path]])
            return self.module(torch.tensor([self.read]), ids)[0, -1].double().log_softmax(-1)

    def passed(self, part: Tensor, at: int, token: int, layer: int, step: int) -> float:
        """A part that was written in a block through all norms behind it, to a logit less the mean of all."""
        sites = [
            (self.value(f"core.decoder.layers.{i}:{name}"), getattr(self.decoder.layers[i], f"norm{j + 1}"))
            for i in self.layers
            for j, name in enumerate(SUMS)
        ]
        sites.append((self.streams[-1], self.decoder.norm))
        for before, norm in sites[3 * layer + step :]:
            deviation = (before[at].var(correction=0) + norm.eps).sqrt()
            part = (part - part.mean()) / deviation * norm.weight.detach().double()
        return (part @ (self.matrix[token] - self.matrix.mean(0))).item()

    def writes(self, kind: str, layer: int, at: int, token: int) -> float:
        """What all heads of an attention add without its bias, or the MLP: no head is looked at."""
        name, step = WRITERS[kind]
        path = f"core.decoder.layers.{layer}.{name}"
        if kind == "mlp":
            return self.passed(self.value(path)[at], at, token, layer, step)
        bias = getattr(self.decoder.layers[layer], name).out_proj.bias.detach().double()
        return self.passed(self.value(f"{path}.out_proj")[at] - bias, at, token, layer, step)

    def inner(self, part: str, layer: int, operation: str) -> Tensor:
        side = "encoder" if part == "encoder" else "decoder"
        return self.value(f"core.{side}.layers.{layer}.{PARTS[part]}:{operation}")

    def head(self, part: str, layer: int, head: int, at: int, token: int, column: int | None) -> float:
        """What a head adds: in all, or what one token gives through it."""
        mixed = self.inner(part, layer, "matmul#2")[head, at]
        if column is not None and mixed.any():
            mixed = self.inner(part, layer, "softmax")[head, at, column]
            mixed = mixed * self.inner(part, layer, "transpose#3")[head, column]
        output = getattr(self.decoder.layers[layer], PARTS[part]).out_proj.weight.detach().double()
        part_of = output[:, head * len(mixed) : (head + 1) * len(mixed)] @ mixed
        return self.passed(part_of, at, token, layer, int(part == "cross"))

    def all(self, at: int, token: int) -> float:
        return (self.logits[at, token] - self.logits[at].mean()).item()

    def patches(self, at: int) -> list[int]:
        """Before which blocks of the decoder, but the first, the stream at a token was set from outside."""
        edits = [json.loads(edit) for edit in self.run.record["edits"]]
        places = {f"core.decoder.layers.{i}": i + 1 for i in self.layers}
        found = [one["at"] for one in edits if one["action"] == "patch" and one["index"][1] == at]
        return [places[path] for path in found if path in places]

    def jumps(self, at: int, token: int) -> float:
        """What patched streams add: how far each is from what its block would have left."""
        given = 0.0
        for layer in self.patches(at):
            norm = self.decoder.layers[layer - 1].norm3
            weight, bias = norm.weight.detach().double(), norm.bias.detach().double()
            before = self.value(f"core.decoder.layers.{layer - 1}:{SUMS[-1]}")[at]
            left = torch.nn.functional.layer_norm(before, weight.shape, weight, bias)
            given += self.passed(self.streams[layer][at] - left, at, token, layer, 0)
        return given

    @cache  # noqa: B019  it lives as long as the process
    def slopes(self, at: int, token: int) -> tuple[dict[str, list[Tensor]], dict[str, Tensor]]:
        """By autograd: each stream of both sides with its slope, and the slope at every parameter."""
        streams: dict[str, list[Tensor]] = {"encoder": [], "decoder": []}

        def keep(side: str | None) -> Any:
            def hook(module: Any, given: Any, made: Tensor) -> None:
                made.retain_grad()
                streams[side or ("decoder" if streams["encoder"] else "encoder")].append(made)

            return hook

        module = self.module.requires_grad_()
        hooks = [module.dropout.register_forward_hook(keep(None))]
        for side in streams:
            hooks += [one.register_forward_hook(keep(side)) for one in getattr(module.core, side).layers]
        logits = module(torch.tensor([self.read]), torch.tensor([self.written]))
        logits[0, at, token].backward()
        for hook in hooks:
            hook.remove()
        weights = {name: one.grad.double() for name, one in module.named_parameters() if one.grad is not None}
        module.zero_grad()
        return streams, weights

    def backward(self, kind: str, rest: list[str], index: tuple[int, ...]) -> Number:
        """slope/SIDE/AT/TOKEN/STREAM[0,t], gradient/SIDE/AT/TOKEN[t] and weightslope/SIDE/LAYER/PART/AT/TOKEN."""
        side = rest[0]
        if kind == "weightslope":
            parts = {"mlp": ("linear1", "linear2")}.get(rest[2], (rest[2],))
            names = tuple(f"core.{side}.layers.{rest[1]}.{part}." for part in parts)
            weights = self.slopes(*map(int, rest[3:]))[1]
            found = torch.cat([one.flatten() for name, one in weights.items() if name.startswith(names)])
            return Number(found.norm().item(), 10)
        at, token, *more = map(int, rest[1:])
        streams = self.slopes(at, token)[0][side]
        one = streams[more[0] if more else 0]
        slope = torch.zeros_like(one[0]) if one.grad is None else one.grad[0]
        if kind == "slope":
            return Number(slope[index[1]].double().norm().item(), 10)
        return Number((slope[index[0]].double() @ one.detach()[0, index[0]].double()).item(), 10)

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        kind, *rest = path.split("/")
        token = index[0] if index else 0
        match kind:
            case "after" | "total" | "worth" | "chance":
                before = [] if rest[-1] == "-" else [int(one) for one in rest[-1].split(",")]
                ids = [*before, token]
                each = [self.after(*ids[:i])[one].item() for i, one in enumerate(ids)]
                length = len(ids) ** float(rest[0]) if kind == "worth" else 1
                if kind == "chance":
                    return Number(math.exp(sum(each)), 1)
                return Number(each[-1] if kind == "after" else sum(each) / length, 10)
            case "longest":
                encoder = [self.value("dropout"), *(self.value(f"core.encoder.layers.{i}") for i in self.layers)]
                return Number(max(one.norm(dim=-1).max().item() for one in [*encoder, *self.streams]), 0)
            case "lens":
                return Number(self.lens(*map(int, rest)).softmax(0)[token].item(), 1)
            case "rank":
                logits = self.lens(*map(int, rest))
                return Number(float((logits > logits[token]).sum() + 1), 0)
            case "share" | "logprob":
                told = self.logits[int(rest[0])].log_softmax(0)[token]
                return Number((told.exp() if kind == "share" else told).item(), 10)
            case "gives":
                layer, head, at, followed = map(int, rest[1:])
                return Number(self.head(rest[0], layer, head, at, followed, token), 10)
            case "gift":
                layer, head, at = map(int, rest[1:])
                return Number(self.head(rest[0], layer, head, at, token, None), 10)
            case "attention":
                return Number(picked(self.inner(rest[0], int(rest[1]), "softmax"), index), 1)
            case "query" | "key" | "products":
                layer, head, *places, step = map(int, rest[1:])
                query, key = (self.inner(rest[0], layer, name)[head] for name in ("transpose", "transpose#2"))
                if kind == "products":
                    return Number((query[places[0], step] * key[places[1], step]).item(), 10)
                return Number((query if kind == "query" else key)[places[0], step].item(), 10)
            case "slope" | "gradient" | "weightslope":
                return self.backward(kind, rest, index)
            case _:
                return Number(self.added(kind, [int(one) for one in rest], token), 10)

    def added(self, kind: str, numbers: list[int], token: int) -> float:
        """What parts of the sum add to the followed logit; the biases are what is left of it."""
        at = numbers[-1]
        if kind in WRITERS:
            return self.writes(kind, numbers[0], at, token)
        whole = {"allheads": "heads", "allcross": "cross", "allmlps": "mlp"}
        if kind in whole:
            return sum(self.writes(whole[kind], layer, at, token) for layer in self.layers)
        if kind == "embedding":
            return self.passed(self.streams[0][at], at, token, 0, 0)
        if kind == "all":
            return self.all(at, token)
        if kind == "patched":
            return self.jumps(at, token)
        if kind == "bias":
            parts = [self.writes(one, layer, at, token) for one in WRITERS for layer in self.layers]
            return self.all(at, token) - self.added("embedding", numbers, token) - sum(parts) - self.jumps(at, token)
        raise NoNumberError(f"nothing is written down here about {kind!r}")


def resolve(run: Any, known: dict[str, Pairs], id: str, path: str, index: tuple[int, ...]) -> Number:
    """`pair:TRACE#...`."""
    if not isinstance(run, AnyRun):
        raise NoNumberError("this is no network that translates")
    if id not in known:
        known[id] = Pairs(run)
    return known[id].number(path, index)
