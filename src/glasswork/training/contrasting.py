"""Texts and pictures in one space: learn which caption belongs to which picture of a batch.

A. Radford et al., 2021, https://arxiv.org/abs/2103.00020, figure 3: cross-entropy over the batch, both ways.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import zoo
from glasswork.data.clip_tokens import ClipTokens
from glasswork.networks.clip import CLIP
from glasswork.training.augmentation import Augmentation, augment, on_white
from glasswork.training.captioned import Captioned, aside_groups, problems, read_pairs, read_tokens
from glasswork.training.config import Config
from glasswork.training.task import About, Draw, Task

SCORED = 64  # pictures at once


@dataclass(frozen=True, kw_only=True)
class ContrastiveConfig(Config):
    """A run on captioned pictures. The vocabulary and the context are filled in.

    Attributes:
        recolour: for how many of the pictures a copy in another colour is shown, with the word for it.
        copies: how many such copies there are of each picture.
        augmentation: how pictures are varied.
    """

    recolour: float = 0.25
    copies: int = 3
    choose_by: str = "nats"
    augmentation: Augmentation = field(default_factory=Augmentation)

    def task(self) -> Task:
        """The task on the data set that is named."""
        return Contrasting(self)


class Contrasting(Task):
    """Learn to tell the caption of a picture among those of the batch, and the picture of a caption.

    Raises:
        GlassworkError: the pictures are not on this machine.
    """

    choices: Mapping[str, bool] = {"nats": False, "found": True}
    config: ContrastiveConfig

    def __init__(self, config: ContrastiveConfig) -> None:
        size = int(config.sizes["size"])
        told, pictures = read_pairs(config.data, "train", size)
        self.tokens = read_tokens(config.data)
        sizes = {**config.sizes, "vocabulary": self.tokens.size, "context": self.tokens.context}
        super().__init__(replace(config, sizes=sizes))
        aside = aside_groups(told, config.validation, config.seed)
        keep = np.array([one.group not in aside for one in told])
        self.seen = Captioned.of([o for o, k in zip(told, keep, strict=True) if k], pictures[keep], config.copies)
        self.aside = Captioned.of([o for o, k in zip(told, keep, strict=True) if not k], pictures[~keep], 0)
        self.test = Captioned.of(*read_pairs(config.data, "test", size), 0)

    @property
    def examples(self) -> int:
        """How many pictures there are to train on, without those in other colours."""
        return len(self.seen)

    def network(self) -> nn.Module:
        """The untrained network."""
        return zoo.build(self.config.network, self.config.sizes)

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures from -1 to 1 (B, C, H, W), tokens (B, T), and the emoji's numbers (B,)."""
        seed = int(torch.randint(2**62, (1,), generator=draw.random))
        random = np.random.default_rng(seed)
        chosen = [self.seen.draw(int(i), self.config.recolour, random) for i in draw.index]  # of all parts
        mine = chosen[draw.part]
        x = torch.from_numpy(np.stack([picture for picture, _ in mine])).permute(0, 3, 1, 2).float() / 255
        x = torch.cat([x[:, :3] * x[:, 3:], x[:, 3:]], dim=1)  # premultiplied
        x = on_white(augment(x, self.config.augmentation, draw)) * 2 - 1
        tokens = torch.tensor([self.tokens.read(text).ids for _, text in mine])
        return x, tokens, torch.from_numpy(self.seen.kind[draw.index[draw.part]])

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Cross-entropy both ways; an emoji that is there in both styles may be told by either; a scalar."""
        x, tokens, kinds = batch
        images, texts = network(x, tokens)
        logits = images.float() @ texts.float().T  # (B, B)
        same = (kinds[:, None] == kinds[None]).float()
        wanted = same / same.sum(1, keepdim=True)
        return (F.cross_entropy(logits, wanted) + F.cross_entropy(logits.T, wanted)) / 2

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Scores on the pictures set aside."""
        return score_pairs(network, self.aside, self.tokens) if len(self.aside) else {}

    def final(self, network: nn.Module) -> dict[str, float]:
        """Scores on held-out pairs, and beside them on as many that it was trained on."""
        seen = score_pairs(network, self.seen.take(range(0, len(self.seen), 11)), self.tokens)
        return {**score_pairs(network, self.test, self.tokens), "found_trained": seen["found"]}

    def name(self, index: int) -> str:
        """Which picture it is."""
        return self.seen.told[index].name

    def notices(self) -> Sequence[str]:
        """Which files are not used."""
        return problems(self.config.data)

    def about(self) -> About:
        """What the card says."""
        x = self.test.shown()[:1]
        aside = len(self.aside)
        return About(
            examples=len(self.seen),
            aside=aside,
            held_out=len(self.test),
            split=f"trained on {len(self.seen):,} pictures; {self.kept(aside)}; tested on {len(self.test)} held out, "
            "each emoji with all its variants",
            inputs=(x, torch.tensor([self.tokens.read("").ids])),
            card={
                "sizes": {**self.config.sizes, "fused": 0},
                "diffusion": {
                    "part": "encoders",
                    "merges": [" ".join(pair) for pair in self.tokens.merges],
                    "context": self.tokens.context,
                },
            },
        )


def score_pairs(network: nn.Module, pairs: Captioned, tokens: ClipTokens) -> dict[str, float]:
    """nats: cross-entropy of telling each picture's caption among all of them; found: how many are told.

    An emoji's captions in both styles count as one.
    """
    assert isinstance(network, CLIP)
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            texts = torch.cat([network.text(part) for part in read(tokens, pairs.spoken()).split(SCORED)])
            images = torch.cat([network.image(part) for part in pairs.shown().split(SCORED)])
            logits = network.logit_scale.exp() * images @ texts.T  # (N, N)
    finally:
        network.train(training)
    kinds = torch.from_numpy(pairs.kind)
    same = kinds[:, None] == kinds[None]
    probabilities = (logits.softmax(1) * same).sum(1)
    found = same[torch.arange(len(logits)), logits.argmax(1)]
    return {"nats": float(-probabilities.clamp(min=1e-12).log().mean()), "found": float(found.float().mean())}


def read(tokens: ClipTokens, texts: Sequence[str]) -> Tensor:
    """Token numbers, (N, T)."""
    return torch.tensor([tokens.read(text).ids for text in texts])
