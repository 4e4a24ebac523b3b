"""Recurrent layers seen over time: every gate and state is torch.nn's, also stacked, backwards, and of one's own."""

from __future__ import annotations

import json
import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from glasswork import zoo
from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.messages import reading as r
from glasswork.scenes.messages import unrolled as u
from glasswork.scenes.respond import Respondent

FACTORIES = """
import torch
from torch import nn
from glasswork import networks


class Reader(nn.Module):
    def __init__(self, part):
        super().__init__()
        self.part = part
        self.output = nn.Linear(10, 2)
        self.example_input_array = (torch.randn(1, 9, 3, generator=torch.Generator().manual_seed(3)),)

    def forward(self, x):
        return self.output(self.part(x)[0])


def theirs_lstm():
    torch.manual_seed(1)
    return Reader(nn.LSTM(3, 5, num_layers=2, bidirectional=True, batch_first=True)).eval()


def theirs_rnn():
    torch.manual_seed(1)
    return Reader(nn.RNN(3, 5, num_layers=2, bidirectional=True, batch_first=True)).eval()


def ours(name):
    made = networks.build(name, inputs=3, hidden=5, layers=2, bidirectional=1)
    reader = Reader(made.get_submodule("core"))
    theirs = theirs_lstm() if name == "lstm" else theirs_rnn()
    reader.load_state_dict(theirs.state_dict())
    return reader.eval()


def ours_lstm():
    return ours("lstm")


def ours_rnn():
    return ours("rnn")
"""


class Nobody:
    """A session without uploads."""

    cancelled = threading.Event()
    files: Any = None

    @property
    def inputs(self) -> Nobody:
        return self

    def read(self, name: str, /) -> bytes:
        raise GlassworkError("gone", where=name)


@pytest.fixture(scope="module")
def respondent(tmp_path_factory: pytest.TempPathFactory) -> Respondent:
    file = tmp_path_factory.mktemp("own") / "own.py"
    file.write_text(FACTORIES)
    names = ("theirs_lstm", "theirs_rnn", "ours_lstm", "ours_rnn")
    return Respondent(targets=tuple(f"{file}:{name}" for name in names), runs=Path(file.parent / "runs"))


def told(respondent: Respondent, request: m.Request) -> tuple[dict[str, Any], list[np.ndarray]]:
    (answer,) = respondent(request, Nobody())
    if not isinstance(answer, bytes):
        return json.loads(answer if isinstance(answer, str) else m.encode(answer)), []
    (length,) = struct.unpack("<I", answer[:4])
    found, place, arrays = json.loads(answer[4 : 4 + length]), 4 + length, []
    for entry in found["arrays"]:
        size = int(np.prod(entry["shape"])) * np.dtype(entry["dtype"]).itemsize
        arrays.append(np.frombuffer(answer[place : place + size], entry["dtype"]).reshape(entry["shape"]))
        place += size + -size % 8
    return found, arrays


def by_cells(part: Any, x: torch.Tensor, layer: int, backwards: bool) -> dict[str, np.ndarray]:
    """Gates and states of one layer in one direction by torch.nn's cells, step by step; x is the first layer's."""
    for below in range(layer):
        x = torch.cat([torch.from_numpy(by_cells(part, x, below, way)["hidden"]) for way in (False, True)], 1)
    suffix = f"_l{layer}{'_reverse' if backwards else ''}"
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    w_ih, w_hh, b_ih, b_hh = (part.get_parameter(name + suffix) for name in names)
    lstm = isinstance(part, nn.LSTM)
    cell: Any = (nn.LSTMCell if lstm else nn.RNNCell)(x.shape[1], 5)
    cell.load_state_dict(dict(zip(names, (w_ih, w_hh, b_ih, b_hh), strict=True)))
    h = c = torch.zeros(1, 5)
    rows: dict[str, dict[int, torch.Tensor]] = {}
    for t in reversed(range(len(x))) if backwards else range(len(x)):
        made: dict[str, torch.Tensor] = {}
        if lstm:
            i, f, g, o = (x[t] @ w_ih.T + b_ih + h[0] @ w_hh.T + b_hh).chunk(4)
            h, c = cell(x[t][None], (h, c))
            made = {"input": i.sigmoid(), "forget": f.sigmoid(), "candidate": g.tanh(), "output": o.sigmoid()}
            made["cell"] = c[0]
        else:
            h = cell(x[t][None], h)
        made["hidden"] = h[0]
        for name, value in made.items():
            rows.setdefault(name, {})[t] = value
    return {name: torch.stack([found[t] for t in range(len(x))]).detach().numpy() for name, found in rows.items()}


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("own", ["theirs_lstm", "ours_lstm"])
def test_gates_and_states_are_those_of_torchs_lstm(own: str, place: int, respondent: Respondent) -> None:
    target = next(one for one in respondent.networks.targets if one.endswith(own))
    name = next(card.name for card in respondent.networks.cards() if card.name.endswith(own))
    read, arrays = told(respondent, r.OpenReading(request=1, network=name, place=place))
    theirs: Any = zoo.load(target.replace(own, "theirs_lstm")).module
    truth = by_cells(theirs.part, theirs.example_input_array[0][0], place // 2, place % 2 == 1)
    assert len(read["parts"]) == 4
    assert [band["name"] for band in read["bands"]] == ["forget", "input", "candidate", "cell", "output", "hidden"]
    for band, array in zip(read["bands"], arrays, strict=True):
        assert np.abs(array - truth[band["name"]]).max() <= 1e-6
    whole = theirs.part(theirs.example_input_array[0])[0][0].detach().numpy()
    if place >= 2:
        assert np.abs(arrays[5] - whole[:, 5 * (place - 2) : 5 * (place - 1)]).max() <= 1e-6
    for step, unit in ((0, 2), (4, 0), (8, 4)):
        opened, _ = told(respondent, r.OpenStep(request=1, source=read["source"], step=step, unit=unit, place=place))
        gates = {gate["name"]: gate for gate in opened["gates"]}
        for gate in gates.values():
            bias = 0 if gate["bias"] is None else gate["bias"]["value"]
            total = gate["from_input"]["value"] + gate["from_hidden"]["value"] + bias
            assert gate["sum"]["value"] == pytest.approx(total, abs=1e-6)
            assert gate["value"]["value"] == pytest.approx(truth[gate["name"]][step, unit], abs=1e-6)
        cell = gates["forget"]["value"]["value"] * opened["cell_before"]["value"]
        cell += gates["input"]["value"]["value"] * gates["candidate"]["value"]["value"]
        assert opened["cell"]["value"] == pytest.approx(cell, abs=1e-6)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("own", ["theirs_rnn", "ours_rnn"])
def test_states_are_those_of_torchs_rnn(own: str, place: int, respondent: Respondent) -> None:
    target = next(one for one in respondent.networks.targets if one.endswith(own))
    name = next(card.name for card in respondent.networks.cards() if card.name.endswith(own))
    read, arrays = told(respondent, u.OpenUnrolled(request=1, network=name, place=place))
    theirs: Any = zoo.load(target.replace(own, "theirs_rnn")).module
    truth = by_cells(theirs.part, theirs.example_input_array[0][0], place // 2, place % 2 == 1)["hidden"]
    assert np.abs(arrays[0] - truth).max() <= 1e-6
    for step, unit in ((0, 2), (8, 4)):
        request = u.OpenRecurrence(request=1, source=read["source"], step=step, unit=unit, place=place)
        opened, _ = told(respondent, request)
        bias = 0 if opened["bias"] is None else opened["bias"]["value"]
        total = opened["from_input"]["value"] + opened["from_hidden"]["value"] + bias
        assert opened["sum"]["value"] == pytest.approx(total, abs=1e-6)
        assert np.tanh(total) == pytest.approx(truth[step, unit], abs=1e-6)


def test_a_gate_held_in_the_upper_layer_of_ones_own_lstm(respondent: Respondent) -> None:
    name = next(card.name for card in respondent.networks.cards() if card.name.endswith("theirs_lstm"))
    plain, before = told(respondent, r.OpenReading(request=1, network=name, place=2))
    switches = [r.Switch(unit=3, gate="output", open=False, place=2)]
    read, after = told(respondent, r.OpenReading(request=1, network=name, place=2, switches=switches))
    assert read["base"] == plain["source"] != read["source"]
    assert np.abs(after[5][:, 3]).max() <= 1e-6 < np.abs(before[5][:, 3]).max()
    assert np.array_equal(after[0][:1], before[0][:1])


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (r.OpenReading(request=1, network="lstm-moby", text=""), "nothing to read"),
        (r.OpenReading(request=1, network="lstm-moby", place=1), "no layer 1"),
        (r.OpenReading(request=1, network="rnn-names"), "has no LSTM"),
        (r.OpenReading(request=1, network="lstm-moby", switches=[r.Switch(9999, "forget", True)]), "no unit 9999"),
        (u.OpenUnrolled(request=1, network="lstm-moby"), "has no RNN"),
        (u.OpenUnrolled(request=1, network="rnn-names", text=""), "nothing to read"),
        (u.OpenUnrolled(request=1, network="rnn-sunspots", end=3), "no window ends there"),
        (u.OpenUnrolled(request=1, network="nobody"), "no network called"),
    ],
)
def test_what_cannot_be_read_is_said(request_: m.Request, said: str, respondent: Respondent) -> None:
    with pytest.raises(GlassworkError, match=said):
        told(respondent, request_)


@pytest.mark.parametrize(("network", "kind"), [("rnn-names", "rnn"), ("lstm-moby", "lstm")])
@pytest.mark.parametrize("length", [1, 10_000])
def test_a_text_of_one_character_and_of_ten_thousand(
    network: str, kind: str, length: int, respondent: Respondent
) -> None:
    of = u.OpenUnrolled if kind == "rnn" else r.OpenReading
    read, arrays = told(respondent, of(request=1, network=network, text="a" * length))
    assert read["left_out"] == max(0, length - 120)
    assert len(arrays[0]) == min(length, 120)
