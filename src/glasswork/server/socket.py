"""The one socket of a page: requests come as JSON text, answers go as JSON text or as binary frames with tensors.

Work runs in two threads, so that an explanation needn't wait behind a whole network's run, and two whole runs don't
fight for the processor. A request takes the place of an older one in the same slot of the same page.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from glasswork.errors import GlassworkError
from glasswork.scenes.messages import (
    Answer,
    Cancel,
    Done,
    ExplainNumber,
    Failure,
    ListNetworks,
    ListSamples,
    OpenRace,
    Request,
)
from glasswork.scenes.messages.gan import MeasureLab
from glasswork.scenes.messages.seeing import FetchWeights, ListSeeing
from glasswork.scenes.messages.training import ListRuns, OpenCourse, ResumeRun, StartRun, SteerRun
from glasswork.server.bucket import TokenBucket
from glasswork.server.given import TraceFileStore
from glasswork.server.session import GoneError, Job, Outbox, Respond, Session
from glasswork.server.store import InputStore

TEXT = 64 << 10  # bytes of one message
RATE, BURST = 200, 500  # messages a second, and at once
WAITING = 64  # requests of one page that are not answered yet
DENIED, NOT_TEXT, TOO_BIG, TRY_LATER = 1008, 1003, 1009, 1013
LIGHT = (
    ListNetworks, ListSamples, OpenRace, ExplainNumber, ListRuns, OpenCourse, SteerRun, StartRun, ResumeRun, MeasureLab,
    ListSeeing, FetchWeights,
)  # fmt: skip

log = logging.getLogger("glasswork.server")
decoder = msgspec.json.Decoder(Request)


class RefusedError(Exception):
    """The connection ends, with this close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Desk:
    """Where requests of all pages are worked on: one thread for heavy ones, one for light ones."""

    def __init__(self, respond: Respond, inputs: InputStore, files: TraceFileStore) -> None:
        self.respond = respond
        self.inputs = inputs
        self.files = files
        self.heavy = ThreadPoolExecutor(1, "glasswork-heavy")
        self.light = ThreadPoolExecutor(1, "glasswork-light")

    async def work(self, job: Job, page: Page) -> None:
        """Work on a job in its thread, until its last answer waits to be sent."""
        loop = asyncio.get_running_loop()
        if not isinstance(job.request, LIGHT):
            await loop.run_in_executor(self.heavy, self.answer, job, page, self.putting(job, page, loop))
            return
        # The light thread answers all pages: it must not wait for one that doesn't read.
        answers: list[str | bytes] = []
        await loop.run_in_executor(self.light, self.answer, job, page, answers.append)
        try:
            for one in answers:
                await page.outbox.put(job, one)
        except GoneError:
            pass
        except TimeoutError:
            page.give_up()

    def putting(self, job: Job, page: Page, loop: asyncio.AbstractEventLoop) -> Callable[[str | bytes], None]:
        """Sends an answer from another thread, which waits while the page's queue is full."""

        def put(sent: str | bytes) -> None:
            putting = page.outbox.put(job, sent)
            try:
                asyncio.run_coroutine_threadsafe(putting, loop).result()
            except RuntimeError:  # the server has ended meanwhile
                putting.close()
                raise GoneError from None

        return put

    def answer(self, job: Job, page: Page, send: Callable[[str | bytes], None]) -> None:
        """Send what `respond` yields, then `Done`; or the failure."""

        def put(item: Answer | str | bytes) -> None:
            if page.outbox.over(job):
                raise GoneError
            send(item if isinstance(item, str | bytes) else msgspec.json.encode(item).decode())

        number = job.request.request
        try:
            if not page.outbox.over(job):
                session = Session(page.id, self.inputs, self.files, job.cancelled)
                answers = self.respond(job.request, session)
                try:
                    for item in answers:
                        put(item)
                finally:
                    if isinstance(answers, Generator):
                        answers.close()  # now, in this thread, not whenever it is collected
                put(Done(number))
        except GoneError:
            return
        except TimeoutError:
            page.loop.call_soon_threadsafe(page.give_up)
        except GlassworkError as error:
            report(put, Failure(request=number, what=error.what, where=error.where, why=error.why, todo=error.todo))
        except Exception as error:
            if job.cancelled.is_set():
                return
            log.exception("report %s: %s failed", job.report, type(job.request).__name__)
            told = Failure(
                request=number,
                what="something inside Glasswork failed",
                where=type(job.request).__name__,
                why=f"{type(error).__name__} (report {job.report})",
                todo=f"The terminal that runs glasswork shows where, under report {job.report}.",
            )
            report(put, told)

    def close(self) -> None:
        """Take no more work; what has not begun never will."""
        for thread in (self.heavy, self.light):
            thread.shutdown(wait=False, cancel_futures=True)


class Page:
    """One connection: what it is being answered, and the queue to it."""

    def __init__(self, socket: WebSocket, desk: Desk) -> None:
        self.id = secrets.token_hex(8)
        self.socket = socket
        self.desk = desk
        self.outbox = Outbox()
        self.jobs: dict[int, Job] = {}
        self.bucket = TokenBucket(RATE, BURST)
        self.stuck = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Talk until the page leaves, or is refused."""
        await self.socket.accept()
        refused = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.send())
                tasks.create_task(self.watch())
                await self.listen(tasks)
        except* RefusedError as group:
            refused = first(group)
        except* WebSocketDisconnect:
            pass
        finally:
            for job in self.jobs.values():
                job.cancelled.set()
            await self.outbox.close()
        if refused:
            # It may have left meanwhile, or not be reading: then the connection is cut when this returns.
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                async with asyncio.timeout(1):
                    await self.socket.close(refused.code, refused.reason)

    async def listen(self, tasks: asyncio.TaskGroup) -> None:
        """Begin work on each request that comes."""
        async for request in self.requests():
            if isinstance(request, Cancel):
                if job := self.jobs.get(request.cancels):
                    await self.outbox.drop(job)
                continue
            for older in [job for job in self.jobs.values() if replaces(request, job.request)]:
                await self.outbox.drop(older)
            if sum(not job.cancelled.is_set() for job in self.jobs.values()) >= WAITING:
                raise RefusedError(TRY_LATER, f"more than {WAITING} requests at once")
            job = self.jobs[request.request] = Job(request)
            # Not in the task group: work that is being done can't be cancelled, only told.
            job.task = asyncio.create_task(self.desk.work(job, self))
            job.task.add_done_callback(lambda _, job=job: self.forget(job))

    async def requests(self) -> AsyncIterator[Request]:
        """What the page sends, checked."""
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            if not self.bucket.take():
                raise RefusedError(DENIED, f"more than {RATE} messages a second")
            text = message.get("text")
            if text is None:
                raise RefusedError(NOT_TEXT, "requests are JSON text")
            if len(text.encode()) > TEXT:
                raise RefusedError(TOO_BIG, f"a request has at most {TEXT >> 10} KB")
            try:
                yield decoder.decode(text)
            except (msgspec.MsgspecError, RecursionError, ValueError) as error:
                raise RefusedError(DENIED, f"no request: {error}".encode("ascii", "replace")[:120].decode()) from error

    async def send(self) -> None:
        """Send what waits; a page that takes nothing for too long is dropped."""
        while True:
            item = await self.outbox.take()
            message = {"type": "websocket.send", "text" if isinstance(item, str) else "bytes": item}
            try:
                async with asyncio.timeout(self.outbox.patience):
                    await self.socket.send(message)
            except TimeoutError as error:
                raise RefusedError(TRY_LATER, "answers are not read") from error

    async def watch(self) -> None:
        """Drop the page when work gave up waiting for it."""
        await self.stuck.wait()
        raise RefusedError(TRY_LATER, "answers are not read")

    def give_up(self) -> None:
        """Say, from the work's side, that the page doesn't read."""
        self.stuck.set()

    def forget(self, job: Job) -> None:
        """A job has ended."""
        if self.jobs.get(job.request.request) is job:
            del self.jobs[job.request.request]


def replaces(newer: Request, older: Request) -> bool:
    """Whether a request takes the place of an older one: in the same slot, or under the same number."""
    return newer.slot == older.slot or newer.request == older.request


def report(put: Callable[[Answer], None], told: Failure) -> None:
    """Send a failure, if anybody still waits for it."""
    with contextlib.suppress(GoneError, TimeoutError):
        put(told)


def first(group: BaseExceptionGroup[RefusedError]) -> RefusedError:
    """The first of several refusals."""
    found = group.exceptions[0]
    return first(found) if isinstance(found, BaseExceptionGroup) else found
