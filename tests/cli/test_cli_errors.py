"""Exit codes, one line for every error, and no name that acts on the terminal (CHECKS C13, C31)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import glasswork.cli
from glasswork import zoo
from glasswork.cli import printing
from glasswork.cli.networks import Networks

Call = Callable[..., Any]
PROGRAM = [sys.executable, "-m", "glasswork"]
HOSTILE = [
    "\x1b[31mred", "\x1b]0;title\x07", "\x1b]8;;http://127.0.0.1:9\x07link", "\x1b[2J\x1b[H",
    "\x1bP1$r\x1b\\", "\x9b31m", "\x9d0;title\x9c", "\r\x1b[Kglasswork: all is well",
    "line\nglasswork: all is well", "\b\b\b", "\x7f", "\x0b\x0c", "\x85", "\u2028next", "\u2029next",
    "\u202egnp.exe", "\u2066hidden\u2069", "\u200bzero", "\ufeff", "\x00", "\ud800", "\udcff",
    "[red]markup[/red]", "[bold", "[/]", "[link=http://127.0.0.1:9]x[/link]", ":smile:", "{0}", "{name}",
    "%s%n", "%(x)s", "$(id)", "`id`", "; id", "| id", "&& id", "<b>x</b>", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "'\"", "\\", "\\x1b[31m", "a" * 5000, " ", "\t", "--", "-", "--help\x1b",
    "../../etc/passwd", "C:\\x", "//host/share", "http://127.0.0.1:9/", "file:///etc/passwd", "NUL",
    "\U0001f600", "é", "e\u0301", "\u0600", "\U000e0041", "日本語",
]  # fmt: skip


def is_plain(text: str) -> bool:
    """Whether a terminal only shows it: no control characters, marks of direction or surrogates."""
    return all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


def glasswork_run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
    )


def test_help_and_version_are_given_as_asked() -> None:
    said = glasswork_run("--version")
    assert (said.returncode, said.stdout, said.stderr) == (0, f"glasswork {glasswork.__version__}\n", "")
    said = glasswork_run("--help", PYTHONIOENCODING="ascii")
    assert (said.returncode, said.stderr) == (0, "")
    for command in glasswork.cli.COMMANDS:
        assert f" {command} " in said.stdout


def test_help_loads_nothing_heavy() -> None:
    code = """if True:
        import sys
        from glasswork.cli import main
        assert main(["--help"]) == main(["trace", "--help"]) == 0
        loaded = {"torch", "numpy", "PIL", "starlette", "uvicorn", "msgspec", "rich"} & set(sys.modules)
        assert not loaded, loaded
    """
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("command", glasswork.cli.COMMANDS)
def test_each_command_has_help(call: Call, command: str) -> None:
    said = call(command, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"usage: glasswork {command} ")
    assert glasswork.cli.COMMANDS[command] in " ".join(said.out.split())
    assert "--debug" in said.out
    assert ("--json" in said.out) == (command != "open")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("open --prot 3", "--prot"),
        ("--prot 3", "perhaps --port?"),
        ("open --port many", "many"),
        ("open --port 65536", "65536"),
        ("trace", "TARGET"),
        ("trace a b", "b"),
        ("trace a --detail most", "most"),
        ("trace a --check -1", "-1"),
        ("explain a", "--at"),
        ("explain a --at conv", "OP[i,j,...]"),
        ("explain a --at conv[1.5]", "OP[i,j,...]"),
        ("explain a --at conv[1,]", "OP[i,j,...]"),
        ("explain a --at conv[0] --terms -2", "-2"),
        ("train", "RECIPE"),
        ("train a --steps 0", "--steps"),
        ("train a --steps x", "x"),
        ("train a --seconds nan", "--seconds"),
        ("train a --seed -1", "--seed"),
        ("train a --set steps", "key=value"),
        ("eval", "TARGET"),
        ("export", "TARGET"),
        ("export a", "as what"),
        ("export a --onnx a.png", "another ending"),
        ("imagine", "PROMPT"),
        ("imagine x --steps many", "many"),
        ("imagine x --strength 0.5", "--from"),
        ("networks all", "all"),
        ("data frobnicate", "frobnicate"),
        ("data fetch", "emoji"),
        ("data list emoji", "emoji"),
    ],
)
def test_bad_usage_is_one_line_and_code_2(call: Call, line: str, names: str) -> None:
    said = call(*line.split())
    assert said.code == 2
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("glasswork: ")
    assert names in said.err
    assert "glasswork" in said.err.removeprefix("glasswork: ")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("trace no-such-network", "no-such-network"),
        ("open no-such-network", "no-such-network"),
        ("netwroks", "netwroks"),
        ("eval no-such-network", "no-such-network"),
        ("eval {mine}:Net", "--data"),
        ("train tiny-vgg-digit", "tiny-vgg-digits"),
        ("train tiny-vgg-digits --data no-such-data", "no-such-data"),
        ("train tiny-vgg-digits --set learning_rat=3", "learning_rat"),
        ("train tiny-vgg-digits --set batch=many", "many"),
        ("data fetch no-such-data", "mnist"),
        ("trace {mine}:nothing", "perceptron"),
        ("trace {mine}:boom", "such"),
        ("trace {mine}:Two", "example_input_array"),
        ("trace {mine}:perceptron --input sample:mnist-0", "preprocessing"),
        ("trace {mine}:Net --input {mine}", "{mine}"),
        ("trace {mine}:Net --input /no/such/file.png", "/no/such/file.png"),
        ("trace {mine}:Net --input sample:none", "none"),
        ("trace {mine}:Net --backward --score 5", "[1, 5]"),
        ("trace {mine}:tokens --backward --score 0", "[1, 16, 4]"),
        ("trace {mine}:Net --check 0 -o {mine}/below.json", "{mine}"),
        ("explain {mine}:Net --at conf[0,0,0,0]", "conv"),
        ("explain {mine}:Net --at 99[0]", "99"),
        ("explain {mine}:Net --at conv[0,0,0]", "[1, 4, 32, 32]"),
        ("explain {mine}:Net --at conv[0,4,0,0]", "[1, 4, 32, 32]"),
    ],
)
def test_a_failure_is_one_line_and_code_1(call: Call, mine: str, line: str, names: str) -> None:
    said = call(*(part.format(mine=mine) for part in line.split()))
    assert said.code == 1
    assert said.out == ""
    errors = [one for one in said.err.splitlines() if one != "a line of the reader's own"]
    assert len(errors) == 1
    assert errors[0].startswith("glasswork: ")
    assert names.format(mine=mine) in errors[0]
    assert is_plain(said.err)


def test_the_traceback_is_shown_when_asked_for(call: Call, mine: str) -> None:
    for arguments in (["trace", f"{mine}:boom", "--debug"], ["--debug", "trace", f"{mine}:boom"]):
        said = call(*arguments)
        assert said.code == 1
        assert "Traceback" in said.err
        assert "RuntimeError" in said.err


@pytest.mark.parametrize("text", HOSTILE)
def test_c31_no_name_acts_on_the_terminal(call: Call, text: str) -> None:
    for arguments in (
        ["train", text],
        ["train", "tiny-vgg-digits", "--set", f"{text}=1"],
        ["explain", "a", f"--at={text}"],
        ["trace", "tiny-vgg-fashion", f"--input={text}"],
        ["data", text],
        ["networks", text],
        [f"--{text}"],
    ):
        said = call(*arguments)
        assert said.code in (0, 1, 2)
        assert is_plain(said.out)
        assert is_plain(said.err)
        if said.code:
            assert len(said.err.splitlines()) == 1


def test_c31_labels_are_shown_as_text(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels, a layer's name, a file's name, on a pipe and on a terminal."""

    def hostile() -> zoo.Network:
        module = nn.Sequential()
        module.add_module("\x1b[31m[red]", nn.Flatten())
        head = nn.Linear(12, len(HOSTILE))
        nn.init.zeros_(head.weight)
        head.bias.data = -torch.arange(float(len(HOSTILE)))
        module.add_module("head", head)
        return zoo.Network(
            target="\x1b", name="\x1b[1m", title="\x07", module=module, preprocess=zoo.Preprocessing(2, 3),
            labels=tuple(HOSTILE), card=None, samples=(), after=zoo.softmax, weights="random",
        )  # fmt: skip

    monkeypatch.setattr(zoo, "load", lambda target: hostile())
    piped = call("trace", "\x1b]0;t\x07")
    assert piped.code == 0
    assert is_plain(piped.out)
    assert r"\x1b[31mred" in piped.out
    assert is_plain(call("trace", "x", "--json").out)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    framed = call("trace", "x")
    assert framed.code == 0
    assert r"\x1b[31m[red]" in framed.out
    assert is_plain(re.sub(r"\x1b\[[\d;]*m", "", framed.out)), "nothing but the table's own style"


def test_what_nobody_foresaw_is_one_line_too(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object) -> None:
        raise RuntimeError("inside \x1b[31m")

    monkeypatch.setattr(Networks, "result", fail)
    said = call("networks")
    assert said.code == 1
    assert said.err.count("\n") == 1
    assert r"RuntimeError: inside \x1b[31m" in said.err
    assert "--debug" in said.err


def test_a_table_of_what_differs_may_have_lines_of_its_own() -> None:
    error = glasswork.GlassworkError(
        "no fit", where="a\nb", why="2 differ:\n  key wanted\nglasswork: fine\x1b\n", todo="Go."
    )
    assert printing.error_text(error) == "no fit (a\\nb): 2 differ:\n    key wanted\n  glasswork: fine\\x1b. Go"


def hear_interrupts() -> None:
    """What runs in the background of a shell is born deaf to Ctrl-C, and would hand that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_an_interrupt_says_how_to_go_on(tmp_path: Path) -> None:
    line = [*PROGRAM, "train", "tiny-vgg-digits", "--steps", "100000", "--out", str(tmp_path / "run")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(line, **pipes, preexec_fn=hear_interrupts) as process:
        assert process.stderr
        assert process.stdout
        try:
            while "step 1: loss" not in (said := process.stderr.readline()):
                assert said, "it ended by itself"
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
            said = process.stdout.read()
            assert "Stopped at step" in said
            assert "--resume --out" in said
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()


def test_a_reader_who_leaves_is_no_reason_to_complain() -> None:
    with subprocess.Popen([*PROGRAM, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 1
