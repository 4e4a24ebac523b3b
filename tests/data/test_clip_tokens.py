"""CLIP's tokenizer beside transformers' own, on the words of all captions and on what people type."""

from pathlib import Path

import pytest
import transformers

from glasswork.data import emoji_captions
from glasswork.data.clip_tokens import ClipTokens, learn_merges, open_tokens, save_tokens
from glasswork.errors import GlassworkError

TEXTS = [
    "", "a cute and adorable bunny", "A RED Heart!!", "it's we're I'll they'd", "2026, 100 % of 3 things",
    "naïve café – “here”", "cafe\u0301", "日本語 🎈 emoji", "snake_case and-dashes...", "   spaces \n and\ttabs ",
    "supercalifragilisticexpialidocious", "a" * 300,
]  # fmt: skip


def test_it_reads_every_caption_and_other_texts_as_transformers_does(tmp_path: Path) -> None:
    ours = emoji_captions.tokens()
    save_tokens(ours, tmp_path)
    theirs = transformers.CLIPTokenizer(vocab=str(tmp_path / "vocab.json"), merges=str(tmp_path / "merges.txt"))
    words = {one.name for one in emoji_captions.emoji("train")}
    words |= {", ".join(one.tags) for one in emoji_captions.emoji("test")}
    for text in [*TEXTS, *sorted(words)]:
        ids = theirs(text, truncation=True, max_length=ours.context)["input_ids"]
        assert list(ours.read(text).ids[: len(ids)]) == ids, text
        assert set(ours.read(text).ids[len(ids) :]) <= {ours.size - 1}


def test_a_saved_tokenizer_reads_the_same_again(tmp_path: Path) -> None:
    ours = emoji_captions.tokens()
    save_tokens(ours, tmp_path)
    again = open_tokens(tmp_path, ours.context)
    assert [again.read(text) for text in TEXTS] == [ours.read(text) for text in TEXTS]


def test_what_does_not_fit_is_counted_and_what_is_shown_is_what_was_read() -> None:
    tokens = emoji_captions.tokens()
    reading = tokens.read("red heart " * 250)
    assert len(reading.ids) == 32
    assert reading.tokens == ("red", "heart") * 15
    assert reading.cut == 470
    assert tokens.read("").tokens == ()
    assert len(tokens.read("🎈 " * 200_000).ids) == 32


def test_pairs_are_learned_as_the_paper_does_it() -> None:
    """Sennrich et al., 2016, section 3.2: low, lowest, newer, wider; r and the word's end have one sign here."""
    texts = ["low"] * 5 + ["lowest"] * 2 + ["newer"] * 6 + ["wider"] * 3
    assert learn_merges(texts, 3) == (("e", "r</w>"), ("l", "o"), ("e", "w"))
    assert ClipTokens((("e", "r</w>"),)).split("lower") == ["l", "o", "w", "er</w>"]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("vocab.json", "[1]", "no list of tokens"),
        ("vocab.json", "{", "Expecting"),
        ("vocab.json", '{"a": 1}', "lacks"),
        ("merges.txt", "a b c\n", "two tokens"),
    ],
)
def test_a_broken_tokenizer_says_so(tmp_path: Path, name: str, content: str, why: str) -> None:
    save_tokens(ClipTokens((("a", "b"),)), tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(GlassworkError, match=why) as caught:
        open_tokens(tmp_path)
    assert caught.value.where == str(tmp_path / name)
