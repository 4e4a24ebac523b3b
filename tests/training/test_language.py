"""From an unseen text to scores, a card and a TARGET; and the first step against a loop written by hand."""

import math
import pydoc_data.topics
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import glasswork
from glasswork import measuring, networks, recipes, zoo
from glasswork.cli.inputs import choose
from glasswork.data.tokens import Vocabulary
from glasswork.errors import GlassworkError
from glasswork.scenes.opening import given
from glasswork.training import Finished, LanguageConfig, Stepped, begin, read_metrics, train

FAST = {"observe": False, "evaluate_every": 60, "record_every": 1, "sizes.width": 32, "window": 32}


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python's own help, which the project did not write."""
    path = tmp_path_factory.mktemp("text") / "help.txt"
    path.write_text("\n".join(pydoc_data.topics.topics.values())[:80_000], encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(text: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    folder = tmp_path_factory.mktemp("run") / "run"
    torch.set_num_threads(1)
    *_, last = recipes.run("text", data=f"text:{text}", out=folder, steps=180, save_every=60, settings=FAST)
    assert isinstance(last, Finished)
    return folder, last


def config(text: Path, recipe: str = "text", **settings: object) -> LanguageConfig:
    made = recipes.config(recipe).changed({"data": f"text:{text}", "steps": 3, **settings})
    assert isinstance(made, LanguageConfig)
    return made


def test_it_learns_more_than_how_frequent_each_character_is(trained: tuple[Path, Finished], text: Path) -> None:
    folder, finished = trained
    whole = text.read_text(encoding="utf-8")
    seen, end = whole[: len(whole) * 90 // 100], whole[len(whole) * 95 // 100 :]
    counts = Counter(seen)
    letters = len(counts) + 1
    entropy = -sum(math.log((counts[c] + 1) / (len(seen) + letters)) for c in end[1:]) / len(end[1:])
    assert finished.final["nats_unigram"] == pytest.approx(entropy, abs=0.01)
    assert finished.final["nats"] < entropy - 0.3
    assert finished.final["bits_per_byte"] == pytest.approx(finished.final["nats"] / math.log(2), rel=0.02)
    assert read_metrics(folder).series["loss"][0][1] == pytest.approx(math.log(letters), abs=0.3)


def test_the_run_is_a_target_with_its_own_held_out_scores(trained: tuple[Path, Finished], text: Path) -> None:
    folder, finished = trained
    card = zoo.read_card(folder / "card.json")
    assert (card.network, card.sizes["fused"], card.text["window"]) == ("gpt", 0, 32)
    measured = recipes.evaluate(str(folder))
    assert (measured["n"], measured["of"]) == (card.tested_on, "characters")
    assert measured["scores"] == pytest.approx(dict(finished.final), abs=1e-5)
    other = text.with_name("other.txt")
    other.write_text("Ω the cat sat on the mat. " * 60, encoding="utf-8")
    elsewhere = recipes.evaluate(str(folder), f"text:{other}")["scores"]
    assert elsewhere["nats_per_char"] > elsewhere["nats"]  # of a letter that it doesn't have each costs more
    network = zoo.load(str(folder))
    assert network.vocabulary is not None
    ids = zoo.tokens(network, "x" * 100 + "the statement is")
    assert ids.shape == (1, 32)
    assert "".join(zoo.token_texts(network, ids[0])).endswith("the statement is")
    assert network.module(ids).shape == (1, 32, network.vocabulary.size)


def test_it_opens_on_a_text_that_it_never_saw(trained: tuple[Path, Finished], text: Path) -> None:
    network = zoo.load(str(trained[0]))
    start = given(network, None, lambda _: b"", {})
    assert "".join(start.tokens) in text.read_text(encoding="utf-8")[-5000:]
    trace = glasswork.trace(network, *start.tensors)
    assert any("softmax" in op.path for op in trace.ops)  # the attention is written out
    assert given(network, "text:def", lambda _: b"", {}).tensors[0].shape == (1, 3)
    assert choose(network, "def").tensors[0].tolist() == zoo.tokens(network, "def").tolist()
    assert choose(network, "").tensors[0].shape == (1, 32)


@pytest.mark.parametrize("recipe", ["text", "text-lstm", "text-gru", "text-rnn"])
def test_its_first_step_is_that_of_a_loop_written_by_hand(text: Path, recipe: str) -> None:
    task = config(text, recipe, warmup=0, clip=0, average=0, optimiser="SGD", weight_decay=0).task()
    state = begin(task)
    steps = train(task, state)
    by_hand = networks.build(task.config.network, **task.config.sizes)
    by_hand.load_state_dict(state.network.state_dict())
    whole = text.read_text(encoding="utf-8")
    seen = whole[: len(whole) * 90 // 100]
    letters = sorted(set(seen))
    ids = torch.tensor([letters.index(c) + 1 for c in seen])
    for step in range(2):
        windows = torch.stack([ids[i : i + 65] for i in task.indices(step)])
        loss = F.cross_entropy(by_hand(windows[:, :-1]).transpose(1, 2), windows[:, 1:])
        by_hand.zero_grad()
        loss.backward()
        event = next(steps)
        assert isinstance(event, Stepped)
        assert event.loss == pytest.approx(loss.item(), rel=1e-5)
        with torch.no_grad():
            for weight in by_hand.parameters():
                assert weight.grad is not None
                weight -= event.learning_rate * weight.grad


def test_a_run_that_is_resumed_is_the_same_to_the_bit(
    trained: tuple[Path, Finished], text: Path, tmp_path: Path
) -> None:
    folder, _ = trained
    steps: list[int] = []
    list(
        recipes.run("text", data=f"text:{text}", out=tmp_path, steps=180, save_every=60, settings=FAST,
                    stop=lambda: steps.append(1) or len(steps) >= 70)
    )  # fmt: skip
    assert read_metrics(tmp_path).series["loss"][-1][0] == 70
    list(recipes.run("text", out=tmp_path, resume=True))
    found, wanted = read_metrics(tmp_path).series, read_metrics(folder).series
    assert found["loss"] == wanted["loss"]
    assert found["validation_nats"] == wanted["validation_nats"]
    assert (tmp_path / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_scores_of_a_text_by_hand() -> None:
    class Always(torch.nn.Module):
        """p = 1/2 for token 1, 1/4 for the two others."""

        def __init__(self) -> None:
            super().__init__()
            self.bias = torch.nn.Parameter(torch.tensor([0.25, 0.5, 0.25]).log())

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.bias.expand(*ids.shape, 3)

    vocabulary = Vocabulary("characters", "aé")
    scores = measuring.text_scores(Always(), vocabulary, "éaéaz", 2, before="aaaé")
    told = math.log(2) * (1 + 2 + 1 + 2)
    z = math.log(0x110000 - 2)
    assert scores["nats"] == pytest.approx(told / 4)
    assert scores["accuracy"] == 0.5
    assert scores["nats_per_char"] == pytest.approx((told + z) / 4)
    assert scores["bits_per_byte"] == pytest.approx((told + z) / math.log(2) / 5)  # a, é, a, z are five bytes
    assert scores["nats_unigram"] == pytest.approx(-np.log(np.array([4, 2, 4, 1]) / 7).mean())


def test_what_is_no_text_is_refused(text: Path) -> None:
    with pytest.raises(GlassworkError, match=r"needs a text.*--data text:FILE"):
        recipes.config("text").task()
    with pytest.raises(GlassworkError, match="longer than the text"):
        config(text, window=100_000).task()
