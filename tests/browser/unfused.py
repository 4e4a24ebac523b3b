"""What fused functions hide, written out from their equations: every part under the name that a page calls it by.

S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997, as torch.nn.LSTM's documentation gives it; A. Vaswani et
al., Attention is all you need, 2017, equation 1 and section 3.2.2; J. Ainslie et al., GQA, 2023; the GRU as
torch.nn.GRU's documentation gives it, after K. Cho et al., 2014.
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
        self.drawn: dict[str, Part] = {}
        self.calls: dict[str, Call] = {}
        names = iter(call.reads)

        def given(item: Any) -> Any:
            if not isinstance(item, Tensor):
                return item
            return Part(next(names), item.clone().requires_grad_(item.is_floating_point()))

        args, kwargs = tree_map(given, (call.args, call.kwargs))
        with torch.random.fork_rng(devices=[]):
            if call.random is not None:
                torch.set_rng_state(call.random)
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

    def mask(self, name: str, shape: Sequence[int], like: Part, p: float) -> Part:
        """What dropout multiplies with, drawn as the call drew it: 0, or 1 / (1 - p)."""
        made = Part(f"{self.whole}/{name}", F.dropout(torch.ones(*shape, dtype=like.live.dtype), p, True))
        assert made.name
        self.drawn[made.name] = made
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


Weights = Sequence[Part | None]  # W, U, b, d of W x + b + U h + d, and what the hidden state is projected by
Step = Callable[[Inside, str, Part, list[Part], Weights], list[Part]]
"""One step: from what stands in, and the states before, to the states after; the hidden one is first."""


def sums(c: Inside, name: str, x: Part, hidden: Part, weights: Weights) -> tuple[Part, Part]:
    """W x + b and U h + d."""
    w, u, b, d, _ = weights
    return c(f"{name}.from_input", F.linear, x, w, b), c(f"{name}.from_hidden", F.linear, hidden, u, d)


def lstm_step(c: Inside, name: str, x: Part, states: list[Part], weights: Weights) -> list[Part]:
    """i, f, g, o = W x + b + U h + d;  c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c').

    With a projection P, h' is P times that.
    """
    total = c(f"{name}.sum", torch.add, *sums(c, name, x, states[0], weights))
    size = total.live.shape[-1] // 4
    gates = [("input_gate", torch.sigmoid), ("forget_gate", torch.sigmoid), ("candidate", torch.tanh)]
    i, f, g, o = (
        c(f"{name}.{gate}", function, c(f"{name}.{gate}_sum", torch.narrow, total, -1, k * size, size))
        for k, (gate, function) in enumerate([*gates, ("output_gate", torch.sigmoid)])
    )
    kept = c(f"{name}.kept", torch.mul, f, states[1])
    cell = c(f"{name}.cell", torch.add, kept, c(f"{name}.written", torch.mul, i, g))
    squashed = c(f"{name}.squashed_cell", torch.tanh, cell)
    projection = weights[4]
    if projection is None:
        return [c(f"{name}.hidden", torch.mul, o, squashed), cell]
    return [c(f"{name}.hidden", F.linear, c(f"{name}.shown", torch.mul, o, squashed), projection), cell]


def gru_step(c: Inside, name: str, x: Part, states: list[Part], weights: Weights) -> list[Part]:
    """r, z = sigmoid(W x + b + U h + d);  n = tanh(W x + b + r (U h + d));  h' = (1 - z) n + z h."""
    new, old = sums(c, name, x, states[0], weights)
    size = new.live.shape[-1] // 3

    def halves(k: int, kind: str) -> tuple[Part, Part]:
        first = c(f"{name}.{kind}_from_input", torch.narrow, new, -1, k * size, size)
        return first, c(f"{name}.{kind}_from_hidden", torch.narrow, old, -1, k * size, size)

    r, z = (
        c(f"{name}.{kind}", torch.sigmoid, c(f"{name}.{kind}_sum", torch.add, *halves(k, kind)))
        for k, kind in enumerate(("reset_gate", "update_gate"))
    )
    first, second = halves(2, "candidate")
    passed = c(f"{name}.reset_hidden", torch.mul, r, second)
    n = c(f"{name}.candidate", torch.tanh, c(f"{name}.candidate_sum", torch.add, first, passed))
    written = c(f"{name}.written", torch.mul, c(f"{name}.one_minus_update", torch.rsub, z, 1), n)
    return [c(f"{name}.hidden", torch.add, written, c(f"{name}.kept", torch.mul, z, states[0]))]


def rnn_step(function: Callable[[Tensor], Tensor]) -> Step:
    """h' = f(W x + b + U h + d)."""

    def step(c: Inside, name: str, x: Part, states: list[Part], weights: Weights) -> list[Part]:
        return [c(f"{name}.hidden", function, c(f"{name}.sum", torch.add, *sums(c, name, x, states[0], weights)))]

    return step


def recurrent(step: Step) -> Callable[..., Written]:
    """All layers, both ways, of a padded batch."""

    def layers_of(
        c: Inside,
        x: Part,
        first: Part | Sequence[Part],
        weights: Sequence[Part],
        biased: bool,
        layers: int,
        dropout: float,
        training: bool,
        both_ways: bool,
        batch_first: bool,
    ) -> Written:
        begin = [first] if isinstance(first, Part) else list(first)
        kinds = ("hidden", "cell")[: len(begin)]
        ways = ("forward", "backward") if both_ways else ("forward",)
        each = len(weights) // (layers * len(ways))
        projected = each in (3, 5)
        time = 1 if batch_first else 0
        steps = range(x.live.shape[time])
        inputs = [c(f"step{t}.input", torch.select, x, time, t) for t in steps]
        size = begin[0].live.shape[-1]
        ends: list[list[Part]] = []
        for layer in range(layers):
            if layer and training and dropout:  # one mask for all steps
                shape = (len(inputs), *inputs[0].live.shape)
                mask = c.mask(f"layer{layer}.dropout_mask", shape, inputs[0], dropout)
                for t, value in enumerate(inputs):
                    name = f"step{t}.layer{layer}.dropout"
                    inputs[t] = c(name, torch.mul, value, c(f"{name}_mask", torch.select, mask, 0, t))
            hidden: dict[tuple[int, str], Part] = {}
            for place, way in enumerate(ways):
                at = layer * len(ways) + place
                flat = weights[each * at : each * at + each]
                own = [*flat[:2], *(flat[2:4] if biased else (None, None)), flat[-1] if projected else None]
                states = [
                    c(f"layer{layer}.{way}.first_{kind}", torch.select, state, 0, at)
                    for kind, state in zip(kinds, begin, strict=True)
                ]
                for t in steps if way == "forward" else reversed(steps):
                    states = step(c, f"step{t}.layer{layer}.{way}", inputs[t], states, own)
                    hidden[t, way] = states[0]
                ends.append(states)
            inputs = [hidden[t, "forward"] for t in steps]
            if both_ways:
                pairs = ([hidden[t, way] for way in ways] for t in steps)
                inputs = [c(f"step{t}.layer{layer}.both", torch.cat, pair, -1) for t, pair in enumerate(pairs)]

        def last(index: Index) -> tuple[str, Index]:
            t, example = (index[1], index[0]) if batch_first else index[:2]
            way, at = ways[index[2] // size], index[2] % size
            return f"step{t}.layer{layers - 1}.{way}.hidden", (example, at)

        output = c("output", torch.stack, inputs, time)
        after = [c(f"last_{kind}", torch.stack, [end[k] for end in ends]) for k, kind in enumerate(kinds)]
        return [output, *after], last

    return layers_of


def attend(
    c: Inside, q: Part, k: Part, v: Part, scale: float, name: str, masks: Sequence[tuple[str, Tensor]], dropout: float
) -> tuple[Part, Part]:
    """softmax(q k^T scale) v, and the weights; a mask is True where nothing may be seen, or is added."""
    scores = c("scores", torch.matmul, q, c("key_transposed", torch.transpose, k, -2, -1))
    scores = c("scaled", torch.mul, scores, scale)
    for called, mask in masks:
        if mask.dtype == torch.bool:
            scores = c(called, torch.masked_fill, scores, mask, -math.inf)
        else:
            scores = c(called, torch.add, scores, Part(None, mask))
    weights = c("weights", torch.softmax, scores, -1)
    if dropout:
        mask = c.mask("dropout_mask", weights.live.shape, weights, dropout)
        weights = c("dropped_weights", torch.mul, weights, mask)
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
    times = query.live.shape[-3] // key.live.shape[-3] if enable_gqa else 1
    if times > 1:
        key = c("key_by_head", torch.repeat_interleave, key, times, -3)
        value = c("value_by_head", torch.repeat_interleave, value, times, -3)
    masks = []
    if is_causal:
        ones = torch.ones(query.live.shape[-2], key.live.shape[-2], dtype=torch.bool)
        masks.append(("masked", ones.triu(1)))
    if attn_mask is not None:
        mask = attn_mask.live.detach()
        masks.append(("masked", ~mask if mask.dtype == torch.bool else mask))
    scale = 1 / math.sqrt(query.live.shape[-1]) if scale is None else scale
    return [attend(c, query, key, value, scale, "output", masks, dropout_p)[0]], lambda index: ("output", index)


def multi_head(c: Inside, *args: Any, **kwargs: Any) -> Written:
    """Section 3.2.2: heads side by side, then their projection."""
    bound = inspect.signature(F.multi_head_attention_forward).bind(*args, **kwargs)
    bound.apply_defaults()
    given = bound.arguments
    rare = ("static_k", "static_v")
    if any(given[name] is not None for name in rare):
        raise NoNumberError("keys and values that are given by head are not written down here")
    heads, (length, batch, width) = given["num_heads"], given["query"].live.shape
    split = []
    for k, name in enumerate(("query", "key", "value")):
        bias = given["in_proj_bias"]
        if bias is not None:
            bias = c(f"{name}_bias", torch.narrow, bias, 0, k * width, width)
        if given["use_separate_proj_weight"]:
            weight = given[f"{name[0]}_proj_weight"]
        else:
            weight = c(f"{name}_weight", torch.narrow, given["in_proj_weight"], 0, k * width, width)
        all_heads = c(name, F.linear, given[name], weight, bias)
        extra = None if name == "query" else given[f"bias_{name[0]}"]
        if extra is not None:  # one more key and value, the same for all
            more = c(f"{name}_extra", torch.Tensor.repeat, extra, 1, batch, 1)
            all_heads = c(f"{name}_with_extra", torch.cat, [all_heads, more])
        shape = (all_heads.live.shape[0], batch, heads, width // heads)
        by_head = c(f"{name}_by_head", torch.reshape, all_heads, shape)
        one = c(f"{name}_heads", torch.permute, by_head, (1, 2, 0, 3))
        if given["add_zero_attn"] and name != "query":
            one = c(f"{name}_with_zero", torch.cat, [one, Part(None, torch.zeros_like(one.live[:, :, :1]))], 2)
        split.append(one)
    masks = []
    for name in ("attn_mask", "key_padding_mask"):
        if given[name] is None:
            continue
        mask = given[name].live.detach()
        mask = F.pad(mask, (0, split[1].live.shape[2] - mask.shape[-1]))  # what was added may be looked at
        if name == "key_padding_mask":
            mask = mask.reshape(batch, 1, 1, -1)
        elif mask.dim() == 3:
            mask = mask.reshape(batch, heads, *mask.shape[1:])
        masks.append((f"masked_by_{name}", mask))
    dropout = given["dropout_p"] if given["training"] else 0.0
    scale = 1 / math.sqrt(width // heads)
    attended, weights = attend(c, split[0], split[1], split[2], scale, "heads", masks, dropout)
    turned = c("heads_by_position", torch.permute, attended, (2, 0, 1, 3))
    joined = c("joined_heads", torch.reshape, turned, (length, batch, width))
    output = c("projected", F.linear, joined, given["out_proj_weight"], given["out_proj_bias"])
    results = [output]
    if given["need_weights"]:
        results.append(c("mean_weights", torch.mean, weights, 1) if given["average_attn_weights"] else weights)
    return results, lambda index: ("projected", index)


WRITTEN: dict[str, Callable[..., Written]] = {
    "lstm": recurrent(lstm_step),
    "gru": recurrent(gru_step),
    "rnn_tanh": recurrent(rnn_step(torch.tanh)),
    "rnn_relu": recurrent(rnn_step(torch.relu)),
    "scaled_dot_product_attention": attention,
    "multi_head_attention_forward": multi_head,
}
