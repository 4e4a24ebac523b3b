"""A trained network as files for other programs, each compared with the network itself before it is handed over."""

from __future__ import annotations

import importlib.util
import io
import shutil
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from glasswork import data
from glasswork.data.given import BrokenPictureError, is_given, read_pictures
from glasswork.errors import GlassworkError
from glasswork.zoo.network import Network
from glasswork.zoo.storing import write_atomically
from glasswork.zoo.writing import script

OPSET = 17
COMPARED, COMPARED_LARGE, LARGE = 8, 3, 100  # pictures; of networks for more than LARGE pixels a side fewer
BOUND = 1e-4  # of a logit
ONNX_EXTRA = "pip install 'glasswork[onnx]'"
NAMES = ("pictures", "logits")


@dataclass(frozen=True)
class Export:
    """A file that was written.

    Attributes:
        path: where it is.
        about: what it holds and what it needs, in one sentence.
        checked: on how many pictures its answers were compared with the network's own; 0: its tensors were read back.
        error: the largest difference of a logit, or of a weight.
    """

    path: Path
    about: str
    checked: int
    error: float


def to_safetensors(network: Network, place: Path) -> Export:
    """The weights alone, by the module's own names; its labels, sizes and preprocessing as metadata.

    Args:
        network: any.
        place: the file, without its ending.
    """
    weights = {name: value.contiguous() for name, value in network.module.state_dict().items()}
    about = {"labels": "\n".join(network.labels), "made_by": "glasswork", **_sizes(network)}
    path = place.with_name(f"{place.name}.safetensors")
    write_atomically(path, safetensors.torch.save(weights, about))
    read = safetensors.torch.load_file(path)
    error = max(
        (float((read[name].double() - value.double()).abs().max()) for name, value in weights.items()), default=0.0
    )
    return Export(path, f"{len(weights)} tensors by name", 0, error)


def to_onnx(network: Network, place: Path) -> Export:
    """The network as an ONNX graph, from a picture's numbers (B, C, H, W) to logits (B, K).

    Args:
        network: one that takes pictures.
        place: the file, without its ending.

    Raises:
        GlassworkError: the package onnx is not installed, the network can't be written so, or its answers differ.
    """
    if importlib.util.find_spec("onnx") is None:
        raise GlassworkError("ONNX needs a package", why="onnx is not installed", todo=f"{ONNX_EXTRA}, then again.")
    inputs = torch.cat([_prepared(network, one) for one in examples(network)])
    path, failed = place.with_name(f"{place.name}.onnx"), ""
    for dynamic in (True, False):  # some networks hold the batch's size as a constant
        try:
            body = _graph(network, inputs[:1], dynamic)
            error = _difference(network, inputs, _run_graph(body, inputs, dynamic))
        except Exception as error:  # exporters raise anything at all
            failed = failed or f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
            continue
        _check(error, path.name)
        write_atomically(path, body)
        shape = "×".join(map(str, inputs.shape[1:]))
        batch = "any number of pictures" if dynamic else "one picture"
        return Export(path, f"opset {OPSET}, {batch} of {shape}, to logits", len(inputs), error)
    raise GlassworkError("this network can't be written as ONNX", where=network.target, why=failed)


def to_python(network: Network, place: Path) -> Export:
    """A script that builds the network, reads its weights and names pictures, without Glasswork; both in one archive.

    Args:
        network: one of ours, of torchvision or of timm, that takes pictures.
        place: the archive, without its ending.

    Raises:
        GlassworkError: the network can't be built without Glasswork, or the script's answers differ.
    """
    pictures = examples(network)
    with tempfile.TemporaryDirectory(prefix="glasswork-") as folder:
        code = Path(folder) / f"{place.name}.py"
        code.write_text(script(network, code.stem), encoding="utf-8")
        to_safetensors(network, Path(folder) / place.name)
        made = _imported(code)
        model = made.load()
        with torch.inference_mode():
            theirs = torch.cat([model(made.prepare(one)) for one in pictures])
        error = _difference(network, torch.cat([_prepared(network, one) for one in pictures]), theirs.numpy())
        _check(error, code.name)
        path = place.with_name(f"{place.name}.zip")
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for one in (code, code.with_suffix(".safetensors")):
                archive.write(one, f"{code.stem}/{one.name}")
    write_atomically(path, out.getvalue())
    return Export(path, f"{code.name} and its weights; needs torch, safetensors, pillow", len(pictures), error)


EXPORTS: dict[str, Callable[[Network, Path], Export]] = {
    "safetensors": to_safetensors,
    "onnx": to_onnx,
    "python": to_python,
}


def unpack(export: Export, folder: Path) -> list[Path]:
    """What to_python wrote, as files in a folder."""
    with zipfile.ZipFile(export.path) as archive:
        names = archive.namelist()
        for name in names:
            with archive.open(name) as source, (folder / Path(name).name).open("wb") as target:
                shutil.copyfileobj(source, target)
    return [folder / Path(name).name for name in names]


def examples(network: Network) -> list[Image.Image]:
    """A few pictures to compare answers on: the network's own samples, those it was taught by, or noise.

    Raises:
        GlassworkError: it takes no pictures.
    """
    how = network.preprocess
    if how is None:
        raise GlassworkError("only networks that take pictures are exported", where=network.target)
    if network.detects:
        why = "it answers with boxes, and an export is compared by its logits"
        raise GlassworkError("a detector is not exported", where=network.target, why=why)
    count = COMPARED_LARGE if how.size > LARGE else COMPARED
    if network.samples:
        found = [data.sample(name).picture for name in network.samples[:count]]
        return [Image.fromarray(one[..., 0] if one.shape[-1] == 1 else one) for one in found]
    if network.card is not None and is_given(network.card.data):
        try:
            files = read_pictures(network.card.data)
            chosen = np.unique(np.linspace(0, len(files) - 1, count).astype(int))
            return [files.open(int(i)) for i in chosen]
        except (BrokenPictureError, GlassworkError):  # they were moved since: noise has all the numbers as well
            pass
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 256, (how.size, how.size, 3), np.uint8)) for _ in range(count)]


def _prepared(network: Network, picture: Image.Image) -> torch.Tensor:
    assert network.preprocess is not None
    return network.preprocess(picture).inputs[0]


def _graph(network: Network, example: torch.Tensor, dynamic: bool) -> bytes:
    with tempfile.TemporaryDirectory(prefix="glasswork-") as folder, warnings.catch_warnings():
        path = Path(folder) / "graph.onnx"
        # The exporter by tracing: it needs the package onnx alone. torch warns that it has a newer one, and of sizes
        # that become constants, which the comparison would find.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.module.eval(),
            (example,),
            path,
            dynamo=False,
            input_names=[NAMES[0]],
            output_names=[NAMES[1]],
            dynamic_axes={name: {0: "batch"} for name in NAMES} if dynamic else None,
            opset_version=OPSET,
        )
        return path.read_bytes()


def _run_graph(body: bytes, inputs: torch.Tensor, dynamic: bool) -> np.ndarray:
    """The graph's answers by the package's own reference implementation, which is numpy."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    model = onnx.load_model_from_string(body)
    onnx.checker.check_model(model)
    run = ReferenceEvaluator(model)
    parts = [inputs] if dynamic else inputs.split(1)
    answers: list[Any] = [run.run(None, {NAMES[0]: part.numpy()}) for part in parts]
    return np.concatenate([one[0] for one in answers])


def _difference(network: Network, inputs: torch.Tensor, theirs: np.ndarray) -> float:
    with torch.inference_mode():
        ours = network.module.eval()(inputs).numpy()
    return float(np.abs(ours - theirs).max())


def _check(error: float, name: str) -> None:
    if not error <= BOUND:
        raise GlassworkError(
            f"{name} gives other answers than the network", why=f"a logit differs by {error:.2g}, more than {BOUND:g}"
        )


def _sizes(network: Network) -> dict[str, str]:
    card = network.card
    return (
        {}
        if card is None
        else {"network": card.network, **{f"size.{key}": str(value) for key, value in card.sizes.items()}}
    )


def _imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"glasswork_export_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look a class's module up by name
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[spec.name]
    return module
