"""Text to token numbers and back, for every network that reads text: our vocabularies, GGUF files', hf: folders'.

Byte-pair encoding: R. Sennrich et al., 2016, https://arxiv.org/abs/1508.07909; on bytes, as GPT-2 has it. The library
`tokenizers` does the merging.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from glasswork.data.tokens import Vocabulary
from glasswork.errors import GlassworkError
from glasswork.zoo.converting import PREFIX
from glasswork.zoo.gguf import read_facts
from glasswork.zoo.network import Network
from glasswork.zoo.packages import PACKAGED, is_here, kept_at

BYTE_PAIRS, END = "gpt2", "tokenizer.ggml.eos_token_id"


class Tokenizer(Protocol):
    """What a network's tokens stand for.

    Attributes:
        kind: characters, bytes, or byte pairs.
        size: how many tokens there are.
        ends: tokens after which a text is over.
    """

    kind: str
    size: int
    ends: frozenset[int]

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """The text that tokens stand for; what is no whole character becomes U+FFFD."""
        ...

    def bytes(self, token: int) -> bytes:
        """What one token stands for; perhaps only a part of a character."""
        ...


class Letters:
    """Characters, or bytes, as a network of ours learned them."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary, self.kind, self.size = vocabulary, vocabulary.kind, vocabulary.size
        self.ends: frozenset[int] = frozenset()

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        return self.vocabulary.encode(text).tolist()

    def decode(self, tokens: Sequence[int]) -> str:
        """The text that tokens stand for."""
        return self.vocabulary.decode(tokens)

    def bytes(self, token: int) -> bytes:
        """What one token stands for."""
        return bytes([token]) if self.kind == "bytes" else self.vocabulary.decode([token]).encode()


class BytePairs:
    """Bytes, and pairs of tokens merged one after another."""

    kind = "byte pairs"

    def __init__(self, made: Any, ends: frozenset[int]) -> None:
        self._made, self.ends = made, ends
        self.size: int = made.get_vocab_size()
        self._byte = {letter: byte for byte, letter in enumerate(_letters())}
        self._special = {id for id, each in made.get_added_tokens_decoder().items() if each.special}

    def encode(self, text: str) -> list[int]:
        """The tokens of a text; names of special tokens in it are text like any other."""
        return self._made.encode(text, add_special_tokens=False).ids

    def decode(self, tokens: Sequence[int]) -> str:
        """The text that tokens stand for."""
        return b"".join(self.bytes(token) for token in tokens).decode(errors="replace")

    def bytes(self, token: int) -> bytes:
        """What one token stands for."""
        piece: str | None = self._made.id_to_token(token)
        if piece is None:
            return "\ufffd".encode()
        if token in self._special or any(letter not in self._byte for letter in piece):
            return piece.replace("\u2581", " ").encode()
        return bytes(self._byte[letter] for letter in piece)


def tokenizer(network: Network) -> Tokenizer:
    """What a network's tokens stand for.

    Raises:
        GlassworkError: it comes with no tokenizer, with one that needs code of its own, or with one that has more
            tokens than it.
    """
    if network.vocabulary is not None:
        return Letters(network.vocabulary)
    if network.target in PACKAGED and is_here(PACKAGED[network.target]):
        return _from_gguf(kept_at(PACKAGED[network.target]))
    target = network.target.removeprefix(PREFIX)
    if target.startswith("hf:"):
        found = _from_folder(target)
        module = network.module
        known = getattr(module, "vocabulary", getattr(getattr(module, "config", None), "vocab_size", None))
        if known is not None and found.size > known:
            raise GlassworkError(
                "this tokenizer is not that of the network",
                where=network.target,
                why=f"it has {found.size:,} tokens; the network knows {known:,}",
                todo="Put the tokenizer's files that belong to the weights beside them.",
            )
        return found
    raise GlassworkError(
        f"{network.title} reads no text", where=network.target, why="nothing says what its tokens stand for"
    )


@lru_cache(maxsize=4)
def _from_gguf(path: Path) -> BytePairs:
    tokenizers = library(str(path))
    facts = read_facts(path)
    if facts.get("tokenizer.ggml.model") != BYTE_PAIRS:
        why = f"its tokenizer is {str(facts.get('tokenizer.ggml.model'))[:40]!r}; byte pairs are read"
        raise GlassworkError("this file's tokenizer can't be read", where=str(path), why=why)
    names = facts["tokenizer.ggml.tokens"]
    pairs = [tuple(pair.split(" ", 1)) for pair in facts["tokenizer.ggml.merges"]]
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={name: id for id, name in enumerate(names)}, merges=pairs))
    parts = tokenizers.pre_tokenizers
    single = [parts.Digits(individual_digits=True)] if facts.get("tokenizer.ggml.pre") == "smollm" else []
    made.pre_tokenizer = parts.Sequence([*single, parts.ByteLevel(add_prefix_space=False)])
    control = [name for name, kind in zip(names, facts["tokenizer.ggml.token_type"], strict=True) if kind == 3]
    ends = {facts[END], *(names.index(name) for name in control if name == "<|endoftext|>")}
    return _plain(made, control, frozenset(ends))


@lru_cache(maxsize=4)
def _from_folder(target: str) -> BytePairs:
    """The tokenizer.json of a folder, or what transformers finds under a name; no code of theirs is run."""
    tokenizers = library(target)
    place = target.removeprefix("hf:")
    file = Path(place).expanduser() / "tokenizer.json"
    if file.is_file():
        try:
            made = tokenizers.Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises Exception itself
            raise GlassworkError("this tokenizer can't be read", where=str(file), why=str(error)[:200]) from error
        return BytePairs(made, frozenset())
    transformers = importlib.import_module("transformers")
    try:
        found = transformers.AutoTokenizer.from_pretrained(place, trust_remote_code=False)
    except Exception as error:
        raise GlassworkError(
            "this network comes with no tokenizer",
            where=target,
            why=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            todo="Put tokenizer.json beside the weights.",
        ) from error
    ends = frozenset() if found.eos_token_id is None else frozenset([int(found.eos_token_id)])
    return BytePairs(found.backend_tokenizer, ends)


def library(where: str) -> Any:
    """The library of Hugging Face.

    Raises:
        GlassworkError: it is not installed.
    """
    try:
        found = importlib.import_module("tokenizers")
        for part in ("models", "pre_tokenizers"):
            importlib.import_module(f"tokenizers.{part}")
        return found
    except ImportError as error:
        todo = 'pip install "glasswork[hub]" brings it.'
        raise GlassworkError("tokenizers is not installed", where=where, why=str(error), todo=todo) from error


def _plain(made: Any, control: Sequence[str], ends: frozenset[int]) -> BytePairs:
    """Control tokens are never made from a text, only by the network."""
    found = BytePairs(made, ends)
    found._special |= {made.token_to_id(name) for name in control}
    return found


def _letters() -> list[str]:
    """The letter that stands for each byte in GPT-2's files: itself if it can be seen, else one from U+0100 on."""
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in seen]
    return [chr(byte) if byte in seen else chr(0x100 + hidden.index(byte)) for byte in range(256)]
