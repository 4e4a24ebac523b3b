"""All terms of one number as vectors: what rules return, and what explanations are cut from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch

from glasswork.explaining.explanation import Explanation, Kind, Operand, Reduce, Term
from glasswork.tracing import Value

Order = Literal["size", "place"]


@dataclass(frozen=True, slots=True)
class Label:
    """What a term and its factor are called: a name to read, and references."""

    name: str
    ref: str | None = None
    factor_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Expansion:
    """Every term of one number, n of them.

    Attributes:
        kind, formula, reduce, operands, own, note, failed: as in Explanation.
        values: (n,) fp64.
        factors: (n,) fp64, NaN for terms without one; None if no term has one.
        products: (n,) fp64.
        label: position -> Label; asked only for the terms that are listed.
        always: positions that are listed whatever their size, and last: the bias.
    """

    kind: Kind
    formula: str
    reduce: Reduce
    values: torch.Tensor
    factors: torch.Tensor | None
    products: torch.Tensor
    label: Callable[[int], Label]
    operands: tuple[Operand, ...] = ()
    own: int | None = None
    note: str = ""
    always: Sequence[int] = field(default=())
    failed: str = ""

    def __len__(self) -> int:
        return self.products.numel()

    def total(self) -> float:
        """The reduction of all terms."""
        return reduced(self.reduce, self.products, self.own)

    def error(self, value: float) -> float:
        """|reduction of all terms - value| / max(sum |products|, |value|, 1e-12); 0 for kinds that claim no value."""
        if self.kind in ("given", "linearised"):
            return 0.0
        off = difference(self.total(), value)
        # where both are NaN, so is the scale
        return off / max(self.products.abs().sum().item(), abs(value), 1e-12) if off else 0.0

    def term(self, position: int) -> Term:
        """One term, by its place in the full list."""
        label = self.label(position)
        factor = None if self.factors is None else self.factors[position].item()
        if factor is not None and factor != factor:  # NaN: this term has none
            factor = None
        return Term(
            label.name,
            label.ref,
            self.values[position].item(),
            factor,
            None if factor is None else label.factor_ref,
            self.products[position].item(),
            position,
        )

    def listed(self, limit: int | None, offset: int = 0, order: Order = "size") -> list[int]:
        """The positions on one page: `limit` of them from `offset` on; pages of one limit hold each position once.

        By size the largest come first, with the bias at the end of the first page, whatever its size; what fits on
        one page stands in its place. By place they are in the order of the formula.
        """
        count = len(self)
        if limit is None:
            return list(range(offset, count))
        if order == "place" or count <= limit:
            return list(range(count))[offset : offset + limit]
        sizes = self.products.abs()
        if self.always:
            sizes = sizes.clone()
            sizes[list(self.always)] = -1
        room = max(limit - len(self.always), 0)
        until = offset + limit - (len(self.always) if offset else limit - room)
        by_size = _largest(sizes, min(until, count - len(self.always)))
        return [*by_size[:room], *self.always, *by_size[room:]][offset : offset + limit]

    def explanation(
        self,
        op: str,
        index: tuple[int, ...],
        value: float,
        limit: int | None,
        of: str,
        offset: int = 0,
        order: Order = "size",
    ) -> Explanation:
        """Cut to a page of `limit` terms and a remainder that is reduced from all others."""
        listed = self.listed(limit, offset, order)
        rest = torch.ones(len(self), dtype=torch.bool)
        rest[listed] = False
        others = self.products[rest]
        error = self.error(value)
        return Explanation(
            op=op,
            index=index,
            of="grad" if of == "grad" else "value",
            kind=self.kind,
            value=value,
            formula=self.formula,
            reduce=self.reduce,
            terms=tuple(self.term(position) for position in listed),
            count=len(self),
            remainder=remainder(self.reduce, others),
            nonlinear=value - self.total() if self.kind == "linearised" else 0.0,
            error=error,
            operands=self.operands,
            own=self.own,
            note=self.note,
            exact_error=error,
            failed=self.failed,
        )


def reduced(reduce: Reduce, products: torch.Tensor, own: int | None = None) -> float:
    """What the products come to; `own` is the numerator's position for the two softmaxes."""
    if reduce == "sum":
        return products.sum().item()
    if reduce == "mean":
        return products.mean().item()
    if reduce == "max":
        return products.max().item()
    if reduce == "min":
        return products.min().item()
    if reduce == "product":
        return products.prod().item()
    if reduce == "norm":
        return products.norm().item()
    if reduce == "logsumexp":
        return products.logsumexp(0).item()
    if reduce == "identity":
        return products[0].item()
    assert own is not None
    share = products[own] / products.sum()
    return share.item() if reduce == "softmax" else share.log().item()


def remainder(reduce: Reduce, others: torch.Tensor) -> float:
    """The reduction of the products that are not listed; 0 when there are none."""
    if not others.numel():
        return 0.0
    return reduced("sum" if reduce in ("softmax", "log_softmax") else reduce, others)


def difference(total: float, value: float) -> float:
    """|total - value|, and 0 where both are the same infinity or both NaN."""
    if total == value or (total != total and value != value):
        return 0.0
    return abs(total - value)


def label_of(value: Value, index: Sequence[int], factor_ref: str | None = None) -> Label:
    """The label of one element of a tensor of the trace."""
    place = tuple(int(at) for at in index)
    name = f"{value.path or value.kind}[{','.join(map(str, place))}]" if place else value.path or value.kind
    return Label(name, value.ref(place), factor_ref)


def number(value: Value, index: Sequence[int]) -> torch.Tensor:
    """One element in fp64, 0-d; of a complex tensor the part that the index's last place says."""
    return real(value.tensor)[tuple(index)].double()


def unravel(position: int, shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major index of a flat position."""
    index: list[int] = []
    for size in reversed(shape):
        position, place = divmod(position, size)
        index.append(place)
    return tuple(reversed(index))


def single(value: Value, index: Sequence[int], *, formula: str, note: str = "", kind: Kind = "selected") -> Expansion:
    """The expansion of a number that is another one, moved."""
    taken = number(value, index).reshape(1)
    label = label_of(value, index)
    return Expansion(kind, formula, "identity", taken, None, taken, lambda _: label, note=note)


def flat_place(index: Sequence[int], shape: Sequence[int]) -> int:
    """Row-major position of an index."""
    position = 0
    for place, size in zip(index, shape, strict=True):
        position = position * size + place
    return position


def real(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor as real numbers: of a complex one, real and imaginary parts along one more axis at the end."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def real_shape(value: Value) -> tuple[int, ...]:
    """The shape that an index counts: a complex tensor has a last axis of two."""
    return (*value.shape, 2) if value.dtype.is_complex else value.shape


def _largest(sizes: torch.Tensor, count: int) -> list[int]:
    """The positions of the `count` largest, equal ones in their order."""
    if not count:
        return []
    if len(sizes) > 4096 and not bool(sizes.isnan().any()):  # sorting a million for the first 32 takes its time
        candidates = (sizes >= sizes.topk(count).values[-1]).nonzero().flatten()
        return candidates[sizes[candidates].argsort(descending=True, stable=True)[:count]].tolist()
    return sizes.argsort(descending=True, stable=True)[:count].tolist()
