"""A variational autoencoder: learn to tell pictures by few numbers, and to draw them again from those.

D. Kingma, M. Welling, "Auto-Encoding Variational Bayes", 2013, https://arxiv.org/abs/1312.6114, equation 10; as the
first half of latent diffusion: R. Rombach et al., 2022, https://arxiv.org/abs/2112.10752, section 3.1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import data, zoo
from glasswork.data import Dataset
from glasswork.data.given import is_captioned
from glasswork.networks.autoencoder_kl import AutoencoderKL
from glasswork.training.captioned import problems, read_pairs
from glasswork.training.classification import split_validation
from glasswork.training.config import Config
from glasswork.training.task import About, Draw, Task

ORDERS = list(itertools.permutations(range(3)))  # of red, green and blue
SCORED = 32  # pictures at once


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig(Config):
    """An autoencoder's run.

    Attributes:
        divergence: the weight of the latent's divergence from a unit Gaussian, per number.
        recolour: for how many of the pictures red, green and blue are exchanged at random.
        flip: for how many left and right are.
        shift: most pixels that a picture is moved by, either way.
    """

    divergence: float = 3e-4
    recolour: float = 0.4
    flip: float = 0.5
    shift: int = 4
    choose_by: str = "psnr_db"

    def task(self) -> Task:
        """The task on the data set that is named."""
        return Autoencoding(self)


class Autoencoding(Task):
    """Learn pictures by heart through a narrow latent: absolute, squared, gradient and coarse errors, and a divergence.

    Raises:
        GlassworkError: the pictures are not on this machine.
    """

    choices: Mapping[str, bool] = {"psnr_db": True, "l1": False}
    config: AutoencoderConfig

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        seen, test = (pictures_of(config.data, part, int(config.sizes["size"])) for part in ("train", "test"))
        seen, aside = split_validation(seen, config.validation, config.seed)
        self.seen, self.aside, self.test = (as_tensor(part.pictures) for part in (seen, aside, test))
        self.names = seen.names
        self.scaling = 1.0

    @property
    def examples(self) -> int:
        """How many pictures there are to train on."""
        return len(self.seen)

    def network(self) -> nn.Module:
        """The untrained network."""
        return zoo.build(self.config.network, self.config.sizes).to(memory_format=torch.channels_last)

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Pictures from -1 to 1, (B, C, H, W), and unit noise for the whole latent, (B, L, H', W')."""
        config, count = self.config, len(draw.index)

        def uniform(*shape: int) -> Tensor:
            return draw.mine(torch.rand(count, *shape, generator=draw.random))

        x = self.seen[torch.from_numpy(draw.index[draw.part])]
        flips, recolours, orders, moves = uniform(), uniform(), uniform(), uniform(2)
        s = config.shift
        x = F.pad(x.float(), (s, s, s, s), value=255.0)  # white, as the ground is
        pictures = []
        for picture, flip, recolour, order, move in zip(x, flips, recolours, orders, moves, strict=True):
            top, left = (int(m * (2 * s + 1)) for m in move)
            one = picture[:, top : top + self.seen.shape[2], left : left + self.seen.shape[3]]
            one = one.flip(-1) if flip < config.flip else one
            pictures.append(one[list(ORDERS[int(order * len(ORDERS))])] if recolour < config.recolour else one)
        x = (torch.stack(pictures) / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        side = 2 ** (len(str(config.sizes["widths"]).split(",")) - 1)
        shape = (int(config.sizes["latent"]), x.shape[2] // side, x.shape[3] // side)
        return x, draw.mine(torch.randn(count, *shape, generator=draw.random))

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """The errors of the picture drawn again, and the latent's divergence; a scalar."""
        assert isinstance(network, AutoencoderKL)
        x, noise = batch
        mean, log_variance = (part.float() for part in network.encode(x))
        told = network.decode(mean + (0.5 * log_variance).exp() * noise).float()
        error = told - x
        slopes = error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
        coarse = F.avg_pool2d(error, 4).abs().mean()
        drawn = error.abs().mean() + error.square().mean() + slopes + coarse
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        return drawn + self.config.divergence * divergence

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Scores on the pictures set aside."""
        return score_pictures(network, self.aside) if len(self.aside) else {}

    def final(self, network: nn.Module) -> dict[str, float]:
        """Scores on the held-out pictures."""
        self.scaling = latent_scaling(network, self.seen)
        return score_pictures(network, self.test)

    def name(self, index: int) -> str:
        """Which picture it is."""
        return self.names[index]

    def notices(self) -> Sequence[str]:
        """Which files are not used."""
        return problems(self.config.data)

    def about(self) -> About:
        """What the card says."""
        return About(
            examples=len(self.seen),
            aside=len(self.aside),
            held_out=len(self.test),
            split=f"trained on {len(self.seen):,} pictures; {self.kept(len(self.aside))}; tested on "
            f"{len(self.test)} held out, each emoji with all its variants",
            inputs=(self.seen[:1].float() / 127.5 - 1,),
            card={
                "sizes": {**self.config.sizes, "fused": 0, "scaling": round(self.scaling, 5)},
                "picture": {"mean": (0.5,) * 3, "std": (0.5,) * 3},
                "diffusion": {"part": "autoencoder"},
            },
        )


def pictures_of(spec: str, split: str, size: int) -> Dataset:
    """Pictures of a data set of ours, or of one's own folder of captioned ones.

    Raises:
        GlassworkError: they are not on this machine.
    """
    if not is_captioned(spec):
        return data.load(spec, split)
    told, pictures = read_pairs(spec, split, size)
    names = tuple(one.code for one in told)
    return Dataset(spec, split, pictures, np.zeros(len(told), np.int64), ("picture",), names, names, False)


def as_tensor(pictures: np.ndarray) -> Tensor:
    """RGBA pictures on white: uint8, (N, H, W, 4) -> uint8, (N, 3, H, W)."""
    return torch.from_numpy(data.on_white(pictures)).permute(0, 3, 1, 2).contiguous()


def score_pictures(network: nn.Module, pictures: Tensor) -> dict[str, float]:
    """psnr_db: 10 log10(1 / mean squared error), of values from 0 to 1, the mean over pictures; l1 beside it.

    Args:
        network: in any mode, which is put back.
        pictures: uint8, (N, 3, H, W).
    """
    training = network.training
    network.eval()
    psnr, l1 = [], []
    try:
        with torch.inference_mode():
            for part in pictures.split(SCORED):
                x = part.float() / 255
                told = (network(x * 2 - 1).float() / 2 + 0.5).clamp(0, 1)
                squared = (told - x).square().mean((1, 2, 3)).clamp(min=1e-10)
                psnr.append(-10 * squared.log10())
                l1.append((told - x).abs().mean((1, 2, 3)))
    finally:
        network.train(training)
    return {"psnr_db": float(torch.cat(psnr).mean()), "l1": float(torch.cat(l1).mean())}


def latents_of(network: nn.Module, pictures: Tensor) -> Tensor:
    """The latents' means, not scaled, of pictures uint8 (N, 3, H, W): (N, L, H', W')."""
    assert isinstance(network, AutoencoderKL)
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            return torch.cat([network.encode(part.float() / 127.5 - 1)[0] for part in pictures.split(SCORED)])
    finally:
        network.train(training)


def latent_scaling(network: nn.Module, pictures: Tensor, most: int = 512) -> float:
    """What latents are multiplied by so that their deviation is 1."""
    every = max(1, math.ceil(len(pictures) / most))
    return 1 / float(latents_of(network, pictures[::every]).std())
