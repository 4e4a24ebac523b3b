"""How often something may happen."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Holds at most `burst` permissions and gains `rate` of them a second."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.burst = burst
        self.clock = clock
        self.level = float(burst)
        self.filled = clock()

    def take(self) -> bool:
        """Use one permission; False when there is none."""
        allowed = self.has()
        if allowed:
            self.level -= 1
        return allowed

    def has(self) -> bool:
        """Whether there is a permission left."""
        now = self.clock()
        self.level = min(self.burst, self.level + (now - self.filled) * self.rate)
        self.filled = now
        return self.level >= 1
