"""A tensor as it was at one moment of a run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch

from glasswork.tracing.errors import NotKept

ValueKind = Literal["op", "input", "parameter", "buffer", "constant"]


@dataclass(frozen=True, slots=True)
class Stats:
    """A tensor in four numbers; `finite` is the share of elements that are neither NaN nor infinite."""

    min: float
    max: float
    mean: float
    std: float
    finite: float

    @classmethod
    def of(cls, data: torch.Tensor) -> Stats:
        """The statistics of the finite elements of `data` (any shape and dtype), in fp64 where it matters."""
        if data.is_meta:  # a shape without numbers
            return cls(math.nan, math.nan, math.nan, math.nan, 1.0)
        if data.is_nested:
            data = torch.cat([part.flatten() for part in data.unbind()])
        if data.layout is not torch.strided:
            data = data.to_dense()
        if data.is_complex():
            data = data.abs()
        numbers = data.detach().flatten()
        finite = numbers.isfinite() if numbers.is_floating_point() else torch.ones_like(numbers, dtype=torch.bool)
        share = int(finite.count_nonzero()) / numbers.numel() if numbers.numel() else 1.0
        numbers = (numbers if share == 1 else numbers[finite]).double()
        if not numbers.numel():
            return cls(math.nan, math.nan, math.nan, math.nan, share)
        (least, most), (spread, mean) = torch.aminmax(numbers), torch.std_mean(numbers, correction=0)
        return cls(least.item(), most.item(), mean.item(), spread.item(), share)


class Value:
    """One tensor at the moment an op made it or read it.

    Args:
        held: the tensor itself, an alias of it, or a copy where a later op wrote over it; ask `tensor` instead.
        kind: who made it: an op of the trace, or an input, a parameter, a buffer, a constant (nobody here knows).
        grad: d(loss)/d(value), the same shape; None without backward, or where the loss does not depend on it.
        producer: the id of the op that made it, or None.
        slot: which of that op's outputs it is.
        path: its address (DESIGN: References): "input", a parameter's or buffer's name, or its op's canonical path;
            None for constants, and for a view that was seen again after something else wrote into its storage.

    Attributes:
        summary: its statistics, once somebody asked for them.
        again: where it is not in memory: gives the tensor once more, bit for bit, computed or read from a file.
        depth: how many ops `again` runs, one after another, until it meets a tensor that is held. While the run goes on
            it says that there will be an `again`.
    """

    __slots__ = (
        "__weakref__", "_grad", "again", "depth", "device", "dtype", "held", "kind", "path", "producer", "shape",
        "slot", "summary",
    )  # fmt: skip

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: torch.dtype,
        device: torch.device,
        held: torch.Tensor | None,
        kind: ValueKind,
        grad: torch.Tensor | None = None,
        producer: int | None = None,
        slot: int = 0,
        path: str | None = None,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.device = device
        self.held = held
        self.kind: ValueKind = kind
        self.producer = producer
        self.slot = slot
        self.path = path
        self.summary: Stats | None = None
        self.again: Callable[[], torch.Tensor] | None = None
        self.depth = 0
        self._grad: torch.Tensor | Callable[[], torch.Tensor] | None = grad

    @property
    def data(self) -> torch.Tensor | None:
        """The tensor as it was at that moment, detached; None where the trace does not have it."""
        held = self.held
        if held is not None:
            return held.detach() if held.requires_grad else held
        again = self.again
        if again is None:
            return None
        made = again()
        if getattr(again, "stays", False):  # computing it is work: once is enough
            self.held, self.again, self.depth = made, None, 0
        return made

    @property
    def grad(self) -> torch.Tensor | None:
        """d(loss)/d(value), the same shape; None without backward, or where the loss does not depend on it."""
        grad = self._grad
        return grad if grad is None or isinstance(grad, torch.Tensor) else grad()

    @grad.setter
    def grad(self, grad: torch.Tensor | Callable[[], torch.Tensor] | None) -> None:
        self._grad = grad

    @property
    def is_kept(self) -> bool:
        """Whether the tensor is in memory; if not, `tensor` computes it again or reads it from the trace's own file."""
        return self.held is not None

    @property
    def stats(self) -> Stats:
        """Minimum, maximum, mean and standard deviation."""
        if self.summary is None:
            self.summary = Stats.of(self.tensor)
        return self.summary

    @property
    def tensor(self) -> torch.Tensor:
        """The tensor as it was at that moment, detached.

        Raises:
            NotKept: if the trace does not have it: it was read from a file that was saved without values.
        """
        data = self.data
        if data is None:
            raise NotKept(
                f"The values of {self.path or 'this tensor'} were not kept",
                where=f"a {list(self.shape)} tensor of the trace",
                why="the trace has its shape, not its numbers",
                todo='trace the module again with keep="all"',
            )
        return data

    @property
    def bytes(self) -> int:
        """The size of the tensor in bytes, kept or not."""
        return math.prod(self.shape) * self.dtype.itemsize

    def ref(self, index: tuple[int, ...], what: str = "value") -> str | None:
        """The reference of one element, `path[i,j]@value`; None if the tensor has no address."""
        return None if self.path is None else f"{self.path}[{','.join(map(str, index))}]@{what}"

    def __repr__(self) -> str:
        dtype = str(self.dtype).removeprefix("torch.")
        return f"<{self.path or self.kind} {dtype}{list(self.shape)}{'' if self.is_kept else ', not in memory'}>"


def map_tensors(change: Callable[[torch.Tensor], Any], tree: Any) -> Any:
    """`tree` with each tensor replaced by `change(tensor)`: lists, tuples (also named), dicts; the rest as it is.

    Written out because torch's pytree costs more than most ops here; it runs twice for every op.
    """
    if isinstance(tree, torch.Tensor):
        return change(tree)
    kind = type(tree)
    if kind is tuple or kind is list:
        return kind([map_tensors(change, item) for item in tree])
    if kind is dict:
        return {key: map_tensors(change, item) for key, item in tree.items()}
    if isinstance(tree, tuple) and kind is not torch.Size:
        items = [map_tensors(change, item) for item in tree]
        return kind(*items) if hasattr(kind, "_fields") else tuple(items)
    return tree


def replace_values(change: Callable[[Value], Any], tree: Any) -> Any:
    """`tree`, as an Op keeps its arguments, with each Value replaced by `change(value)`."""
    if isinstance(tree, Value):
        return change(tree)
    if isinstance(tree, dict):
        return {key: replace_values(change, item) for key, item in tree.items()}
    if isinstance(tree, (tuple, list)) and type(tree) is not torch.Size:
        items = [replace_values(change, item) for item in tree]
        return type(tree)(*items) if hasattr(type(tree), "_fields") else type(tree)(items)
    return tree
