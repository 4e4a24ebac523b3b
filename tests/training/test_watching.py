"""A loop of one's own, watched: nothing of it changes, and what it does is written down."""

import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import glasswork
from glasswork.errors import GlassworkError
from glasswork.training import read_metrics
from glasswork.training.locking import holder
from glasswork.training.watching import LOOKED, Watch, look


def loop(folder: Path | None, looked: bool = False, steps: int = 12) -> tuple[list[float], nn.Module]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    watched = glasswork.watch(model, optimizer, folder=folder, every=5) if folder else None
    if watched and looked:
        look(watched.folder)
        watched._asked = 0.0
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(torch.randn(16, 4)), torch.randint(0, 3, (16,)))
        optimizer.zero_grad()
        loss.backward()
        if watched:
            watched.loss(loss)
        optimizer.step()
        losses.append(loss.item())
    if watched:
        assert isinstance(watched, Watch)
        assert watched.step == steps
        watched.close()
    return losses, model


@pytest.mark.parametrize("looked", [False, True])
def test_a_watched_loop_is_the_same_loop(looked: bool, tmp_path: Path) -> None:
    plain, model = loop(None)
    losses, watched = loop(tmp_path / "run", looked)
    assert losses == plain
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), watched.parameters(), strict=True))
    course = read_metrics(tmp_path / "run")
    steps = list(range(1, 13)) if looked else [5, 10]
    assert course.series["loss"] == [(step, plain[step - 1]) for step in steps]
    assert course.series["learning_rate"] == [(step, 0.01) for step in steps]
    assert any(name.startswith("update/") for name in course.series)


def test_the_folder_is_held_while_it_is_watched(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with glasswork.watch(model, optimizer, folder=tmp_path / "run"):
        assert "process" in holder(tmp_path / "run")
        with pytest.raises(GlassworkError, match="holds a run"):
            glasswork.watch(model, optimizer, folder=tmp_path / "run")
    assert holder(tmp_path / "run") == ""
    optimizer.step()  # and nothing listens any more
    assert read_metrics(tmp_path / "run").series == {}


def test_the_updates_are_those_of_the_weights(tmp_path: Path) -> None:
    model = nn.Linear(3, 2, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    before = model.weight.detach().clone()
    with glasswork.watch(model, optimizer, folder=tmp_path / "run", every=1):
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    series = read_metrics(tmp_path / "run").series
    (gradient,) = [values for name, values in series.items() if name.startswith("gradient/")]
    (update,) = [values for name, values in series.items() if name.startswith("update/")]
    assert gradient[0][1] == pytest.approx(6**0.5)
    assert update[0][1] == pytest.approx(0.5 * 6**0.5 / before.norm().item(), rel=1e-5)


def test_a_look_lasts_for_seconds_and_harms_nothing(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    with Watch(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run", 50) as watched:
        for since, seen in ((0.0, True), (4.0, True), (6.0, False)):
            look(watched.folder)
            now = (watched.folder / LOOKED).stat().st_mtime
            os.utime(watched.folder / LOOKED, (now - since, now - since))
            watched._asked = 0.0
            assert watched.looked_at() is seen
    look(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
