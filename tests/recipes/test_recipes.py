"""Every recipe is whole, and what ships is what its recipe made, as good as its card says."""

import json

import pytest
import torch

from glasswork import data, measuring, networks, recipes, zoo
from glasswork.data import distributions
from glasswork.errors import GlassworkError
from glasswork.recipes._evaluation import places
from glasswork.training import as_record, flat, from_record

BARS = {"tiny-vgg-emoji": 0.80, "tiny-vgg-fashion": 0.900, "tiny-vgg-digits": 0.985}
BARS |= {"perceptron-digits": 0.92, "perceptron-digits-wide": 0.95}
CONVOLUTIONAL = sorted(name for name in BARS if name.startswith("tiny-vgg"))


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_names_things_that_exist(name: str) -> None:
    config = recipes.config(name)
    assert config.network in networks.names()
    known = (*data.all_names(), *distributions.NAMES)
    assert config.data in known or (config.data == "" and name.startswith(("text", "table")))
    assert set(config.sizes) == set(networks.reference(config.network).sizes)
    assert config == recipes.config(name)
    assert from_record(config, json.loads(json.dumps(as_record(config)))) == config


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(GlassworkError, match=r"no recipe called 'tiny-vgg'.*tiny-vgg-emoji"):
        recipes.config("tiny-vgg")


SEQUENCES = {
    "lstm-moby": ("nats_per_char", 1.40),
    "rnn-names": ("nats_per_char", 2.15),
    "rnn-sunspots": ("mae", 14.5),
    "lstm-co2": ("mae", 0.29),
    "rnn-vowels": ("nats", 0.2),
    "rnn-spoken": ("nats", 0.3),
    "rnn-forgets": ("nats_per_char", 2.0),
    "lstm-forgets": ("nats_per_char", 1.9),
}
LONG = ("lstm-moby",)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in sorted(SEQUENCES)]
)
def test_a_recurrent_network_that_ships_scores_what_its_card_says(name: str) -> None:
    measured = recipes.evaluate(name)
    card = zoo.load(name).card
    assert card is not None
    assert (measured["recipe"], measured["data"], measured["n"]) == (name, card.data, card.tested_on)
    score, bar = SEQUENCES[name]
    assert measured["scores"][score] <= bar
    for known, value in card.scores.items():
        assert measured["scores"][known] == pytest.approx(value, abs=2e-3)
    config = recipes.config(name)
    assert (card.network, card.title, card.planned_steps) == (config.network, config.title, config.steps)


def test_forecasts_are_nearer_than_what_needs_no_network() -> None:
    sunspots, co2 = (recipes.evaluate(name)["scores"] for name in ("rnn-sunspots", "lstm-co2"))
    assert sunspots["mae"] < min(sunspots[f"mae_{other}"] for other in ("last", "seasonal", "ar"))
    assert co2["mae"] < min(co2[f"mae_{other}"] for other in ("last", "seasonal", "ar"))
    assert co2["mae_26"] < min(co2[f"mae_{other}_26"] for other in ("last", "seasonal"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["translate-en-fr", "translate-en-fr-rnn"])
def test_translators_that_ship_score_what_their_cards_say(name: str) -> None:
    """They know what they were trained on; of what was held out they guess little, and their cards say how little."""
    measured = recipes.evaluate(name)
    card = zoo.load(name).card
    assert card is not None
    assert measured["n"] == card.tested_on
    assert measured["scores"]["exact_train"] >= 0.95
    assert measured["scores"] == pytest.approx(card.scores, abs=2e-3)


def test_nine_speakers_are_told_apart() -> None:
    assert recipes.evaluate("rnn-vowels")["scores"]["accuracy"] >= 0.97


@pytest.mark.parametrize("name", sorted(BARS))
def test_what_ships_scores_what_its_card_says_and_reaches_the_bar(name: str) -> None:
    measured = recipes.evaluate(name)
    card = zoo.load(name).card
    assert card is not None
    assert (measured["recipe"], measured["data"], measured["n"]) == (name, card.data, card.tested_on)
    assert measured["scores"]["accuracy"] >= BARS[name]
    for score, value in card.scores.items():
        assert measured["scores"][score] == pytest.approx(value, abs=2e-3)


@pytest.mark.parametrize("name", sorted(BARS))
def test_what_ships_was_made_by_its_recipe_as_it_stands(name: str) -> None:
    card, config = zoo.load(name).card, recipes.config(name)
    assert card is not None
    assert (card.network, card.sizes, card.data, card.title) == (
        config.network,
        config.sizes,
        config.data,
        config.title,
    )
    assert (card.seed, card.planned_steps) == (config.seed, config.steps)
    settings = {key: value for key, value in vars(config).items() if key in card.settings}
    assert {key: card.settings[key] for key in settings} == settings
    augmentation = {key: value for key, value in flat(config).items() if key.startswith("augmentation.")}
    assert len(augmentation) == 8
    assert augmentation.items() <= card.settings.items()


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_the_maps_that_the_page_shows_are_alive(name: str) -> None:
    network = zoo.load(name)
    assert network.card is not None
    pictures = data.on_white(data.load(network.card.data, "test").pictures[::5])
    found = measuring.activities(network.module, torch.tensor(pictures).permute(0, 3, 1, 2).float() / 255)
    width = int(network.card.sizes["width"])
    assert [activity.module for activity in found] == [f"block{i}.relu{j}" for i in (1, 2) for j in (1, 2)]
    assert sum(activity.alive for activity in found) >= 0.85 * 4 * width


def test_scoring_on_data_with_other_classes_is_refused() -> None:
    with pytest.raises(GlassworkError, match=r"can't be scored on mnist.*face, person.*0, 1, 2"):
        recipes.evaluate("tiny-vgg-emoji", data="mnist")


def test_two_classes_of_one_name_stand_for_two_outputs() -> None:
    labels = ("crane", "tench", "crane", "ox")  # a bird and a machine
    assert places(labels, ("crane", "ox", "crane")) == [0, 3, 2]
    assert places(labels, ("3", "0")) == [3, 0]
    assert places(labels, ("crane", "cat")) is None
