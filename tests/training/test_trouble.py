"""C36, C43: full disks, and numbers that stop being numbers; each said at its step, with its place."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from forking import SMALL, Trainers
from test_loop import CONFIG, small, task
from torch import nn

from glasswork import recipes
from glasswork.data import Dataset
from glasswork.errors import GlassworkError
from glasswork.training import Finished, Saved, Stepped, Warned, begin, checkpoints, read_metrics, train
from glasswork.training.task import Draw


@pytest.fixture(scope="module")
def trainers() -> Iterator[Trainers]:
    started = Trainers()
    yield started
    started.close()


def test_c36_a_disk_that_is_full_for_a_while(trainers: Trainers, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    plain = {"observe": False}  # so that the records stay below the limit
    trainers.start(call="train", folder=str(folder), limit=5_000, lift_after=2, steps=40, save_every=10, settings=plain)
    assert trainers.wait() == 0
    events = read_metrics(folder).events
    warned = [event for event in events if event["event"] == "warned"]
    assert [event["step"] for event in warned] == [10, 20]
    assert all("could not be written" in event["why"] for event in warned)
    assert [path.name for path in checkpoints.saved(folder)] == ["step-00000039", "step-00000040"]
    assert not list(folder.glob("checkpoints/.*"))
    assert (folder / "card.json").is_file()


def test_c36_what_was_saved_before_stays_and_the_third_failure_saves_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / "run"
    events = recipes.run("tiny-vgg-digits", out=folder, steps=50, save_every=5, settings=SMALL)
    warned = []
    with pytest.raises(GlassworkError, match="can't be saved") as caught:  # noqa: PT012  what happens meanwhile
        for event in events:
            if isinstance(event, Saved):
                (folder / "checkpoints").rename(folder / "before")
                (folder / "checkpoints").write_text("a file where the folder was")
            elif isinstance(event, Warned):
                warned.append(event.step)
    assert warned == [10, 15, 20]
    before = checkpoints.read(folder / "before/step-00000005")[1]
    assert before["step"] == 5
    (elsewhere,) = tmp_path.glob("glasswork-run-*")
    loaded = checkpoints.newest(elsewhere)
    assert loaded is not None
    assert loaded.about["step"] == 20
    assert str(loaded.path) in caught.value.todo
    (folder / "checkpoints").unlink()
    shutil.move(folder / "before", folder / "checkpoints")
    shutil.move(loaded.path, folder / "checkpoints")
    last = list(recipes.run("tiny-vgg-digits", out=folder, resume=True))[-1]
    assert isinstance(last, Finished)
    assert last.steps == 50


def broken(change: dict[str, object], dataset: Dataset | None = None) -> GlassworkError:
    trained = task(dataclasses.replace(CONFIG, steps=40, warmup=0.0, **change), dataset)
    state = begin(trained)
    with pytest.raises(GlassworkError) as caught:
        list(train(trained, state))
    return caught.value


def test_c43_a_weight_that_is_no_number_is_named() -> None:
    trained = task()
    state = begin(trained)
    with torch.no_grad():
        state.network.get_parameter("output.bias").fill_(float("nan"))
    with pytest.raises(GlassworkError, match=r"loss is nan at step 1.*the weight output.bias holds NaN"):
        next(train(trained, state))


class Dividing(nn.Module):
    """The logarithm of the picture's brightest pixel: minus infinity for a black picture."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Linear(1, 10)
        self.log = Log()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale(self.log(x))


class Log(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.amax((1, 2, 3)).log()[:, None]


def test_c43_the_layer_and_the_example_are_named() -> None:
    dataset = small()
    pictures = dataset.pictures.copy()
    pictures[123] = 0
    trained = task(dataclasses.replace(CONFIG, steps=40), dataclasses.replace(dataset, pictures=pictures))
    state = begin(trained, network=Dividing())
    black = trained.seen.names.index(dataset.names[123])
    due = next(step for step in range(40) if black in trained.indices(step))
    seen = []
    with pytest.raises(GlassworkError) as caught:  # noqa: PT012  the steps before it are wanted
        for event in train(trained, state):
            seen.append(event.step)
    assert max(seen, default=0) == due == state.step
    assert f"at step {due + 1}" in caught.value.what
    assert f"the output of log (Log) holds infinity for {dataset.names[123]}" in caught.value.why
    assert "more" not in caught.value.why


def test_c43_a_learning_rate_of_a_million_is_stopped_within_steps() -> None:
    error = broken({"learning_rate": 1e6})
    step = int(error.what.rsplit(" ", 1)[-1])
    assert step <= 3
    assert "explode" in error.what or "loss is" in error.what
    assert "learning rate is 1e+06" in error.why
    assert "--set learning_rate" in error.todo


def test_c43_a_gradient_that_is_not_finite_is_stopped_before_it_reaches_the_weights() -> None:
    class Root(nn.Module):
        """Its value at 0 is 0, and its slope there is infinite."""

        def __init__(self) -> None:
            super().__init__()
            self.output = nn.Linear(1, 10)
            self.depth = nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.output(x.mean((1, 2, 3))[:, None] * self.depth.abs().sqrt())

    trained = task()
    state = begin(trained, network=Root())
    with pytest.raises(GlassworkError, match=r"gradient exploded at step 1.*gradient of depth is not finite \(1 of 3"):
        next(train(trained, state))
    assert all(torch.isfinite(value).all() for value in state.network.state_dict().values())


def test_c43_one_class_and_labels_out_of_range_are_refused() -> None:
    dataset = small()
    one = dataset.take(np.flatnonzero(dataset.labels == 3))
    with pytest.raises(GlassworkError, match=r"only one class to learn.*'3'"):
        task(dataset=one)
    labels = dataset.labels.copy()
    labels[5] = 10
    with pytest.raises(GlassworkError, match=rf"label is out of range.*{dataset.names[5]} has the label 10.*0 to 9"):
        task(dataset=dataclasses.replace(dataset, labels=labels))


def test_out_of_memory_names_the_size_that_would_fit() -> None:
    class Greedy(nn.Module):
        """More than five pictures at once need a million terabytes."""

        def __init__(self) -> None:
            super().__init__()
            self.output = nn.Linear(784, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if len(x) > 5:
                torch.empty(1 << 60)
            return self.output(x.flatten(1))

    trained = task()
    with pytest.raises(GlassworkError, match=r"out of memory at step 1.*on 16 examples.*; 4 would fit.*accumulate=4"):
        next(train(trained, begin(trained, network=Greedy())))
    fitting = task(dataclasses.replace(CONFIG, accumulate=4))
    assert isinstance(next(train(fitting, begin(fitting, network=Greedy()))), Stepped)


def test_chance_is_the_same_for_the_same_step() -> None:
    trained = task()
    for step in (0, 3):
        batches = []
        for _ in range(2):
            random = torch.Generator().manual_seed(step)
            batches.append(trained.batch(Draw(step, trained.indices(step), slice(None), random))[0])
        assert torch.equal(*batches)
