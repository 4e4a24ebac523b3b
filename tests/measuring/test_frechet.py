"""The Fréchet distance, against what is known of normal distributions, and what a classifier sees last."""

import numpy as np
import pytest
import torch
from torch import nn

from glasswork.measuring.features import last_features
from glasswork.measuring.frechet import frechet_distance


def test_of_one_feature_it_is_that_of_the_formula() -> None:
    a, b = torch.tensor([[0.0], [2.0], [4.0]]), torch.tensor([[5.0], [6.0], [10.0], [11.0]])
    means, deviations = 2 - 8, 2 - (26 / 3) ** 0.5
    assert frechet_distance(a, b) == pytest.approx(means**2 + deviations**2)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_of_many_features_it_is_the_trace_of_the_products_root() -> None:
    random = np.random.default_rng(0)
    a = random.normal(size=(400, 6)) @ random.normal(size=(6, 6))
    b = random.normal(size=(300, 6)) @ random.normal(size=(6, 6)) + 0.5
    of_a, of_b = np.cov(a.T), np.cov(b.T)
    root = np.sqrt(np.linalg.eigvals(of_a @ of_b).real).sum()  # the eigenvalues of the root of the product itself
    wanted = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(of_a + of_b) - 2 * root
    assert frechet_distance(torch.from_numpy(a), torch.from_numpy(b)) == pytest.approx(wanted)
    with pytest.raises(ValueError, match="two vectors"):
        frechet_distance(torch.from_numpy(a[:1]), torch.from_numpy(b))


def test_features_are_what_the_last_linear_layer_reads() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 3)).eval()
    pictures = torch.randn(700, 3, 2, 2)
    features, outputs = last_features(module, pictures)
    torch.testing.assert_close(features, module[:3](pictures))
    torch.testing.assert_close(outputs, module(pictures))
