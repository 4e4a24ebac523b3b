"""A latent diffusion model's denoiser: learn to see the noise in noisy latents, told what the picture shows.

J. Ho, A. Jain, P. Abbeel, 2020, https://arxiv.org/abs/2006.11239, equation 14 (of v in place of the noise: T.
Salimans, J. Ho, 2022, https://arxiv.org/abs/2202.00512); in latents: R. Rombach et al., 2022,
https://arxiv.org/abs/2112.10752, equation 3; without its caption now and then, for guidance: J. Ho, T. Salimans,
2022, https://arxiv.org/abs/2207.12598, algorithm 1.

The encoders are trained before it and stay as they are: latents and vectors of captions are computed once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import zoo
from glasswork.data import captions, emoji_captions
from glasswork.data.clip_tokens import ClipTokens
from glasswork.errors import GlassworkError
from glasswork.generation import Schedule, TextToImage
from glasswork.generation.opening import tokens_of
from glasswork.networks.autoencoder_kl import AutoencoderKL
from glasswork.networks.clip import CLIP
from glasswork.training.autoencoding import as_tensor, latents_of
from glasswork.training.captioned import aside_groups, problems, read_pairs
from glasswork.training.config import Config
from glasswork.training.contrasting import read
from glasswork.training.judging import Judgement, judge
from glasswork.training.starting import denoiser_from, take_all
from glasswork.training.task import About, Draw, Task
from glasswork.training.whitening import whiten

TIMES_SCORED = 8  # times at which each latent set aside is noised
AT_ONCE = 256

Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig(Config):
    """A denoiser's run. The latent's and the text's sizes are filled in.

    Attributes:
        start: a TARGET of a denoiser whose weights it begins from; its network is taken.
        autoencoder, encoders: TARGETs of the networks that it stands on, trained before.
        judge: the TARGET of the classifier that the final scores are measured by; empty for none.
        noise: its schedule: linear, scaled_linear or squaredcos_cap_v2.
        prediction: what it learns to tell: epsilon or v_prediction.
        shift: times are drawn nearer to pure noise, where the prompt matters, the larger this is; 1 draws all alike
            (P. Esser et al., 2024, https://arxiv.org/abs/2403.03206, equation 23).
        flip: the part of examples that are mirrored, of pictures that then show the same.
        captions: how many are drawn of each picture, once.
        as_spoken: the part of these that say it as the judged captions do.
        unsaid: the part of examples that are shown without their caption.
        recolour: for how many of the pictures a copy in another colour is shown, with the word for it.
        copies: how many such copies there are of each picture.
        steps_judged, guidance: how the final pictures are made.
    """

    start: str = ""
    autoencoder: str
    encoders: str
    judge: str = ""
    noise: str = "squaredcos_cap_v2"
    prediction: str = "v_prediction"
    shift: float = 1.0
    flip: float = 0.5
    captions: int = 16
    as_spoken: float = 0.0
    unsaid: float = 0.1
    recolour: float = 0.2
    copies: int = 2
    steps_judged: int = 30
    guidance: float = 3.0
    choose_by: str = "mse"

    def task(self) -> Task:
        """The task on the data set that is named."""
        return Denoising(self)


class Denoising(Task):
    """Learn what noise was put into a latent, by its mean squared error.

    Some of the pictures are mirrored, where that changes nothing of what they show.

    Raises:
        GlassworkError: the pictures or one of the networks are not on this machine.
    """

    choices: Mapping[str, bool] = {"mse": False}
    config: DenoiserConfig

    def __init__(self, config: DenoiserConfig) -> None:
        self.autoencoder = _part(config.autoencoder, AutoencoderKL)
        self.encoders = _part(config.encoders, CLIP)
        self.tokens = _tokens(config.encoders)
        width = self.encoders.text_projection.in_features
        self.start = denoiser_from(config.start) if config.start else None
        if self.start:
            config = replace(config, network=self.start.network, sizes=dict(self.start.sizes))
        super().__init__(replace(config, sizes={**config.sizes, "text": width, "context": self.tokens.context}))
        self.schedule = Schedule(
            kind=config.noise, prediction=config.prediction, spacing="trailing", offset=0, to_one=True
        )
        told, pictures = read_pairs(config.data, "train", self.autoencoder.shape[1])
        aside = aside_groups(told, config.validation, config.seed)
        chosen = np.array([one.group in aside for one in told])
        self.told = [one for one, out in zip(told, chosen, strict=True) if not out]
        self._prepare(pictures[~chosen])
        self.aside = self._aside([one for one, out in zip(told, chosen, strict=True) if out], pictures[chosen])
        self.empty = self._vectors([""])[0]  # (T, X)

    def _prepare(self, pictures: np.ndarray) -> None:
        """Latents and vectors of captions, of the pictures and of their copies in other colours."""
        config = self.config
        random = np.random.default_rng([config.seed, 2])
        mirrored = self._latents(pictures[:, :, ::-1].copy())
        self.latents = self._latents(pictures)
        may = torch.tensor([captions.may_be_mirrored(one) for one in self.told])
        self.mirrored = torch.where(may.view(-1, 1, 1, 1), mirrored, self.latents)
        texts = [
            text
            for one in self.told
            for text in captions.variants(one, config.captions, random, as_spoken=config.as_spoken)
        ]
        self.vectors = self._vectors(texts).unflatten(0, (-1, config.captions))  # (N, K, T, X)
        copies = captions.recoloured(pictures, self.told, config.copies) if config.recolour else []
        self.copies: dict[int, list[int]] = {}
        for row, (i, _, _) in enumerate(copies):
            self.copies.setdefault(i, []).append(row)
        if copies:
            self.copy_latents = self._latents(np.stack([copy for _, _, copy in copies]))
            texts = [t for i, word, _ in copies for t in captions.variants(self.told[i], 4, random, word)]
            self.copy_vectors = self._vectors(texts).unflatten(0, (-1, 4))

    def _aside(self, told: Sequence[emoji_captions.Shown], pictures: np.ndarray) -> tuple[Tensor, Tensor] | None:
        if not told:
            return None
        return self._latents(pictures), self._vectors([captions.spoken(one) for one in told])

    def _latents(self, pictures: np.ndarray) -> Tensor:
        """Scaled latents, (N, L, H, W)."""
        return latents_of(self.autoencoder, as_tensor(pictures)) * self.autoencoder.scaling

    def _vectors(self, texts: Sequence[str]) -> Tensor:
        """Vectors of texts' tokens, in half precision to save memory, (N, T, X)."""
        with torch.inference_mode():
            parts = read(self.tokens, texts).split(AT_ONCE)
            return torch.cat([self.encoders.text_model(part).half() for part in parts])

    @property
    def examples(self) -> int:
        """How many pictures there are to train on, without those in other colours."""
        return len(self.told)

    def network(self) -> nn.Module:
        """The untrained network."""
        network = zoo.build(self.config.network, self.config.sizes)
        if self.start:
            take_all(network, self.start.weights, self.config.start)
            return network.to(memory_format=torch.channels_last)
        zero_init(network)
        layer = getattr(network, "encoder_hid_proj", None)
        if isinstance(layer, nn.Linear):
            whiten(layer, self.vectors.flatten(0, 1))
        return network.to(memory_format=torch.channels_last)

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Noisy latents (B, L, H, W), their times (B,), the captions' vectors (B, T, X), and what is to be told."""
        count, config = len(draw.index), self.config
        random = np.random.default_rng(int(torch.randint(2**62, (1,), generator=draw.random)))
        rows: list[tuple[Tensor, Tensor]] = []
        for i in draw.index.tolist():  # for all parts, so that chance is the same over any number of processes
            shown, which = random.random() < config.recolour, int(random.integers(1 << 30))
            if shown and i in self.copies:
                row = self.copies[i][which % len(self.copies[i])]
                rows.append((self.copy_latents[row], self.copy_vectors[row][which % 4]))
            else:
                latents = self.mirrored if random.random() < config.flip else self.latents
                rows.append((latents[i], self.vectors[i][which // 2 % config.captions]))
        unsaid = random.random(count) < config.unsaid
        noise = torch.randn(count, *self.latents.shape[1:], generator=draw.random)
        way = torch.rand(count, generator=draw.random)
        way = config.shift * way / (1 + (config.shift - 1) * way)
        times = (way * self.schedule.times).long()
        part = slice(*draw.part.indices(count))
        clean = torch.stack([latent for latent, _ in rows[part]])
        text = torch.stack([
            self.empty if without else vectors
            for (_, vectors), without in zip(rows[part], unsaid[part], strict=True)
        ]).float()  # fmt: skip
        noise, times = noise[part], times[part]
        noisy = self.schedule.noised(clean, noise, times).contiguous(memory_format=torch.channels_last)
        return noisy, times, text, self.schedule.target(clean, noise, times)

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        """The mean squared error; a scalar."""
        noisy, times, text, target = batch
        return F.mse_loss(network(noisy, times, text).float(), target)

    def scores(self, network: nn.Module) -> dict[str, float]:
        """The error on latents set aside, each at eight times, always with the same noise."""
        if self.aside is None:
            return {}
        latents, vectors = self.aside
        generator = torch.Generator().manual_seed(0)
        training, errors = network.training, []
        network.eval()
        try:
            with torch.inference_mode():
                for k in range(TIMES_SCORED):
                    times = torch.full((len(latents),), int((k + 0.5) / TIMES_SCORED * self.schedule.times))
                    noise = torch.randn(latents.shape, generator=generator)
                    told = network(self.schedule.noised(latents, noise, times), times, vectors.float())
                    errors.append(F.mse_loss(told, self.schedule.target(latents, noise, times)))
        finally:
            network.train(training)
        return {"mse": float(torch.stack(errors).mean())}

    def final(self, network: nn.Module) -> dict[str, float]:
        """What the judge says of pictures made from captions, trained and held out."""
        found = self.scores(network)
        if self.config.judge and self.config.data == emoji_captions.NAME:
            found |= self.judged(network)
        return found

    def judged(self, network: nn.Module) -> dict[str, float]:
        """What the judge says."""
        made = TextToImage(self.tokens, self.encoders.text_model, network, self.autoencoder, self.schedule)
        how = Judgement(steps=self.config.steps_judged, guidance=self.config.guidance, copies=self.config.copies)
        return judge(made, zoo.load(self.config.judge), how)

    def name(self, index: int) -> str:
        """Which picture it is."""
        one = self.told[index]
        return f"{one.style} {one.name}"

    def notices(self) -> Sequence[str]:
        """Which files are not used."""
        return problems(self.config.data)

    def about(self) -> About:
        """What the card says."""
        config = self.config
        aside = 0 if self.aside is None else len(self.aside[0])
        judged = "judged by captions of 200 emoji of these, and of 100 held out of all training"
        if not config.judge or config.data != emoji_captions.NAME:
            judged = "judged by nobody"
        return About(
            examples=len(self.told),
            aside=aside,
            held_out=len(read_pairs(config.data, "test", self.autoencoder.shape[1])[0]),
            split=f"trained on {len(self.told):,} pictures with {config.captions} captions each"
            f"{f', from the weights of {config.start} on' if config.start else ''}; {self.kept(aside)}; {judged}",
            inputs=(torch.zeros(1, *self.latents.shape[1:]), torch.zeros(1), self.empty[None].float()),
            card={
                "sizes": {**config.sizes, "fused": 0},
                "diffusion": {
                    "part": "denoiser",
                    "autoencoder": config.autoencoder,
                    "encoders": config.encoders,
                    "judge": config.judge,
                    "schedule": asdict(self.schedule),
                },
            },
        )


def zero_init(network: nn.Module) -> None:
    """Let what each block adds, and the answer, begin at zero.

    P. Dhariwal, A. Nichol, "Diffusion Models Beat GANs on Image Synthesis", 2021, https://arxiv.org/abs/2105.05233: the
    last layer of each residual block, and of the whole, starts at zero.
    """
    for name, parameter in network.named_parameters():
        module = name.rpartition(".")[0].rpartition(".")[2]
        if module in ("conv2", "proj_out", "conv_out"):
            nn.init.zeros_(parameter)


def _part(target: str, kind: type[Module]) -> Module:
    """The network of a TARGET, which must be of a kind.

    Raises:
        GlassworkError: it can't be loaded, or is another one.
    """
    module = zoo.load(target).module
    if not isinstance(module, kind):
        why = f"expected {kind.__name__}, found {type(module).__name__}"
        raise GlassworkError("this network can't be built upon", where=target, why=why)
    return module.eval()


def _tokens(target: str) -> ClipTokens:
    """The tokenizer of trained encoders."""
    return tokens_of(zoo.load(target))
