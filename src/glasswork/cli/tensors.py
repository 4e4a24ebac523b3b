"""Tensors in files that other programs read and write: .npy, and .csv with a row for each line of the last axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from glasswork.cli.usage import UsageError
from glasswork.errors import GlassworkError
from glasswork.scenes.files import as_csv, as_npy, plain
from glasswork.tracing import Trace
from glasswork.zoo import write_atomically

MOST_BYTES = 1 << 30


def write_tensor(trace: Trace, address: str, file: str) -> None:
    """Write a tensor of a run to a file.

    Args:
        trace: the run.
        address: an op, an input, a parameter or a buffer; with "@grad" behind it, its gradient.
        file: ends in .npy or .csv. A .csv holds rows of the last axis; axes before it follow row by row.

    Raises:
        UsageError: the file's name ends otherwise.
        GlassworkError: there is no such tensor, or it can't be written.
    """
    path = Path(file)
    if path.suffix not in (".npy", ".csv"):
        raise UsageError(
            f"{file!r} is neither .npy nor .csv", where="glasswork trace --tensor", todo="End its name in one of them."
        )
    name, _, what = address.partition("@")
    if what not in ("", "value", "grad"):
        raise UsageError(f"there is no @{what} of a tensor", where=address, todo="Ask for OP, or OP@grad.")
    value = trace[int(name)].output if name.isdigit() else trace.value(name)
    tensor = value.grad if what == "grad" else value.tensor
    if tensor is None:
        why = "the loss does not depend on it" if trace.backward else "the run was forward only"
        raise GlassworkError(f"there is no gradient of {name}", where=repr(trace), why=why, todo="Add --backward.")
    array = plain(tensor)
    try:
        write_atomically(path, as_csv(array) if path.suffix == ".csv" else as_npy(array))
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        why = getattr(error, "strerror", None) or str(error)
        raise GlassworkError("this file can't be written", where=file, why=why, todo="Name another one.") from error


def read_array(path: Path) -> torch.Tensor:
    """The array of a .npy file; floating-point ones in fp32. One that would run code when it is read is refused.

    Raises:
        GlassworkError: it can't be read, is too large, or does not hold plain numbers.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        array = np.lib.format.open_memmap(path, mode="r")  # sizes are compared with the file's before anything is read
        if array.dtype.kind not in "fiub":
            raise ValueError(f"it holds {array.dtype}, not numbers")
        array = np.array(array)
        if array.dtype.kind in "fu" and array.dtype != np.uint8:
            return torch.from_numpy(array.astype(np.float32 if array.dtype.kind == "f" else np.int64))
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    except (OSError, ValueError, TypeError, OverflowError, SyntaxError, EOFError, MemoryError) as error:
        why = getattr(error, "strerror", None) or str(error).splitlines()[0][:300]
        raise GlassworkError(
            "this input can't be read", where=str(path), why=why, todo="Save an array with numpy.save."
        ) from error
