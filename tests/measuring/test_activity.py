"""Channels that are dead by construction are found, and no hook stays behind."""

import torch
from torch import nn

from glasswork.measuring import activities


def test_dead_and_living_channels_are_told_apart() -> None:
    conv = nn.Conv2d(1, 3, 1)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([1.0, -1.0, 1.0]).view(3, 1, 1, 1))
        conv.get_parameter("bias").copy_(torch.tensor([0.0, 0.0, -0.5]))
    module = nn.Sequential(conv, nn.ReLU(), nn.Flatten(), nn.Linear(12, 2), nn.ReLU())
    inputs = torch.tensor([[1.0, 0.2, 0.0, 0.0], [0.1, 0.1, 0.1, 0.1]]).view(2, 1, 2, 2)
    (found,) = activities(module, inputs)
    assert found.module == "1"
    assert found.seen.tolist() == [1, 0, 0.5]
    assert found.filled.tolist() == [0.75, 0, 0.125]
    assert found.alive == 2
    assert not module[1]._forward_hooks
