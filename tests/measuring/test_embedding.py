"""Places on a map, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from glasswork.errors import GlassworkError
from glasswork.measuring import embedding
from glasswork.measuring.embedding import neighbour_embedding, principal_components


@pytest.mark.parametrize("shape", [(40, 7), (12, 300), (5, 2)])
def test_principal_components_are_scikit_learns_up_to_their_sign(shape: tuple[int, int]) -> None:
    features = np.random.default_rng(1).normal(size=shape) * np.arange(1, shape[1] + 1)
    places, shares = principal_components(features)
    theirs = PCA(2, svd_solver="full").fit(features)
    wanted = theirs.transform(features)
    np.testing.assert_allclose(np.abs(places), np.abs(wanted), atol=1e-8 * np.abs(wanted).max())
    np.testing.assert_allclose(shares, theirs.explained_variance_ratio_, atol=1e-10)
    assert all(column[np.abs(column).argmax()] > 0 for column in places.T)


def test_alike_examples_stand_in_one_place_and_nothing_is_divided_by_zero() -> None:
    places, shares = principal_components(np.ones((6, 4)))
    assert np.abs(places).max() < 1e-7
    assert shares == [0.0, 0.0]
    places, shares = principal_components(np.ones((1, 4)))
    assert places.shape == (1, 2)


def test_near_examples_stay_near() -> None:
    random = np.random.default_rng(0)
    kinds = np.repeat(np.arange(3), 25)
    features = random.normal(size=(75, 20)) + 20 * np.eye(20)[kinds]
    places = neighbour_embedding(features)
    near = NearestNeighbors(n_neighbors=6).fit(places).kneighbors(return_distance=False)
    assert (kinds[near] == kinds[:, None]).mean() > 0.95
    assert np.array_equal(places, neighbour_embedding(features))


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "is_installed", lambda: False)
    with pytest.raises(GlassworkError, match="scikit-learn") as told:
        neighbour_embedding(np.zeros((9, 3)))
    assert "glasswork[map]" in told.value.todo
