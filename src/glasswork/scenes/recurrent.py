"""The recurrent layers of a run, each in one direction: which operation made which gate or state at which step.

Two kinds are known. Ours are written out, so that their operations stand in the run itself, numbered in the order in
which they ran; torch.nn's hide all steps in one operation, whose inside is computed again (tracing.rebuilding).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from glasswork.networks.lstm import Memory
from glasswork.networks.rnn import Elman
from glasswork.scenes.messages.base import Number
from glasswork.tracing import Trace
from glasswork.zoo import Network

# T steps, H units, k the place of a layer and direction in PyTorch's order, n the steps that ran before

Kind = Literal["lstm", "rnn"]
GATES = ("input", "forget", "candidate", "output")
"""Of an LSTM, as they stand in torch.nn.LSTM's weights."""
BANDS: dict[Kind, tuple[str, ...]] = {
    "lstm": ("forget", "input", "candidate", "cell", "output", "hidden"),
    "rnn": ("hidden",),
}
"""What each kind has at every step, in the order in which pages show it."""
_NAMES = {
    "input": "input_gate",
    "forget": "forget_gate",
    "output": "output_gate",
    "squashed": "squashed_cell",
}
"""How the inside of torch's own calls them."""


@dataclass(frozen=True)
class Part:
    """One layer in one direction.

    Attributes:
        kind: lstm or rnn.
        core: the module's path.
        layer: from 0.
        backwards: whether it reads from the end.
        place: k.
        steps: T.
        hidden: H.
        written: whether its operations stand in the run itself.
        activation: of an RNN.
    """

    kind: Kind
    core: str
    layer: int
    backwards: bool
    place: int
    steps: int
    hidden: int
    written: bool
    activation: str = "tanh"

    @property
    def suffix(self) -> str:
        """At the end of its weights' names."""
        return f"_l{self.layer}{'_reverse' if self.backwards else ''}"

    @property
    def name(self) -> str:
        """For people."""
        way = ", backwards" if self.backwards else ""
        return f"layer {self.layer + 1}{way}"

    def path(self, name: str, step: int) -> str:
        """The operation that made a gate, a state or a part of a sum at a step.

        Args:
            name: of BANDS; or squashed (tanh of the cell), kept, written (what is added to make the cell),
                from_input, from_hidden, sum.
            step: from 0, in the order of the sequence.
        """
        if not self.written:
            way = "backward" if self.backwards else "forward"
            return f"{self.core}/step{step}.layer{self.layer}.{way}.{_NAMES.get(name, name)}"
        ran = self.steps - 1 - step if self.backwards else step
        kind, number = self._lstm(name, ran) if self.kind == "lstm" else self._rnn(name, ran)
        return f"{self.core}:{kind}" + (f"#{number}" if number > 1 else "")

    def _lstm(self, name: str, ran: int) -> tuple[str, int]:
        """Each step has three sigmoids, two tanhs, three products and, after the inputs' first one, three sums."""
        n, first = self.place * self.steps + ran, self.place * (3 * self.steps + 1)
        if name in ("from_input", "from_hidden"):
            return self._part(name, ran, first)
        kind, number = {
            "input": ("sigmoid", 3 * n + 1),
            "forget": ("sigmoid", 3 * n + 2),
            "output": ("sigmoid", 3 * n + 3),
            "candidate": ("tanh", 2 * n + 1),
            "squashed": ("tanh", 2 * n + 2),
            "kept": ("mul", 3 * n + 1),
            "written": ("mul", 3 * n + 2),
            "hidden": ("mul", 3 * n + 3),
            "cell": ("add", first + 3 * ran + 4),
            "sum": ("chunk", n + 1),
        }[name]
        return kind, number

    def _rnn(self, name: str, ran: int) -> tuple[str, int]:
        """Each step has one tanh and, after the inputs' first one, two sums."""
        first = self.place * (2 * self.steps + 1)
        if name == "hidden":
            return "tanh", self.place * self.steps + ran + 1
        if name == "sum":
            return "add", first + 2 * ran + 3
        return self._part(name, ran, first)

    def _part(self, name: str, ran: int, first: int) -> tuple[str, int]:
        if name == "from_input":  # of all steps at once
            return "add", first + 1
        return "matmul", self.place * (self.steps + 1) + ran + 2

    def gate_sum(self, gate: str, step: int) -> str:
        """What a gate's sigmoid or tanh is taken of, (1, H)."""
        if self.kind == "rnn":
            return self.path("sum", step)
        if not self.written:
            return self.path(f"{_NAMES.get(gate, gate)}_sum", step)
        place = GATES.index(gate)
        return self.path("sum", step) + (f"~{place}" if place else "")

    def first(self, name: str) -> str:
        """The state before the first step: hidden or cell."""
        if not self.written:
            return f"{self.core}/layer{self.layer}.{'backward' if self.backwards else 'forward'}.first_{name}"
        number = 2 * self.place + (2 if name == "cell" else 1) if self.kind == "lstm" else self.place + 1
        return f"{self.core}:getitem" + (f"#{number}" if number > 1 else "")

    def state(self, name: str, step: int) -> str:
        """The state before a step, which for the first is where it began."""
        before = step + 1 if self.backwards else step - 1
        return self.path(name, before) if 0 <= before < self.steps else self.first(name)

    @property
    def bias(self) -> str:
        """The bias that is added last; "" where it is inside of what comes from the state."""
        return f"{self.core}.bias_hh{self.suffix}" if self.written else ""

    def index(self, step: int, row: int) -> tuple[int, ...]:
        """Of what came from the inputs: of all steps, or of one."""
        return (0, step, row) if self.written else (0, row)


def parts(network: Network, trace: Trace) -> list[Part]:
    """The recurrent layers that a run went through, in PyTorch's order; only sequences alone in their batch."""
    found = list[Part]()
    for core, module in network.module.named_modules():
        found += _ours(core, module, trace) if isinstance(module, (Memory, Elman)) else _torchs(core, module, trace)
    return found


def _ours(core: str, module: Memory | Elman, trace: Trace) -> list[Part]:
    kind: Kind = "lstm" if isinstance(module, Memory) else "rnn"
    if core not in trace:
        return []
    if module.fused:
        (batch, steps) = trace[core].operands[0].shape[:2]
    else:
        (batch, steps) = trace.value(f"{core}:matmul").shape[:2]
    ways = 2 if module.bidirectional else 1
    return [
        Part(kind, core, place // ways, place % ways == 1, place, steps, module.hidden, not module.fused)
        for place in range(len(module.suffixes))
        if batch == 1
    ]


def _torchs(core: str, module: nn.Module, trace: Trace) -> list[Part]:
    if not isinstance(module, (nn.LSTM, nn.RNN)) or core not in trace or module.proj_size:
        return []
    shape = trace[core].operands[0].shape
    if len(shape) != 3 or shape[0 if module.batch_first else 1] != 1:
        return []
    kind: Kind = "lstm" if isinstance(module, nn.LSTM) else "rnn"
    ways = 2 if module.bidirectional else 1
    return [
        Part(
            kind, core, place // ways, place % ways == 1, place, shape[1 if module.batch_first else 0],
            module.hidden_size, False, getattr(module, "nonlinearity", "tanh"),
        )
        for place in range(module.num_layers * ways)
    ]  # fmt: skip


def number(source: str, trace: Trace, path: str, *index: int) -> Number:
    """A number of a run, with its address."""
    return Number(f"{source}#{path}[{','.join(map(str, index))}]@value", trace.value(path).tensor[index].item())
