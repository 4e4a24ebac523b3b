"""The record of the race: it holds what is counted, its verdicts follow from it, and it is written alike again."""

from pathlib import Path

import msgspec
import pytest
import torch

from glasswork import networks
from glasswork.errors import GlassworkError
from glasswork.measuring import layers, race
from glasswork.measuring.record import Claimed, Record, encode_record, read_record
from glasswork.measuring.verdicts import verdicts


def test_what_is_recorded_is_what_is_counted_now() -> None:
    record = read_record()
    assert record.claimed == msgspec.convert(race.claimed(), list[Claimed])
    assert [one.weights for one in record.published] == [row["weights"] for row in race.published()]
    for cost in record.costs:
        found = layers.layers(cost.name)
        assert cost.macs == sum(layer.macs for layer in found)
        assert cost.linear_parameters == sum(layer.parameters for layer in found if layer.kind == "linear")
        assert [layer.path for layer in cost.layers] in ([], [layer.path for layer in found])
    assert encode_record(msgspec.json.decode(encode_record(record), type=Record)) == encode_record(record)


def test_layers_by_hand() -> None:
    first, *_, last = layers.layers("alexnet")
    assert (first.side, first.channels, first.kernel, first.macs) == (55, 64, 11, 55 * 55 * 64 * 3 * 11 * 11)
    assert (last.kind, last.channels, last.macs, last.parameters) == ("linear", 1000, 4096_000, 4097_000)


def test_what_learning_keeps_is_what_autograd_holds_in_a_real_run() -> None:
    module = networks.build("alexnet").train()
    weights = {one.untyped_storage().data_ptr() for one in module.parameters()}
    held: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        held[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module(*networks.example(module))
    total = sum(tensor.untyped_storage().nbytes() for at, tensor in held.items() if at not in weights)
    assert layers.kept_bytes("alexnet") == total


def test_a_verdict_turns_with_its_figures() -> None:
    record = read_record()
    before = {one.key: one for one in verdicts(record)}
    size = next(part for part in before["equal_size"].parts if part.key == "parameters")
    assert size.holds is True
    points = next(part for part in before["equal_size"].parts if part.key == "points")
    assert points.published == pytest.approx(94.046 - 79.066)
    assert points.holds is False  # 15 is not about 10
    assert before["equal_size"].judgement == "holds in part"
    cards = [msgspec.structs.replace(one, top5=89.0) if one.name == "resnet152" else one for one in record.published]
    after = {one.key: one for one in verdicts(msgspec.structs.replace(record, published=cards))}
    assert next(part for part in after["equal_size"].parts if part.key == "points").holds is True
    assert next(part for part in after["larger_worse"].parts if part.key == "points").holds is False
    assert "top 5" in after["larger_worse"].reason


def test_without_costs_a_part_that_needs_them_is_left_open() -> None:
    bare = msgspec.structs.replace(read_record(), costs=[])
    found = {one.key: one for one in verdicts(bare)}
    step = next(part for part in found["larger_worse"].parts if part.key == "step")
    assert (step.measured, step.holds) == (None, None)
    assert found["larger_worse"].judgement == "holds in part"
    assert found["larger_worse"].reason.endswith("not measured")


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "race.json").write_text('{"costs": 3}')
    with pytest.raises(GlassworkError, match="record of the race"):
        read_record(tmp_path / "race.json")


def test_runs_of_other_seeds_stay_and_seconds_are_counted_in_steps() -> None:
    racer = next(one for one in read_record().racers if one.finished)
    run = racer.runs[0]
    again = msgspec.structs.replace(run, accuracy=0.5)
    begun = msgspec.structs.replace(run, seed=7, accuracy=None)
    finished = msgspec.structs.replace(run, seed=7, accuracy=0.25)
    new = msgspec.structs.replace(racer, runs=[again, begun])
    old = msgspec.structs.replace(racer, runs=[run, finished])
    assert [(one.seed, one.accuracy) for one in new.joined(old).runs] == [(run.seed, 0.5), (7, 0.25)]
    paced = racer.paced(50.0)
    assert paced.step_milliseconds == 50.0
    assert paced.runs[0].seconds == pytest.approx(run.steps * 0.05, abs=0.1)
    assert paced.runs[0].at_seconds == pytest.approx([step * 0.05 for step in run.at_steps], abs=0.1)
    assert racer.paced(None) == racer
