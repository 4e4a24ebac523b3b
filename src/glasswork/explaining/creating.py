"""Numbers that an author wrote down: constants, ranges, fills. They come from the program itself."""

from __future__ import annotations

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion
from glasswork.explaining.generic import given
from glasswork.explaining.rules import register
from glasswork.tracing import Op, Trace

_CONSTANT = "a constant that the program wrote down"
_RANGES = ("arange", "linspace", "logspace", "range")


@register(
    "zeros", "ones", "full", "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full", "zero",
    "fill", "new_tensor", "scalar_tensor", "from_numpy", "eye", "hann_window", "hamming_window", "tril_indices",
    "triu_indices", "one_hot", *_RANGES,
)  # fmt: skip
def created(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The constant itself."""
    if op.output.dtype.is_complex:
        raise NoRule(f"{op.name} of complex numbers", where=op.path)
    if op.name == "one_hot":
        return given(op, index, formula=r"y_{i,k} = [k = x_i]", note="1 at the class's place, 0 elsewhere")
    formula = (
        rf"y_{{{index[0]}}} = \text{{start}} + {index[0]}\,\text{{step}}" if op.name in ("arange", "linspace") else ""
    )
    return given(op, index, formula=formula, note=_CONSTANT)
