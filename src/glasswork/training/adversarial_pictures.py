"""GANs of pictures: the two players of a DCGAN, judged by a classifier that was trained apart from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from glasswork import data, zoo
from glasswork.errors import GlassworkError
from glasswork.generation.generators import draw_noise, made
from glasswork.measuring.features import last_features
from glasswork.measuring.frechet import frechet_distance
from glasswork.randomness import seeded
from glasswork.training.adversarial import (
    CHOOSING,
    GENERATES,
    TESTING,
    AdversarialConfig,
    check_players,
    discriminator_loss,
)
from glasswork.training.classification import split_validation
from glasswork.training.task import About, Draw, Task, Turn

COUNTED = 1_000  # made pictures in which classes are counted
UNTRAINED = 0  # the seed of the network that has learned nothing


@dataclass(frozen=True, kw_only=True)
class PicturesConfig(AdversarialConfig):
    """A run of two players; `data` is a data set of pictures.

    Attributes:
        judge: a TARGET that tells classes of such pictures; its features are what they are compared in.
        penalise_every: steps of which one has the penalty `zero_centred`, so many times as strong (Karras et al. 2020,
            https://arxiv.org/abs/1912.04958, section 4.1).
        learn_from: the part of its pictures, those that fool the discriminator most, that the generator learns from;
            all at first, so many from half of the steps on (S. Sinha et al., "Top-k Training of GANs", 2020,
            https://arxiv.org/abs/2002.06224).
        best_of: of so many pictures one is kept when the trained generator is sampled; see zoo.Makes. Training, and the
            choice of a checkpoint, take every picture.
    """

    judge: str
    penalise_every: int = 1
    learn_from: float = 1.0
    best_of: int = 1
    choose_by: str = "frechet"

    def task(self) -> Task:
        """The two players on the pictures that are named."""
        return PicturesTask(self)


class PicturesTask(Task):
    """Two players on pictures.

    Raises:
        GlassworkError: no such loss or noise; pictures, judge and network don't fit each other; or one is not here.
    """

    config: PicturesConfig
    choices: Mapping[str, bool] = {"frechet": False}

    def __init__(self, config: PicturesConfig) -> None:
        super().__init__(config)
        check_players(config)
        if min(config.penalise_every, config.best_of) < 1:
            raise GlassworkError("penalise_every and best_of must be 1 or more", where=config.title)
        seen, aside = split_validation(data.load(config.data), config.validation, config.seed)
        if not 0 < config.learn_from <= 1:
            why = f"a generator can't learn from {config.learn_from:g} of its pictures"
            raise GlassworkError("learn_from must be more than 0 and at most 1", where=config.title, why=why)
        self.names, self.seen, self.aside = seen.names, pictures_of(seen), pictures_of(aside)
        self.noise = int(config.sizes["noise"])
        self.makes = zoo.Makes(config.noise, self.noise)
        wanted = (int(config.sizes["channels"]), int(config.sizes["size"]), int(config.sizes["size"]))
        if tuple(self.seen.shape[1:]) != wanted:
            found = "x".join(map(str, self.seen.shape[1:]))
            why = f"the generator makes {'x'.join(map(str, wanted))}, the pictures are {found}"
            raise GlassworkError("the network doesn't fit the pictures", where=config.title, why=why)
        self.judge = Judge.of(config.judge)
        self.real = self.judge.features(self.aside)[0] if len(self.aside) else None

    @property
    def examples(self) -> int:
        """How many pictures there are to train on."""
        return len(self.seen)

    def network(self) -> nn.Module:
        """Both players, untrained."""
        return zoo.build(self.config.network, self.config.sizes)

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Real pictures from -1 to 1 (B, C, H, W), noise (B, Z), where a penalty looks (B, 1, 1, 1), and how strong.

        The strength is 0 in steps without the penalty at real pictures. Last, the part that the generator learns from.
        """
        real = self.seen[torch.from_numpy(draw.index[draw.part])].float() / 127.5 - 1
        noise = draw_noise(self.config.noise, len(draw.index), self.noise, draw.random)
        mix = torch.rand(len(draw.index), 1, 1, 1, generator=draw.random)
        every = self.config.penalise_every
        strength = torch.tensor(0.0 if draw.step % every else self.config.zero_centred * every)
        way = min(1.0, 2 * draw.step / self.config.steps)
        part = torch.tensor(1 - (1 - self.config.learn_from) * way)
        return real, draw.mine(noise), draw.mine(mix), strength, part

    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        """The generator's."""
        players: Any = network
        logits = players.discriminator(players.generator(batch[1]))  # (B, 1)
        count = max(1, round(float(batch[4]) * len(logits)))
        return GENERATES[self.config.loss](logits.topk(count, dim=0).values)

    def judging(self, network: nn.Module, batch: Any) -> Tensor:
        """The discriminator's."""
        real, noise, mix, strength, _ = batch
        players: Any = network
        with torch.no_grad():
            made_up = players.generator(noise)
        config = replace(self.config, zero_centred=float(strength))
        return discriminator_loss(config, players.discriminator, real, made_up, mix)

    def turns(self) -> Sequence[Turn]:
        """The discriminator's, as often as the settings say, then the generator's."""
        critic = Turn("discriminator", ("discriminator.",), self.judging, self.config.critic_rate)
        return [critic] * self.config.critic_steps + [Turn("generator", ("generator.",), self.loss)]

    def scores(self, network: nn.Module) -> dict[str, float]:
        """How far what is made is from the pictures aside, in the judge's features; with noise of its own."""
        if self.real is None:
            return {}
        features, _ = self.judge.features(made(network, self.makes, len(self.real), CHOOSING))
        return {"frechet": frechet_distance(features, self.real)}

    def final(self, network: nn.Module) -> dict[str, float]:
        """The same with held-out pictures and other noise, and what to compare it with."""
        fresh = untrained(self.config.network, self.config.sizes)
        makes = msgspec.structs.replace(self.makes, best_of=self.config.best_of)
        return score_made(network, makes, fresh, self.config.judge, self.config.data)

    def name(self, index: int) -> str:
        """Which picture it is."""
        return self.names[index]

    def about(self) -> About:
        """What the card says."""
        aside = len(self.aside)
        return About(
            examples=len(self.seen),
            aside=aside,
            held_out=data.load(self.config.data, "test").labels.size,
            split=f"trained on {len(self.seen):,} pictures; checkpoint chosen by {aside:,} others; made pictures are "
            f"compared with half of the held-out ones, and so is the other half (the floor), in the features of "
            f"{self.config.judge}",
            inputs=(torch.zeros(1, self.noise),),
            card={"makes": zoo.to_record(msgspec.structs.replace(self.makes, best_of=self.config.best_of))},
        )


@dataclass(frozen=True)
class Judge:
    """A classifier of such pictures, trained apart.

    Attributes:
        module: from pictures 0..1 to logits.
        classes: how many.
    """

    module: nn.Module
    classes: int

    @classmethod
    def of(cls, target: str) -> Judge:
        """The classifier that a TARGET names."""
        network = zoo.load(target)
        return cls(network.module, len(network.labels))

    def features(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """What its last layer sees, (N, F), and what it answers, (N, K), of pictures -1..1, or uint8."""
        values = pictures / 255 if pictures.dtype == torch.uint8 else (pictures.clamp(-1, 1) + 1) / 2
        return last_features(self.module, values)


def pictures_of(dataset: data.Dataset) -> Tensor:
    """Pictures on white, uint8, (N, C, H, W)."""
    return torch.from_numpy(data.on_white(dataset.pictures).transpose(0, 3, 1, 2).copy())


def score_made(network: nn.Module, makes: zoo.Makes, fresh: nn.Module, judged_by: str, name: str) -> dict[str, float]:
    """How far made pictures are from held-out real ones, in the features of a classifier that was trained apart.

    Half of the held-out pictures are what all are compared with; the other half tells what real ones would get. As many
    are made.

    Args:
        network: two players.
        makes: how its generator is used.
        fresh: the same two that have learned nothing.
        judged_by: the classifier's TARGET.
        name: the data set's.

    Returns:
        frechet: their distance (measuring.frechet_distance); frechet_floor: that of real pictures; frechet_untrained:
        that of what the untrained generator makes; top_probability: the classifier's largest, a mean over 1,000 made
        pictures; classes: how many of its classes are the likeliest of one of these. Where samples are the best of
        several, also frechet_every and top_probability_every, those of every picture that is made.
    """
    judge = Judge.of(judged_by)
    features, _ = judge.features(pictures_of(data.load(name, "test")))
    half = len(features) // 2
    real, other = features[:half], features[half : 2 * half]
    of_made, logits = judge.features(made(network, makes, half, TESTING))
    every = msgspec.structs.replace(makes, best_of=1)
    of_fresh, _ = judge.features(made(fresh, every, half, TESTING))
    likeliest = logits[:COUNTED].softmax(1).max(1)
    unpicked: dict[str, float] = {}
    if makes.best_of > 1:
        of_every, said = judge.features(made(network, every, half, TESTING))
        unpicked["frechet_every"] = frechet_distance(of_every, real)
        unpicked["top_probability_every"] = float(said[:COUNTED].softmax(1).amax(1).mean())
    return {
        "frechet": frechet_distance(of_made, real),
        "frechet_floor": frechet_distance(other, real),
        "frechet_untrained": frechet_distance(of_fresh, real),
        "top_probability": float(likeliest.values.mean()),
        "classes": float(len(likeliest.indices.unique())),
        **unpicked,
    }


def untrained(network: str, sizes: Mapping[str, Any]) -> nn.Module:
    """Two players that have learned nothing, always the same."""
    with seeded(UNTRAINED):
        return zoo.build(network, sizes)
