"""Byte pairs against transformers' own tokenizer, from an equal GGUF head; letters by hand."""

import struct
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch
from tokenizers import models, pre_tokenizers, trainers

from glasswork import networks, zoo
from glasswork.data.tokens import Vocabulary
from glasswork.errors import GlassworkError
from glasswork.zoo.tokenizers import Letters, _from_gguf

TEXTS = ["The capital of France is", "naïve 🦊 12345\n\n\tx", "مرحبا بالعالم", "<|endoftext|> is text here", " a  b "]


@pytest.fixture(scope="module")
def trained() -> Any:
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    made.train_from_iterator([text.replace("<|endoftext|>", "") for text in TEXTS] * 5, trainer)
    return made


def gguf(path: Path, made: Any, model: str = "gpt2") -> Path:
    import json

    about = json.loads(made.to_str())["model"]
    names = sorted(about["vocab"], key=about["vocab"].get)
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in about["merges"]]

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def texts(name: str, values: list[str]) -> bytes:
        return text(name) + struct.pack("<IIQ", 9, 8, len(values)) + b"".join(map(text, values))

    kinds = [3 if name == "<|endoftext|>" else 1 for name in names]
    facts = [
        text("tokenizer.ggml.model") + struct.pack("<I", 8) + text(model),
        text("tokenizer.ggml.pre") + struct.pack("<I", 8) + text("smollm"),
        texts("tokenizer.ggml.tokens", names),
        texts("tokenizer.ggml.merges", merges),
        text("tokenizer.ggml.token_type") + struct.pack(f"<IIQ{len(kinds)}i", 9, 5, len(kinds), *kinds),
        text("tokenizer.ggml.eos_token_id") + struct.pack("<II", 4, 0),
    ]
    path.write_bytes(struct.pack("<4sIQQ", b"GGUF", 3, 0, len(facts)) + b"".join(facts))
    return path


def test_byte_pairs_of_a_gguf_file_are_those_of_the_tokenizer(trained: Any, tmp_path: Path) -> None:
    found = _from_gguf(gguf(tmp_path / "a.gguf", trained))
    for text in TEXTS:
        ids = found.encode(text)
        if "<|" not in text:
            assert ids == trained.encode(text, add_special_tokens=False).ids
        assert found.decode(ids) == text
        assert b"".join(map(found.bytes, ids)) == text.encode()
    assert 0 not in found.encode(TEXTS[3])  # what names a special token in a text is text
    assert (found.size, found.ends) == (trained.get_vocab_size(), frozenset({0}))
    assert found.bytes(0) == b"<|endoftext|>"


def test_another_tokenizer_in_the_file_is_refused(trained: Any, tmp_path: Path) -> None:
    with pytest.raises(GlassworkError, match="byte pairs are read"):
        _from_gguf(gguf(tmp_path / "b.gguf", trained, model="llama"))


def test_an_hf_folder_whose_tokenizer_is_larger_than_the_network_is_refused(trained: Any, tmp_path: Path) -> None:
    import transformers

    for vocabulary, fits in ((400, True), (90, False)):
        folder = tmp_path / str(vocabulary)
        config = transformers.GPT2Config(vocab_size=vocabulary, n_positions=32, n_embd=8, n_layer=1, n_head=2)
        transformers.GPT2LMHeadModel(config).save_pretrained(folder)
        trained.save(str(folder / "tokenizer.json"))
        network = zoo.load(f"hf:{folder}")
        if fits:
            assert zoo.tokenizer(network).decode(zoo.tokenizer(network).encode(TEXTS[1])) == TEXTS[1]
        else:
            with pytest.raises(GlassworkError, match="not that of the network"):
                zoo.tokenizer(network)


def test_letters_by_hand() -> None:
    letters = Letters(Vocabulary("characters", "abé"))
    assert letters.encode("béz") == [2, 3, 0]
    assert (letters.decode([2, 3, 0]), letters.bytes(3)) == ("bé�", "é".encode())
    assert Letters(Vocabulary("bytes")).bytes(200) == b"\xc8"


def test_a_network_of_pictures_reads_no_text() -> None:
    with pytest.raises(GlassworkError, match="reads no text"):
        zoo.tokenizer(zoo.load("tiny-vgg-digits"))


def test_networks_keep_their_past_under_a_public_name() -> None:
    module = networks.build("gpt", vocabulary=9, context=8, width=8, depth=1, heads=2).eval()
    past = networks.Past()
    assert module(torch.tensor([[1, 2]]), past).shape == (1, 2, 9)
    assert past.length == 2
