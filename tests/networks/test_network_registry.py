"""Every network enrols itself, with its sizes."""

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from glasswork import networks
from glasswork.errors import GlassworkError


def test_each_file_is_a_network_that_names_its_paper_and_stays_short() -> None:
    folder = Path(networks.__file__).parent
    files = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    assert networks.names() == files
    for path in folder.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 300
    for name in files:
        about = networks.reference(name)
        assert about.name == name
        assert about.paper.startswith("https://")
        for sizes in (about.small, *about.named.values()):
            assert set(sizes) <= set(about.sizes)


def test_a_name_of_the_field_is_an_architecture_of_certain_sizes() -> None:
    deep = networks.build("resnet152", width=2, classes=3)
    assert sum(1 for part in deep.modules() if isinstance(part, nn.Conv2d)) == 151 + 4  # and the shortcuts'
    assert networks.named()["resnet152"] == "resnet"


def test_an_unknown_network_or_size_lists_the_nearest_ones() -> None:
    with pytest.raises(GlassworkError, match=r"no network called 'lenet'.*alexnet"):
        networks.build("lenet")
    with pytest.raises(GlassworkError, match=r"no size of tiny_vgg called 'depth'.*channels, classes, padding, size"):
        networks.build("tiny_vgg", depth=3)


REFUSED = [
    ("perceptron", {"activation": "step"}, "relu, tanh"),
    ("alexnet", {"size": 32}, "nothing is left"),
    ("alexnet", {"year": 2013}, "2012 or 2014"),
    ("vgg", {"depth": 12}, "11, 13, 16, 19"),
    ("vgg", {"size": 28}, "after 5 poolings"),
    ("inception", {"stem": 5}, "3 or 7"),
    ("resnet", {"depth": 19}, "18, 34"),
    ("unet", {"size": 570}, "556, 572"),
    ("unet", {"size": 30, "depth": 2, "padding": 1}, "28, 32"),
    ("vit", {"size": 30}, "patches of 16"),
    ("gpt", {"width": 10, "heads": 3}, "divided"),
    ("llama", {"heads": 8, "groups": 3}, "divide"),
    ("transformer", {"width": 9}, "divide"),
    ("dcgan", {"size": 4}, "5 or more"),
    ("dcgan", {"norm": "layer"}, "batch or none"),
    ("gan", {"depth": 0}, "at least one"),
]


@pytest.mark.parametrize(("name", "sizes", "said"), REFUSED)
def test_sizes_that_leave_nothing_to_compute_are_refused(name: str, sizes: dict[str, Any], said: str) -> None:
    with pytest.raises(GlassworkError, match=said):
        networks.build(name, **sizes)
