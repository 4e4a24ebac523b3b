"""Ctrl-C once: the step is finished, the state saved, and the program ends. Twice: it ends at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Request:
    """Whether the run was asked to stop, and by which signal (0 for none)."""

    signal: int = 0

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.signal != 0

    @property
    def exit_code(self) -> int:
        """As a shell has it: 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + self.signal


@contextmanager
def asked_to_stop() -> Iterator[Request]:
    """Turn the first SIGINT or SIGTERM into a request; a second SIGINT is KeyboardInterrupt. Main thread only."""
    request = Request()

    def note(number: int, _: FrameType | None) -> None:
        if request.signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        request.signal = number

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
