"""C38, C42: two processes do what one does; a killed one is replaced; parts of checkpoints make a whole."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import forking
import pytest
import torch

from glasswork import recipes
from glasswork.errors import GlassworkError
from glasswork.training import Finished, Started, checkpoints, read_metrics
from glasswork.training.processes import Processes

STEPS = 50
SETTINGS = {  # Adam divides by small gradients, and so makes much of rounding in the last place
    "sizes.width": 4, "batch": 16, "validation": 40, "evaluate_every": 25, "record_every": 1, "average": 0.9,
    "optimiser": "SGD", "optimiser_settings.momentum": 0.9, "learning_rate": 0.02, "observe": "false",
}  # fmt: skip


def command(folder: Path, **more: object) -> list[str]:
    settings = [word for key, value in {**SETTINGS, **more}.items() for word in ("--set", f"{key}={value}")]
    options = ["--steps", str(STEPS), "--save-every", "10", "--out", str(folder), "--devices", "2"]
    return [sys.executable, "-m", "glasswork", "train", "tiny-vgg-digits", *options, *settings]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone") / "run"
    torch.set_num_threads(1)
    for _ in recipes.run("tiny-vgg-digits", out=folder, steps=STEPS, save_every=10, settings=SETTINGS):
        pass
    return folder


def assert_near(folder: Path, alone: Path) -> None:
    found, wanted = read_metrics(folder).series, read_metrics(alone).series
    for name in ("loss", "validation_nats"):
        assert [step for step, _ in found[name]] == [step for step, _ in wanted[name]]
        assert max(abs(a - b) for (_, a), (_, b) in zip(found[name], wanted[name], strict=True)) < 1e-5
    assert len(found["loss"]) == STEPS


@pytest.mark.parametrize(("count", "accumulate"), [(1, 1), (2, 1), (2, 4), (4, 2)])
def test_processes_share_out_each_steps_examples_in_their_order(count: int, accumulate: int) -> None:
    parts = [part for rank in range(count) for part in Processes(rank, count).share(16, accumulate)]
    assert [i for part in parts for i in range(16)[part]] == list(range(16))
    assert len({part.stop - part.start for part in parts}) == 1


def test_what_can_not_be_shared_evenly_is_refused() -> None:
    with pytest.raises(GlassworkError, match=r"4 processes x 3 parts make 12.*batch=12"):
        Processes(0, 4).share(16, 3)


@pytest.mark.slow  # in every run, two processes that read a stream stand for these: tests/training/test_streaming.py
def test_two_processes_give_the_curve_of_one(alone: Path, tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path / "run"), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert_near(tmp_path / "run", alone)
    said = [line for line in done.stdout.splitlines() if "weights in" in line]
    assert len(said) == 1  # the first process tells


def process_of(rank: int, mark: str) -> int:
    """The process number of a rank that this launcher started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                variables = (entry / "environ").read_bytes().split(b"\0")
                if f"RANK={rank}".encode() in variables and f"MARK={mark}".encode() in variables:
                    return int(entry.name)
    return 0


@pytest.mark.slow
def test_c42_a_killed_process_is_replaced_and_parts_of_a_checkpoint_are_read_back(alone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    environment = {**os.environ, "MARK": str(os.getpid())}
    with subprocess.Popen(
        command(folder, parallel="fsdp"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    ) as process:
        forking.until(lambda: len(checkpoints.saved(folder)) == 2, 120)
        victim = process_of(1, str(os.getpid()))
        assert victim
        os.kill(victim, signal.SIGKILL)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output.decode()
    course = read_metrics(folder)
    assert [event["event"] for event in course.events] == ["resumed", "finished"]
    assert course.events[0]["step"] in (20, 30, 40)
    assert_near(folder, alone)
    newest = checkpoints.saved(folder)[-1]
    assert sorted(path.name for path in newest.iterdir()) == [
        "manifest.json",
        "state-0-of-2.json",
        "state-0-of-2.safetensors",
        "state-1-of-2.json",
        "state-1-of-2.safetensors",
    ]
    loaded, whole = checkpoints.newest(folder), checkpoints.newest(alone)
    assert loaded is not None
    assert whole is not None
    assert loaded.tensors.keys() == whole.tensors.keys()
    for name, value in whole.tensors.items():
        torch.testing.assert_close(loaded.tensors[name], value, rtol=1e-3, atol=1e-4)
    last = list(recipes.run("tiny-vgg-digits", out=folder, steps=STEPS + 2, resume=True))  # one process goes on with it
    assert isinstance(last[0], Started)
    assert last[0].step == STEPS
    assert isinstance(last[-1], Finished)


@pytest.mark.slow  # torchrun waits half a minute before it ends a stopped process for good
def test_c42_a_process_that_hangs_is_given_up_and_the_run_goes_on_from_its_checkpoint(
    alone: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    environment = {**os.environ, "MARK": f"{os.getpid()}-hung", "GLASSWORK_TIMEOUT": "5"}
    with subprocess.Popen(
        command(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    ) as process:
        forking.until(lambda: len(checkpoints.saved(folder)) == 2, 120)
        victim = process_of(1, f"{os.getpid()}-hung")
        assert victim
        os.kill(victim, signal.SIGSTOP)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output.decode()
    assert "imed out" in output.decode()  # what the other one waited for is said
    course = read_metrics(folder)
    assert [event["event"] for event in course.events] == ["resumed", "finished"]
    assert_near(folder, alone)
