"""GGUF files written by hand, whole and broken."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from glasswork import networks
from glasswork.errors import GlassworkError
from glasswork.zoo.gguf import llama_weights, read_gguf


def text(words: str) -> bytes:
    return struct.pack("<Q", len(words.encode())) + words.encode()


def written(tensors: list[tuple[str, tuple[int, ...], int, bytes]], facts: bytes = b"", count: int = 0) -> bytes:
    """A file of tensors (name, shape as PyTorch writes it, kind, blocks)."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), count) + facts
    offset, body = 0, b""
    for name, shape, kind, blocks in tensors:
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape[::-1], kind, offset)
        body += blocks.ljust(-(-len(blocks) // 32) * 32, b"\0")
        offset = len(body)
    return head.ljust(-(-len(head) // 32) * 32, b"\0") + body


def half(number: float) -> bytes:
    return np.float16(number).tobytes()


NIBBLES = bytes(range(16))  # low halves 0..15; high halves all 0
BLOCKS = {
    0: (struct.pack("<32f", *range(32)), [float(i) for i in range(32)]),
    1: (np.arange(32, dtype=np.float16).tobytes(), [float(i) for i in range(32)]),
    2: (half(0.5) + NIBBLES, [0.5 * (i - 8) for i in range(16)] + [-4.0] * 16),
    3: (half(0.5) + half(-2) + NIBBLES, [0.5 * i - 2 for i in range(16)] + [-2.0] * 16),
    8: (half(0.25) + bytes(i % 256 for i in range(-16, 16)), [0.25 * i for i in range(-16, 16)]),
}


@pytest.mark.parametrize("kind", list(BLOCKS))
def test_blocks_are_the_numbers_that_one_works_out_by_hand(kind: int, tmp_path: Path) -> None:
    blocks, numbers = BLOCKS[kind]
    (tmp_path / "f").write_bytes(written([("first", (32,), 0, BLOCKS[0][0]), ("w", (2, 32), kind, blocks * 2)]))
    found = read_gguf(tmp_path / "f").tensors["w"]
    assert found.dtype == torch.float32
    assert found.tolist() == [numbers, numbers]


def test_facts_are_read(tmp_path: Path) -> None:
    facts = text("a") + struct.pack("<IQ", 8, 2) + b"hi"
    facts += text("b") + struct.pack("<IIQ", 9, 4, 3) + struct.pack("<3I", 1, 2, 3)
    facts += text("c") + struct.pack("<If", 6, 0.5)
    (tmp_path / "f").write_bytes(written([], facts, 3))
    assert read_gguf(tmp_path / "f").facts == {"a": "hi", "b": [1, 2, 3], "c": 0.5}


WHOLE = written([("w", (32,), 3, BLOCKS[3][0])])
BROKEN = {
    "cut off": WHOLE[:-20],
    "cut within the head": WHOLE[:30],
    "empty": b"",
    "another file": b"PK\3\4" + WHOLE[4:],
    "more tensors than can be": struct.pack("<4sIQQ", b"GGUF", 3, 1 << 60, 0),
    "a text longer than the file": struct.pack("<4sIQQ", b"GGUF", 3, 0, 1) + struct.pack("<Q", 1 << 62),
    "a list longer than the file": struct.pack("<4sIQQ", b"GGUF", 3, 0, 1)
    + text("l")
    + struct.pack("<IIQ", 9, 4, 1 << 61),
    "lists in lists": struct.pack("<4sIQQ", b"GGUF", 3, 0, 1) + text("l") + struct.pack("<IIQ", 9, 9, 1),
    "a shape beyond the file": written([("w", (1 << 40, 1 << 20), 3, BLOCKS[3][0])]),
    "blocks of another kind": written([("w", (32,), 12, BLOCKS[3][0])]),
    "a broken block": written([("w", (31,), 3, BLOCKS[3][0])]),
    "an alignment of nothing": written([], text("general.alignment") + struct.pack("<II", 4, 0), 1),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(BROKEN[name])
    with pytest.raises(GlassworkError, match="no whole GGUF file"):
        read_gguf(tmp_path / "f")


def test_queries_and_keys_are_put_back_so_that_both_rotations_agree() -> None:
    sizes = networks.reference("llama").small
    net = networks.build("llama", **sizes)
    published = net.state_dict()
    heads, groups, width = sizes["heads"], sizes["groups"], sizes["width"]

    def neighbours(rows: torch.Tensor, parts: int) -> torch.Tensor:
        """What the converter of llama.cpp does: the two halves of a head in turns."""
        size = width // heads
        order = [part * size + i // 2 + (i % 2) * (size // 2) for part in range(parts) for i in range(size)]
        return rows[order]

    file = {
        "token_embd.weight": published["model.embed_tokens.weight"],
        "output_norm.weight": published["model.norm.weight"],
    }
    file["output.weight"] = published["lm_head.weight"]
    parts = {
        "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
        "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    }  # fmt: skip
    for block in range(sizes["depth"]):
        for theirs, ours in parts.items():
            value = published[f"model.layers.{block}.{ours}.weight"]
            if theirs in ("attn_q", "attn_k"):
                value = neighbours(value, heads if theirs == "attn_q" else groups)
            file[f"blk.{block}.{theirs}.weight"] = value
    read = llama_weights(file, heads, groups)
    assert set(read) == set(published)
    for name, value in read.items():
        assert torch.equal(value, published[name]), name
    with pytest.raises(GlassworkError, match="no Llama"):
        llama_weights({"blk.0.ssm_a": torch.zeros(1)}, 1, 1)
