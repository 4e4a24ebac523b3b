"""Weights from strangers: what fits is put in whole, what doesn't is shown in a table, what is code is refused."""

import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from glasswork import zoo
from glasswork.errors import GlassworkError
from glasswork.zoo import checkpoints


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def state(seed: int = 5) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return {
        name: torch.randn_like(value) if value.is_floating_point() else value + 3
        for name, value in network().state_dict().items()
    }


def filled(module: nn.Module, weights: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())


@pytest.mark.slow
def test_safetensors_and_checkpoints_of_every_usual_form(tmp_path: Path) -> None:
    weights = state()
    safetensors.torch.save_file(weights, tmp_path / "a.safetensors")
    forms: dict[str, Any] = {
        "a.pt": weights,
        "b.pth": {"model_state_dict": weights, "optimizer": {"lr": 0.1}, "epoch": 3},
        "c.ckpt": {"state_dict": {f"model.{name}": value for name, value in weights.items()}, "hyper": [1, "x"]},
        "d.bin": {f"module.{name}": value for name, value in weights.items()},
    }
    for name, held in forms.items():
        torch.save(held, tmp_path / name)
    assert {Path(name).suffix for name in forms} == set(checkpoints.PICKLES)
    for name in ("a.safetensors", *forms):
        module = network()
        zoo.load_weights(module, tmp_path / name)
        assert filled(module, weights), name


def test_weights_of_another_architecture_are_shown_and_not_half_loaded(tmp_path: Path) -> None:
    weights = state()
    weights["0.weight"] = torch.zeros(4, 7)
    weights["surplus"] = torch.zeros(1)
    del weights["2.bias"]
    weights["1.weight"][0] = float("nan")
    for path in (tmp_path / "a.safetensors", tmp_path / "a.pt"):
        if path.suffix == ".pt":
            torch.save(weights, path)
        else:
            safetensors.torch.save_file(weights, path)
        module = network()
        before = {name: value.clone() for name, value in module.state_dict().items()}
        with pytest.raises(GlassworkError) as caught:
            zoo.load_weights(module, path)
        rows = {line.split()[0]: line for line in caught.value.why.splitlines() if line.startswith("  ")}
        assert set(rows) == {"key", "0.weight", "surplus", "2.bias", "1.weight"}
        assert "(4, 3)" in rows["0.weight"]
        assert "(4, 7)" in rows["0.weight"]
        assert "NaN" in rows["1.weight"]
        assert filled(module, before)


class Bomb:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return os.system, (f"echo touched > {self.canary}",)


@pytest.mark.parametrize("suffix", [".pt", ".ckpt"])
def test_a_pickle_that_runs_something_is_refused_and_named(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary, path = tmp_path / "canary", tmp_path / f"bomb{suffix}"
    if suffix == ".pt":
        torch.save({"0.weight": torch.zeros(1), "b": Bomb(canary)}, path)
    else:
        path.write_bytes(pickle.dumps({"a": Bomb(canary)}))
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("nothing is unpickled in this process"))
    with pytest.raises(GlassworkError, match="refused") as caught:
        zoo.read_checkpoint(path)
    assert not canary.exists()
    assert suffix != ".pt" or "system" in caught.value.why


def test_there_is_no_second_try_without_the_guard() -> None:
    source = Path(checkpoints.__file__).with_name("unpickling.py").read_text()
    assert source.count("torch.load(") == 1
    assert "weights_only=True" in source
    assert "weights_only=False" not in source


def header(text: str, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text)) + text.encode() + data


BAD: dict[str, bytes] = {
    "empty.safetensors": b"",
    "long.safetensors": struct.pack("<Q", 1 << 63) + b"{}",
    "hole.safetensors": header('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', b"xy"),
    "overlap.safetensors": header(
        '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
        b"xyz",
    ),
    "huge.safetensors": header('{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}', b"x"),
    "trailing.safetensors": header('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"xPK"),
    "text.pt": b"once upon a time",
    "empty.pt": b"",
    "picture.png": b"\x89PNG",
}


@pytest.mark.parametrize("name", BAD)
def test_broken_files_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(BAD[name])
    with pytest.raises(GlassworkError, match="refused"):
        zoo.read_checkpoint(path)
    with pytest.raises(GlassworkError, match="can't be read"):
        zoo.read_checkpoint(tmp_path / f"missing-{name}")


def test_what_is_no_weights_and_what_grows_are_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save({"epoch": 3}, tmp_path / "none.pt")
    with pytest.raises(GlassworkError, match="holds a list"):
        zoo.read_checkpoint(tmp_path / "list.pt")
    with pytest.raises(GlassworkError, match="0 tensors"):
        zoo.read_checkpoint(tmp_path / "none.pt")
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * (64 << 20))
    with pytest.raises(GlassworkError, match="far more than the file"):
        zoo.read_checkpoint(tmp_path / "bomb.pt")
