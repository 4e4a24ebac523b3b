"""ONNX files as weights by name: the graph is read, and never run.

https://github.com/onnx/onnx/blob/main/docs/IR.md. A linear layer's matrix is often stored without its name, the other
way round, as it is multiplied; the bias that is added to its product keeps its own, so the matrix is found by that.
Numbers that a file keeps in other files are refused, wherever those are; what a tensor claims is compared with what
there is before anything is made of it.
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glasswork.errors import GlassworkError

MOST_BYTES = 1 << 30
MOST_AXES = 8
EXTERNAL = 1
_FLOATS = {1: np.float32, 10: np.float16}  # by TensorProto.DataType; whole numbers are sizes of the graph, no weights
BIAS, WEIGHT = ".bias", ".weight"


def read_onnx(path: Path) -> dict[str, Tensor]:
    """The weights of a file, float32, under the names that their modules gave them; what has none keeps the graph's.

    Raises:
        GlassworkError: the package onnx is not here; the file is no ONNX file, is cut off or too large, keeps its
            numbers elsewhere, or claims what it does not hold.
    """
    graph = _graph(path)
    try:
        held = {}
        for tensor in graph.initializer:
            if tensor.name in held:
                raise ValueError(f"it has two tensors called {tensor.name[:80]!r}")
            held[tensor.name] = tensor
        named = {name: _numbers(one) for name, one in held.items() if one.data_type in _FLOATS}
        for bias, matrix in _matrices(graph, held):
            named[bias.removesuffix(BIAS) + WEIGHT] = named.pop(matrix).T.contiguous()
    except ValueError as error:
        raise _broken(path, str(error)) from error
    return named


def _graph(path: Path) -> Any:
    try:
        onnx, protobuf = importlib.import_module("onnx"), importlib.import_module("google.protobuf.message")
    except ImportError as error:
        todo = 'pip install "glasswork[onnx]" brings it.'
        raise GlassworkError("onnx is not installed", where=str(path), why=str(error), todo=todo) from error
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _broken(path, f"it has {path.stat().st_size:,} bytes; {MOST_BYTES:,} are read")
        model = onnx.ModelProto.FromString(path.read_bytes())  # from its bytes alone, so that no other file is opened
    except (OSError, protobuf.DecodeError) as error:
        raise _broken(path, str(error)) from error
    if not model.graph.initializer:
        raise _broken(path, "it holds no tensor")
    return model.graph


def _matrices(graph: Any, held: dict[str, Any]) -> list[tuple[str, str]]:
    """Of each product with a matrix without a name, to which a bias is added, both names."""
    made_by = {output: node for node in graph.node for output in node.output}
    found, taken = [], set[str]()
    for node in graph.node:
        if node.op_type != "Add" or len(node.input) != 2:
            continue
        for bias, product in (node.input, reversed(node.input)):
            source = made_by.get(product)
            if bias.endswith(BIAS) and bias in held and source is not None and source.op_type == "MatMul":
                matrix = source.input[1]
                unnamed = matrix in held and "::" in matrix and matrix not in taken
                if unnamed and held[matrix].data_type in _FLOATS and len(held[matrix].dims) == 2:
                    found.append((bias, matrix))
                    taken.add(matrix)
    return found


def _numbers(tensor: Any) -> Tensor:
    """A tensor as float32.

    Raises:
        ValueError: its numbers are in another file, or not as many as its shape says.
    """
    name, shape, kind = tensor.name[:80], tuple(tensor.dims), np.dtype(_FLOATS[tensor.data_type])
    if tensor.data_location == EXTERNAL or len(tensor.external_data):
        raise ValueError(f"{name!r} is kept in another file, and no other file is read")
    if len(shape) > MOST_AXES or any(size < 0 for size in shape):
        raise ValueError(f"{name!r} has the shape {shape[:MOST_AXES]}")
    count = math.prod(shape)
    found = len(tensor.raw_data) / kind.itemsize if tensor.raw_data else len(tensor.float_data)
    if found != count or (kind != np.float32 and not tensor.raw_data):
        raise ValueError(f"{name!r} of shape {shape} should hold {count:,} numbers, and holds {found:,.6g}")
    flat = np.frombuffer(tensor.raw_data, kind.newbyteorder("<")) if tensor.raw_data else np.array(tensor.float_data)
    return torch.from_numpy(flat.astype(np.float32).reshape(shape))


def _broken(path: Path, why: str) -> GlassworkError:
    return GlassworkError("this is no whole ONNX file of weights", where=str(path), why=why, todo="Fetch it again.")
