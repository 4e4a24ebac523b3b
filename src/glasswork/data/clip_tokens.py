"""CLIP's tokenizer: byte pairs of lower-case words, each closed by `</w>`, between two marks.

R. Sennrich, B. Haddow, A. Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016,
https://arxiv.org/abs/1508.07909, algorithm 1; A. Radford et al., https://arxiv.org/abs/2103.00020, section 2.4. Its
files are vocab.json and merges.txt, as in the folders of Stable Diffusion. Since all bytes are tokens, every text can
be read.
"""

from __future__ import annotations

import heapq
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from glasswork.errors import GlassworkError

START, END = "<|startoftext|>", "<|endoftext|>"
WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+")
LONGEST = 100_000  # characters of a text that are looked at
LARGEST = 50_000_000  # bytes of a file of tokens


def _letters() -> list[str]:
    """A printable character for each byte: its own where it has one; in the order of CLIP's vocabulary."""
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in own]
    table = {byte: chr(byte) for byte in own} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    return [table[byte] for byte in [*own, *others]]


LETTERS = _letters()
_BYTES = [*range(33, 127), *range(161, 173), *range(174, 256)]
_OF_BYTE = dict(zip([*_BYTES, *(b for b in range(256) if b not in _BYTES)], LETTERS, strict=True))
_TO_BYTE = {letter: byte for byte, letter in _OF_BYTE.items()}


@dataclass(frozen=True)
class Reading:
    """A text as the encoder reads it.

    Attributes:
        ids: numbers of tokens: start, the text's, end, and those that fill up the context.
        tokens: the text's tokens as they are written, without marks; `</w>` left out.
        cut: how many of the text's tokens did not fit.
    """

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    cut: int


@dataclass(frozen=True)
class ClipTokens:
    """Which tokens there are, and which pairs become one, the commonest first.

    Attributes:
        merges: pairs.
        numbers: of each token; when empty, in CLIP's own order: bytes, bytes that end a word, pairs, marks.
        context: how many tokens a text is cut or filled up to.
        padding: the token that fills it up; OpenCLIP's is "!", the first of all.
    """

    merges: tuple[tuple[str, str], ...]
    context: int = 77
    numbers: Mapping[str, int] = field(default_factory=dict)
    padding: str = END

    @cached_property
    def number(self) -> Mapping[str, int]:
        """The number of each token."""
        if self.numbers:
            return self.numbers
        everything = [
            *LETTERS,
            *(f"{letter}</w>" for letter in LETTERS),
            *("".join(p) for p in self.merges),
            START,
            END,
        ]
        return {token: i for i, token in enumerate(everything)}

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return len(self.number)

    @cached_property
    def _rank(self) -> dict[tuple[str, str], int]:
        return {pair: i for i, pair in enumerate(self.merges)}

    @cached_property
    def _known(self) -> dict[str, list[str]]:
        return {}

    def split(self, text: str) -> list[str]:
        """The tokens of a text, without marks."""
        found = []
        for word in words(text):
            if word not in self._known:
                self._known[word] = _joined(word, self._rank)
            found += self._known[word]
        return found

    def read(self, text: str) -> Reading:
        """A text, cut or filled up to the context."""
        tokens = self.split(text[:LONGEST])
        kept = tokens[: self.context - 2]
        end = self.number[END]
        ids = [self.number[START], *(self.number.get(token, end) for token in kept), end]
        ids += [self.number[self.padding]] * (self.context - len(ids))
        return Reading(tuple(ids), tuple(shown(token) for token in kept), len(tokens) - len(kept))


def words(text: str) -> list[str]:
    """The words of a text, each as the characters that stand for its bytes."""
    found = WORD.findall(" ".join(unicodedata.normalize("NFC", text).lower().split()))
    return ["".join(_OF_BYTE[byte] for byte in word.encode("utf-8", "replace")) for word in found]


def shown(token: str) -> str:
    """A token as it is written in the text, without the sign of a word's end."""
    raw = bytes(_TO_BYTE[letter] for letter in token.removesuffix("</w>") if letter in _TO_BYTE)
    return raw.decode("utf-8", "replace")


def _joined(word: str, rank: Mapping[tuple[str, str], int]) -> list[str]:
    """Join the pair that was learned first, again and again, until none is known."""
    parts = [*word[:-1], f"{word[-1]}</w>"]
    while len(parts) > 1:
        pairs = list(pairwise(parts))
        best = min(pairs, key=lambda pair: rank.get(pair, len(rank)))
        if best not in rank:
            break
        parts = _merge(parts, best)
    return parts


def _merge(parts: Sequence[str], pair: tuple[str, str]) -> list[str]:
    joined, i = [], 0
    while i < len(parts):
        if i + 1 < len(parts) and (parts[i], parts[i + 1]) == pair:
            joined.append(parts[i] + parts[i + 1])
            i += 2
        else:
            joined.append(parts[i])
            i += 1
    return joined


def learn_merges(texts: Iterable[str], count: int) -> tuple[tuple[str, str], ...]:
    """The pairs that occur most often, one after another; of two as common the one first in the alphabet."""
    counted = Counter(word for text in texts for word in words(text))
    split = {word: [*word[:-1], f"{word[-1]}</w>"] for word in counted}
    pairs: Counter[tuple[str, str]] = Counter()
    holders: dict[tuple[str, str], set[str]] = {}
    for word, parts in split.items():
        _count(word, parts, counted[word], pairs, holders)
    merges: list[tuple[str, str]] = []
    commonest = [(-number, pair) for pair, number in pairs.items()]
    heapq.heapify(commonest)
    while len(merges) < count and commonest:
        number, best = heapq.heappop(commonest)
        if pairs[best] != -number:  # it has been counted anew since
            continue
        if pairs[best] < 2:
            break
        merges.append(best)
        changed: set[tuple[str, str]] = set()
        for word in holders.pop(best):
            for pair in pairwise(split[word]):
                pairs[pair] -= counted[word]
                changed.add(pair)
            split[word] = _merge(split[word], best)
            changed.update(pairwise(split[word]))
            _count(word, split[word], counted[word], pairs, holders)
        for pair in changed:
            if pairs[pair]:
                heapq.heappush(commonest, (-pairs[pair], pair))
            else:
                del pairs[pair]
    return tuple(merges)


def _count(
    word: str,
    parts: Sequence[str],
    times: int,
    pairs: Counter[tuple[str, str]],
    holders: dict[tuple[str, str], set[str]],
) -> None:
    for pair in pairwise(parts):
        pairs[pair] += times
        holders.setdefault(pair, set()).add(word)


def open_tokens(folder: Path, context: int = 77) -> ClipTokens:
    """Read vocab.json and merges.txt, or tokenizer.json where these are not there.

    Raises:
        GlassworkError: a file is missing, too large, or not what its name says.
    """
    whole = folder / "tokenizer.json"
    if whole.is_file() and not (folder / "vocab.json").is_file():
        told = _file(whole, _json)
        model = told.get("model") if isinstance(told, dict) else None
        if not isinstance(model, dict) or model.get("type") != "BPE":
            raise _unreadable(whole, "it holds no byte pairs")
        numbers, lines = model.get("vocab"), model.get("merges")
        where = whole
    else:
        where = folder / "vocab.json"
        numbers = _file(where, _json)
        text = _file(folder / "merges.txt", str)
        lines = [line for line in text.splitlines() if line and not line.startswith("#version")]
    if not isinstance(numbers, dict) or not all(isinstance(n, int) for n in numbers.values()):
        raise _unreadable(where, "it is no list of tokens with their numbers")
    if START not in numbers or END not in numbers:
        raise _unreadable(where, f"it lacks {START} or {END}")
    where = where if where == whole else folder / "merges.txt"
    pairs = [line.split(" ") if isinstance(line, str) else line for line in lines] if isinstance(lines, list) else [[]]
    if any(not isinstance(pair, list) or [type(part) for part in pair] != [str, str] for pair in pairs):
        raise _unreadable(where, "a pair does not hold two tokens")
    padding = _padding(folder)
    if padding not in numbers:
        raise _unreadable(folder, f"it fills texts up with {padding[:40]!r}, which is none of its tokens")
    return ClipTokens(tuple((a, b) for a, b in pairs), context, numbers, padding)


def _padding(folder: Path) -> str:
    """The token that fills a text up, by the files that transformers writes; in older folders the second one counts."""
    padding: Any = END
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        told = _file(folder / name, _json) if (folder / name).is_file() else {}
        if not isinstance(told, dict):
            raise _unreadable(folder / name, "it holds no settings")
        padding = told.get("pad_token") or padding
        padding = padding.get("content") if isinstance(padding, dict) else padding
        if not isinstance(padding, str):
            raise _unreadable(folder / name, "its pad_token is no token")
        if "added_tokens_decoder" in told:
            break
    return padding


def _json(text: str) -> Any:
    return json.loads(text)


def _file(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST:,} bytes")
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or str(error)) from error


def _unreadable(path: Path, why: str) -> GlassworkError:
    return GlassworkError("a tokenizer can't be read", where=str(path), why=why)


def save_tokens(tokens: ClipTokens, folder: Path) -> None:
    """Write vocab.json and merges.txt, as transformers reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(dict(tokens.number), ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in tokens.merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
