"""A trace's address survives: what is gone from memory is computed again, and what was changed on disk is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from glasswork import zoo
from glasswork.errors import GlassworkError
from glasswork.scenes import traces as traces_file
from glasswork.scenes.records import Records
from glasswork.scenes.traces import Traces

NAME = "tiny-vgg-digits"


@pytest.fixture(scope="module")
def network() -> zoo.Network:
    return zoo.load(NAME)


def picture(seed: int) -> torch.Tensor:
    return torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


def test_a_restart_gives_the_same_numbers_at_the_same_address(tmp_path: Path, network: zoo.Network) -> None:
    id, first = Traces(tmp_path, zoo.load).run(network, (picture(0),), (0, 3))
    again = Traces(tmp_path, zoo.load).get(id)
    assert all(torch.equal(a.output.tensor, b.output.tensor) for a, b in zip(first.ops, again.ops, strict=True))
    assert first["block1.conv1"].grad is not None
    assert torch.equal(first["block1.conv1"].grad, again["block1.conv1"].grad)  # pyright: ignore[reportArgumentType]


def test_the_id_depends_on_the_picture_and_the_score(tmp_path: Path, network: zoo.Network) -> None:
    traces = Traces(tmp_path, zoo.load)
    ids = {traces.run(network, (picture(seed),), (0, score))[0] for seed in (0, 1) for score in (0, 1)}
    assert len(ids) == 4


def test_the_followed_number_is_chosen_in_the_same_run(tmp_path: Path, network: zoo.Network) -> None:
    calls = []

    def lowest(scores: torch.Tensor) -> tuple[int, tuple[int, ...]]:
        return -1, (0, int(scores[0].argmin()))

    hook = network.module.register_forward_hook(lambda *_: calls.append(1))
    traces = Traces(tmp_path, zoo.load)
    try:
        ((id, made, chosen),) = traces.run_choosing(network, (picture(0),), lowest)
    finally:
        hook.remove()
    assert len(calls) == 1
    logits = network.module(picture(0))
    index = (0, int(logits[0].argmin()))
    assert chosen == (-1, index)
    same, again = Traces(None, zoo.load).run(network, (picture(0),), index)
    assert same == id
    assert [op.path for op in made.ops] == [op.path for op in again.ops]
    gradient, expected = made.inputs["input"].grad, again.inputs["input"].grad
    assert gradient is not None
    assert expected is not None
    assert torch.equal(gradient, expected)
    assert torch.equal(gradient, Traces(tmp_path, zoo.load).get(id).inputs["input"].grad)  # pyright: ignore[reportArgumentType]


def test_a_slow_run_comes_first_without_slopes_and_then_whole(
    tmp_path: Path, network: zoo.Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces_file, "SLOW", 0.0)
    traces = Traces(tmp_path, zoo.load)
    made = traces.run_choosing(network, (picture(0),), lambda _: (-1, (0, 2)))
    id, first, _ = next(made)
    assert not first.backward
    assert all(value.grad is None for op in first.ops for value in op.outputs)
    assert traces.get(id) is first, "its numbers can be asked for"
    assert traces.held(network, (picture(0),), (-1, (0, 2))) is None, "but it is not yet what was wanted"
    ((same, whole, _),) = made
    assert same == id
    assert traces.get(id) is whole
    assert traces.held(network, (picture(0),), (-1, (0, 2))) == (id, whole)
    _, plain = Traces(None, zoo.load).run(network, (picture(0),), (0, 2))
    for ours, theirs in zip(whole.ops, plain.ops, strict=True):
        assert ours.path == theirs.path
        assert torch.equal(ours.output.tensor, theirs.output.tensor)
        if theirs.grad is None or ours.grad is None:
            assert ours.grad is theirs.grad
        else:
            assert torch.equal(ours.grad, theirs.grad)
    assert whole["block1.conv1"].grad is not None


def test_who_leaves_after_the_forward_is_not_worked_for(
    tmp_path: Path, network: zoo.Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces_file, "SLOW", 0.0)
    made = Traces(tmp_path, zoo.load).run_choosing(network, (picture(0),), lambda _: (-1, (0, 2)))
    _, first, _ = next(made)
    made.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert first.backward_seconds == 0
    assert first.inputs["input"].grad is None


def test_without_a_number_to_follow_the_run_is_forward_only(tmp_path: Path, network: zoo.Network) -> None:
    ((_, made, chosen),) = Traces(tmp_path, zoo.load).run_choosing(network, (picture(0),), lambda _: None)
    assert chosen is None
    assert not made.backward
    assert made.failure is None


def test_what_was_pushed_out_of_memory_is_computed_again(tmp_path: Path, network: zoo.Network) -> None:
    traces = Traces(tmp_path, zoo.load, most=1)
    id, first = traces.run(network, (picture(0),), (0, 0))
    kept = first.output.clone()
    traces.run(network, (picture(1),), (0, 0))
    again = traces.get(id)
    assert again is not first
    assert torch.equal(again.output, kept)


@pytest.mark.parametrize("part", ["record", "inputs"])
def test_what_was_changed_on_disk_is_not_believed(tmp_path: Path, network: zoo.Network, part: str) -> None:
    id, _ = Traces(tmp_path, zoo.load).run(network, (picture(0),), (0, 0))
    if part == "record":
        record = json.loads((tmp_path / f"{id}.json").read_text())
        (tmp_path / f"{id}.json").write_text(json.dumps({**record, "loss": [0, 7]}))
    else:
        (inputs,) = tmp_path.glob("*.safetensors")
        raw = bytearray(inputs.read_bytes())
        raw[-1] ^= 1
        inputs.write_bytes(raw)
    with pytest.raises(GlassworkError, match="not known"):
        Traces(tmp_path, zoo.load).get(id)


def test_a_folder_that_cannot_be_written_keeps_records_in_memory(tmp_path: Path) -> None:
    records = Records(tmp_path / "missing")
    records.keep("a", b"1")
    assert records.read("a") == b"1"
    assert records.read("b") is None


def test_the_oldest_records_go_first(tmp_path: Path) -> None:
    records = Records(tmp_path, most=5_000)
    for number in range(200):
        records.keep(f"{number:03}", b"x" * 100)
        os.utime(tmp_path / f"{number:03}", ns=(number, number))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert 45 <= len(names) <= 60
    assert names[-1] == "199"
