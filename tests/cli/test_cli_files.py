"""What the command line reads and writes: runs as files, single tensors, weights from elsewhere."""

from __future__ import annotations

import csv
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from glasswork import tracing, zoo

Ask = Callable[..., Any]
Call = Callable[..., Any]
SHIPPED = "tiny-vgg-fashion"


def test_a_run_that_was_saved_is_a_target(ask: Ask, call: Call, tmp_path: Path) -> None:
    path = tmp_path / "made for it" / "run.trace"
    first = ask("trace", SHIPPED, "--backward", "-o", path)
    again = ask("trace", path)
    for key in ("parameters", "macs", "seconds", "loss"):
        assert again[key] == first[key]
    same = (
        "id",
        "name",
        "path",
        "module",
        "inputs",
        "operands",
        "shape",
        "macs",
        "bytes",
        "seconds",
        "grad",
        "explained",
    )
    for old, new in zip(first["ops"], again["ops"], strict=True):
        assert {key: new[key] for key in same} == {key: old[key] for key in same}
    assert again["explained"]["max_error"] <= 1e-5
    for more in ([], ["--grad"]):
        here = ask("explain", SHIPPED, "--at", "block1.conv2[0,2,9,8]", *more)
        there = ask("explain", path, "--at", "block1.conv2[0,2,9,8]", *more)
        for key in ("op", "kind", "value", "terms", "remainder", "error"):
            assert there[key] == here[key]
    said = call("trace", path)
    assert said.code == 0
    assert "the saved input" in said.out
    assert "/home" not in said.out
    for more in (["--input", "sample:x"], ["--score", "1"], ["--weights", "w.pt"]):
        said = call("trace", path, *more)
        assert said.code == 2
        assert "a run that was made" in said.err


def test_a_damaged_run_is_refused_in_one_line(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    tracing.trace(nn.Linear(2, 2), torch.zeros(1, 2)).save(path)
    text = path.read_bytes()
    path.write_bytes(text.replace(b'\\"producer\\":0', b'\\"producer\\":7'))
    said = call("trace", path)
    assert said.code == 1
    assert said.err.startswith("glasswork: run.trace is damaged")
    assert len(said.err.splitlines()) == 1
    said = call("trace", SHIPPED, "--check", 0, "-o", tmp_path / "run.trace" / "below.trace")
    assert said.code == 1
    assert "can't be written" in said.err


def test_a_tensor_as_npy_and_csv(ask: Ask, call: Call, tmp_path: Path) -> None:
    network = zoo.load(SHIPPED)
    maps, table = tmp_path / "maps.npy", tmp_path / "maps.csv"
    ask("trace", SHIPPED, "--check", 0, "--tensor", "block1.conv1", maps)
    found = np.load(maps, allow_pickle=False)
    ask("trace", SHIPPED, "--check", 0, "--tensor", "block1.conv1", table)
    rows = np.array([[float(number) for number in row] for row in csv.reader(table.read_text().splitlines())])
    assert np.array_equal(rows.astype(np.float32), found.reshape(-1, found.shape[-1]))
    ask("trace", SHIPPED, "--check", 0, "--tensor", "block1.conv1.weight", maps)
    assert np.array_equal(np.load(maps), network.module.get_parameter("block1.conv1.weight").detach().numpy())
    ask("trace", SHIPPED, "--check", 0, "--backward", "--tensor", "output@grad", maps)
    assert np.load(maps).sum() == 1  # the gradient of the chosen score at the scores
    for address, file, code, word in (
        ("conv9", maps, 1, "nothing at 'conv9'"), ("output@grad", maps, 1, "--backward"),
        ("output@size", maps, 2, "@size"), ("output", tmp_path / "a.png", 2, "neither .npy nor .csv"),
        ("output", tmp_path / "no" / "\0.npy", 1, "written"),
    ):  # fmt: skip
        said = call("trace", SHIPPED, "--check", 0, "--tensor", address, file)
        assert (said.code, word in said.err) == (code, True), said.err


def test_weights_from_a_file(ask: Ask, call: Call, mine: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    weights = {
        "0.weight": torch.randn(7, 5),
        "0.bias": torch.randn(7),
        "2.weight": torch.randn(2, 7),
        "2.bias": torch.ones(2),
    }
    path = tmp_path / "mine.safetensors"
    safetensors.torch.save_file(weights, path)
    target = f"{mine}:perceptron"
    assert ask("explain", target, "--weights", path, "--at", "2.bias[1]")["value"] == 1
    result = ask("trace", target, "--weights", path)
    assert result["weights"] == "mine.safetensors"
    safetensors.torch.save_file({**weights, "0.weight": torch.zeros(7, 6)}, path)
    said = call("trace", target, "--weights", path)
    assert said.code == 1
    assert "(7, 5)" in said.err
    assert "(7, 6)" in said.err
    (tmp_path / "evil.pt").write_bytes(pickle.dumps({"a": print}))
    said = call("trace", target, "--weights", tmp_path / "evil.pt")
    assert (said.code, "refused" in said.err) == (1, True)


def test_an_array_as_input(ask: Ask, call: Call, mine: str, tmp_path: Path) -> None:
    path, x = tmp_path / "x.npy", np.array([[1.0, 2.0, 3.0, 4.0, 5.0]])
    np.save(path, x)
    result = ask("explain", f"{mine}:perceptron", "--input", path, "--at", "input[0,3]")
    assert result["value"] == 4
    np.save(path, np.array([[1, 2, 3]]))
    assert ask("trace", f"{mine}:tokens", "--input", path)["ops"][0]["shape"] == [1, 3, 3]
    np.save(path, np.array([print], dtype=object), allow_pickle=True)
    said = call("trace", f"{mine}:perceptron", "--input", path)
    assert (said.code, "can't be read" in said.err) == (1, True)
    head = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    path.write_bytes(head.ljust(127) + b"\n")
    said = call("trace", f"{mine}:perceptron", "--input", path)
    assert (said.code, "can't be read" in said.err) == (1, True)


@pytest.mark.parametrize("target", ["timm:mobilenetv3_small_050", "torchvision:squeezenet1_1"])
def test_networks_of_other_libraries(ask: Ask, target: str) -> None:
    result = ask("trace", target, "--check", 0)
    assert result["weights"] in ("random", "cache")
    whole, *parts = result["modules"]
    assert (whole["path"], whole["macs"], whole["parameters"]) == ("", result["macs"], result["parameters"])
    assert sum(part["macs"] for part in parts if "." not in part["path"]) == result["macs"]
    assert result["macs"] > 1e6


def test_a_text_as_input(ask: Ask, call: Call, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    sizes = {"n_layer": 1, "n_embd": 8, "n_head": 2, "vocab_size": 4, "n_positions": 32}
    transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes)).save_pretrained(tmp_path / "tiny")
    target = f"hf:{tmp_path / 'tiny'}"
    said = call("trace", target, "--input", "see the glass")
    assert (said.code, "makes no token" in said.err) == (1, True), said.err
    assert len(said.err.splitlines()) == 1
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"see": 0, "the": 1, "glass": 2, "?": 3}, unk_token="?"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(tmp_path / "tiny")
    found = ask("explain", target, "--input", "see the glass", "--at", "input[0,2]")
    assert (found["value"], found["kind"]) == (2, "given")
    assert ask("trace", target, "--input", "see the glass", "--check", 1)["ops"][-1]["shape"][:2] == [1, 3]


def test_a_run_without_gradients_is_not_asked_for_them(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    tracing.trace(nn.Linear(2, 2), torch.zeros(1, 2)).save(path)
    for line in (["trace", path, "--backward"], ["explain", path, "--at", "input[0,0]", "--grad"]):
        said = call(*line)
        assert said.code == 2
        assert "holds no gradients" in said.err
        assert "--backward" in said.err


def test_a_network_is_exported_in_every_form(ask: Ask, call: Call, tmp_path: Path) -> None:
    forms = (
        "--onnx",
        tmp_path / "a/net.onnx",
        "--python",
        tmp_path / "b/net.py",
        "--safetensors",
        tmp_path / "w.safetensors",
    )
    found = ask("export", SHIPPED, *forms)
    paths = [Path(one["path"]) for one in found["files"]]
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        "w.safetensors",
        "a/net.onnx",
        "b/net.py",
        "b/net.safetensors",
    ]
    for path, one in zip(paths, found["files"], strict=True):
        assert path.stat().st_size == one["bytes"]
        assert one["error"] <= 1e-4
    said = call("export", SHIPPED, "--python", tmp_path / "net.zip")
    assert said.code == 0
    assert "on 8 pictures its logits" in said.out
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "w.safetensors", "net.zip"}
