"""What fused functions hide, written out from their equations: every part under the name that a page calls it by.

S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997, as torch.nn.LSTM's documentation gives it; A. Vaswani et
al., Attention is all you need, 2017, equation 1 and section 3.2.2.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from calls import Call
from claims import NoNumberError
from torch import Tensor
from torch.utils._pytree import tree_map

Index = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """A tensor inside, or one that was given, by its name."""

    name: str | None
    live: Tensor


class Inside:
    """The parts of one fused call, each kept as a call of its own.

    Args:
        whole: what the call is called.
        call: the call.
        slopes: d(followed number)/d(its outputs), in their order; None for those that nothing reads.
    """

    def __init__(self, whole: str, call: Call, slopes: Sequence[Tensor | None]) -> None:
        self.whole = whole
        self.parts: dict[str, Part] = {}
        self.calls: dict[str, Call] = {}
        names = iter(call.reads)

        def given(item: Any) -> Any:
            if not isinstance(item, Tensor):
                return item
            return Part(next(names), item.clone().requires_grad_(item.is_floating_point()))

        args, kwargs = tree_map(given, (call.args, call.kwargs))
        self.results, self.last = WRITTEN[call.name](self, *args, **kwargs)
        ends = [(part.live, slope) for part, slope in zip(self.results, slopes, strict=False) if slope is not None]
        self.slopes: Mapping[str, Tensor] = {}
        if ends:
            wanted = {name: part.live for name, part in self.parts.items() if part.live.requires_grad}
            outputs, seeds = zip(*ends, strict=True)
            found = torch.autograd.grad(outputs, list(wanted.values()), seeds, allow_unused=True)
            self.slopes = {name: slope for name, slope in zip(wanted, found, strict=True) if slope is not None}

    def __call__(self, name: str, function: Callable[..., Tensor], *args: Any) -> Part:
        """`function(*args)`, whose result is called by `name` inside of the whole."""

        def plainly(live: bool) -> Any:
            return [unpacked(one, live) for one in args]

        made = Part(f"{self.whole}/{name}", function(*plainly(True)))
        assert made.name
        self.parts[made.name] = made
        reads = tuple(one.name for one in parts_of(args))
        self.calls[made.name] = Call(function, function.__name__.strip("_"), tuple(plainly(False)), {}, reads)
        return made


def parts_of(args: Sequence[Any]) -> list[Part]:
    return [one for arg in args for one in (arg if isinstance(arg, list) else [arg]) if isinstance(one, Part)]


def unpacked(arg: Any, live: bool) -> Any:
    if isinstance(arg, list):
        return [unpacked(one, live) for one in arg]
    if not isinstance(arg, Part):
        return arg
    return arg.live if live else arg.live.detach()


Last = Callable[[Index], tuple[str, Index]]
"""Which part makes a number of the output, and which of its numbers that is."""
Written = tuple[list[Part], Last]


def lstm(
    c: Inside,
    x: Part,
    first: Sequence[Part],
    weights: Sequence[Part],
    biased: bool,
    layers: int,
    dropout: float,
    training: bool,
    both_ways: bool,
    batch_first: bool,
) -> Written:
    """i, f, g, o = W x + b + U h + d;  c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c')."""
    if not biased or (training and dropout):
        raise NoNumberError("an LSTM without biases, or with dropout, is not written down here")
    ways = ("forward", "backward") if both_ways else ("forward",)
    time = 1 if batch_first else 0
    steps = range(x.live.shape[time])
    inputs = [c(f"step{t}.input", torch.select, x, time, t) for t in steps]
    size = first[0].live.shape[-1]
    for layer in range(layers):
        hidden: dict[tuple[int, str], Part] = {}
        for place, way in enumerate(ways):
            at = layer * len(ways) + place
            w, u, b, d = weights[4 * at : 4 * at + 4]
            h = c(f"layer{layer}.{way}.first_hidden", torch.select, first[0], 0, at)
            cell = c(f"layer{layer}.{way}.first_cell", torch.select, first[1], 0, at)
            for t in steps if way == "forward" else reversed(steps):
                name = f"step{t}.layer{layer}.{way}"
                from_input = c(f"{name}.from_input", F.linear, inputs[t], w, b)
                from_hidden = c(f"{name}.from_hidden", F.linear, h, u, d)
                total = c(f"{name}.sum", torch.add, from_input, from_hidden)
                i, f, g, o = (
                    c(f"{name}.{gate}", function, c(f"{name}.{gate}_sum", torch.narrow, total, -1, k * size, size))
                    for k, (gate, function) in enumerate(
                        [("input_gate", torch.sigmoid), ("forget_gate", torch.sigmoid), ("candidate", torch.tanh),
                         ("output_gate", torch.sigmoid)]
                    )
                )  # fmt: skip
                kept = c(f"{name}.kept", torch.mul, f, cell)
                cell = c(f"{name}.cell", torch.add, kept, c(f"{name}.written", torch.mul, i, g))
                h = c(f"{name}.hidden", torch.mul, o, c(f"{name}.squashed_cell", torch.tanh, cell))
                hidden[t, way] = h
        inputs = [hidden[t, "forward"] for t in steps]
        if both_ways:
            pairs = ([hidden[t, way] for way in ways] for t in steps)
            inputs = [c(f"step{t}.layer{layer}.both", torch.cat, pair, -1) for t, pair in enumerate(pairs)]

    def last(index: Index) -> tuple[str, Index]:
        t, example = (index[1], index[0]) if batch_first else index[:2]
        way, at = ways[index[2] // size], index[2] % size
        return f"step{t}.layer{layers - 1}.{way}.hidden", (example, at)

    return [c("output", torch.stack, inputs, time)], last


def attend(c: Inside, q: Part, k: Part, v: Part, scale: float, name: str, mask: Tensor | None) -> tuple[Part, Part]:
    """softmax(q k^T scale) v, and the weights; `mask` is True where nothing may be seen, or is added."""
    scores = c("scores", torch.matmul, q, c("key_transposed", torch.transpose, k, -2, -1))
    scores = c("scaled", torch.mul, scores, scale)
    if mask is not None and mask.dtype == torch.bool:
        scores = c("masked", torch.masked_fill, scores, mask, -math.inf)
    elif mask is not None:
        scores = c("masked", torch.add, scores, Part(None, mask))
    weights = c("weights", torch.softmax, scores, -1)
    return c(name, torch.matmul, weights, v), weights


def attention(
    c: Inside,
    query: Part,
    key: Part,
    value: Part,
    attn_mask: Part | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Written:
    """Equation 1."""
    if dropout_p or enable_gqa:
        raise NoNumberError("attention with dropout, or with shared heads, is not written down here")
    mask = None if attn_mask is None else attn_mask.live.detach()
    if mask is not None and mask.dtype == torch.bool:
        mask = ~mask
    if is_causal:
        mask = torch.ones(query.live.shape[-2], key.live.shape[-2], dtype=torch.bool).triu(1)
    scale = 1 / math.sqrt(query.live.shape[-1]) if scale is None else scale
    return [attend(c, query, key, value, scale, "output", mask)[0]], lambda index: ("output", index)


def multi_head(c: Inside, *args: Any, **kwargs: Any) -> Written:
    """Section 3.2.2: heads side by side, then their projection."""
    bound = inspect.signature(F.multi_head_attention_forward).bind(*args, **kwargs)
    bound.apply_defaults()
    given = bound.arguments
    rare = ("bias_k", "bias_v", "add_zero_attn", "key_padding_mask", "attn_mask", "use_separate_proj_weight")
    if any(given[name] not in (None, False) for name in rare) or (given["training"] and given["dropout_p"]):
        raise NoNumberError("this use of multi-head attention is not written down here")
    heads, (length, batch, width) = given["num_heads"], given["query"].live.shape
    split = []
    for k, name in enumerate(("query", "key", "value")):
        bias = c(f"{name}_bias", torch.narrow, given["in_proj_bias"], 0, k * width, width)
        weight = c(f"{name}_weight", torch.narrow, given["in_proj_weight"], 0, k * width, width)
        all_heads = c(name, F.linear, given[name], weight, bias)
        shape = (all_heads.live.shape[0], batch, heads, width // heads)
        by_head = c(f"{name}_by_head", torch.reshape, all_heads, shape)
        split.append(c(f"{name}_heads", torch.permute, by_head, (1, 2, 0, 3)))
    attended, weights = attend(c, split[0], split[1], split[2], 1 / math.sqrt(width // heads), "heads", None)
    turned = c("heads_by_position", torch.permute, attended, (2, 0, 1, 3))
    joined = c("joined_heads", torch.reshape, turned, (length, batch, width))
    output = c("projected", F.linear, joined, given["out_proj_weight"], given["out_proj_bias"])
    results = [output]
    if given["need_weights"]:
        results.append(c("mean_weights", torch.mean, weights, 1) if given["average_attn_weights"] else weights)
    return results, lambda index: ("projected", index)


WRITTEN: dict[str, Callable[..., Written]] = {
    "lstm": lstm,
    "scaled_dot_product_attention": attention,
    "multi_head_attention_forward": multi_head,
}
