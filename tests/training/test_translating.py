"""Learning to translate: batches that are filled up, greedy search, beams, and what comes out of a small run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from glasswork import networks, recipes, zoo
from glasswork.data.phrases import load_phrases
from glasswork.generation.beams import path
from glasswork.generation.translation import beams_of, padded, translate
from glasswork.training.translating import told
from glasswork.zoo import Translation

PAIRS = [("red heart", "cœur rouge"), ("dog", "chien"), ("flag: France", "drapeau : France")]
TRANSLATION = Translation("English", "French", ("e a</w>", "c h", "r o", "ro u"), "dog")


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(0)
    sizes = {"vocabulary": TRANSLATION.tokens.size, "width": 16, "depth": 2, "heads": 2, "hidden": 24, "dropout": 0.0}
    return networks.build("transformer", **sizes).eval()


def encoded() -> list[tuple[list[int], list[int]]]:
    return [(TRANSLATION.encode(first), TRANSLATION.encode(second)) for first, second in PAIRS]


def test_a_phrase_comes_back_in_small_letters() -> None:
    assert [TRANSLATION.decode(TRANSLATION.encode(text)) for _, text in PAIRS] == [
        "cœur rouge",
        "chien",
        "drapeau : france",
    ]
    assert TRANSLATION.texts(TRANSLATION.encode("dog")) == ["<|startoftext|>", "d", "o", "g", "<|endoftext|>"]
    assert TRANSLATION.pieces(TRANSLATION.encode("a dog"))[1:-1] == ["a", "d-", "o-", "g"]


def test_what_is_filled_up_changes_nothing(network: Any) -> None:
    """The loss of a batch is the mean over all its tokens, each pair read by itself."""
    one_by_one, count = 0.0, 0
    for source, target in encoded():
        logits = network(torch.tensor([source]), torch.tensor([target[:-1]]))
        one_by_one += F.cross_entropy(logits[0], torch.tensor(target[1:]), reduction="sum").item()
        count += len(target) - 1
    assert told(network, padded(encoded(), TRANSLATION)).item() == pytest.approx(one_by_one / count, rel=1e-5)


def test_greedy_takes_the_likeliest_token_each_time(network: Any) -> None:
    texts = [first for first, _ in PAIRS]
    for text, found in zip(texts, translate(network, TRANSLATION, texts), strict=True):
        ids = [TRANSLATION.start]
        while len(ids) <= 60 and ids[-1] != TRANSLATION.end:
            logits = network(torch.tensor([TRANSLATION.encode(text)]), torch.tensor([ids]))[0, -1]
            ids.append(int(logits.argmax()))
        assert TRANSLATION.decode(ids) == found


def test_one_beam_is_greedy_search(network: Any) -> None:
    nodes, best = beams_of(network, TRANSLATION, TRANSLATION.encode("dog"), 1)
    assert TRANSLATION.decode(path(nodes, best[-1])) == translate(network, TRANSLATION, ["dog"])[0]


def test_pairs_of_all_parts_are_different() -> None:
    phrases = load_phrases("phrases-en-fr")
    every = [*phrases.train, *phrases.validation, *phrases.test]
    assert len(every) == len(set(every)) == 1949


@pytest.mark.slow
def test_a_small_run_learns_a_few_phrases(tmp_path: Path) -> None:
    """Its weights open again, translate, and are scored as the run scored them."""
    settings = {"sizes.width": 32, "sizes.hidden": 32, "sizes.depth": 1, "merges": 40, "steps": 6, "evaluate_every": 6}
    list(recipes.run("translate-en-fr", out=tmp_path, settings=settings))
    network = zoo.load(str(tmp_path))
    assert network.translation is not None
    assert network.translation.tokens.size == 512 + 40 + 2
    card = network.card
    assert card is not None
    assert recipes.evaluate(str(tmp_path))["scores"]["nats"] == pytest.approx(card.scores["nats"], abs=1e-4)
    assert card.scores["nats"] < 6.0 < torch.log(torch.tensor(554.0)).item()
