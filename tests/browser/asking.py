"""The resolver in its own process, and how it is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Question = str | tuple[Any, ...]


@dataclass(frozen=True)
class Answer:
    """A value with the size of what it is made of, or why there is none."""

    value: float = float("nan")
    scale: float = float("nan")
    why: str = ""


class Asking:
    """A fresh process that resolves references among the traces of a folder."""

    def __init__(self, traces: Path, runs: Path | None = None) -> None:
        command = [sys.executable, str(Path(__file__).with_name("resolver.py")), str(traces)]
        command += [str(runs)] if runs else []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.known: dict[Question, Answer] = {}
        self.foreign: list[str] = []

    def __call__(self, questions: Iterable[Question]) -> dict[Question, Answer]:
        """Each question with its answer; what was asked before is not computed twice."""
        wanted = list(dict.fromkeys(questions))
        new = [question for question in wanted if question not in self.known]
        if new:
            assert self.process.stdin
            assert self.process.stdout
            self.process.stdin.write(json.dumps(new) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            assert line, f"the resolver ended with {self.process.wait()}"
            said = json.loads(line)
            self.foreign = said["foreign"]
            self.known |= {question: Answer(**answer) for question, answer in zip(new, said["answers"], strict=True)}
        return {question: self.known[question] for question in wanted}

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()
