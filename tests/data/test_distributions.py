"""Distributions of the plane: their moments by their formulas, and what can't be drawn from."""

import numpy as np
import pytest

from glasswork.data.distributions import NAMES, distribution, of_picture, of_points, of_strokes
from glasswork.errors import GlassworkError

MANY = 40_000


def test_the_classics_have_the_moments_of_their_formulas() -> None:
    line = distribution("line").draw(MANY, 0)
    np.testing.assert_allclose(line.mean(0), [0.8 - 0.375, 0.75], atol=0.004)
    np.testing.assert_allclose(np.cov(line.T), [[0.75**2 / 12 + 1e-4, -0.225 / 12], [-0.225 / 12, 0.09 / 12 + 1e-4]],
                               atol=6e-4)  # fmt: skip
    clusters = distribution("gaussians").draw(MANY, 0)
    np.testing.assert_allclose(clusters.mean(0), [0.5, 0.55], atol=0.004)
    np.testing.assert_allclose(clusters.var(0), [0.04 + (0.01 + 0.0025) / 2, 0.0225 + (0.01 + 0.04) / 2], rtol=0.03)
    ring = distribution("ring").draw(MANY, 0)
    np.testing.assert_allclose(ring.mean(0), [0.5, 0.45], atol=0.005)
    np.testing.assert_allclose(ring.var(0), [0.09 / 2 + 6.25e-4, 0.0625 / 2 + 6.25e-4], rtol=0.03)
    disjoint = distribution("disjoint").draw(MANY, 0)
    middles = np.array([[0.35, 0.75], [0.75, 0.6], [0.45, 0.35]])
    near = np.linalg.norm(disjoint[:, None] - middles, axis=2)
    np.testing.assert_allclose(np.bincount(near.argmin(1)) / MANY, [1 / 3] * 3, atol=0.01)
    assert near.min(1).mean() == pytest.approx(0.025 * np.sqrt(np.pi / 2), rel=0.02)


@pytest.mark.parametrize("name", [*NAMES, "gaussians-5"])
def test_all_lie_in_the_square_and_are_the_same_for_a_seed(name: str) -> None:
    one = distribution(name)
    points = one.draw(2000, 4)
    np.testing.assert_array_equal(points, one.draw(2000, 4))
    assert np.quantile(np.abs(points - 0.5), 0.95) < 0.5
    np.testing.assert_allclose(one.back(one.seen(points)), points)


def test_a_picture_is_drawn_from_where_it_is_dark() -> None:
    grey = np.full((4, 8), 255, np.uint8)
    grey[0, 7] = 0
    grey[3, 0] = 155
    points = of_picture(grey).draw(MANY, 0)
    right = points[:, 0] > 0.5
    assert right.mean() == pytest.approx(255 / 355, abs=0.01)
    assert (points[right] >= [0.8, 0.6]).all()  # the pixel's own square: the picture is 0.8 wide, and up is up
    assert (points[right] <= [0.9, 0.7]).all()
    assert (points[~right] <= [0.2, 0.4]).all()


def test_points_of_ones_own_are_drawn_as_they_are() -> None:
    points = np.array([[100.0, 5.0], [140.0, 5.0], [120.0, 25.0]])
    own = of_points(points)
    drawn = own.draw(3000, 0)
    assert {tuple(one) for one in drawn} == {tuple(one) for one in points}
    assert np.abs(own.seen(drawn)).max() < 2
    dot = of_strokes(np.array([[0.25, 0.5]]))
    np.testing.assert_allclose(dot.draw(MANY, 0).std(0), 0.015, rtol=0.03)


@pytest.mark.parametrize(("points", "why"), [
    ([[1.0, float("nan")], [2, 3]], "row 1"),
    ([[1.0, 2], [3, float("inf")]], "row 2"),
    ([[1.0, 2], [1, 2]], "the same"),
    ([[1e200, 2], [-1e200, 2]], "too large"),
    ([[1.0, 2, 3]], r"\[1, 3\]"),
    ([[1e12, 0], [1e12 + 1e-4, 0]], "less than"),
])  # fmt: skip
def test_what_cannot_be_drawn_from_says_why(points: list[list[float]], why: str) -> None:
    with pytest.raises(GlassworkError, match=why):
        of_points(np.array(points))


def test_white_pictures_and_unknown_names_say_why() -> None:
    with pytest.raises(GlassworkError, match="white"):
        of_picture(np.full((3, 3), 255, np.uint8))
    with pytest.raises(GlassworkError, match="gaussians-0"):
        distribution("gaussians-0")
