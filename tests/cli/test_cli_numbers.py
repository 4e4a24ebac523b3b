"""What `trace` and `explain` print is what plain torch computes."""

from __future__ import annotations

import json
import linecache
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from glasswork import data, tracing, zoo

Ask = Callable[..., Any]
SHIPPED = "tiny-vgg-fashion"


def first_sample(network: zoo.Network) -> Tensor:
    """(1, C, H, W): the sample's own pixels, which already have the network's size."""
    pixels = data.sample(network.samples[0]).picture
    return torch.tensor(pixels.transpose(2, 0, 1) / 255, dtype=torch.float32)[None]


def by_hooks(module: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Each module's output, seen by plain hooks, with its gradient kept."""
    seen: dict[str, Tensor] = {}
    for name, part in module.named_modules():

        def see(module: nn.Module, given: object, made: Tensor, name: str = name) -> None:
            if made.requires_grad:
                made.retain_grad()
            seen[name] = made

        part.register_forward_hook(see)
    module(x)
    return seen


MODULES_ONLY = [name for name in zoo.shipped_names() if name.startswith(("tiny-vgg", "perceptron"))]
"""Networks that call nothing but modules that call no others."""


@pytest.mark.parametrize("name", MODULES_ONLY)
def test_a_shipped_networks_trace_is_that_of_plain_hooks(ask: Ask, name: str) -> None:
    result = ask("trace", name)
    network = zoo.load(name)
    seen = by_hooks(network.module, first_sample(network))
    ops = {op["path"]: op for op in result["ops"]}
    leaves = [name for name, part in network.module.named_modules() if not list(part.children())]
    assert list(ops) == [*leaves, *([":softmax"] if network.after else [])]
    macs = 0
    for path in leaves:
        assert ops[path]["shape"] == list(seen[path].shape)
        file, _, line = ops[path]["source"].rpartition(":")
        assert f"self.{path.rpartition('.')[2]}(x)" in linecache.getline(file, int(line))
        part = network.module.get_submodule(path)
        if isinstance(part, nn.Conv2d):
            macs += seen[path].numel() * part.in_channels * 9
        elif isinstance(part, nn.Linear):
            macs += part.in_features * part.out_features
    assert result["macs"] == macs == sum(op["macs"] for op in result["ops"])
    assert network.card is not None
    assert result["macs"] == network.card.macs
    assert result["parameters"] == sum(p.numel() for p in network.module.parameters())
    assert [op["inputs"] for op in result["ops"]] == [[], *([i] for i in range(len(ops) - 1))]
    assert result["explained"]["ops"] == len(ops)
    assert result["explained"]["checked"] == 4 * len(ops)
    assert result["explained"]["max_error"] <= 1e-5
    if network.after is None:
        return
    best = seen[""].softmax(1).max()
    assert result["answer"][0]["probability"] == pytest.approx(best.item(), abs=1e-6)
    assert result["answer"][0]["label"] == network.labels[int(seen[""].argmax())]


def test_gradients_are_autograds(ask: Ask) -> None:
    result = ask("trace", SHIPPED, "--backward")
    network = zoo.load(SHIPPED)
    seen = by_hooks(network.module, first_sample(network))
    best = int(seen[""].argmax())
    seen[""][0, best].backward()
    assert result["loss"] == f"output[0,{best}]"
    for op in result["ops"][:-1]:
        grad = seen[op["path"]].grad
        assert grad is not None
        assert op["grad"] == pytest.approx(grad.norm().item(), rel=1e-4)
    number = ask("explain", SHIPPED, "--at", "block1.conv2[0,2,9,8]", "--grad")
    grad = seen["block1.conv2"].grad
    assert grad is not None
    assert number["value"] == pytest.approx(grad[0, 2, 9, 8].item(), rel=1e-4, abs=1e-9)
    network = zoo.load(SHIPPED)
    seen = by_hooks(network.module, first_sample(network))
    seen[""][0, 3].backward()
    number = ask("explain", SHIPPED, "--at", "block1.conv2[0,2,9,8]", "--grad", "--score", 3)
    assert number["loss"] == "output[0,3]"
    grad = seen["block1.conv2"].grad
    assert grad is not None
    assert number["value"] == pytest.approx(grad[0, 2, 9, 8].item(), rel=1e-4, abs=1e-9)


def test_the_file_holds_what_was_printed(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "made for it" / "trace.json"
    result = ask("trace", SHIPPED, "--check", 0, "-o", path)
    assert json.loads(path.read_text()) == result
    assert result["explained"]["checked"] == 0
    assert result["explained"]["kinds"] == {"formula": 10, "selected": 3}


def test_one_number_is_the_plain_forwards_and_its_terms_are_the_window(ask: Ask) -> None:
    network = zoo.load(SHIPPED)
    x = first_sample(network)
    seen = by_hooks(network.module, x)
    at = (0, 3, 12, 11)
    result = ask("explain", SHIPPED, "--at", "block1.conv2[0, 3, 12, 11]", "--terms", 0)
    assert result["index"] == list(at)
    assert result["value"] == pytest.approx(seen["block1.conv2"][at].item(), abs=1e-5)
    weight = network.module.get_parameter("block1.conv2.weight")[3].double()
    bias = network.module.get_parameter("block1.conv2.bias")[3].item()
    padded = F.pad(seen["block1.relu1"][0].double(), (1, 1, 1, 1))
    window = (padded[:, 12:15, 11:14] * weight).flatten().tolist()
    assert sorted(term["product"] for term in result["terms"]) == pytest.approx(sorted([*window, bias]), abs=1e-6)
    assert result["remainder"] == 0
    few = ask("explain", SHIPPED, "--at", "block1.conv2[0,3,12,11]", "--terms", 5)
    assert len(few["terms"]) == 5
    assert few["remainder"] + sum(term["product"] for term in few["terms"]) == pytest.approx(few["value"], abs=1e-5)
    assert len(ask("explain", SHIPPED, "--at", "block1.conv2[0,3,12,11]")["terms"]) == 32


@pytest.mark.parametrize(
    ("at", "op", "kind"),
    [
        ("0[0,3,7,7]", "block1.conv1", "formula"),
        (":softmax[0,-1]", ":softmax", "formula"),
        ("input[0,0,14,14]", "input", "given"),
        ("output.weight[3,255]", "output.weight", "given"),
        ("block2.pool[0,0,1,2]", "block2.pool", "selected"),
    ],
)
def test_every_form_of_address_is_understood(ask: Ask, at: str, op: str, kind: str) -> None:
    result = ask("explain", SHIPPED, "--at", at)
    assert (result["op"], result["kind"]) == (op, kind)
    network = zoo.load(SHIPPED)
    x = first_sample(network)
    seen = {**by_hooks(network.module, x), "input": x, **dict(network.module.named_parameters())}
    seen[":softmax"] = seen[""].softmax(1)
    index = tuple(int(place) for place in at.partition("[")[2].strip("]").split(","))
    assert result["value"] == pytest.approx(seen[op][index].item(), abs=1e-5)


def test_people_read_the_formula_the_three_largest_terms_and_the_rest(call: Callable[..., Any]) -> None:
    said = call("explain", SHIPPED, "--at", "output[0,3]")
    network = zoo.load(SHIPPED)
    seen = by_hooks(network.module, first_sample(network))
    weight = network.module.get_parameter("output.weight")[3]
    products = (seen["flatten"][0] * weight).abs().sort(descending=True).values[:2]
    lines = said.out.splitlines()
    assert lines[0] == f"output[0,3] = {seen['output'][0, 3].item():.6g}"
    assert r"\sum_{i=0}^{489}" in lines[2]
    assert [abs(float(line.split(" = ")[1].split()[0])) for line in lines[4:6]] == pytest.approx(
        products.tolist(), rel=1e-4
    )
    assert lines[6].endswith("  output.bias[3]")
    assert lines[7].endswith("the sum of 488 terms not listed")
    assert lines[-1].startswith("  error ")


def test_a_picture_file_is_seen_as_an_upload_would_be(ask: Ask, photograph: Path) -> None:
    result = ask("explain", SHIPPED, "--at", "input[0,0,20,3]", "--input", photograph)
    network = zoo.load(SHIPPED)
    assert network.preprocess is not None
    with Image.open(photograph) as picture:
        (expected,) = network.preprocess(picture).inputs
    assert result["value"] == expected[0, 0, 20, 3].item()
    assert result["input"]["name"] == photograph.name


def test_a_sample_can_be_named(ask: Ask) -> None:
    result = ask("explain", SHIPPED, "--at", "input[0,0,14,14]", "--input", "sample:fashion-test-1")
    pixels = data.sample("fashion-test-1").picture
    assert result["value"] == np.float32(pixels[14, 14, 0] / np.float32(255))


def test_a_readers_own_network_is_traced_with_what_its_layers_suggest(ask: Ask, mine: str) -> None:
    net = ask("trace", f"{mine}:Net")
    assert net["macs"] == 4 * 32 * 32 * 27 + 4 * 16 * 16 * 5
    assert [op["name"] for op in net["ops"]] == ["conv2d", "relu", "max_pool2d", "flatten", "linear"]
    assert [Path(op["source"].rpartition(":")[0]).name for op in net["ops"]] == ["mine.py"] * 5
    assert "picture of ours" in net["input"]["about"]
    assert "guess" in net["input"]["about"]
    for factory, shape in (("perceptron", [1, 2]), ("tokens", [1, 16, 4]), ("recurrent", [1, 16, 7])):
        result = ask("trace", f"{mine}:{factory}")
        assert result["ops"][-1]["shape"] == shape
        assert result["input"]["name"] == "random"
        assert "seed 0" in result["input"]["about"]
        assert ask("trace", f"{mine}:{factory}")["input"] == result["input"]
    told = ask("explain", f"{mine}:Told", "--at", ":mul[1]")
    assert told["value"] == 12


def test_numbers_that_json_has_no_word_for_are_null(call: Callable[..., Any], mine: str) -> None:
    said = call("explain", f"{mine}:nan", "--at", ":linear[0,1]", "--json")
    assert said.code == 0
    assert said.json["value"] is None
    assert "nan" in call("explain", f"{mine}:nan", "--at", ":linear[0,1]").out


def test_what_a_readers_file_prints_is_not_mixed_into_the_json(call: Callable[..., Any], mine: str) -> None:
    said = call("trace", f"{mine}:perceptron", "--json")
    assert len(said.out.splitlines()) == 1
    assert "a line of the reader's own" in said.err


@pytest.mark.parametrize(
    ("makes", "words", "rest"),
    [
        ("x.amin(1)", "the smallest of 5", "smallest of 2"),
        ("x.prod(1)", "the product of 5 terms", "product of 2"),
        ("x.norm(dim=1)", "the root of the sum of the squares of 5 terms", "norm of 2"),
        ("x.logsumexp(1)", "the logarithm of the sum of the exponentials of 5 terms", "logsumexp of 2"),
        ("x.mean(1)", "the mean of 5 terms", "mean of 2"),
        ("x.amax(1)", "the largest of 5", "largest of 2"),
    ],
)
def test_every_way_of_reducing_is_said(
    call: Callable[..., Any], tmp_path: Path, makes: str, words: str, rest: str
) -> None:
    path = tmp_path / "reduces.py"
    path.write_text(
        "import torch\nfrom torch import nn\n\nclass Net(nn.Module):\n"
        "    example_input_array = torch.arange(1.0, 6)[None]\n"
        f"    def forward(self, x):\n        return {makes}\n"
    )
    name = trace_ops(path)
    said = call("explain", f"{path}:Net", "--at", f"{name}[0]")
    assert said.code == 0, said.err
    assert words in said.out
    assert f"the {rest} terms not listed" in said.out


def trace_ops(path: Path) -> str:
    """The last op of the network in a file."""
    net = zoo.load(f"{path}:Net")
    return tracing.trace(net.module, torch.arange(1.0, 6)[None]).ops[-1].path
