"""Whitening a first layer, against the covariance of what it gives."""

from __future__ import annotations

import torch
from torch import nn

from glasswork.training.whitening import FLOOR, whiten


def test_every_direction_varies_alike_but_for_noise() -> None:
    random = torch.Generator().manual_seed(3)
    turned = torch.linalg.qr(torch.randn(6, 6, generator=random)).Q
    spread = torch.tensor([40.0, 9.0, 3.0, 1.0, 0.5, 1e-6])
    vectors = (torch.randn(500, 20, 6, generator=random) * spread) @ turned.T + 7
    layer = nn.Linear(6, 6)
    whiten(layer, vectors)
    out = layer(vectors).detach().flatten(0, 1)
    assert out.mean(dim=0).abs().max() < 1e-3
    deviations = torch.linalg.eigvalsh(torch.cov(out.T)).clamp(min=0).sqrt().flip(0)
    seen = torch.linalg.eigvalsh(torch.cov(vectors.flatten(0, 1).T)).clamp(min=0).sqrt().flip(0)
    assert torch.allclose(deviations.sort().values, (seen / (seen + FLOOR)).sort().values, atol=1e-3)
    assert torch.allclose(layer.weight, layer.weight.T, atol=1e-4)
