"""Many numbers of each example as a place on a map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glasswork.errors import GlassworkError

KEPT = 50  # directions that t-SNE is given, as its authors do
NEIGHBOURS = 30.0  # t-SNE's perplexity, where there are examples enough
EXTRA = "pip install 'glasswork[map]'"


def principal_components(features: NDArray[np.floating], count: int = 2) -> tuple[NDArray[np.float64], list[float]]:
    """Where each example stands along the directions of most variance.

    X, the features less their means; X Xᵀ = U S² Uᵀ; the places are U S. Each direction is turned so that its place of
    largest size is positive.

    Args:
        features: (N, F).
        count: how many directions.

    Returns:
        The places, (N, count), with zeros where there is no such direction; and the share of the variance of each.
    """
    x = np.asarray(features, np.float64)
    x = x - x.mean(0)
    squares, vectors = np.linalg.eigh(x @ x.T)  # N is smaller than F for most networks, and never large
    squares, vectors = squares[::-1].clip(0), vectors[:, ::-1]
    places = np.zeros((len(x), count))
    held = min(count, len(x))
    places[:, :held] = vectors[:, :held] * np.sqrt(squares[:held])
    turned = np.take_along_axis(places, np.abs(places).argmax(0)[None], 0)[0] < 0
    places[:, turned] *= -1
    total = squares.sum()
    return places, [float(squares[d] / total) if d < held and total > 0 else 0.0 for d in range(count)]


def is_installed() -> bool:
    """Whether scikit-learn is here, whose t-SNE it is."""
    import importlib.util

    return importlib.util.find_spec("sklearn") is not None


def neighbour_embedding(features: NDArray[np.floating], seed: int = 0) -> NDArray[np.float64]:
    """t-SNE (van der Maaten and Hinton 2008): near examples stay near; far distances mean nothing.

    Args:
        features: (N, F).
        seed: of its start.

    Returns:
        The places, (N, 2).

    Raises:
        GlassworkError: scikit-learn is not installed, or there are fewer than four examples.
    """
    if not is_installed():
        raise GlassworkError("t-SNE needs scikit-learn", why="it is not installed", todo=f"{EXTRA}, then start again.")
    if len(features) < 4:
        raise GlassworkError("t-SNE needs at least four pictures", why=f"there are {len(features)}")
    from sklearn.manifold import TSNE

    x, _ = principal_components(features, min(KEPT, len(features)))
    perplexity = min(NEIGHBOURS, (len(x) - 1) / 3)
    return TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(x).astype(np.float64)
