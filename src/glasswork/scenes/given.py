"""Runs that a page's reader gave as files: what scenes may know of them, and who is to blame for what is in them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from glasswork.errors import GlassworkError
from glasswork.tracing import Trace

ADDRESS = "given:"
"""What stands before the id of such a run where a network is named."""


@dataclass(frozen=True)
class TraceFile:
    """A trace that came as a file.

    Attributes:
        id: the first digits of the file's hash.
        name: what the file was called.
        trace: what is in it; its tensors are read when they are asked for.
    """

    id: str
    name: str
    trace: Trace


class TraceFiles(Protocol):
    """The trace files that people gave."""

    def get(self, id: str, /) -> TraceFile:
        """The one of an id.

        Raises:
            GlassworkError: there is none, or no more.
        """
        ...

    def all(self) -> Sequence[TraceFile]:
        """All that are held, the newest first."""
        ...


@contextlib.contextmanager
def from_file(trace: Trace) -> Iterator[None]:
    """Turns what goes wrong with a trace that was read from a file into an error of that file.

    Its form was checked when it was opened; that its numbers and arguments fit together shows when they are used.
    """
    try:
        yield
    except GlassworkError:
        raise
    except Exception as error:
        if trace.recipe is not None:
            raise
        told = str(error).strip().splitlines()
        raise GlassworkError(
            "the trace file says here what can't be",
            where=f"a saved run of {trace.module_type[:80]}",
            why=f"{type(error).__name__}: {told[0][:200]}" if told else type(error).__name__,
            todo="The rest of it may still be right; or save it again where it came from.",
        ) from error
