"""The pictures that the app offers first."""

import numpy as np
import pytest

from glasswork import data
from glasswork.errors import GlassworkError


@pytest.mark.parametrize("name", data.names())
def test_samples_are_a_dozen_held_out_pictures_of_many_classes(name: str) -> None:
    chosen = data.samples(name)
    assert 12 <= len(chosen) <= 16
    assert len(set(chosen)) == len(chosen)
    test = data.load(name, "test")
    found = [data.sample(sample) for sample in chosen]
    assert len({sample.label for sample in found}) >= 8
    for sample in found:
        i = test.names.index(sample.name)
        assert sample.label_index == test.labels[i]
        assert sample.label == test.classes[sample.label_index]
        assert sample.data == name
        assert sample.picture.dtype == np.uint8
        assert sample.picture.shape == (*test.pictures.shape[1:3], 1 if test.pictures.shape[3] == 1 else 3)


def test_emoji_stand_on_white() -> None:
    name = data.samples("emoji")[0]
    assert data.sample(f"sample:{name}").picture[0, 0].tolist() == [255, 255, 255]


def test_on_white_is_the_over_operator() -> None:
    pixels = np.array([[[200, 100, 0, 128], [1, 2, 3, 0], [9, 8, 7, 255]]], np.uint8)
    expected = np.rint(pixels[..., :3] * (pixels[..., 3:] / 255) + 255 * (1 - pixels[..., 3:] / 255))
    assert np.array_equal(data.on_white(pixels), expected)


def test_a_training_picture_is_no_sample() -> None:
    with pytest.raises(GlassworkError, match="no sample called"):
        data.sample(data.load("emoji", "train").names[0])
