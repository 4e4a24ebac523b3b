"""Pictures in classes: the task of naming what is shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import data, measuring, zoo
from glasswork.data import Dataset
from glasswork.data.given import PictureFiles, Problem, ShardFiles, is_given, read_pictures
from glasswork.errors import GlassworkError, unknown
from glasswork.training.augmentation import Augmentation, augment, on_white
from glasswork.training.config import Config
from glasswork.training.pictures import Decoded, Files, Held, Pictures, fitted, load
from glasswork.training.pictures import parts as parts_of
from glasswork.training.starting import classifier_from, hold_frozen, take_over
from glasswork.training.streaming import Order, Streamed
from glasswork.training.task import About, Draw, Task
from glasswork.zoo import Preprocessing

SHARE_ASIDE = 0.1  # at most, of one's own pictures
CRITERIA = ["cross_entropy", "squares"]
BALANCED = 2  # the stream of the seed for classes drawn equally often


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(Config):
    """A classifier's run.

    Attributes:
        criterion: cross_entropy, of logits; or squares, the sum over classes of (output - target)^2, for networks
            whose outputs are themselves meant to be 1 for the class and 0 for the others.
        label_smoothing: the part of the target given to all classes alike.
        balance: whether every class is drawn equally often.
        choose_by: "accuracy" (the highest) or "nats" (the fewest). With a few hundred pictures set aside, accuracy is
            mostly luck.
        augmentation: how pictures are varied.
        start: a TARGET whose weights it begins from; its network is taken, with a new last layer where the classes
            differ. Empty for random weights.
        freeze: whether what is taken over stays as it is.
        held_out: which share of one's own pictures is held out, where the folder has no part named test.
        buffer: of pictures in archives (shards:), how many are held and shuffled at a time.
    """

    criterion: str = "cross_entropy"
    label_smoothing: float = 0.0
    balance: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)
    start: str = ""
    freeze: bool = False
    held_out: float = 0.2
    buffer: int = 2_048

    def task(self) -> Task:
        """The task on the data set that is named."""
        return Classification(self)


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
        config: the settings. Of one's own data, the network's sizes are filled in from what it holds; of a network to
            begin from, from that.
        parts: the data by split ("train", "test"), when it isn't to be read by the config's name.
        broken: of one's own pictures the paths that can't be read, where that is known: then none is decoded before it
            is needed.

    Raises:
        GlassworkError: no such data, or it doesn't fit the network.
    """

    choices: Mapping[str, bool] = {"accuracy": True, "balanced_accuracy": True, "nats": False, "squares": False}
    config: ClassifierConfig

    def __init__(
        self,
        config: ClassifierConfig,
        parts: Mapping[str, Dataset] | None = None,
        broken: Collection[str] | None = None,
    ) -> None:
        super().__init__(config)
        if config.criterion not in CRITERIA:
            raise unknown("criterion", config.criterion, CRITERIA)
        self.start = classifier_from(config.start) if config.start else None
        self.problems: list[Problem] = []
        if is_given(config.data):
            self._read_given(broken)
        else:
            self._read_ours(parts)
        self.new: list[str] = []

    def _read_given(self, broken: Collection[str] | None) -> None:
        """One's own pictures, as the network expects them."""
        files = read_pictures(self.config.data)
        sizes = {**(self.start.sizes if self.start else self.config.sizes), "classes": len(files.classes)}
        network = self.start.network if self.start else self.config.network
        self.config = replace(self.config, network=network, sizes=sizes)
        self.prepare = self.start.prepare if self.start else Preprocessing(int(sizes["size"]), int(sizes["channels"]))
        self.prepare = replace(self.prepare, light_on_dark=False)  # pictures are learned as they are
        aside = min(SHARE_ASIDE, self.config.validation / len(files))
        split, unread = parts_of(files, self.config.held_out, aside)
        self.problems += [*files.problems, *unread]
        seen = split["train"]
        if isinstance(seen, ShardFiles):
            order = Order(seen.shard, self.config.batch, self.config.buffer, self.config.seed)
            self.seen = Streamed(seen, self.prepare, order)
        else:
            self.seen = load(seen, self.prepare, self.problems, broken)
        self.aside = load(split["validation"], self.prepare, self.problems, broken)
        self.held_out = load(split["test"], self.prepare, self.problems, broken)
        _check_labels(self.config, self.seen, files.empty if isinstance(files, PictureFiles) else ())

    def _read_ours(self, parts: Mapping[str, Dataset] | None) -> None:
        """A data set of ours, by its name."""
        everything = parts["train"] if parts else data.load(self.config.data, "train")
        test = parts["test"] if parts else data.load(self.config.data, "test")
        if self.start:
            sizes = {**self.start.sizes, "classes": len(everything.classes)}
            self.config = replace(self.config, network=self.start.network, sizes=sizes)
            self.prepare = replace(self.start.prepare, light_on_dark=everything.light_on_dark)
            everything, test = fitted(everything, self.prepare), fitted(test, self.prepare)
        else:
            side = everything.pictures.shape[1]
            channels = 3 if everything.pictures.shape[3] == 4 else everything.pictures.shape[3]
            self.prepare = Preprocessing(side, channels, light_on_dark=everything.light_on_dark)
        _check_labels(self.config, Held(everything))
        seen, aside = split_validation(everything, self.config.validation, self.config.seed)
        self.seen, self.aside, self.held_out = Held(seen), Held(aside), Held(test)
        _check_fit(self.config, everything)

    @property
    def examples(self) -> int:
        """How many pictures there are to train on."""
        return len(self.seen)

    def network(self) -> nn.Module:
        """The untrained network, or the one to begin from with a new last layer."""
        module = zoo.build(self.config.network, self.config.sizes)
        if self.start:
            self.new = take_over(module, self.start.weights, self.config.freeze)
        return module.to(memory_format=torch.channels_last)  # 1.6 times as fast on a CPU

    def notices(self) -> Sequence[str]:
        """What was left out of the data, and what of the network is new."""
        told = []
        if self.problems:
            first = self.problems[0]
            more = f", and {len(self.problems) - 1:,} more" if len(self.problems) > 1 else ""
            told.append(f"not used: {first.path} ({first.why}){more}; `glasswork data look` lists them")
        if not len(self.held_out):
            told.append("no picture is held out: there will be no scores")
        if isinstance(self.seen, Streamed):
            told += self._about_the_stream(self.seen)
        if self.start:
            kept = "stays as it is" if self.config.freeze else "learns on"
            told.append(f"new: {', '.join(self.new) or 'nothing'}; the rest is {self.config.start}'s and {kept}")
        return told

    def _about_the_stream(self, seen: Streamed) -> list[str]:
        told = []
        if self.config.balance:
            told.append("archives are read in their order: classes are drawn as often as they occur")
        if (unused := seen.order.unused) > 0.05:
            told.append(f"{unused:.0%} of the pictures are left over in each epoch: archives of one size waste less")
        kinds = [len(np.unique(seen.labels[seen.files.shard == n])) for n in np.unique(seen.files.shard)]
        if max(kinds) == 1 and len(kinds) > len(seen.order.lanes):
            told.append(
                f"each archive holds one class: a step sees {len(seen.order.lanes)} of {len(seen.classes)}; "
                "archives of mixed classes are learned better"
            )
        return told

    def indices(self, step: int) -> np.ndarray:
        """The next of the epoch, or with `balance` of classes drawn equally often."""
        config = self.config
        if isinstance(self.seen, Streamed):
            return self.seen.order.indices(step)
        if config.balance:
            return balanced_batch(self.seen.labels, config.batch, config.seed, step)
        return super().indices(step)

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Pictures (B, C, H, W), 0..1, varied, on white, then as the network expects them; and their classes (B,)."""
        index = draw.index[draw.part]
        if isinstance(self.seen, Streamed):
            pictures = self.seen.inputs_of(draw.step, index, draw.part)
        else:
            pictures = self.seen.inputs(index)
        if isinstance(self.seen, Decoded):
            self.seen.read_ahead(self.indices(draw.step + 1)[draw.part])
        varied = on_white(augment(pictures, self.config.augmentation, draw)).clamp(0, 1)
        x = normalised(varied, self.prepare).contiguous(memory_format=torch.channels_last)
        return x, torch.from_numpy(self.seen.labels[index])

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-entropy or squares; a scalar. Heads on the side (Inception) count 0.3 each, as in their paper."""
        inputs, labels = batch
        if self.config.freeze:
            hold_frozen(network)
        output = network(inputs)
        if isinstance(output, Tensor):
            return self._criterion(output, labels)
        main, *aside = (self._criterion(x, labels) for x in output if x is not None)
        return main + 0.3 * sum(aside)

    def _criterion(self, output: Tensor, labels: Tensor) -> Tensor:
        smooth = self.config.label_smoothing
        if self.config.criterion == "cross_entropy":
            return F.cross_entropy(output, labels, label_smoothing=smooth)
        target = F.one_hot(labels, output.shape[1]).to(output.dtype) * (1 - smooth) + smooth / output.shape[1]
        return (output - target).square().sum(1).mean()

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Scores on the pictures set aside."""
        return measured(network, self.aside, self.prepare, criterion=self.config.criterion) if len(self.aside) else {}

    def final(self, network: nn.Module) -> dict[str, float]:
        """Scores on the held-out pictures."""
        return (
            measured(network, self.held_out, self.prepare, criterion=self.config.criterion)
            if len(self.held_out)
            else {}
        )

    def name(self, index: int) -> str:
        """The picture's name."""
        return self.seen.names[index]

    def about(self) -> About:
        """What the card says."""
        chosen = f"{len(self.aside):,} of the training pictures" if len(self.aside) else "none: the last were kept"
        left = f"; {len(self.problems):,} files could not be used" if self.problems else ""
        how = self.prepare
        return About(
            examples=len(self.seen),
            aside=len(self.aside),
            held_out=len(self.held_out),
            split=f"trained on {len(self.seen):,}; checkpoint chosen by {chosen}; "
            f"tested on {len(self.held_out):,} held out{left}",
            labels=self.seen.classes,
            inputs=(torch.zeros(1, how.channels, how.size, how.size),),
            card={
                "light_on_dark": how.light_on_dark,
                "picture": vars(how) if how.mean or how.shorter_side or "size" not in self.config.sizes else {},
            },
        )


def normalised(x: Tensor, how: Preprocessing) -> Tensor:
    """(B, C, H, W), 0..1, with the network's mean and deviation of each channel, if it has them."""
    if not how.mean:
        return x
    mean, deviation = (torch.tensor(values).view(-1, 1, 1) for values in (how.mean, how.std))
    return (x - mean) / deviation


def measured(
    network: nn.Module,
    pictures: Pictures | Streamed,
    how: Preprocessing,
    place: Sequence[int] | None = None,
    at_once: int = 250,
    criterion: str = "cross_entropy",
) -> dict[str, float]:
    """Scores of a classifier on pictures, as it expects them; `place` as in score_files."""
    logits, device = [], next(network.parameters()).device
    for begin in range(0, len(pictures), at_once):
        index = np.arange(begin, min(begin + at_once, len(pictures)))
        inputs = normalised(on_white(pictures.inputs(index)), how)
        logits.append(measuring.predict(network, inputs.to(device)).cpu())
    labels = pictures.labels if place is None else np.asarray(place)[pictures.labels]
    scored = measuring.classification_scores if criterion == "cross_entropy" else measuring.target_scores
    return scored(torch.cat(logits), torch.tensor(labels))


def held_out(files: Files, share: float, aside: float) -> Files:
    """The pictures that a run with these settings never saw."""
    return parts_of(files, share, aside)[0]["test"]


def score_files(
    network: nn.Module, files: Files, how: Preprocessing, place: Sequence[int]
) -> tuple[dict[str, float], int]:
    """Scores on picture files, and how many could be read.

    Args:
        network: in any mode, which is put back.
        files: the pictures.
        how: what the network expects of a picture.
        place: for each class of the files, the number of the output that stands for it.
    """
    pictures = load(files, how, [])
    if not len(pictures):
        raise GlassworkError("no picture could be read", where=files.spec, todo="`glasswork data look` says why.")
    return measured(network, pictures, how, place=place), len(pictures)


def _check_labels(config: ClassifierConfig, pictures: Pictures | Streamed, empty: Sequence[str] = ()) -> None:
    """Each label has its class, and there are several.

    Raises:
        GlassworkError: it isn't so.
    """
    labels, classes = pictures.labels, pictures.classes
    if not len(labels):
        return
    if not 0 <= labels.min() <= labels.max() < len(classes):
        worst = int(np.argmax((labels < 0) | (labels >= len(classes))))
        raise GlassworkError(
            "a label is out of range",
            where=config.data,
            why=f"{pictures.names[worst]} has the label {labels[worst]}; "
            f"there are {len(classes)} classes, 0 to {len(classes) - 1}",
            todo="Mend the label.",
        )
    if len(np.unique(labels)) < 2:
        raise GlassworkError(
            "there is only one class to learn",
            where=config.data,
            why=f"all {len(labels):,} training pictures are {classes[labels[0]]!r}"
            + (f"; no picture is in {', '.join(empty)}" if empty else ""),
            todo="Add pictures of another class.",
        )


def _check_fit(config: ClassifierConfig, dataset: Dataset) -> None:
    """The network takes pictures of this size, and has an output for each class.

    Raises:
        GlassworkError: one of them differs.
    """
    _, rows, columns, channels = dataset.pictures.shape
    colours = 3 if channels == 4 else channels
    found = {"size": rows, "channels": colours, "classes": len(dataset.classes)}
    if "inputs" in config.sizes:  # a network that reads a picture as a row of numbers
        found = {"inputs": rows * columns * colours, "outputs": len(dataset.classes)}
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
