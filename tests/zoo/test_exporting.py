"""A network in other programs: ONNX and a script give the same answers, and what can't be written says why."""

from __future__ import annotations

import ast
import dataclasses
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from onnx.reference import ReferenceEvaluator
from PIL import Image

from glasswork import zoo
from glasswork.errors import GlassworkError
from glasswork.zoo import exporting
from glasswork.zoo.exporting import to_onnx, to_python, to_safetensors, unpack

SOME = ("tiny-vgg-emoji", "tiny-vgg-digits", "resnet-slim", "vit-fashion", "torchvision:mobilenet_v3_small")
QUICK = {"tiny-vgg-emoji", "vit-fashion"}
SLOW = pytest.mark.slow  # a process of its own for each


def odd_pictures() -> list[Image.Image]:
    """Of other sizes, modes and orientations than any network was taught on."""
    random = np.random.default_rng(3)
    colour = Image.fromarray(random.integers(0, 256, (37, 61, 3), np.uint8))
    clear = colour.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    deep = Image.fromarray(random.integers(0, 65_536, (40, 30)).astype(np.uint16))
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    colour.save(turned, "JPEG", exif=exif)
    narrow = Image.fromarray(random.integers(0, 256, (9, 190, 3), np.uint8))
    small = Image.fromarray(random.integers(200, 256, (28, 28), np.uint8))
    return [colour, clear, colour.convert("P"), deep, Image.open(turned), narrow, small]


LOGITS = """
import sys, numpy, torch
from PIL import Image
import {name} as made
model = made.load()
with torch.inference_mode():
    rows = [model(made.prepare(Image.open(path)))[0].numpy() for path in sys.argv[2:]]
numpy.save(sys.argv[1], numpy.stack(rows))
print([one for one in sys.modules if one.startswith("glasswork")])
"""


@pytest.mark.parametrize("target", [pytest.param(one, marks=() if one in QUICK else SLOW) for one in SOME])
def test_the_script_answers_as_the_network_does_in_a_process_without_us(target: str, tmp_path: Path) -> None:
    network = zoo.load(target)
    made = to_python(network, tmp_path / "mine")
    assert made.checked >= 3
    unpack(made, tmp_path)
    paths = []
    for number, picture in enumerate(odd_pictures()):
        paths.append(tmp_path / f"{number}.{'jpg' if picture.format == 'JPEG' else 'png'}")
        picture.save(paths[-1], exif=picture.getexif())
    run = [sys.executable, "-c", LOGITS.format(name="mine"), "out.npy", *map(str, paths)]
    said = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
    assert network.preprocess is not None
    for row, path in zip(np.load(tmp_path / "out.npy"), paths, strict=True):
        with Image.open(path) as picture, torch.inference_mode():
            ours = network.module(*network.preprocess(picture).inputs)[0].numpy()
        np.testing.assert_allclose(row, ours, atol=1e-4)


def test_the_script_names_pictures_from_the_command_line(tmp_path: Path) -> None:
    unpack(to_python(zoo.load("tiny-vgg-digits"), tmp_path / "digits"), tmp_path)
    Image.new("L", (30, 30), 255).save(tmp_path / "blank.png")
    said = subprocess.run(
        [sys.executable, "digits.py", "blank.png"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    lines = [line.split() for line in said.stdout.splitlines()]
    assert [len(line) for line in lines] == [3, 3, 3]
    assert {line[1] for line in lines} <= set(zoo.load("tiny-vgg-digits").labels)


@pytest.mark.parametrize("target", SOME[:4])
def test_the_onnx_graph_answers_as_the_network_does(target: str, tmp_path: Path) -> None:
    network = zoo.load(target)
    made = to_onnx(network, tmp_path / "graph")
    assert made.error < 1e-4
    model = onnx.load(made.path)
    onnx.checker.check_model(model, full_check=True)
    assert network.preprocess is not None
    how = network.preprocess
    x = torch.rand(3, how.channels, how.size, how.size, generator=torch.Generator().manual_seed(5))
    graph = ReferenceEvaluator(model)
    batches = [x] if "any number" in made.about else list(x.split(1))
    theirs = np.concatenate([graph.run(None, {"pictures": part.numpy()})[0] for part in batches])  # type: ignore[arg-type]
    with torch.inference_mode():
        np.testing.assert_allclose(theirs, network.module(x).numpy(), atol=1e-4)


def test_weights_are_read_back_by_name(tmp_path: Path) -> None:
    network = zoo.load("resnet-slim")
    made = to_safetensors(network, tmp_path / "v1.5")
    assert made.path.name == "v1.5.safetensors"
    stored = safetensors.torch.load_file(made.path)
    assert stored.keys() == network.module.state_dict().keys()
    assert all(torch.equal(stored[name], value) for name, value in network.module.state_dict().items())


def test_other_answers_are_never_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that is wrong by a hundredth is refused, and leaves no file."""
    whole = exporting.script
    monkeypatch.setattr(exporting, "script", lambda *given: whole(*given).replace(".float() / 255", ".float() / 252"))
    with pytest.raises(GlassworkError, match="gives other answers"):
        to_python(zoo.load("tiny-vgg-digits"), tmp_path / "wrong")
    assert list(tmp_path.iterdir()) == []


def test_no_word_of_a_card_is_run(tmp_path: Path) -> None:
    """A card may come from anybody: its words must stay words in a script that is imported to be checked."""
    ran = tmp_path / "ran"
    attack = f"open({str(ran)!r}, 'w').close()"
    network = zoo.load("tiny-vgg-digits")
    title = f'a title"""\n{attack}\n"""\\'
    labels = tuple(f"'{sign})\n{attack}\n#<<SOURCE>>{number}" for number, sign in enumerate("\"'\\<[({])>"))
    made = to_python(dataclasses.replace(network, title=title, labels=labels), tmp_path / 'mine"""')
    with zipfile.ZipFile(made.path) as archive:
        source = archive.read(next(name for name in archive.namelist() if name.endswith(".py"))).decode()
    assigned = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    listed = next(node for node in assigned if ast.unparse(node.targets[0]) == "LABELS")
    assert ast.literal_eval(listed.value) == labels
    assert network.preprocess is not None
    odd = dataclasses.replace(network.preprocess, filter=f"x\n{attack}")
    with pytest.raises(GlassworkError, match="is none of"):
        to_python(dataclasses.replace(network, preprocess=odd), tmp_path / "mine")
    assert not ran.exists()


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = exporting.importlib.util.find_spec
    monkeypatch.setattr(exporting.importlib.util, "find_spec", lambda name: None if name == "onnx" else found(name))
    with pytest.raises(GlassworkError, match="onnx is not installed") as told:
        to_onnx(zoo.load("tiny-vgg-digits"), tmp_path / "graph")
    assert "glasswork[onnx]" in told.value.todo


def test_what_takes_no_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GlassworkError, match="only networks that take pictures"):
        to_python(zoo.load("gpt-moby"), tmp_path / "text")


def test_the_archive_holds_the_script_and_its_weights(tmp_path: Path) -> None:
    made = to_python(zoo.load("tiny-vgg-fashion"), tmp_path / "clothes")
    with zipfile.ZipFile(made.path) as archive:
        assert archive.namelist() == ["clothes/clothes.py", "clothes/clothes.safetensors"]
        compile(archive.read("clothes/clothes.py"), "clothes.py", "exec")
