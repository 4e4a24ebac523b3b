"""Settings by name and by text."""

import pytest

from glasswork import recipes
from glasswork.errors import GlassworkError

CONFIG = recipes.config("tiny-vgg-digits")


def test_text_becomes_the_settings_own_type() -> None:
    changed = CONFIG.changed(
        {"steps": "7", "learning_rate": "1e-4", "balance": "true", "sizes.width": "3", "augmentation.rotate": 5}
    )
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
def test_an_unknown_setting_lists_the_known_ones(name: str) -> None:
    with pytest.raises(GlassworkError, match=r"no setting called.*rotate"):
        CONFIG.changed({name: 1})
