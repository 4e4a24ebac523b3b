"""GGUF, the file of quantised language models: numbers by name, then tensors, each in blocks that share a scale.

The layout is that of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; the blocks are those of ggml-common.h:

    F32, F16      numbers as they are
    Q8_0          32 numbers: a scale d (float16), 32 signed bytes q;            x = d q
    Q4_0          32 numbers: a scale d, 16 bytes of two 4-bit q each;           x = d (q - 8)
    Q4_1          32 numbers: a scale d, a smallest m, 16 bytes as above;        x = d q + m

Of a byte, the low half is number i, the high half number i + 16. What a file claims is compared with its size before
anything is read.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from glasswork.errors import GlassworkError

MAGIC = b"GGUF"
MOST_ITEMS = 10_000_000  # of all lists together
MOST_TENSORS = 100_000
MOST_AXES = 4
BLOCK = 32
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
_FORMATS = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", BLOCK, 18), 3: ("Q4_1", BLOCK, 20), 8: ("Q8_0", BLOCK, 34)}


@dataclass(frozen=True)
class Gguf:
    """What a file holds.

    Attributes:
        facts: numbers, texts and lists by name, such as "llama.block_count".
        tensors: float32 by name, shapes as PyTorch writes them (the last axis lies side by side in memory).
    """

    facts: dict[str, Any]
    tensors: dict[str, Tensor]


def read_gguf(path: Path) -> Gguf:
    """Read a file, all numbers made float32.

    Raises:
        GlassworkError: it is no such file, is cut off, claims what it can't hold, or has blocks of another kind.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _read(file, size)
    except (OSError, struct.error, ValueError, UnicodeDecodeError) as error:
        raise GlassworkError(
            "this is no whole GGUF file", where=str(path), why=str(error), todo="Fetch or convert it again."
        ) from error


def read_facts(path: Path) -> dict[str, Any]:
    """A file's numbers, texts and lists alone; errors as in read_gguf."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _head(file, size)[0]
    except (OSError, struct.error, ValueError, UnicodeDecodeError) as error:
        raise GlassworkError(
            "this is no whole GGUF file", where=str(path), why=str(error), todo="Fetch or convert it again."
        ) from error


def llama_weights(tensors: dict[str, Tensor], heads: int, groups: int) -> dict[str, Tensor]:
    """A Llama's weights under their published names.

    GGUF stores the rows of queries and keys so that the two numbers that a rotation turns are neighbours; published
    files have them half a head apart.

    Args:
        tensors: by GGUF's names.
        heads: of queries.
        groups: of keys.

    Raises:
        GlassworkError: a name that no Llama has.
    """
    found: dict[str, Tensor] = {}
    for name, value in tensors.items():
        block, _, part = name.removeprefix("blk.").partition(".")
        if name in _OUTER:
            found[_OUTER[name]] = value
        elif name.startswith("blk.") and part in _INNER:
            if part in ("attn_q.weight", "attn_k.weight"):
                value = _apart(value, heads if part == "attn_q.weight" else groups)
            found[f"model.layers.{int(block)}.{_INNER[part]}"] = value
        else:
            raise GlassworkError("this GGUF file holds no Llama", why=f"it has a tensor called {name[:80]!r}")
    return found


_OUTER = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_INNER = {
    "attn_norm.weight": "input_layernorm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_v.weight": "self_attn.v_proj.weight",
    "attn_output.weight": "self_attn.o_proj.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
}


def _apart(rows: Tensor, heads: int) -> Tensor:
    """Rows 0, 1, 2, 3... of a head -> 0, 2, 4... and then 1, 3, 5...: (heads·D, W) -> (heads·D, W)."""
    width = rows.shape[1]
    return rows.view(heads, -1, 2, width).transpose(1, 2).reshape(-1, width)


def _head(file: BinaryIO, size: int) -> tuple[dict[str, Any], _Reader, int]:
    """The facts; what reads on after them; and how many tensors follow."""
    magic, version, tensors, facts = struct.unpack("<4sIQQ", file.read(24))
    if magic != MAGIC or version not in (2, 3):
        raise ValueError(f"it begins with {magic!r}, version {version}; expected {MAGIC!r}, 2 or 3")
    if tensors > MOST_TENSORS or facts > MOST_TENSORS:
        raise ValueError(f"it claims {tensors:,} tensors and {facts:,} facts; {MOST_TENSORS:,} are read")
    reader = _Reader(file, size)
    known: dict[str, Any] = {}
    for _ in range(facts):
        name = reader.text()
        known[name] = reader.value(reader.number("I"))
    return known, reader, tensors


def _read(file: BinaryIO, size: int) -> Gguf:
    known, reader, tensors = _head(file, size)
    listed: list[tuple[str, tuple[int, ...], int, int]] = []
    for _ in range(tensors):
        name, axes = reader.text(), reader.number("I")
        if not 1 <= axes <= MOST_AXES:
            raise ValueError(f"{name[:80]} has {axes} axes")
        shape = tuple(reader.number("Q") for _ in range(axes))[::-1]
        listed.append((name, shape, reader.number("I"), reader.number("Q")))
    alignment = known.get("general.alignment", BLOCK)
    if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20:
        raise ValueError(f"its alignment is {alignment!r}")
    start = math.ceil(file.tell() / alignment) * alignment
    return Gguf(known, {entry[0]: _tensor(file, start, size, *entry) for entry in listed})


class _Reader:
    """Values one after another, none longer than the file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size, self.items = file, size, 0

    def number(self, code: str) -> Any:
        length = struct.calcsize(f"<{code}")
        return struct.unpack(f"<{code}", self.file.read(length))[0]

    def text(self) -> str:
        length = self.number("Q")
        if length > self.size - self.file.tell():
            raise ValueError(f"it ends within a text of {length:,} bytes")
        return self.file.read(length).decode("utf-8")

    def value(self, kind: int) -> Any:
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _TEXT:
            return self.text()
        if kind != _LIST:
            raise ValueError(f"it has a value of kind {kind}")
        inner, length = self.number("I"), self.number("Q")
        self.items += length
        if inner == _LIST or self.items > MOST_ITEMS or length > self.size - self.file.tell():
            raise ValueError(f"it has a list of {length:,} values of kind {inner}")
        return [self.value(inner) for _ in range(length)]


def _tensor(file: BinaryIO, start: int, size: int, name: str, shape: tuple[int, ...], kind: int, offset: int) -> Tensor:
    """One tensor, as float32."""
    if kind not in _FORMATS:
        known = ", ".join(f"{code} ({each[0]})" for code, each in _FORMATS.items())
        raise ValueError(f"{name[:80]} is of kind {kind}; read are {known}")
    form, numbers, length = _FORMATS[kind]
    count = math.prod(shape)
    bytes_ = count // numbers * length
    if count == 0 or shape[-1] % numbers or start + offset + bytes_ > size:
        raise ValueError(f"{name[:80]} of shape {shape} lies beyond its end, or in broken blocks")
    file.seek(start + offset)
    raw = np.frombuffer(file.read(bytes_), np.uint8).reshape(-1, length)
    return torch.from_numpy(_numbers(form, raw).reshape(shape))


def _numbers(form: str, raw: np.ndarray) -> np.ndarray:
    """Blocks (N, bytes) -> float32, (N, numbers)."""
    if form in ("F32", "F16"):
        return raw.copy().view(np.float32 if form == "F32" else np.float16).astype(np.float32)
    scale = raw[:, :2].copy().view(np.float16).astype(np.float32)  # (N, 1)
    if form == "Q8_0":
        return scale * raw[:, 2:].view(np.int8).astype(np.float32)
    halves = raw[:, 2:] if form == "Q4_0" else raw[:, 4:]
    quants = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32)  # (N, 32)
    if form == "Q4_0":
        return scale * (quants - 8)
    least = raw[:, 2:4].copy().view(np.float16).astype(np.float32)  # (N, 1)
    return scale * quants + least
