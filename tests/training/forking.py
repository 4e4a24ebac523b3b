"""Trainers to be killed: a process that has torch loaded, and makes a child for each request on its standard input.

A request is a JSON object: {"cli": [...]} calls the command line, {"call": NAME, ...} a function of this file.
Answered by the child's number, and when it has ended by its exit code, negative for a signal.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

RECIPE = "tiny-vgg-digits"
SMALL = {
    "sizes.width": 2, "batch": 8, "validation": 40, "evaluate_every": 7, "record_every": 1, "average": 0.9,
}  # fmt: skip


def train(folder: str, limit: int = 0, lift_after: int = 0, **given: Any) -> None:
    """A run; with `limit`, no file may become larger than that, until so many saves have failed."""
    from glasswork import recipes
    from glasswork.training import Warned

    failed = 0
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    settings = {**SMALL, **given.pop("settings", {})}
    for event in recipes.run(RECIPE, out=folder, settings=settings, **given):
        failed += isinstance(event, Warned)
        if lift_after and failed == lift_after:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def save_and_die(folder: str, at: int) -> None:
    """Three checkpoints; in the middle of the third, before its `at`-th system call, SIGKILL."""
    from glasswork.training import checkpoints

    checkpoints.save(Path(folder), stepped(1), 2)
    checkpoints.save(Path(folder), stepped(2), 2)
    count = 0

    def die() -> None:
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)

    with watched(lambda name, arguments: die()):
        checkpoints.save(Path(folder), stepped(3), 2)


def stubborn(folder: str) -> None:
    """A step that takes a minute, under the command line's way with signals."""
    from glasswork.training import asked_to_stop

    Path(folder).mkdir()
    try:
        with asked_to_stop():
            (Path(folder) / "busy").touch()
            end = time.monotonic() + 60
            while time.monotonic() < end:
                time.sleep(0.01)
            (Path(folder) / "ended").touch()
    except KeyboardInterrupt:
        os._exit(130)


def write_records(folder: str, begin: int) -> None:
    """Records without end, from a step on, in bursts: a test that is held up must not find a file beyond bounds."""
    from glasswork.training.metrics import Metrics

    metrics = Metrics(Path(folder))
    for step in range(begin, 1 << 30):
        metrics.add(step, 0.0, loss=1 / step)
        if step % 16 == 0:
            time.sleep(0.001)


WATCHED = ((os, "fsync"), (os, "mkdir"), (os, "rename"), (os, "unlink"), (os, "rmdir"), (io, "open"))


@contextmanager
def watched(before: Callable[[str, tuple[Any, ...]], None]) -> Iterator[None]:
    """Call `before` ahead of every system call that changes what is on the disk."""
    real = {(module, name): getattr(module, name) for module, name in WATCHED}

    def watching(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            before(name, arguments)
            return function(*arguments, **more)

        return call

    for (module, name), function in real.items():
        setattr(module, name, watching(name, function))
    try:
        yield
    finally:
        for (module, name), function in real.items():
            setattr(module, name, function)


@cache
def stepped(steps: int) -> Any:
    """A small state after so many steps; made before forking, it is there for every child."""
    from glasswork import recipes, training

    config = recipes.config(RECIPE).changed({**SMALL, "steps": 5, "evaluate_every": 1})
    task = config.task()
    state = training.begin(task)
    for _ in training.train(task, state, stop=lambda: state.step == steps):
        pass
    return state


class Trainers:
    """The parent, from the tests' side."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, **request: Any) -> int:
        """Begin one; its process number."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        number = int(self._process.stdout.readline())
        assert number > 1, "this is an exit code that nobody waited for: to kill it would be to kill ourselves"
        return number

    def kill(self, pid: int) -> int:
        """End it hard, if it has not ended by itself; its exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return self.wait()

    def wait(self) -> int:
        """Until it ends: its exit code, negative for a signal."""
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the parent."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


def main() -> None:
    import torch

    from glasswork import cli, data, recipes  # loaded once for all children

    recipes.names()
    data.load("mnist", "train")
    torch.set_num_threads(1)
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("call") == "save_and_die":
            for steps in (1, 2, 3):
                stepped(steps)
        child = os.fork()
        if not child:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(os.open(request.pop("log"), os.O_CREAT | os.O_WRONLY) if "log" in request else null, 1)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            code = 0
            try:
                if "cli" in request:
                    code = cli.main(request["cli"])
                else:
                    globals()[request.pop("call")](**request)
            except BaseException:
                traceback.print_exc()
                code = 1
            sys.stdout.flush()
            os._exit(code)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def until(happened: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


if __name__ == "__main__":
    main()
