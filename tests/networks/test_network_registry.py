"""Every network enrols itself, with its sizes."""

import pytest

from glasswork import networks
from glasswork.errors import GlassworkError


@pytest.mark.parametrize("name", networks.names())
def test_each_network_builds_from_its_defaults_and_names_its_paper(name: str) -> None:
    about = networks.reference(name)
    assert about.name == name
    assert about.paper.startswith("https://")
    assert all(isinstance(value, int) for value in about.sizes.values())
    assert networks.build(name).training


def test_an_unknown_network_or_size_lists_the_known_ones() -> None:
    with pytest.raises(GlassworkError, match=r"no network called 'lenet'.*tiny_vgg"):
        networks.build("lenet")
    with pytest.raises(GlassworkError, match=r"no size of tiny_vgg called 'depth'.*channels, classes, padding, size"):
        networks.build("tiny_vgg", depth=3)
