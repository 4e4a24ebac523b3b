"""Pages that watch a run, as the server sees them: each asks for the course once a second and reads the answer; some
ask and never read. A process of its own, which comes and goes as its standard input says ("come", "go").

python -m benchmarks.viewers ADDRESS ORIGIN COOKIE RUN READERS SLEEPERS
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from glasswork.server.run import LocalServer

EVERY = 1.0  # seconds, as pages ask
POINTS = 480


class Viewers:
    """Pages of one run.

    Args:
        readers: how many read what they are answered.
        sleepers: how many ask and never read.
        every: seconds between two questions of one page.

    Attributes:
        answers: how many courses were read.
        open: how many connections stand.
    """

    def __init__(
        self, address: str, headers: dict[str, str], run: str, readers: int, sleepers: int, every: float = EVERY
    ) -> None:
        self.address, self.headers, self.run, self.every = address, headers, run, every
        self.readers, self.sleepers = readers, sleepers
        self.answers = self.open = 0

    async def stay(self) -> None:
        """All of them, until this is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(self.readers):
                tasks.create_task(self.watch(number / self.readers, reads=True))
            for _ in range(self.sleepers):
                tasks.create_task(self.watch(0, reads=False))

    async def watch(self, after: float, reads: bool) -> None:
        """One page; it comes back when it is dropped."""
        await asyncio.sleep(after * self.every)
        while True:
            with suppress(ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
                queue = 16 if reads else 1  # frames that the client takes in before anybody asks for them
                async with connect(
                    self.address, additional_headers=self.headers, max_size=None, max_queue=queue, proxy=None,
                    ping_interval=None,
                ) as socket:  # fmt: skip
                    self.open += 1
                    try:
                        await (self.read(socket) if reads else self.sleep(socket))
                    finally:
                        self.open -= 1
            await asyncio.sleep(self.every)

    async def read(self, socket: Any) -> None:
        """Ask for what is new, as a page does."""
        known, number = "", 0
        while True:
            begun = time.monotonic()
            number += 1
            await socket.send(self.question(number, known))
            while True:
                message = await socket.recv()
                if isinstance(message, bytes):
                    length = int.from_bytes(message[:4], "little")
                    known = json.loads(message[4 : 4 + length]).get("stamp", known)
                    self.answers += 1
                elif json.loads(message)["type"] in ("done", "failure"):
                    break
            await asyncio.sleep(max(0.0, self.every - (time.monotonic() - begun)))

    async def sleep(self, socket: Any) -> None:
        """Ask for everything again and again, in views of their own, and read nothing."""
        number = 0
        while True:
            number += 1
            await socket.send(self.question(number, "", view=f"view {number}"))
            await asyncio.sleep(self.every)

    def question(self, number: int, known: str, view: str = "page") -> str:
        """The request of a page."""
        asked = {"type": "open_course", "request": number, "run": self.run, "points": POINTS, "known": known}
        return json.dumps({**asked, "view": view})


async def obey(viewers: Viewers) -> None:
    """Come and go as standard input says, and say how many answers were read."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    there: asyncio.Task[None] | None = None
    while line := (await lines.readline()).decode().strip():
        if line == "come" and there is None:
            there = asyncio.create_task(viewers.stay())
        if line == "go" and there is not None:
            there.cancel()
            await asyncio.wait([there])
            there = None
        print(json.dumps({"answers": viewers.answers, "open": viewers.open}), flush=True)


@contextmanager
def attending(server: LocalServer, run: str, readers: int, sleepers: int) -> Iterator[Callable[[bool], dict[str, int]]]:
    """Viewers of a run at a server: called with true they come, with false they go; says what they have read so far."""
    gate = server.app.gate
    address = f"ws://127.0.0.1:{server.settings.port}/socket"
    words = [address, server.origin, f"{gate.cookie}={gate.session}", run, str(readers), str(sleepers)]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.viewers", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def attend(come: bool) -> dict[str, int]:
            assert process.stdin
            assert process.stdout
            process.stdin.write("come\n" if come else "go\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        try:
            yield attend
        finally:
            process.terminate()


if __name__ == "__main__":
    address, origin, cookie, run, readers, sleepers = sys.argv[1:]
    asyncio.run(obey(Viewers(address, {"Origin": origin, "Cookie": cookie}, run, int(readers), int(sleepers))))
