"""ONNX files, whole and broken: weights come back under their own names, and nothing but the file is read."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from glasswork.errors import GlassworkError
from glasswork.zoo.onnx_weights import read_onnx


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 6, 3)
        self.norm = nn.LayerNorm(6)
        self.wide = nn.Linear(6, 10)
        self.square = nn.Linear(10, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x).flatten(2).transpose(1, 2)
        return self.square(torch.relu(self.wide(self.norm(x))))


def exported(module: nn.Module) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), (torch.rand(1, 2, 5, 5),), out, dynamo=False, opset_version=17)  # pyright: ignore[reportArgumentType]
    return out.getvalue()


def test_an_exported_networks_weights_come_back_by_their_names(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Small()
    body = exported(module)
    stored = {one.name for one in onnx.ModelProto.FromString(body).graph.initializer}
    assert "square.weight" not in stored  # the file has it turned, under another name
    (tmp_path / "f.onnx").write_bytes(body)
    found = read_onnx(tmp_path / "f.onnx")
    assert found.keys() == module.state_dict().keys()
    assert all(torch.equal(found[name], value) for name, value in module.state_dict().items())


def file_of(*tensors: Any) -> bytes:
    graph = helper.make_graph([], "g", [], [], initializer=list(tensors))
    return helper.make_model(graph).SerializeToString()


def tensor(name: str = "w", shape: tuple[int, ...] = (2, 3), numbers: int = 6, **more: Any) -> Any:
    made = TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT, raw_data=np.zeros(numbers, "f4").tobytes())
    for key, value in more.items():
        setattr(made, key, value)
    return made


def elsewhere(location: str) -> Callable[[Path], bytes]:
    def make(folder: Path) -> bytes:
        made = TensorProto(name="w", dims=(2,), data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
        made.external_data.add(key="location", value=location.replace("HERE", str(folder)))
        return file_of(made)

    return make


WHOLE = file_of(tensor())
BROKEN: dict[str, tuple[bytes | Callable[[Path], bytes], str]] = {
    "empty": (b"", "no tensor"),
    "another file": (b"PK\3\4" + WHOLE, "no whole"),
    "cut off": (WHOLE[:-9], "no whole"),
    "a shape larger than any memory": (file_of(tensor(shape=(10**6, 10**6))), "should hold 1,000,000,000,000"),
    "a shape that overflows": (file_of(tensor(shape=(1 << 62, 1 << 62))), "should hold"),
    "a negative size": (file_of(tensor(shape=(-1, -6))), "shape"),
    "many axes": (file_of(tensor(shape=(1,) * 70 + (6,))), "shape"),
    "fewer numbers than it says": (file_of(tensor(numbers=5)), "holds 5"),
    "half a number": (file_of(tensor(raw_data=b"\0" * 23)), "holds 5.75"),
    "two of one name": (file_of(tensor(), tensor()), "two tensors called"),
    "numbers in another file": (elsewhere("canary.bin"), "another file"),
    "numbers in a folder above": (elsewhere("../canary.bin"), "another file"),
    "numbers at an absolute path": (elsewhere("HERE/canary.bin"), "another file"),
    "numbers at an address": (elsewhere("http://127.0.0.1:1/canary.bin"), "another file"),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_file_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "canary.bin").write_bytes(np.ones(2, "f4").tobytes())
    body, said = BROKEN[name]
    path = tmp_path / "f.onnx"
    path.write_bytes(body if isinstance(body, bytes) else body(tmp_path))
    with pytest.raises(GlassworkError, match=said):
        read_onnx(path)


def test_a_file_that_is_too_large_is_not_even_opened(tmp_path: Path) -> None:
    path = tmp_path / "f.onnx"
    with path.open("wb") as file:
        file.truncate(2 << 30)  # takes no place on the disk
    with pytest.raises(GlassworkError, match="are read"):
        read_onnx(path)
