"""What can go wrong while explaining."""

from __future__ import annotations

from glasswork.errors import GlassworkError


class NoRule(GlassworkError):  # noqa: N818
    """No rule says how this op makes its numbers, or not for these arguments. `op` is the op's name."""

    def __init__(self, op: str, *, where: str = "", why: str = "", todo: str = "") -> None:
        super().__init__(f"There is no rule yet that explains {op}", where=where, why=why, todo=todo)
        self.op = op


class NoGradient(GlassworkError):  # noqa: N818
    """A gradient is asked for that the trace does not hold."""


class BadIndex(GlassworkError, IndexError):  # noqa: N818
    """The index does not point into the tensor."""


class NoOrigin(GlassworkError):  # noqa: N818
    """A number whose way back to the inputs can't be followed."""
