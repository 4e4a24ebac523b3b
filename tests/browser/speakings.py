"""What the page of language models says of a text beside the run's own numbers, computed again with plain torch."""

from __future__ import annotations

import json
from functools import cache, cached_property
from typing import Any

import torch
import torch.nn.functional as F
from anyrun import AnyRun
from claims import NoNumberError, Number, picked
from torch import Tensor

from glasswork import zoo


class Speaking:
    """A run of a GPT or a Llama of ours on a text, changed or not."""

    def __init__(self, run: AnyRun) -> None:
        self.run = run
        module: Any = run.module
        self.module = module
        self.gpt = hasattr(module, "transformer")
        self.blocks = module.transformer.h if self.gpt else module.model.layers
        base = "transformer.h" if self.gpt else "model.layers"
        self.paths = [f"{base}.{i}" for i in range(len(self.blocks))]
        self.ids = run.values["input"][0].tolist()
        self.unknown = zoo.load(run.record["target"]).vocabulary is not None
        part = self.blocks[0].attn if self.gpt else self.blocks[0].self_attn
        self.heads = part.heads

    def value(self, path: str) -> Tensor:
        return self.run.values[self.run.key(path)][0].double()

    def inner(self, layer: int, operation: str) -> Tensor:
        return self.value(f"{self.paths[layer]}.{'attn' if self.gpt else 'self_attn'}:{operation}")

    @cached_property
    def streams(self) -> Tensor:
        first = "transformer.drop" if self.gpt else "model.embed_tokens"
        return torch.stack([self.value(path) for path in (first, *self.paths)])

    def weights(self, layer: int) -> Tensor:
        return self.inner(layer, "softmax")

    @cached_property
    def logits(self) -> Tensor:
        return self.value("lm_head")

    def normed(self, x: Tensor) -> Tensor:
        """Through the last norm, by torch's own."""
        norm = self.module.transformer.ln_f if self.gpt else self.module.model.norm
        gain = norm.weight.detach().double()
        if self.gpt:
            return F.layer_norm(x, (x.shape[-1],), gain, norm.bias.detach().double(), norm.eps)
        return F.rms_norm(x, (x.shape[-1],), gain, norm.eps)

    @cached_property
    def matrix(self) -> Tensor:
        return self.module.lm_head.weight.detach().double()

    @cached_property
    def mean_row(self) -> Tensor:
        return self.matrix.mean(0)

    def lens(self, stream: int, at: int) -> Tensor:
        if stream == len(self.blocks):
            return self.logits[at]
        return self.normed(self.streams[stream, at]) @ self.matrix.T

    def given(self, part: Tensor, at: int, token: int) -> float:
        """What a part of the stream adds to a logit less the mean of all: the slope of the norm's numerator alone."""
        norm = self.module.transformer.ln_f if self.gpt else self.module.model.norm
        whole = self.streams[-1, at]
        if self.gpt:
            part, whole = part - part.mean(), whole - whole.mean()
        scale = (whole.square().mean() + norm.eps).sqrt()
        towards = (self.matrix[token] - self.mean_row) * norm.weight.detach().double()
        return (part / scale * towards).sum().item()

    def written(self, layer: int, head: int, at: int) -> Tensor:
        """What a head wrote: its row of weights times its values, through its part of the output matrix."""
        values = self.inner(layer, "transpose#3" if self.gpt else "repeat_interleave#2")[head]
        rows = self.rows(layer, head)
        edited = any(f"{self.paths[layer]}" in edit and ":matmul#2" in edit for edit in self.run.record["edits"])
        mixed = self.inner(layer, "matmul#2")[head, at] if edited else self.weights(layer)[head, at] @ values
        return mixed @ rows

    def rows(self, layer: int, head: int) -> Tensor:
        block = self.blocks[layer]
        whole = block.attn.c_proj.weight if self.gpt else block.self_attn.o_proj.weight.T
        return whole.detach().double().chunk(self.heads)[head]

    def heads_add(self, layer: int, at: int, token: int) -> float:
        """All heads of a block and the output's bias, by what the stream gained in it: no head is looked at."""
        block = self.paths[layer]
        attended = self.value(f"{block}.attn.resid_dropout" if self.gpt else f"{block}.self_attn.o_proj")[at]
        return self.given(attended, at, token)

    def mlp_adds(self, layer: int, at: int, token: int) -> float:
        fed = self.value(f"{self.paths[layer]}.mlp.{'dropout' if self.gpt else 'down_proj'}")[at]
        return self.given(fed, at, token)

    def patches(self, at: int) -> list[int]:
        """Before which blocks, but the first, the stream at a position was set from outside."""
        edits = [json.loads(edit) for edit in self.run.record["edits"]]
        found = [edit["at"] for edit in edits if edit["action"] == "patch" and edit["index"][1] == at]
        return [self.paths.index(path) + 1 for path in found if path in self.paths]

    def jump(self, layer: int, at: int) -> Tensor:
        """How far the stream before a block is from what was added up to it."""
        block = self.paths[layer - 1]
        attended, fed = ("attn.resid_dropout", "mlp.dropout") if self.gpt else ("self_attn.o_proj", "mlp.down_proj")
        wrote = self.value(f"{block}.{attended}")[at] + self.value(f"{block}.{fed}")[at]
        return self.streams[layer, at] - self.streams[layer - 1, at] - wrote

    def bias_adds(self, token: int) -> float:
        norm = self.module.transformer.ln_f
        return ((self.matrix[token] - self.mean_row) * norm.bias.detach().double()).sum().item()

    def drawn(self, how: list[str], at: int) -> Tensor:
        """The probabilities that are drawn by: sorted, cut by top-k, top-p, then min-p, and made to add up to one."""
        temperature, top_k, top_p, min_p = (float(one) for one in how)
        logits = self.logits[at].clone()
        if self.unknown:
            logits[0] = -torch.inf
        if temperature == 0:
            return F.one_hot(logits.argmax(), len(logits)).double()
        shares = (logits / temperature).softmax(0)
        order = shares.argsort(descending=True, stable=True)
        if top_k:
            shares[order[int(top_k) :]] = 0
            shares = shares / shares.sum()
        if top_p < 1:
            kept = shares[order].cumsum(0) - shares[order] < top_p
            shares[order[~kept]] = 0
            shares = shares / shares.sum()
        shares[shares < min_p * shares.max()] = 0
        return shares / shares.sum()

    @cache  # noqa: B019  it lives as long as the process
    def slopes(self, at: int, token: int) -> tuple[Tensor, Tensor, Tensor]:
        """By autograd: the slopes at each stream (L + 1, T, W), at what heads write (L, T, W), and the first stream."""
        kept: list[Tensor] = []
        wrote: list[Tensor] = []

        def keep(into: list[Tensor]) -> Any:
            def hook(module: Any, given: Any, made: Tensor) -> None:
                made.retain_grad()
                into.append(made)

            return hook

        first = self.module.transformer.drop if self.gpt else self.module.model.embed_tokens
        writers = [b.attn.resid_dropout if self.gpt else b.self_attn.o_proj for b in self.blocks]
        hooks = [part.register_forward_hook(keep(kept)) for part in (first, *self.blocks)]
        hooks += [part.register_forward_hook(keep(wrote)) for part in writers]
        if self.gpt:  # dropout gives in evaluation what it was given: only this one knows its slope
            self.module.transformer.wte.weight.requires_grad_()
        logits = self.module(torch.tensor([self.ids]))
        logits[0, at, token].backward()
        for hook in hooks:
            hook.remove()
        slopes = torch.stack([one.grad[0].double() for one in kept])  # pyright: ignore[reportOptionalSubscript]
        writes = torch.stack([one.grad[0].double() for one in wrote])  # pyright: ignore[reportOptionalSubscript]
        self.module.zero_grad()
        return slopes, writes, kept[0].detach()[0].double()

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        kind, *rest = path.split("/")
        numbers = [int(one) for one in rest if one.isdigit()]
        token = index[0] if index else 0
        match kind:
            case "lens":
                return Number(self.lens(*numbers).softmax(0)[token].item(), 1)
            case "rank":
                logits = self.lens(*numbers)
                return Number(float((logits > logits[token]).sum() + 1), 0)
            case "attention":
                return Number(picked(self.weights(numbers[0]), index), 1)
            case "pooled":
                side, layer = numbers
                head, row, column = index
                cell = self.weights(layer)[head, row * side :, column * side :][:side, :side]
                return Number(cell.max().item(), 1)
            case "longest":
                return Number(self.streams.norm(dim=-1).max().item(), 0)
            case "nats":
                told = self.logits[:-1].log_softmax(-1)[range(len(self.ids) - 1), self.ids[1:]]
                return Number(-told.mean().item(), 10)
            case "scaled":
                return Number(self.logits[numbers[-1]][token].item() / float(rest[0]), 10)
            case "share":
                return Number((self.logits[numbers[-1]] / float(rest[0])).softmax(0)[token].item(), 1)
            case "drawn":
                return Number(self.drawn(rest[:4], int(rest[4]))[token].item(), 1)
            case "written":
                more = [] if rest[1] == "-" else [int(one) for one in rest[1].split(",")]
                with torch.no_grad():
                    ids = torch.tensor([self.ids[: numbers[0] + 1] + more])
                    return Number(self.module(ids)[0, -1].double().softmax(0)[token].item(), 1)
            case "query" | "key" | "products":
                return Number(self.products(kind, rest), 10)
            case "weightslope" | "outsideslope":
                return self.weights_slope(numbers, index)
            case "slope" | "gradient" | "writeslope":
                return self.backward(kind, numbers, index)
            case _:
                return Number(self.added(kind, numbers, index), 10)

    def products(self, kind: str, rest: list[str]) -> float:
        layer, head, *places, step = (int(one) for one in rest)
        q = self.inner(layer, "transpose" if self.gpt else "cat")[head]
        k = self.inner(layer, "transpose#2" if self.gpt else "repeat_interleave")[head]
        if kind == "products":
            return (q[places[0], step] * k[places[1], step]).item()
        return (q if kind == "query" else k)[places[0], step].item()

    def weights_slope(self, numbers: list[int], index: tuple[int, ...]) -> Number:
        """weightslope/AT/TOKEN/LAYER[0,part], where part is attention, MLP or norms; outsideslope/AT/TOKEN[0]."""
        at, token, *layer = numbers
        names = [f"{path}." for path in self.paths]
        attention = ("attn." if self.gpt else "self_attn.", "mlp.")
        self.module.requires_grad_()
        self.module(torch.tensor([self.ids]))[0, at, token].backward()
        found = []
        for name, value in self.module.named_parameters():
            block = next((one for one in names if name.startswith(one)), "")
            inner = name.removeprefix(block)
            part = next((i for i, one in enumerate(attention) if inner.startswith(one)), 2)
            if (block == names[layer[0]] and part == index[1]) if layer else not block:
                found.append(value.grad.flatten().double())
        self.module.zero_grad()
        return Number(torch.cat(found).norm().item(), 10)

    def backward(self, kind: str, numbers: list[int], index: tuple[int, ...]) -> Number:
        at, token, *more = numbers
        slopes, writes, first = self.slopes(at, token)
        if kind == "slope":
            return Number(slopes[more[0], index[1]].norm().item(), 1)
        if kind == "writeslope":
            return Number(writes[index[0]].norm().item(), 1)
        return Number((slopes[0, index[0]] * first[index[0]]).sum().item(), 10)

    def added(self, kind: str, numbers: list[int], index: tuple[int, ...]) -> float:
        """What parts of the stream add to the followed logit."""
        token = index[0]
        layers = range(len(self.blocks))
        match kind:
            case "gives":
                layer, head, at, token = numbers
                if not self.inner(layer, "matmul#2")[head, at].any():
                    return 0.0
                values = self.inner(layer, "transpose#3" if self.gpt else "repeat_interleave#2")[head, index[0]]
                part = self.weights(layer)[head, at, index[0]] * values @ self.rows(layer, head)
                return self.given(part, at, token)
            case "gift" | "head":
                layer, head, at = numbers
                return self.given(self.written(layer, head, at), at, token)
            case "heads":
                return self.heads_add(numbers[0], numbers[1], token)
            case "mlp":
                return self.mlp_adds(numbers[0], numbers[1], token)
            case "patched":
                return sum(
                    self.given(self.jump(edit, numbers[0]), numbers[0], token) for edit in self.patches(numbers[0])
                )
            case "embedding":
                return self.given(self.streams[0, numbers[0]], numbers[0], token)
            case "bias":
                return self.bias_adds(token)
            case "allheads":
                return sum(self.heads_add(layer, numbers[0], token) for layer in layers)
            case "allmlps":
                return sum(self.mlp_adds(layer, numbers[0], token) for layer in layers)
            case "total":
                return (self.logits[numbers[0]][token] - self.logits[numbers[0]].mean()).item()
        raise NoNumberError(f"nothing is written down here about {kind!r}")


def resolve(run: Any, known: dict[str, Speaking], id: str, path: str, index: tuple[int, ...]) -> Number:
    """`text:TRACE#...`."""
    if not isinstance(run, AnyRun):
        raise NoNumberError("this is no network that reads text")
    if id not in known:
        known[id] = Speaking(run)
    return known[id].number(path, index)
