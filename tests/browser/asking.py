"""The resolver in its own process, and how it is asked."""

from __future__ import annotations

import atexit
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Question = str | tuple[Any, ...]


@dataclass(frozen=True)
class Answer:
    """A value with the size of what it is made of, or why there is none."""

    value: float = float("nan")
    scale: float = float("nan")
    why: str = ""


@cache
def resolvers() -> str:
    """Where the resolver listens, which is started at the first call."""
    folder = tempfile.mkdtemp()
    where = f"{folder}/resolver"
    command = [sys.executable, str(Path(__file__).with_name("resolver.py")), where]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n", f"the resolver ended with {process.wait()}"

    def end() -> None:
        process.kill()
        process.communicate()
        shutil.rmtree(folder)

    atexit.register(end)
    return where


class Asking:
    """A fresh process that resolves references among the traces of a folder."""

    def __init__(self, traces: Path, runs: Path | None = None) -> None:
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(resolvers())
        self.stream = self.connection.makefile("rw")
        self.known: dict[Question, Answer] = {}
        self.foreign: list[str] = []
        self._send([str(traces), runs and str(runs)])

    def __call__(self, questions: Iterable[Question]) -> dict[Question, Answer]:
        """Each question with its answer; what was asked before is not computed twice."""
        wanted = list(dict.fromkeys(questions))
        new = [question for question in wanted if question not in self.known]
        if new:
            self._send(new)
            line = self.stream.readline()
            assert line, "the resolver ended"
            said = json.loads(line)
            self.foreign = said["foreign"]
            self.known |= {question: Answer(**answer) for question, answer in zip(new, said["answers"], strict=True)}
        return {question: self.known[question] for question in wanted}

    def close(self) -> None:
        self.stream.close()
        self.connection.close()

    def _send(self, line: object) -> None:
        self.stream.write(json.dumps(line) + "\n")
        self.stream.flush()
