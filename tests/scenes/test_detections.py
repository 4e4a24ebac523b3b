"""What a detector found, as the page of graphs is told: torchvision's own answer to the same picture in a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from test_respond import ask
from torchvision.transforms.functional import pil_to_tensor

from glasswork import tracing, zoo
from glasswork.data.photos import photo
from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.respond import Respondent
from glasswork.training.starting import classifier_from
from glasswork.zoo.exporting import examples

OWN = f"{Path(__file__).parents[1] / 'browser' / 'strangers.py'}:detector"
SSD = "torchvision:ssdlite320_mobilenet_v3_large"
FASTER = "torchvision:fasterrcnn_mobilenet_v3_large_320_fpn"


@pytest.fixture(scope="module")
def respondent() -> Respondent:
    return Respondent(targets=(OWN,))


def opened(respondent: Respondent, network: str, **more: Any) -> tuple[m.Graph, dict[str, np.ndarray]]:
    answers = ask(respondent, m.OpenGraph(request=1, network=network, input="photo:cat", level="stages", **more))
    (graph, _), (maps, arrays) = answers[-2:]
    assert isinstance(graph, m.Graph), graph
    return graph, {one.ref.partition("#")[2]: array for one, array in zip(maps.arrays, arrays, strict=True)}


def in_torchvision(network: str) -> tuple[dict[str, np.ndarray], tuple[int, int]]:
    """The answer that its documentation describes: a list of pictures of numbers from 0 to 1."""
    picture = pil_to_tensor(Image.fromarray(photo("cat").pixels)) / 255
    with torch.no_grad():
        (found,) = zoo.load(network).module([picture])
    return {name: one.numpy() for name, one in found.items()}, (picture.shape[2], picture.shape[1])


@pytest.mark.parametrize("network", [OWN, SSD])
def test_the_boxes_are_torchvisions_own(network: str, respondent: Respondent) -> None:
    graph, arrays = opened(respondent, network)
    theirs, size = in_torchvision(network)
    told = graph.detections
    assert told is not None
    assert (told.width, told.height) == size
    assert told.count == len(theirs["scores"]) > 3
    order = np.argsort(-theirs["scores"], kind="stable")[: len(told.found)]
    assert np.allclose([one.score.value for one in told.found], theirs["scores"][order], atol=1e-6)
    assert np.allclose([[side.value for side in one.box] for one in told.found], theirs["boxes"][order], atol=1e-3)
    names = zoo.load(network).labels or [str(label) for label in range(4)]
    assert [one.label for one in told.found] == [names[label] for label in theirs["labels"][order]]
    assert graph.answers == []
    assert graph.followed == told.found[0].score
    rows, columns, _ = arrays["picture@value"].shape
    assert max(rows, columns) == min(640, max(size))
    assert columns / rows == pytest.approx(size[0] / size[1], rel=0.01)


def test_the_numbers_of_a_box_are_where_their_addresses_say(respondent: Respondent) -> None:
    told = opened(respondent, OWN)[0].detections
    assert told is not None
    for number in (told.found[1].score, *told.found[2].box):
        (explained, *_) = ask(respondent, m.ExplainNumber(request=2, ref=number.ref))
        assert explained[0].value == number.value


def test_a_detector_that_finds_nothing_says_what_it_leaves_out(respondent: Respondent) -> None:
    graph, _ = opened(respondent, FASTER)
    told = graph.detections
    assert told is not None
    assert (told.count, told.found) == (0, [])
    assert told.lowest == 0.05
    assert graph.failure is None
    assert graph.network.weights == "random"
    assert not in_torchvision(FASTER)[0]["scores"].size


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "fcos_resnet50_fpn",
        "ssd300_vgg16",
    ],
)
def test_the_other_detectors_open_as_well(name: str, respondent: Respondent) -> None:
    graph, _ = opened(respondent, f"torchvision:{name}")
    theirs, _ = in_torchvision(f"torchvision:{name}")
    assert graph.failure is None
    assert graph.detections is not None
    assert graph.detections.count == len(theirs["scores"])


def test_a_detector_is_no_beginning_and_is_not_exported() -> None:
    with pytest.raises(GlassworkError, match="can't be the beginning"):
        classifier_from(SSD)
    with pytest.raises(GlassworkError, match="a detector is not exported"):
        examples(zoo.load(SSD))


def test_a_picture_comes_to_a_detector_whole() -> None:
    how = zoo.load(SSD).preprocess
    assert how is not None
    given = Image.fromarray(np.random.default_rng(0).integers(0, 256, (31, 57, 4), np.uint8))
    made = how(given)
    assert made.inputs[0].shape == (1, 3, 31, 57)
    assert [step.name for step in made.steps] == ["alpha"]
    seen = np.asarray(Image.alpha_composite(Image.new("RGBA", given.size, "white"), given).convert("RGB"))
    assert np.array_equal(made.inputs[0][0].permute(1, 2, 0).numpy(), (seen / np.float32(255)))


def test_a_trace_of_a_detector_is_its_plain_run() -> None:
    network = zoo.load(OWN)
    assert network.preprocess is not None
    given = network.preprocess(photo("cat").pixels).inputs
    trace = tracing.trace(network.module, *given)
    with torch.no_grad():
        plain = network.module(*given)
    assert all(torch.equal(trace.output[0][name], one) for name, one in plain[0].items())
