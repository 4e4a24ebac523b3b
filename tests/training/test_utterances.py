"""Which utterances a checkpoint is chosen by."""

import numpy as np
import pytest

from glasswork.data.utterances import load_utterances
from glasswork.errors import GlassworkError
from glasswork.training.utterances import set_aside


def test_whole_voices_are_set_aside_where_the_parts_are_divided_by_voices() -> None:
    data = load_utterances("spoken-digits")
    aside = set_aside(data, 50)
    rest = np.setdiff1d(np.arange(len(data)), aside)
    assert len(aside) >= 50
    assert not {data.voices[i] for i in aside} & {data.voices[i] for i in rest}
    assert len(set_aside(data, 0)) == 0


def test_else_as_many_of_each_class() -> None:
    data = load_utterances("japanese-vowels")
    assert np.bincount(data.labels[set_aside(data, 45)]).tolist() == [5] * 9


def test_an_unknown_data_set_lists_the_known_ones() -> None:
    with pytest.raises(GlassworkError, match=r"no data set of utterances called 'mnist'.*spoken-digits"):
        load_utterances("mnist")
