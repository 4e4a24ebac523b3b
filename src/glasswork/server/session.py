"""What the socket and the work behind it share, and the queue between them."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from glasswork.scenes.messages import Answer, Request
from glasswork.server.given import TraceFileStore
from glasswork.server.store import InputStore

QUEUED = 16 << 20  # bytes that may wait for one page
PATIENCE = 10.0  # seconds that a page may let them wait


@dataclass(frozen=True)
class Session:
    """What work for one request may know of the page that asked."""

    id: str
    """One page's connection."""
    inputs: InputStore
    """The pictures that people gave: `inputs.read(id)` is a PNG."""
    files: TraceFileStore
    """The trace files that they gave."""
    cancelled: threading.Event
    """Set when nobody waits for this request any more: work should stop soon."""


Respond = Callable[[Request, Session], Iterator[Answer | str | bytes]]


class GoneError(Exception):
    """Nobody takes the answers any more."""


@dataclass(eq=False)
class Job:
    """A request that is worked on."""

    request: Request
    cancelled: threading.Event = field(default_factory=threading.Event)
    report: str = field(default_factory=lambda: secrets.token_hex(4))
    task: asyncio.Task[None] | None = None


class Outbox:
    """What is to be sent to one page, bounded. Answers of a cancelled job are not sent; work waits while it is full.

    Lives on the event loop; threads reach it through `asyncio.run_coroutine_threadsafe`.
    """

    def __init__(self, most: int = QUEUED, patience: float = PATIENCE) -> None:
        self.most = most
        self.patience = patience
        self.items: deque[tuple[Job, str | bytes]] = deque()
        self.bytes = 0
        self.closed = False
        self.changed = asyncio.Condition()

    async def put(self, job: Job, item: str | bytes) -> None:
        """Add an answer of a job, when there is room.

        Raises:
            GoneError: the job was cancelled, or the page is gone.
            TimeoutError: there was no room for too long; the page doesn't read.
        """
        async with self.changed:
            async with asyncio.timeout(self.patience):
                await self.changed.wait_for(lambda: not self.items or self.bytes < self.most or self.over(job))
            if self.over(job):
                raise GoneError
            self.items.append((job, item))
            self.bytes += len(item)
            self.changed.notify_all()

    async def take(self) -> str | bytes:
        """The next answer.

        Raises:
            GoneError: there will be none.
        """
        async with self.changed:
            await self.changed.wait_for(lambda: self.items or self.closed)
            if self.closed:
                raise GoneError
            _, item = self.items.popleft()
            self.bytes -= len(item)
            self.changed.notify_all()
            return item

    async def drop(self, job: Job) -> None:
        """Cancel a job, and forget its answers that were not sent yet."""
        job.cancelled.set()
        async with self.changed:
            kept = deque((owner, item) for owner, item in self.items if owner is not job)
            self.items, self.bytes = kept, sum(len(item) for _, item in kept)
            self.changed.notify_all()

    async def close(self) -> None:
        """Wake all who wait; nothing is sent any more."""
        async with self.changed:
            self.closed = True
            self.changed.notify_all()

    def over(self, job: Job) -> bool:
        """Whether nobody wants the answers of a job."""
        return self.closed or job.cancelled.is_set()
