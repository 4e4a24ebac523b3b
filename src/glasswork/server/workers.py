"""The processes that decode pictures, as the server sees them."""

from __future__ import annotations

import json
import os
import queue
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, Any

from glasswork.server.pictures import PictureError

COMMAND = (sys.executable, "-P", "-m", "glasswork.server.pictures")
SECONDS = 10.0  # for one picture
PROCESSES = 2
# A decoder that is taken over must not find our secrets in its environment.
PASSED_ON = ("PATH", "PYTHONPATH", "PYTHONHOME", "SYSTEMROOT", "VIRTUAL_ENV", "LANG", "LC_ALL", "TMPDIR", "TEMP")


class CrashError(Exception):
    """A worker died, or was stopped because it took too long."""


class Worker:
    """One process, which answers one picture after the other."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        )

    def ask(self, body: bytes, seconds: float) -> tuple[dict[str, Any], bytes]:
        """Have one picture decoded.

        Raises:
            CrashError: no answer came, and the process is gone.
        """
        given, answers = self.process.stdin, self.process.stdout
        assert given
        assert answers
        watch = threading.Timer(seconds, self.process.kill)
        watch.start()
        try:
            given.write(struct.pack(">Q", len(body)) + body)
            given.flush()
            return json.loads(read_part(answers)), read_part(answers)
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise CrashError from error
        finally:
            watch.cancel()

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            try:
                pipe.close()
            except OSError:  # what was still to be written is lost, and meant to be
                continue


class Decoders:
    """A few workers; whoever asks waits for a free one. One that died is replaced."""

    def __init__(self, command: Sequence[str] = COMMAND, seconds: float = SECONDS, count: int = PROCESSES) -> None:
        self.command = command
        self.seconds = seconds
        self.free: queue.SimpleQueue[Worker | None] = queue.SimpleQueue()
        for _ in range(count):
            self.free.put(None)  # started when first needed, or by `warm`
        self.count = count
        self.closed = False

    def warm(self) -> None:
        """Start one worker, so that the first picture needn't wait for it."""
        worker = self.free.get()
        self.free.put(worker or Worker(self.command))

    def decode(self, body: bytes) -> tuple[dict[str, Any], bytes]:
        """The facts of a picture and its PNG.

        Raises:
            PictureError: the picture is refused.
        """
        worker = self.free.get() or Worker(self.command)
        try:
            facts, png = worker.ask(body, self.seconds)
        except CrashError as error:
            worker = None
            raise PictureError(
                422,
                "this picture could not be decoded",
                f"the process that decodes pictures died of it, or needed more than {self.seconds:.0f} s",
                "Open it in a picture editor and save it again.",
            ) from error
        finally:
            self.free.put(worker)
        if refused := facts.get("refused"):
            raise PictureError(refused["status"], refused["what"], refused["why"], refused["todo"])
        return facts, png

    def close(self) -> None:
        """End all workers; to be called when nobody asks any more."""
        for _ in range(self.count):
            worker = self.free.get(timeout=self.seconds)
            if worker:
                worker.close()


def read_part(answers: IO[bytes]) -> bytes:
    """One part of an answer: its length, then its bytes."""
    header = answers.read(8)
    if len(header) < 8:
        raise EOFError
    (length,) = struct.unpack(">Q", header)
    part = answers.read(length)
    if len(part) < length:
        raise EOFError
    return part
