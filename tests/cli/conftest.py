"""The command line called as a function, and a network in a file of the reader's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import contract
import pytest
import torch
from PIL import Image

from glasswork.cli import main

NETWORKS = """
import torch
from torch import nn

print("a line of the reader's own")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(4 * 16 * 16, 5)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        x = nn.functional.max_pool2d(x, 2)
        return self.head(x.flatten(1))


def perceptron():
    return nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 2))


def recurrent():
    return nn.LSTM(5, 7, batch_first=True)


def tokens():
    return nn.Sequential(nn.Embedding(10, 3), nn.Linear(3, 4))


class Two(nn.Module):
    def forward(self, a, b):
        return a * b


class Told(Two):
    example_input_array = (torch.full((2,), 3.0), torch.full((2,), 4.0))


def nan():
    net = nn.Linear(2, 2)
    nn.init.constant_(net.bias, float("nan"))
    return net


def boom():
    raise RuntimeError("no \\x1b[31msuch\\x1b[0m luck")
"""


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Tiny networks: threads would only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its last line, strictly JSON."""
        return json.loads(self.out.splitlines()[-1], parse_constant=pytest.fail)


Call = Callable[..., Said]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command in this process."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def ask(call: Call) -> Callable[..., Any]:
    """What a command prints with --json, which has the contract's shape."""

    def run(*arguments: object) -> Any:
        said = call(*arguments, "--json")
        assert said.code == 0, said.err
        assert len(said.out.splitlines()) == 1
        assert said.out.isascii()
        result = said.json
        if arguments[0] in contract.SHAPES:
            contract.check(str(arguments[0]), result)
        return result

    return run


@pytest.fixture(scope="session")
def mine(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of networks; `:NAME` after it is a TARGET."""
    path = tmp_path_factory.mktemp("reader") / "mine.py"
    path.write_text(NETWORKS)
    return str(path)


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """A picture file of an odd size, with colours that differ from place to place."""
    pixels = Image.new("RGB", (90, 61))
    pixels.putdata([(x * 2 % 256, y * 4 % 256, (x + y) % 256) for y in range(61) for x in range(90)])
    path = tmp_path / "a photograph.png"
    pixels.save(path)
    return path
