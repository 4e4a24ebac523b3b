"""The public names: lazy, and the same things as in the rooms that they are from."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import glasswork as gw
from glasswork import data, explaining, networks, tracing, zoo

SHIPPED = "tiny-vgg-fashion"


def test_nothing_is_loaded_before_it_is_used() -> None:
    code = """if True:
        import sys
        import glasswork as gw
        heavy = {"torch", "numpy", "tyro", "starlette", "msgspec"}
        assert not heavy & set(sys.modules)
        assert set(gw.__all__) <= set(dir(gw))
        assert not hasattr(gw, "no_such_name")
        assert not heavy & set(sys.modules)
    """
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_the_names_are_those_of_their_rooms() -> None:
    assert gw.load is zoo.load
    assert gw.explain is explaining.explain
    assert gw.networks is networks
    for name in ("compare", "open_trace", "profile", "rerun"):
        assert getattr(gw, name) is getattr(tracing, name)
    for name in gw.__all__:
        assert getattr(gw, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        gw.no_such_name  # noqa: B018


def test_a_network_brings_its_own_softmax() -> None:
    net = gw.load(SHIPPED)
    assert net.preprocess is not None
    inputs = net.preprocess(data.sample(net.samples[0]).picture).inputs
    trace = gw.trace(net, *inputs, loss=(0, 4), backward=True)
    bare = gw.trace(net.module, *inputs)
    assert [op.path for op in trace.ops] == [*(op.path for op in bare.ops), ":softmax"]
    with torch.no_grad():
        expected = net.module(*inputs)
    assert torch.equal(trace.output, expected)
    assert torch.equal(trace.after, expected.softmax(1))
    assert trace.loss is not None
    assert trace.loss.item() == expected[0, 4].item()
    number = gw.explain(trace, "block1.conv1", (0, 3, 7, 7))
    assert number.value == trace["block1.conv1"].output.tensor[0, 3, 7, 7].item()


def test_another_end_than_the_softmax_can_be_named() -> None:
    net = gw.load(SHIPPED)
    trace = gw.trace(net, torch.zeros(1, 1, 28, 28), after=torch.sigmoid)
    assert torch.equal(trace.after, torch.sigmoid(trace.output))


def test_tracing_takes_the_same_settings_with_and_without_the_zoo() -> None:
    ours, theirs = inspect.signature(gw.trace), inspect.signature(tracing.trace)
    assert list(ours.parameters)[1:] == list(theirs.parameters)[1:]
    for name, parameter in list(theirs.parameters.items())[1:]:
        assert ours.parameters[name] == parameter


def test_what_if_and_files_from_the_public_names(tmp_path: Path) -> None:
    net = gw.load(SHIPPED)
    assert net.preprocess is not None
    inputs = net.preprocess(data.sample(net.samples[0]).picture).inputs
    with gw.record(net) as runs:
        output = net.module(*inputs)
    assert torch.equal(runs[0].output, output)
    trace = gw.trace(net, *inputs)
    off = gw.rerun(trace, {"block1.conv1": lambda y: y * 0})
    changed = gw.compare(trace, off).changed
    assert changed[0].path == "block1.conv1"
    assert changed[-1].path == ":softmax"
    trace.save(tmp_path / "digits.trace")
    again = gw.open_trace(tmp_path / "digits.trace")
    assert torch.equal(again.after, trace.after)
    assert gw.profile(again)[0].total.macs == trace.macs


def test_what_is_no_network_is_refused_in_words() -> None:
    with pytest.raises(gw.GlassworkError, match="A str can't be traced"):
        gw.trace("tiny-vgg-fashion")  # type: ignore[arg-type]
