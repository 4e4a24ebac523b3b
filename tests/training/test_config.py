"""Settings by name and by text."""

import json

import pytest

from glasswork import recipes
from glasswork.errors import GlassworkError
from glasswork.training import ClassifierConfig, as_record, flat, from_record, origins

CONFIG = recipes.config("tiny-vgg-digits")


def test_text_becomes_the_settings_own_type() -> None:
    changed = CONFIG.changed(
        {"steps": "7", "learning_rate": "1e-4", "balance": "true", "sizes.width": "3", "augmentation.rotate": 5}
    )
    assert isinstance(changed, ClassifierConfig)
    assert (changed.steps, changed.learning_rate, changed.balance) == (7, 1e-4, True)
    assert changed.sizes == {**CONFIG.sizes, "width": 3}
    assert changed.augmentation.rotate == 5
    assert CONFIG.sizes["width"] != 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", "many"), ("steps", "1.5"), ("learning_rate", ""), ("balance", "yes"), ("sizes.width", "x"), ("data", 3)],
)
def test_a_value_of_another_type_is_refused(name: str, value: object) -> None:
    with pytest.raises(GlassworkError, match=f"{name} can't be"):
        CONFIG.changed({name: value})


@pytest.mark.parametrize("name", ["rate", "sizes.depth", "augmentation.blur", "sizes", "augmentation", "a.b.c", ""])
def test_an_unknown_setting_lists_those_most_like_it(name: str) -> None:
    with pytest.raises(GlassworkError, match=r"no setting called.*the most alike") as caught:
        CONFIG.changed({name: 1})
    near = caught.value.why.partition("alike: ")[2].split(", ")
    assert set(near) <= set(flat(CONFIG))


def test_settings_of_torchs_own_classes_are_open_ended() -> None:
    changed = CONFIG.changed({"optimiser": "SGD", "optimiser_settings.momentum": "0.9"})
    assert (changed.optimiser, changed.optimiser_settings) == ("SGD", {"momentum": 0.9})


def test_every_setting_says_who_decided_it() -> None:
    told = origins(CONFIG, {"learning_rate": "1e-3", "sizes.width": "3", "clip": 0.0})
    assert told["learning_rate"] == (1e-3, "command line")
    assert told["sizes.width"] == (3, "command line")
    assert told["clip"] == (0.0, "command line")
    assert told["steps"] == (8_000, "recipe")
    assert told["augmentation.rotate"] == (12, "recipe")
    assert told["sizes.size"] == (28, "recipe")
    assert told["accumulate"] == (1, "default")
    assert told["augmentation.flip"] == (0.0, "default")
    assert set(told) == set(flat(CONFIG))


def test_a_config_comes_back_from_json() -> None:
    changed = CONFIG.changed({"optimiser_settings.beta1": 0.5, "augmentation.flip": 0.25, "sizes.width": 4, "clip": 2})
    assert from_record(CONFIG, json.loads(json.dumps({"recipe": "x", **as_record(changed)}))) == changed
