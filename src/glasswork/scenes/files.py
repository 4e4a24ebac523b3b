"""A tensor as a file that other programs read: .npy, or .csv with a row for each line of the last axis."""

from __future__ import annotations

import csv
import io
import re
from typing import Literal

import numpy as np
import torch

from glasswork.errors import GlassworkError
from glasswork.tracing import Trace

MOST = {"npy": 64 << 20, "csv": 4 << 20}
"""So many bytes of a .npy, and so many numbers of a .csv, that a page may ask for."""


def tensor_file(trace: Trace, path: str, what: str, form: Literal["npy", "csv"]) -> tuple[str, bytes]:
    """A name for the file, and its bytes.

    Raises:
        GlassworkError: there is no such tensor, it was not kept, or it is too large.
    """
    value = trace.value(path)
    tensor = value.grad if what == "grad" else value.tensor if what == "value" else None
    if tensor is None:
        raise GlassworkError(f"there is no @{what} of {path}", where=repr(trace), todo="Ask for @value.")
    size = tensor.numel() if form == "csv" else tensor.nbytes
    if size > MOST[form]:
        unit = "numbers" if form == "csv" else "bytes"
        raise GlassworkError(
            f"{path} is too large for a page",
            where=f".{form}",
            why=f"it has {size:,} {unit} of at most {MOST[form]:,}",
            todo="glasswork trace TARGET --tensor OP FILE writes it.",
        )
    array = plain(tensor)
    name = re.sub(r"[^\w.-]+", "-", path).strip("-.") or "tensor"
    gradient = "-grad" if what == "grad" else ""
    return f"{name}{gradient}.{form}", as_csv(array) if form == "csv" else as_npy(array)


def plain(tensor: torch.Tensor) -> np.ndarray:
    """A tensor as numpy knows it; bfloat16, which it does not, in fp32."""
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def as_npy(array: np.ndarray) -> bytes:
    """The bytes of a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def as_csv(array: np.ndarray) -> bytes:
    """The bytes of a .csv file: rows of the last axis; axes before it follow row by row."""
    rows = array.reshape(1, 1) if array.ndim == 0 else array.reshape(-1, array.shape[-1])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[str(number) for number in row] for row in rows])
    return text.getvalue().encode()
