"""Our training loop against one written by hand: the same network, batches, optimiser and steps, in turns.

The hand-written loop does what ours does: it chooses the examples by a permutation, zeroes gradients, goes forward and
backward, measures the gradient's norm, updates, and looks whether the loss is still a number.

python -m benchmarks.training
"""

# ruff: noqa: D102  the methods are those of glasswork.training.Task

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from benchmarks.figures import Figure
from glasswork.training import About, Config, Draw, Task, begin, train

ROUNDS = 8  # of ours and by hand in turns
BAR = 1.03
EXAMPLES = 512


@dataclass(frozen=True, kw_only=True)
class MadeConfig(Config):
    """Made-up examples for a network that is handed over."""

    def task(self) -> Task:
        return Made(self, nn.Identity(), torch.zeros(0), torch.zeros(0))


class Made(Task):
    """Cross-entropy on examples in memory."""

    def __init__(self, config: Config, network: nn.Module, inputs: Tensor, labels: Tensor) -> None:
        super().__init__(config)
        self.made, self.inputs, self.labels = network, inputs, labels

    @property
    def examples(self) -> int:
        return len(self.inputs)

    def network(self) -> nn.Module:
        return self.made

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor]:
        index = torch.from_numpy(draw.index[draw.part])
        return self.inputs[index], self.labels[index]

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return loss_of(network, *batch)

    def scores(self, network: nn.Module) -> dict[str, float]:
        return {}

    def final(self, network: nn.Module) -> dict[str, float]:
        return {}

    def about(self) -> About:
        return About(self.examples, 0, 0, "", ())


def loss_of(network: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    output = network(inputs)
    return F.cross_entropy(output.flatten(0, -2), labels.flatten())


class Words(nn.Module):
    """A small nn.Transformer's encoder over tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(64, 64)
        layer = nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.output = nn.Linear(64, 64)

    def forward(self, ids: Tensor) -> Tensor:
        return self.output(self.blocks(self.embed(ids)))


def cases() -> dict[str, tuple[Callable[[], nn.Module], Tensor, Tensor, int, int]]:
    """By name: the network, its examples and labels, the batch, and how many steps a round has."""
    from glasswork import networks

    random = torch.Generator().manual_seed(0)
    sizes = {"channels": 1, "size": 28, "width": 10, "classes": 10, "padding": 1}
    grey = torch.rand(EXAMPLES, 1, 28, 28, generator=random)
    colour = torch.rand(EXAMPLES, 3, 64, 64, generator=random)
    ids = torch.randint(0, 64, (EXAMPLES, 33), generator=random)
    ten = torch.randint(0, 10, (EXAMPLES,), generator=random)
    return {
        "tiny-vgg, batch 64": (lambda: networks.build("tiny_vgg", **sizes), grey, ten, 64, 20),
        "nn.Transformer, batch 32": (Words, ids[:, :-1], ids[:, 1:], 32, 20),
        "resnet-18 at 64 px, batch 16": (lambda: torchvision.models.resnet18(num_classes=10), colour, ten, 16, 3),
    }


def ours(network: nn.Module, inputs: Tensor, labels: Tensor, batch: int) -> Iterator[Any]:
    config = MadeConfig(
        title="", network="", sizes={}, data="", licence="", steps=1 << 30, batch=batch, learning_rate=1e-4,
        schedule="constant", warmup=0, evaluate_every=1 << 30, observe=False,
    )  # fmt: skip
    task = Made(config, network, inputs, labels)
    return train(task, begin(task, network=network))


def by_hand(network: nn.Module, inputs: Tensor, labels: Tensor, batch: int) -> Iterator[float]:
    wide = [p for p in network.parameters() if p.ndim > 1]
    flat = [p for p in network.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": wide}, {"params": flat, "weight_decay": 0.0}], lr=1e-4)
    random = np.random.default_rng(0)
    network.train()
    while True:
        order = torch.from_numpy(random.permutation(len(inputs)))
        for index in order.split(batch):
            loss = loss_of(network, inputs[index], labels[index])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            norm = nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
            optimiser.step()
            value = loss.item()
            if not np.isfinite(value + norm.item()):
                raise FloatingPointError
            yield value


def measure() -> list[Figure]:
    """CPU time of a step, ours / by hand, the median over the rounds."""
    torch.set_num_threads(1)
    figures = []
    for name, (make, inputs, labels, batch, steps) in cases().items():
        torch.manual_seed(0)
        runs = [ours(make(), inputs, labels, batch), by_hand(make(), inputs, labels, batch)]
        for run in runs:
            for _ in range(3):
                next(run)
        ratios = []
        for number in range(ROUNDS):
            took = [0.0, 0.0]
            for _ in range(steps):  # step by step in turns: a busy machine is busy for both
                for which in (0, 1) if number % 2 else (1, 0):
                    start = time.process_time()
                    next(runs[which])
                    took[which] += time.process_time() - start
            ratios.append(took[0] / took[1])
        figures.append(Figure(f"a training step, ours / by hand: {name}", statistics.median(ratios), BAR, "x"))
    return figures


if __name__ == "__main__":
    for figure in measure():
        print(f"{figure.what}: {figure.measured:.3f} {figure.unit} (bar {figure.bar:g})")
