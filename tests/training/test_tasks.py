"""The loop takes what is no classifier: a language model, and a GAN with two players."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork.training import About, Config, Draw, Stepped, Task, Turn, begin, train
from glasswork.training.sampling import chance

TEXT = "the cat sat on the mat. " * 40
LETTERS = sorted(set(TEXT))


@dataclass(frozen=True, kw_only=True)
class LanguageConfig(Config):
    context: int = 12

    def task(self) -> Task:
        return Language(self)


class Language(Task):
    config: LanguageConfig

    @property
    def examples(self) -> int:
        return len(TEXT) - self.config.context - 1

    def network(self) -> nn.Module:
        return nn.Sequential(nn.Embedding(len(LETTERS), 16), nn.GRU(16, 32, batch_first=True), Head())

    def batch(self, draw: Draw) -> Any:
        ids = torch.tensor([LETTERS.index(c) for c in TEXT])
        return torch.stack([ids[i : i + self.config.context + 1] for i in draw.index[draw.part]])  # (B, T + 1)

    def loss(self, network: nn.Module, batch: Tensor) -> Tensor:
        return F.cross_entropy(network(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())

    def scores(self, network: nn.Module) -> dict[str, float]:
        return {}

    def final(self, network: nn.Module) -> dict[str, float]:
        return {}

    def about(self) -> About:
        return About(self.examples, 0, 0, "", (torch.zeros(1, 4, dtype=torch.long),))


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(32, len(LETTERS))

    def forward(self, states: tuple[Tensor, Tensor]) -> Tensor:
        return self.output(states[0])


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1))
        self.critic = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 1))


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig(Config):
    def task(self) -> Task:
        return Adversarial(self)


class Adversarial(Language):
    """Numbers around 3, from noise."""

    @property
    def examples(self) -> int:
        return 1000

    def network(self) -> nn.Module:
        return Pair()

    def turns(self) -> Sequence[Turn]:
        critic = Turn("critic", ("critic.",), self.critic_loss)
        return [critic, critic, Turn("generator", ("generator.",), self.generator_loss, rate=0.5)]

    def batch(self, draw: Draw) -> Any:
        real = 3 + 0.5 * torch.randn(len(draw.index), 1, generator=draw.random)
        return draw.mine(real), draw.mine(torch.randn(len(draw.index), 2, generator=draw.random))

    def critic_loss(self, pair: Pair, batch: tuple[Tensor, Tensor]) -> Tensor:
        real, noise = batch
        fake = pair.generator(noise).detach()
        return F.softplus(-pair.critic(real)).mean() + F.softplus(pair.critic(fake)).mean()

    def generator_loss(self, pair: Pair, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.softplus(-pair.critic(pair.generator(batch[1]))).mean()


def config(kind: type[Config], **more: Any) -> Config:
    return kind(
        title="t", network="", sizes={}, data="", licence="", steps=200, batch=16, learning_rate=5e-3, warmup=0, **more
    )


def test_a_language_model_learns_its_text() -> None:
    task = config(LanguageConfig, clip=1.0).task()
    losses = [e.loss for e in train(task, begin(task)) if isinstance(e, Stepped)]
    assert abs(losses[0] - math.log(len(LETTERS))) < 0.3
    assert losses[-1] < 0.5


def test_two_players_take_turns_each_with_its_own_weights_and_rate() -> None:
    task = config(AdversarialConfig, schedule="constant", optimiser="SGD").task()
    state = begin(task)
    pair = state.network
    assert isinstance(pair, Pair)
    before = {name: value.detach().clone() for name, value in pair.named_parameters()}
    next(train(task, state))
    by_hand = Pair()
    by_hand.load_state_dict(before)
    for number, turn in enumerate(task.turns()):
        batch = task.batch(Draw(0, task.indices(0), slice(None), chance(0, 0, number)))
        assert turn.loss is not None
        by_hand.zero_grad()
        turn.loss(by_hand, batch).backward()
        with torch.no_grad():
            for name, value in by_hand.named_parameters():
                if name.startswith(turn.prefixes):
                    assert value.grad is not None
                    decay = 0.01 if value.ndim > 1 else 0.0
                    value -= 5e-3 * turn.rate * (value.grad + decay * value)
    for name, value in by_hand.named_parameters():
        torch.testing.assert_close(pair.get_parameter(name), value)


@pytest.mark.slow
def test_a_generator_finds_the_numbers() -> None:
    task = replace(config(AdversarialConfig, average=0.9), steps=400).task()
    state = begin(task)
    for _ in train(task, state):
        pass
    pair = state.network
    assert isinstance(pair, Pair)
    made = pair.generator(torch.randn(500, 2, generator=torch.Generator().manual_seed(0)))
    assert abs(made.mean().item() - 3) < 0.6
