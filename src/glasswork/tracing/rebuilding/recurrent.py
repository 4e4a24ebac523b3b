"""Recurrent layers, written out: every step, layer, direction and gate.

S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997; K. Cho et al., Learning phrase representations using RNN
encoder-decoder, 2014, https://arxiv.org/abs/1406.1078; in the form of torch.nn.LSTM and torch.nn.GRU, whose reset gate
stands after the hidden matrix product.

A name reads from the outside in: step3.layer0.forward.forget_gate. Steps count time, in both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from glasswork.tracing.ops import Op
from glasswork.tracing.rebuilding.composing import Composer
from glasswork.tracing.rebuilding.rebuilt import Composed, bound, composes
from glasswork.tracing.values import Value

_PADDED = "input hx params has_biases num_layers dropout train bidirectional batch_first"
_PACKED = "data batch_sizes hx params has_biases num_layers dropout train bidirectional"


@dataclass(frozen=True, slots=True)
class Weights:
    """The parameters of one layer in one direction; H is the hidden size, R the size of what is handed on.

    Attributes:
        input: (gates x H, features).
        hidden: (gates x H, R).
        input_bias, hidden_bias: (gates x H,), or None.
        projection: (R, H) of an LSTM with proj_size; else None, and R = H.
    """

    input: Value
    hidden: Value
    input_bias: Value | None
    hidden_bias: Value | None
    projection: Value | None = None


State = tuple[Value, ...]  # (hidden,), or (hidden, cell)
Cell = Callable[[Composer, str, Value, State, Weights], State]


def rnn_cell(activation: Callable[..., torch.Tensor]) -> Cell:
    """h' = activation(W x + b + U h + c)."""

    def cell(c: Composer, name: str, x: Value, state: State, w: Weights) -> State:
        from_input, from_hidden = _products(c, name, x, state[0], w)
        total = c(f"{name}.sum", torch.add, from_input, from_hidden)  # (B, H)
        return (c(f"{name}.hidden", activation, total),)

    return cell


def lstm_cell(c: Composer, name: str, x: Value, state: State, w: Weights) -> State:
    """c' = f * c + i * g and h' = o * tanh(c'), with the gates i, f, g, o."""
    from_input, from_hidden = _products(c, name, x, state[0], w)
    total = c(f"{name}.sum", torch.add, from_input, from_hidden)  # (B, 4H)
    size = total.shape[-1] // 4

    def gate(place: int, kind: str, activation: Callable[..., torch.Tensor]) -> Value:
        before = c(f"{name}.{kind}_sum", torch.narrow, total, -1, place * size, size)
        return c(f"{name}.{kind}", activation, before)

    take, forget = gate(0, "input_gate", torch.sigmoid), gate(1, "forget_gate", torch.sigmoid)
    candidate, show = gate(2, "candidate", torch.tanh), gate(3, "output_gate", torch.sigmoid)
    kept = c(f"{name}.kept", torch.mul, forget, state[1])
    written = c(f"{name}.written", torch.mul, take, candidate)
    cell = c(f"{name}.cell", torch.add, kept, written)
    squashed = c(f"{name}.squashed_cell", torch.tanh, cell)
    if w.projection is None:
        return c(f"{name}.hidden", torch.mul, show, squashed), cell
    shown = c(f"{name}.shown", torch.mul, show, squashed)
    return c(f"{name}.hidden", torch.nn.functional.linear, shown, w.projection), cell


def gru_cell(c: Composer, name: str, x: Value, state: State, w: Weights) -> State:
    """h' = (1 - z) * n + z * h with n = tanh(W x + b + r * (U h + c)), and the gates r, z."""
    (hidden,) = state
    from_input, from_hidden = _products(c, name, x, hidden, w)  # (B, 3H)
    size = from_input.shape[-1] // 3

    def parts(place: int, kind: str) -> tuple[Value, Value]:
        return (
            c(f"{name}.{kind}_from_input", torch.narrow, from_input, -1, place * size, size),
            c(f"{name}.{kind}_from_hidden", torch.narrow, from_hidden, -1, place * size, size),
        )

    def gate(place: int, kind: str) -> Value:
        total = c(f"{name}.{kind}_sum", torch.add, *parts(place, kind))
        return c(f"{name}.{kind}", torch.sigmoid, total)

    reset, update = gate(0, "reset_gate"), gate(1, "update_gate")
    new, old = parts(2, "candidate")
    passed = c(f"{name}.reset_hidden", torch.mul, reset, old)
    total = c(f"{name}.candidate_sum", torch.add, new, passed)
    candidate = c(f"{name}.candidate", torch.tanh, total)
    rest = c(f"{name}.one_minus_update", torch.rsub, update, 1)
    written = c(f"{name}.written", torch.mul, rest, candidate)
    kept = c(f"{name}.kept", torch.mul, update, hidden)
    return (c(f"{name}.hidden", torch.add, written, kept),)


_CELLS: dict[str, Cell] = {
    "lstm": lstm_cell,
    "gru": gru_cell,
    "rnn_tanh": rnn_cell(torch.tanh),
    "rnn_relu": rnn_cell(torch.relu),
}


def _products(c: Composer, name: str, x: Value, hidden: Value, w: Weights) -> tuple[Value, Value]:
    linear = torch.nn.functional.linear
    return (
        c(f"{name}.from_input", linear, x, w.input, w.input_bias),
        c(f"{name}.from_hidden", linear, hidden, w.hidden, w.hidden_bias),
    )


@composes("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
def _single_step(c: Composer, op: Op) -> Composed:
    """One step of one layer, as nn.LSTMCell and its like call it."""
    given = bound(op, "input hx w_ih w_hh b_ih b_hh")
    states = given["hx"] if isinstance(given["hx"], (tuple, list)) else (given["hx"],)
    parameters = (given[name] for name in ("w_ih", "w_hh", "b_ih", "b_hh"))
    weights = Weights(*(None if value is None else c.given(value) for value in parameters))  # type: ignore[arg-type]
    cell = _CELLS[op.name.removesuffix("_cell")]
    # on the CPU the hidden state is made of the new cell's by ops of its own
    inside = (1,) if op.name == "lstm_cell" and op.output.device.type == "cpu" else ()
    outputs = cell(c, "step0", c.given(given["input"]), tuple(map(c.given, states)), weights)
    return Composed(outputs, read_inside=inside)


@composes("lstm", "gru", "rnn_tanh", "rnn_relu")
def _layers(c: Composer, op: Op) -> Composed:
    """All steps of all layers, of a padded batch or a packed one."""
    packed = not isinstance(op.args[3], bool)  # (data, batch sizes, state, parameters...) against has_biases
    given = bound(op, _PACKED if packed else _PADDED, batch_first=False)
    states = given["hx"] if isinstance(given["hx"], (tuple, list)) else (given["hx"],)
    first = [c.given(state) for state in states]  # (layers x directions, B, H) each
    directions = 2 if given["bidirectional"] else 1
    stacks = _stacks(c, given, len(first) == 2)
    sequence = (
        _Packed.of(c, given["data"], given["batch_sizes"])
        if packed
        else _Padded.of(c, given["input"], given["batch_first"])
    )
    inputs = sequence.steps
    last: list[State] = []
    for layer in range(given["num_layers"]):
        if layer and given["train"] and given["dropout"]:
            dropped = _dropped(c, inputs, layer, given["dropout"], packed)
            if dropped is None:
                return Composed((), "dropout between the layers: its masks are not known, so layer0 is all there is")
            inputs = dropped
        made: list[list[Value]] = []
        for direction in range(directions):
            place = layer * directions + direction
            begin = tuple(
                c(f"layer{layer}.{_way(direction)}.first_{kind}", torch.select, state, 0, place)
                for kind, state in zip(("hidden", "cell"), first, strict=False)
            )
            walk = _walk_packed if packed else _walk
            hidden, end = walk(c, _CELLS[op.name], inputs, begin, stacks[place], layer, direction)
            made.append(hidden)
            last.append(end)
        inputs = (
            made[0]
            if directions == 1
            else [
                c(f"step{step}.layer{layer}.both", torch.cat, list(pair), -1)
                for step, pair in enumerate(zip(*made, strict=True))
            ]
        )
    ends = [
        c(f"last_{kind}", torch.stack, [state[slot] for state in last])
        for slot, kind in enumerate(("hidden", "cell")[: len(first)])
    ]
    return Composed([sequence.joined(c, inputs), *ends])


def _dropped(c: Composer, inputs: list[Value], layer: int, p: float, packed: bool) -> list[Value] | None:
    """What goes into a layer after dropout; the kernel draws one mask for all steps."""
    rows, width = [value.shape[0] for value in inputs], inputs[0].shape[-1]
    shape = (sum(rows), width) if packed else (len(inputs), rows[0], width)
    mask = c.mask(f"layer{layer}.dropout_mask", shape, inputs[0], p)
    if mask is None:
        return None
    found = []
    for step, value in enumerate(inputs):
        name = f"step{step}.layer{layer}.dropout"
        if packed:
            part = c(f"{name}_mask", torch.narrow, mask, 0, sum(rows[:step]), rows[step])
        else:
            part = c(f"{name}_mask", torch.select, mask, 0, step)
        found.append(c(name, torch.mul, value, part))
    return found


def _way(direction: int) -> str:
    return "backward" if direction else "forward"


def _stacks(c: Composer, given: dict[str, Any], can_project: bool) -> list[Weights]:
    """The flat list of parameters by layer and direction."""
    flat = [c.given(value) for value in given["params"]]
    count = given["num_layers"] * (2 if given["bidirectional"] else 1)
    each = len(flat) // count
    stacks = []
    for start in range(0, len(flat), each):
        part: list[Value | None] = list(flat[start : start + each])
        biases = part[2:4] if given["has_biases"] else [None, None]
        projection = part[-1] if can_project and each in (3, 5) else None
        stacks.append(Weights(part[0], part[1], *biases, projection))  # type: ignore[arg-type]
    return stacks


def _walk(
    c: Composer, cell: Cell, inputs: Sequence[Value], state: State, weights: Weights, layer: int, direction: int
) -> tuple[list[Value], State]:
    """One layer in one direction over all steps; the hidden states in the order of time, and the last state."""
    hidden: dict[int, Value] = {}
    for step in range(len(inputs))[:: -1 if direction else 1]:
        state = cell(c, f"step{step}.layer{layer}.{_way(direction)}", inputs[step], state, weights)
        hidden[step] = state[0]
    return [hidden[step] for step in range(len(inputs))], state


def _walk_packed(
    c: Composer, cell: Cell, inputs: Sequence[Value], begin: State, weights: Weights, layer: int, direction: int
) -> tuple[list[Value], State]:
    """The same where sequences, the longest first, have different lengths: rows end, or begin, on the way."""
    hidden: dict[int, Value] = {}
    kinds = ("hidden", "cell")
    ended: list[State] = []
    state: State | None = None
    for step in range(len(inputs))[:: -1 if direction else 1]:
        name, rows = f"step{step}.layer{layer}.{_way(direction)}", inputs[step].shape[0]
        if state is None:
            state = tuple(
                c.part(f"{name}.first_{kind}", part, 0, 0, rows) for kind, part in zip(kinds, begin, strict=False)
            )
        before = state[0].shape[0]
        if rows < before:  # forward: these have come to their ends
            ended.append(
                tuple(
                    c(f"{name}.ended_{kind}", torch.narrow, part, 0, rows, before - rows)
                    for kind, part in zip(kinds, state, strict=False)
                )
            )
            state = tuple(
                c(f"{name}.remaining_{kind}", torch.narrow, part, 0, 0, rows)
                for kind, part in zip(kinds, state, strict=False)
            )
        elif rows > before:  # backward: these begin here
            new = [
                c(f"{name}.beginning_{kind}", torch.narrow, part, 0, before, rows - before)
                for kind, part in zip(kinds, begin, strict=False)
            ]
            state = tuple(
                c(f"{name}.joined_{kind}", torch.cat, [old, more])
                for kind, old, more in zip(kinds, state, new, strict=False)
            )
        state = cell(c, name, inputs[step], state, weights)
        hidden[step] = state[0]
    assert state is not None
    if ended:
        name = f"layer{layer}.{_way(direction)}"
        state = tuple(
            c(f"{name}.last_{kind}", torch.cat, [part[slot] for part in (state, *reversed(ended))])
            for slot, kind in enumerate(kinds[: len(state)])
        )
    return [hidden[step] for step in range(len(inputs))], state


@dataclass(frozen=True, slots=True)
class _Padded:
    """Sequences of one length; steps are (B, features)."""

    steps: list[Value]
    axis: int

    @classmethod
    def of(cls, c: Composer, sequence: Value, batch_first: bool) -> _Padded:
        axis, given = int(batch_first), c.given(sequence)
        return cls([c(f"step{step}.input", torch.select, given, axis, step) for step in range(given.shape[axis])], axis)

    def joined(self, c: Composer, hidden: list[Value]) -> Value:
        return c("output", torch.stack, hidden, self.axis)


@dataclass(frozen=True, slots=True)
class _Packed:
    """Sequences of different lengths, one after another in time; steps are (those still running, features)."""

    steps: list[Value]

    @classmethod
    def of(cls, c: Composer, data: Value, batch_sizes: Value) -> _Packed:
        given, start, steps = c.given(data), 0, []
        for step, rows in enumerate(batch_sizes.tensor.tolist()):
            steps.append(c(f"step{step}.input", torch.narrow, given, 0, start, rows))
            start += rows
        return cls(steps)

    def joined(self, c: Composer, hidden: list[Value]) -> Value:
        return c("output", torch.cat, hidden)
