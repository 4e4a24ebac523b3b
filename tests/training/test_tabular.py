"""From an unseen table to scores, a card and a TARGET; and what is missing, against numpy."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glasswork import data, measuring, recipes, zoo
from glasswork.cli.inputs import choose
from glasswork.errors import GlassworkError
from glasswork.scenes.opening import given
from glasswork.training import Finished, Stepped, TableConfig, Tabular, Warned, begin, read_metrics, train

FAST = {"observe": False, "evaluate_every": 100, "record_every": 1}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real handwriting as a table: the brightness of 7x7 fields, one of them sometimes missing, and a word."""
    mnist = data.load("mnist", "train")
    order = np.random.default_rng(0).permutation(len(mnist))[:900]
    chosen = mnist.pictures[order]
    fields = chosen.reshape(-1, 7, 4, 7, 4).mean((2, 4)).round(1).reshape(-1, 49)
    path = tmp_path_factory.mktemp("table") / "digits.csv"
    lines = [",".join([*(f"f{j}" for j in range(49)), "ink", "label"])]
    for i, row in enumerate(fields):
        values = ["?" if j == 24 and i % 5 == 0 else str(value) for j, value in enumerate(row)]
        lines.append(",".join([*values, "thin" if row.mean() < 30 else "thick", str(mnist.labels[order[i]])]))
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def trained(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    folder = tmp_path_factory.mktemp("run") / "run"
    return folder, list(recipes.run("table", data=f"csv:{digits}", out=folder, steps=400, settings=FAST))


def task(path: Path, **settings: object) -> Tabular:
    made = recipes.config("table").changed({"data": f"csv:{path}", "steps": 3, **settings})
    assert isinstance(made, TableConfig)
    return Tabular(made)


def test_it_ends_in_scores_and_a_card(trained: tuple[Path, list], digits: Path) -> None:
    folder, events = trained
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.final["accuracy"] > 0.75
    card = zoo.read_card(folder / "card.json")
    assert card.labels == tuple("0123456789")
    assert card.trained_on + card.validated_on + card.tested_on == 900
    assert card.tested_on == pytest.approx(180, abs=5)
    told = " ".join(event.text for event in events if isinstance(event, Warned))
    assert "column f24: 180 of 900 values are missing" in told
    measured = recipes.evaluate(str(folder))
    assert (measured["n"], measured["of"]) == (card.tested_on, "rows")
    assert measured["scores"] == pytest.approx(dict(finished.final), abs=1e-6)


def test_rows_are_read_by_the_training_rows_alone(digits: Path) -> None:
    made = task(digits)
    train, table = made.split.train, made.table
    raw = table.columns["f25"]
    place = made.rows.inputs.index("f25")
    np.testing.assert_allclose(made.x[:, place], (raw - raw[train].mean()) / raw[train].std(), rtol=1e-4, atol=1e-5)
    gap = made.rows.inputs.index("f24 is missing")
    missing = np.arange(900) % 5 == 0
    assert np.array_equal(made.x[:, gap].numpy(), missing)
    assert not made.x[missing][:, gap - 1].any()
    thin = made.x[:, made.rows.inputs.index("ink = thin")].numpy()
    assert np.array_equal(thin == 1, table.columns["ink"] == "thin")
    assert "f0" not in made.rows.inputs  # the corner is always empty
    parts = [set(part.tolist()) for part in (made.split.train, made.split.validation, made.split.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 900


def test_the_run_reads_rows_that_somebody_writes(trained: tuple[Path, list]) -> None:
    network = zoo.load(str(trained[0]))
    assert network.rows is not None
    told = "ink=thick, f24=, f25=12.5"
    (row,) = choose(network, told).tensors
    assert torch.equal(row, given(network, f"text:{told}", lambda _: b"", {}).tensors[0])
    assert row[0, network.rows.inputs.index("ink = thick")] == 1
    assert row[0, network.rows.inputs.index("f24 is missing")] == 1
    start = given(network, None, lambda _: b"", {})
    assert network.module(*start.tensors).shape == (1, 10)
    assert "held out" in start.about
    with pytest.raises(GlassworkError, match="no column called 'x'"):
        network.rows.read("x=1")
    with pytest.raises(GlassworkError, match="'many' is no number"):
        network.rows.read("f24=many")


def test_a_column_of_numbers_is_told_in_its_own_unit(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = ["a,b,kind,price"]
    for _ in range(400):
        a, b, kind = random.normal(5, 2), random.normal(), random.choice(["old", "new"])
        lines.append(f"{a:.3f},{b:.3f},{kind},{1000 + 30 * a - 10 * b + (100 if kind == 'new' else 0):.2f}")
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(lines))
    *_, last = recipes.run("table", data=f"csv:{path}", out=tmp_path / "run", steps=400, settings=FAST)
    assert isinstance(last, Finished)
    assert last.final["r2"] > 0.98
    network = zoo.load(str(tmp_path / "run"))
    assert network.rows is not None
    told = network.module(network.rows.read("5, 0, new")).item() * network.rows.std + network.rows.mean
    assert told == pytest.approx(1250, abs=15)
    assert network.after is None
    other = task(path, target="kind")
    assert other.classes == ("new", "old")
    with pytest.raises(GlassworkError, match="no column of numbers"):
        task(path, target="kind", kind="regression")


def test_scores_of_numbers_by_hand() -> None:
    scores = measuring.regression_scores(np.array([1.0, 2.0, 5.0]), np.array([1.0, 3.0, 2.0]))
    assert scores == pytest.approx({"mse": 10 / 3, "mae": 4 / 3, "r2": 1 - (10 / 3) / (2 / 3)})


def test_its_first_step_is_that_of_a_loop_written_by_hand(digits: Path) -> None:
    made = task(digits, warmup=0, clip=0, average=0, optimiser="SGD", weight_decay=0)
    state = begin(made)
    by_hand = nn.Sequential(nn.Linear(made.x.shape[1], 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    by_hand.load_state_dict(dict(zip(by_hand.state_dict(), state.network.state_dict().values(), strict=True)))
    rows = made.split.train[made.indices(0)]
    loss = F.cross_entropy(by_hand(made.x[rows]), torch.tensor(made.true[rows]))
    event = next(train(made, state))
    assert isinstance(event, Stepped)
    assert event.loss == pytest.approx(loss.item(), rel=1e-6)


def test_a_run_that_is_resumed_is_the_same_to_the_bit(trained: tuple[Path, list], digits: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    list(
        recipes.run("table", data=f"csv:{digits}", out=tmp_path, steps=400, settings=FAST,
                    stop=lambda: steps.append(1) or len(steps) >= 123)
    )  # fmt: skip
    list(recipes.run("table", out=tmp_path, resume=True))
    assert read_metrics(tmp_path).series["loss"] == read_metrics(trained[0]).series["loss"]
    assert (tmp_path / "model.safetensors").read_bytes() == (trained[0] / "model.safetensors").read_bytes()


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GlassworkError, match=r"needs a table.*--data csv:FILE"):
        recipes.config("table").task()
    (tmp_path / "a.csv").write_text("a,label\n1,x\n2,x\n3,x\n")
    with pytest.raises(GlassworkError, match="only one class to learn"):
        task(tmp_path / "a.csv", held_out=0)
