"""Say of each pixel what it belongs to: cut-outs on photos, whose mask is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import zoo
from glasswork.data import nuclei
from glasswork.data.cutouts import CLASSES, NAME, CutOuts, load_cutouts
from glasswork.data.photos import load_photos
from glasswork.errors import unknown
from glasswork.measuring.segmentation import confusion, segmentation_scores
from glasswork.training.classification import split_validation
from glasswork.training.composing import SIZE, Chance, composed, held_out_pictures
from glasswork.training.config import Config
from glasswork.training.task import About, Draw, Task

AT_ONCE = 32  # pictures
SMOOTH = 1.0  # pixels added to both sides of a Dice fraction, so that an absent class has no slope


@dataclass(frozen=True, kw_only=True)
class SegmenterConfig(Config):
    """A run that learns masks.

    Attributes:
        dice: the weight of 1 - Dice beside the cross-entropy of pixels.
    """

    dice: float = 1.0
    choose_by: str = "iou"

    def task(self) -> Task:
        """The task on the data set that is named."""
        from glasswork.training.segmenting_tiles import SegmentingTiles  # a kind of Segmenting, which stands below

        return SegmentingTiles(self) if self.data == nuclei.NAME else Segmenting(self)


class Segmenting(Task):
    """Learn the class of each pixel by cross-entropy and Dice. Each picture is put together when it is asked for.

    Raises:
        GlassworkError: there is no such data set.
    """

    choices: Mapping[str, bool] = {"iou": True, "dice": True, "nats": False}
    config: SegmenterConfig

    def __init__(self, config: SegmenterConfig) -> None:
        if config.data != NAME:
            raise unknown("data set with masks", config.data, [NAME, nuclei.NAME])
        self.set_up(config, 3, CLASSES)
        train = load_cutouts("train")
        seen, aside = split_validation(train.emoji, config.validation, config.seed)
        self.seen = CutOuts(seen, train.photos)
        self.aside = CutOuts(aside, load_photos("validation"))
        self.test = load_cutouts("test")

    def set_up(self, config: SegmenterConfig, channels: int, classes: Sequence[str]) -> None:
        """Make the network's sizes those of the pictures."""
        super().__init__(
            replace(config, sizes={**config.sizes, "channels": channels, "size": SIZE, "classes": len(classes)})
        )

    @property
    def examples(self) -> int:
        """How many cut-outs there are to train on."""
        return len(self.seen.emoji)

    def network(self) -> nn.Module:
        """The untrained network."""
        return zoo.build(self.config.network, self.config.sizes).to(memory_format=torch.channels_last)

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Pictures, 0..1, (B, 3, 64, 64), and the class of each pixel, (B, 64, 64)."""
        chance = Chance.drawn(len(draw.index), draw.random).of(draw.part)
        x, mask = composed(self.seen, draw.index[draw.part], chance, coloured=True)
        return x.contiguous(memory_format=torch.channels_last), mask

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-entropy, the mean over pixels, and `dice` times one minus the Dice coefficient; a scalar."""
        x, mask = batch
        logits = network(x).float()
        return F.cross_entropy(logits, mask) + self.config.dice * dice_loss(logits, mask)

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Scores on emoji that are set aside, over a photo that is."""
        return score_masks(network, self.aside) if len(self.aside.emoji) else {}

    def final(self, network: nn.Module) -> dict[str, float]:
        """Scores on held-out emoji over held-out photos."""
        return score_masks(network, self.test)

    def name(self, index: int) -> str:
        """Which cut-out it is."""
        return self.seen.emoji.names[index]

    def about(self) -> About:
        """What the card says."""
        seen, aside, test = self.seen, self.aside, self.test
        last = self.config.choose_by == "last"
        others = f"{len(aside.emoji)} others over {len(aside.photos)} other"
        return About(
            examples=len(seen.emoji),
            aside=0 if last else len(aside.emoji),
            held_out=len(test.emoji),
            split=f"trained on {len(seen.emoji):,} emoji over {len(seen.photos)} photos and grounds that are made up, "
            f"pasted anew at every step; {self.kept(others)}; tested on {len(test.emoji)} held-out emoji, "
            f"each with all its variants, over {len(test.photos)} held-out photos",
            labels=CLASSES,
            inputs=(torch.zeros(1, 3, SIZE, SIZE),),
        )


def dice_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """One minus the mean over classes of 2 sum(p t) / (sum(p) + sum(t)), p the probabilities and t 1 in the mask.

    Milletari et al. 2016, https://arxiv.org/abs/1606.04797, section 3, with sums instead of squares below, over all
    pixels of the batch.

    Args:
        logits: (B, K, H, W).
        mask: classes, (B, H, W).
    """
    p = logits.softmax(1)
    t = F.one_hot(mask, logits.shape[1]).permute(0, 3, 1, 2).to(p.dtype)
    both, sums = (p * t).sum((0, 2, 3)), (p + t).sum((0, 2, 3))
    return 1 - ((2 * both + SMOOTH) / (sums + SMOOTH)).mean()


def score_masks(network: nn.Module, parts: CutOuts) -> dict[str, float]:
    """Scores on one picture for each emoji, as `score_pictures` gives them.

    Args:
        network: in any mode, which is put back.
        parts: emoji and photos.
    """
    return score_pictures(network, *held_out_pictures(parts), CLASSES)


def score_pictures(network: nn.Module, pictures: Tensor, masks: Tensor, classes: Sequence[str]) -> dict[str, float]:
    """The scores of `segmentation_scores`, and beside them the nats of a pixel.

    Args:
        network: in any mode, which is put back.
        pictures: (N, C, H, W).
        masks: the class of each pixel, (N, H, W).
        classes: their names.
    """
    training = network.training
    network.eval()
    counts = torch.zeros(len(classes), len(classes), dtype=torch.int64)
    nats = 0.0
    try:
        with torch.inference_mode():
            for x, mask in zip(pictures.split(AT_ONCE), masks.split(AT_ONCE), strict=True):
                logits = network(x).float()
                counts += confusion(logits.argmax(1), mask, len(classes))
                nats += float(F.cross_entropy(logits, mask, reduction="sum"))
    finally:
        network.train(training)
    return {**segmentation_scores(counts, classes), "nats": nats / masks.numel()}
