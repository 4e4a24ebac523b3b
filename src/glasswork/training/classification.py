"""Pictures in classes: the task of naming what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import data, measuring, networks
from glasswork.data import Dataset
from glasswork.errors import GlassworkError
from glasswork.training.augmentation import Augmentation, augment, on_white
from glasswork.training.config import Config
from glasswork.training.task import About, Draw, Task

BALANCED = 2  # the stream of the seed for classes drawn equally often


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(Config):
    """A classifier's run.

    Attributes:
        label_smoothing: the part of the target given to all classes alike.
        balance: whether every class is drawn equally often.
        choose_by: "accuracy" (the highest) or "nats" (the fewest). With a few hundred pictures set aside, accuracy is
            mostly luck.
        augmentation: how pictures are varied.
    """

    label_smoothing: float = 0.0
    balance: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)

    def task(self) -> Task:
        """The task on the data set that is named."""
        return Classification(self)


def as_tensor(pictures: np.ndarray) -> Tensor:
    """uint8 (N, H, W, C) -> float32 (N, C, H, W), 0..1; RGBA becomes premultiplied by its alpha."""
    x = torch.tensor(pictures.transpose(0, 3, 1, 2), dtype=torch.float32).div_(255)  # (N, C, H, W)
    if x.shape[1] == 4:
        x[:, :3] *= x[:, 3:]
    return x


def split_validation(dataset: Dataset, count: int, seed: int) -> tuple[Dataset, Dataset]:
    """Set about `count` training pictures aside, whole groups of them, to choose the checkpoint by.

    Returns:
        The pictures to train on, and those set aside.
    """
    groups = sorted(set(dataset.groups))
    order = np.random.default_rng([seed, 1]).permutation(len(groups))
    sizes = dict(zip(*np.unique(dataset.groups, return_counts=True), strict=True))
    chosen: set[str] = set()
    taken = 0
    for i in order:
        if taken >= count:
            break
        chosen.add(groups[i])
        taken += sizes[groups[i]]
    aside = np.array([group in chosen for group in dataset.groups], bool)
    return dataset.take(np.flatnonzero(~aside)), dataset.take(np.flatnonzero(aside))


def balanced_batch(labels: np.ndarray, batch: int, seed: int, step: int) -> np.ndarray:
    """Examples of step number `step`, (batch,): each of a class drawn at random, so that all are seen equally often."""
    random = np.random.default_rng([seed, BALANCED, step])
    present = np.unique(labels)
    classes = random.choice(present, batch)
    return np.array([random.choice(np.flatnonzero(labels == k)) for k in classes])


class Classification(Task):
    """Learn to name the class of a picture by cross-entropy.

    Args:
        config: the settings.
        parts: the data by split ("train", "test"), when it isn't to be read by the config's name.

    Raises:
        GlassworkError: no such data, or it doesn't fit the network.
    """

    choices: Mapping[str, bool] = {"accuracy": True, "balanced_accuracy": True, "nats": False}
    config: ClassifierConfig

    def __init__(self, config: ClassifierConfig, parts: Mapping[str, Dataset] | None = None) -> None:
        super().__init__(config)
        everything = parts["train"] if parts else data.load(config.data, "train")
        _check_fit(config, everything)
        self.seen, self.aside = split_validation(everything, config.validation, config.seed)
        self._parts = parts

    @property
    def examples(self) -> int:
        """How many pictures there are to train on."""
        return len(self.seen)

    @cached_property
    def _seen(self) -> tuple[Tensor, Tensor]:
        return as_tensor(self.seen.pictures), torch.tensor(self.seen.labels)

    @cached_property
    def _held_out(self) -> Dataset:
        return self._parts["test"] if self._parts else data.load(self.config.data, "test")

    def network(self) -> nn.Module:
        """The untrained network."""
        module = networks.build(self.config.network, **self.config.sizes)
        return module.to(memory_format=torch.channels_last)  # 1.6 times as fast on a CPU

    def indices(self, step: int) -> np.ndarray:
        """The next of the epoch, or with `balance` of classes drawn equally often."""
        config = self.config
        if config.balance:
            return balanced_batch(self.seen.labels, config.batch, config.seed, step)
        return super().indices(step)

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Pictures (B, C, H, W), 0..1, varied, on white; and their classes (B,)."""
        pictures, labels = self._seen
        index = torch.from_numpy(draw.index[draw.part])
        varied = augment(pictures[index], self.config.augmentation, draw)
        x = on_white(varied).clamp(0, 1)
        return x.contiguous(memory_format=torch.channels_last), labels[index]

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-entropy; a scalar."""
        inputs, labels = batch
        return F.cross_entropy(network(inputs), labels, label_smoothing=self.config.label_smoothing)

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Scores on the pictures set aside."""
        return _measured(network, self.aside) if len(self.aside) else {}

    def final(self, network: nn.Module) -> dict[str, float]:
        """Scores on the held-out pictures."""
        return _measured(network, self._held_out)

    def name(self, index: int) -> str:
        """The picture's name."""
        return self.seen.names[index]

    def about(self) -> About:
        """What the card says."""
        chosen = f"{len(self.aside):,} of the training pictures" if len(self.aside) else "none: the last were kept"
        size, channels = self.config.sizes["size"], self.config.sizes["channels"]
        return About(
            examples=len(self.seen),
            aside=len(self.aside),
            held_out=len(self._held_out),
            split=f"trained on {len(self.seen):,}; checkpoint chosen by {chosen}; "
            f"tested on {len(self._held_out):,} held out",
            labels=self.seen.classes,
            inputs=(torch.zeros(1, channels, size, size),),
            card={"light_on_dark": self.seen.light_on_dark},
        )


def _measured(network: nn.Module, dataset: Dataset) -> dict[str, float]:
    logits = measuring.predict(network, on_white(as_tensor(dataset.pictures)))
    return measuring.classification_scores(logits, torch.tensor(dataset.labels))


def _check_fit(config: ClassifierConfig, dataset: Dataset) -> None:
    """The network takes pictures of this size, and has an output for each class; each label has its class.

    Raises:
        GlassworkError: one of them differs.
    """
    if len(dataset) and not 0 <= dataset.labels.min() <= dataset.labels.max() < len(dataset.classes):
        worst = int(np.argmax((dataset.labels < 0) | (dataset.labels >= len(dataset.classes))))
        raise GlassworkError(
            "a label is out of range",
            where=config.data,
            why=f"{dataset.names[worst]} has the label {dataset.labels[worst]}; "
            f"there are {len(dataset.classes)} classes, 0 to {len(dataset.classes) - 1}",
            todo="Mend the label.",
        )
    if len(dataset) and len(np.unique(dataset.labels)) < 2:
        raise GlassworkError(
            "there is only one class to learn",
            where=config.data,
            why=f"all {len(dataset):,} training pictures are {dataset.classes[dataset.labels[0]]!r}",
            todo="Add pictures of another class.",
        )
    _, rows, columns, channels = dataset.pictures.shape
    found = {"size": rows, "channels": 3 if channels == 4 else channels, "classes": len(dataset.classes)}
    wrong = [f"{name} {config.sizes[name]}, the data has {value}" for name, value in found.items()
             if config.sizes[name] != value]  # fmt: skip
    if rows != columns:
        wrong.append(f"square pictures, the data has {rows}x{columns}")
    if wrong:
        raise GlassworkError(
            f"{config.network} can't be trained on {config.data}",
            why=f"the network has {'; '.join(wrong)}",
            todo="Set the sizes that fit: --set sizes.NAME=VALUE.",
        )
