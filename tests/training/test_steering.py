"""A run that is steered is still a run that can be resumed and replayed, step by step."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from glasswork import recipes
from glasswork.errors import GlassworkError
from glasswork.training import Stepped, Stopped, TrainEvent, checkpoints
from glasswork.training.replaying import moment, saved_steps
from glasswork.training.steering import Helm, Order, order, ordered

SETTINGS = {"sizes.width": 2, "batch": 8, "validation": 40, "record_every": 1, "keep": 0, "warmup": 0.2}


def begin(folder: Path, *, resume: bool = False, steps: int = 30) -> Iterator[TrainEvent]:
    given = {} if resume else SETTINGS
    return recipes.run("tiny-vgg-digits", out=folder, steps=steps, save_every=10, resume=resume, settings=given)


def losses(folder: Path) -> dict[int, tuple[float, float]]:
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {one["step"]: (one["loss"], one["learning_rate"]) for one in records if "loss" in one}


def to_the_end(events: Iterator[TrainEvent], folder: Path, at: int, rate: float) -> None:
    for event in events:
        if isinstance(event, Stepped) and event.step == at:
            order(folder, "rate", rate)


def test_a_rate_that_was_changed_survives_a_crash_and_a_replay(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    to_the_end(begin(whole), whole, at=13, rate=0.02)
    events = begin(broken)
    for event in events:
        if isinstance(event, Stepped) and event.step == 13:
            order(broken, "rate", 0.02)
        if isinstance(event, Stepped) and event.step == 17:
            break
    events.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert saved_steps(broken) == [10]
    list(begin(broken, resume=True))
    assert losses(broken) == losses(whole)
    rates = {step: rate for step, (_, rate) in losses(whole).items()}
    assert rates[14] == pytest.approx(0.02)
    assert rates[13] != pytest.approx(0.02)
    assert rates[15] / rates[14] == pytest.approx(plain_rate(14) / plain_rate(13))
    config = recipes.config("tiny-vgg-digits").changed({**SETTINGS, "steps": 30, "save_every": 10})
    kept, _ = checkpoints.read(whole / "checkpoints" / "step-00000020")
    shutil.rmtree(whole / "checkpoints" / "step-00000020")
    again = moment(whole, config, 20)
    assert again.checkpoint == whole / "checkpoints" / "step-00000010"
    for name, value in again.state.network.state_dict().items():
        assert torch.equal(value, kept[f"network.{name}"])


def plain_rate(step: int) -> float:
    from glasswork.training.optimising import course

    return course(recipes.config("tiny-vgg-digits").changed({**SETTINGS, "steps": 30}))(step)


def test_a_paused_run_waits_steps_and_goes_on(tmp_path: Path) -> None:
    seen: list[int] = []

    def steer() -> None:
        wait_for(lambda: 5 in seen)
        time.sleep(0.2)
        assert seen[-1] == 5
        order(tmp_path, "step")
        wait_for(lambda: 6 in seen)
        time.sleep(0.2)
        assert seen[-1] == 6
        order(tmp_path, "go")

    failed: list[BaseException] = []
    thread = threading.Thread(target=lambda: _caught(steer, failed))
    thread.start()
    for event in begin(tmp_path):
        if isinstance(event, Stepped):
            seen.append(event.step)
            if event.step == 5:
                order(tmp_path, "pause")
    thread.join()
    assert not failed, failed
    assert seen == list(range(1, 31))
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [one["event"] for one in records if "event" in one] == ["paused", "went on", "finished"]
    seconds = {one["step"]: one["seconds"] for one in records if "loss" in one}
    assert seconds[7] - seconds[5] < 0.3  # the waiting is not counted


def wait_for(true: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    assert callable(true)
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def _caught(work: object, failed: list[BaseException]) -> None:
    assert callable(work)
    try:
        work()
    except BaseException as error:
        failed.append(error)


def test_a_run_that_is_told_to_stop_is_saved_and_can_go_on(tmp_path: Path) -> None:
    last = None
    for event in begin(tmp_path):
        last = event
        if isinstance(event, Stepped) and event.step == 4:
            order(tmp_path, "stop")
    assert isinstance(last, Stopped)
    assert last.step in (5, 6)
    assert saved_steps(tmp_path) == [last.step]


def test_orders_from_before_are_passed_over_and_nonsense_too(tmp_path: Path) -> None:
    order(tmp_path, "stop")
    helm = Helm(tmp_path)
    with (tmp_path / "control.jsonl").open("ab") as file:
        file.write(
            b'\xff\n[]\n{"do": "format"}\n{"do": "rate", "value": "NaN"}\n{"do": "rate", "value": 0.5}\n{"do": "pa'
        )
    assert helm.orders() == [Order("rate", 0.5)]
    with (tmp_path / "control.jsonl").open("ab") as file:
        file.write(b'use"}\n')
    assert helm.orders() == [Order("pause")]


@pytest.mark.parametrize(("do", "value"), [("explode", 0), ("rate", float("nan")), ("rate", -1)])
def test_no_such_order(tmp_path: Path, do: str, value: float) -> None:
    with pytest.raises(GlassworkError):
        order(tmp_path, do, value)
    assert not (tmp_path / "control.jsonl").exists()


def test_a_later_order_undoes_what_was_to_come() -> None:
    assert ordered([(3, 0.5), (9, 0.1)], 5, 2.0) == [(3, 0.5), (5, 2.0)]


def test_a_step_that_was_not_kept_is_refused(tmp_path: Path) -> None:
    list(begin(tmp_path, steps=12))
    config = recipes.config("tiny-vgg-digits").changed({**SETTINGS, "steps": 12})
    with pytest.raises(GlassworkError, match="was not kept"):
        moment(tmp_path, config, 9, most=4)
    with pytest.raises(GlassworkError, match="no step 13"):
        moment(tmp_path, config, 13)
