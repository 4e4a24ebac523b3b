"""A run's network at its steps, opened like any other; and what a page may ask of runs."""

import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from glasswork import networks, recipes
from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.courses import Courses
from glasswork.scenes.messages import training as t
from glasswork.scenes.moments import Moments
from glasswork.scenes.respond import Respondent
from glasswork.server.given import TraceFileStore

SETTINGS = {"sizes.width": 3, "batch": 8, "validation": 40, "keep": 0, "steps": 20, "save_every": 10, "record_every": 1}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("moments") / "runs"
    list(recipes.run("tiny-vgg-digits", out=root / "a", settings=SETTINGS))
    return root


class Given:
    """Nobody gave a picture."""

    def read(self, name: str, /) -> bytes:
        raise KeyError(name)


class Page:
    """A page that asks."""

    inputs = Given()
    files = TraceFileStore(Path())
    cancelled = threading.Event()


def test_the_network_of_a_step_is_the_one_that_would_be_kept_there(runs: Path) -> None:
    found = Moments(Courses(runs)).load("run:a@10")
    stored = load_file(runs / "a" / "checkpoints" / "step-00000010" / "state-0-of-1.safetensors")
    bare = networks.build("tiny_vgg", channels=1, size=28, width=3, classes=10, padding=1).eval()
    bare.load_state_dict({k.removeprefix("average."): v for k, v in stored.items() if k.startswith("average.")})
    picture = torch.rand(2, 1, 28, 28)
    assert torch.allclose(found.module(picture), bare(picture), atol=1e-6)
    assert found.labels == tuple("0123456789")


def test_a_step_opens_as_its_batch_with_its_loss(runs: Path) -> None:
    respondent = Respondent(runs=runs)
    request = m.OpenGraph(request=1, network="step:a@10", level="operations")
    graph, _ = respondent(request, Page())
    assert isinstance(graph, m.Graph)
    series = Courses(runs).view("a", 100).drawn.series["loss"]
    assert graph.followed is not None
    assert graph.followed.value == pytest.approx(float(series.low[list(series.steps).index(11)]), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("run:a@15", "can't be looked at"),
        ("run:a@99999999999", "can't be looked at"),
        ("run:nothing@10", "no run called"),
        ("run:../a@10", "names no moment"),
        ("run:a@-1", "names no moment"),
        ("step:a@15", "was not kept"),
    ],
)
def test_what_is_no_moment_is_said(runs: Path, name: str, match: str) -> None:
    with pytest.raises(GlassworkError, match=match):
        Moments(Courses(runs)).load(name)


def test_no_step_follows_after_the_last(runs: Path) -> None:
    with pytest.raises(GlassworkError, match="no step follows"):
        Moments(Courses(runs)).taken("a", 20)


@pytest.mark.parametrize("setting", ["data", "start", "network", "device", "parallel", "licence", "held_out", "title"])
def test_a_page_can_not_name_files(runs: Path, setting: str) -> None:
    respondent = Respondent(runs=runs)
    request = t.StartRun(request=1, recipe="tiny-vgg-digits", settings={setting: "folder:/"})
    with pytest.raises(GlassworkError, match="no setting that a page may change"):
        list(respondent(request, Page()))
    assert Courses(runs).names() == ["a"]


@pytest.mark.parametrize("weight", ["", "x" * 400, "block1.conv1.weight", "block1.conv1.weight[9,9,9,9]", "nothing[0]"])
def test_a_weight_that_is_none_is_said(runs: Path, weight: str) -> None:
    respondent = Respondent(runs=runs)
    with pytest.raises(GlassworkError):
        list(respondent(t.FollowWeight(request=1, run="a", weight=weight), Page()))
