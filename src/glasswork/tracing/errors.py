"""What can go wrong while tracing, each with what, where, why and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glasswork.errors import GlassworkError

if TYPE_CHECKING:
    from glasswork.tracing.graph import Trace


class NotTraceable(GlassworkError):  # noqa: N818
    """The thing given is not a module whose Python code runs: scripted, or no module at all."""


class Cancelled(GlassworkError):  # noqa: N818
    """The caller's `cancel` said stop; nothing is left patched."""


class UnknownAddress(GlassworkError, LookupError):  # noqa: N818
    """No op, input, parameter or buffer of the trace has this address."""


class NotKept(GlassworkError):  # noqa: N818
    """The trace has a value's shape and not its numbers: it was saved without them."""


class NoRoom(GlassworkError):  # noqa: N818
    """What the memory budget leaves over does not fit on the disk either."""


class NotRebuilt(UnknownAddress):
    """Nothing is known of what happens inside this op, or what it would take is not in the trace."""


class BadEdit(GlassworkError, ValueError):  # noqa: N818
    """What a rerun should change is not there, or would not fit where it is put."""


class BadFile(GlassworkError):  # noqa: N818
    """A trace file that can't be read or written, or is not what it says; nothing of it was believed."""


class TraceFailed(GlassworkError):  # noqa: N818
    """The traced module raised. `trace` holds everything up to that op; the cause is chained.

    Attributes:
        trace: the partial trace; `trace.failure` names the op, the module, the line and the shapes.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", todo: str = "", trace: Trace) -> None:
        super().__init__(what, where=where, why=why, todo=todo)
        self.trace = trace
