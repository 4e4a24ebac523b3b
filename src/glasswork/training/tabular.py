"""Tables: the task of telling one column from the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import measuring, zoo
from glasswork.data.given import Table, read_table, row_digests
from glasswork.errors import GlassworkError, unknown
from glasswork.training.config import Config
from glasswork.training.dividing import divided
from glasswork.training.task import About, Draw, Task
from glasswork.zoo import Rows

KINDS = ("auto", "classification", "regression")
MOST_CLASSES = 20  # different whole numbers, from where a column of them is no class
SHARE_ASIDE = 0.1  # at most
PARTS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class TableConfig(Config):
    """A run on a table. The network's inputs and outputs are filled in.

    Attributes:
        target: the column to tell; found by its name (label, class, ...), or the last, when empty.
        kind: classification, regression, or auto: classes are words, or at most 20 different whole numbers.
        choose_by: nats or accuracy for classes; for numbers it becomes mse.
        held_out: which share of the rows is held out, where no column "split" says it.
    """

    target: str = ""
    kind: str = "auto"
    held_out: float = 0.2

    def task(self) -> Task:
        """The task on the table that is named."""
        return Tabular(self)


@dataclass(frozen=True)
class Split:
    """Which rows of a table are for what."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


class Tabular(Task):
    """Learn a column: classes by cross-entropy, numbers by their squared error.

    Raises:
        GlassworkError: there is no such table or column, or it can't be learned.
    """

    config: TableConfig

    def __init__(self, config: TableConfig) -> None:
        if not config.data.startswith("csv:"):
            why = f"{config.data!r} is none" if config.data else "none is named"
            raise GlassworkError("this run needs a table", where=config.title, why=why, todo="--data csv:FILE")
        if config.kind not in KINDS:
            raise unknown("kind of target", config.kind, list(KINDS))
        table = read_table(config.data, config.target)
        self.table = table
        true, self.classes = target_of(table, config.kind)
        if self.classes:
            self.choices: Mapping[str, bool] = {"nats": False, "accuracy": True, "balanced_accuracy": True}
        else:
            self.choices = {"mse": False, "mae": False, "r2": True}
        chosen = config.choose_by if self.classes or config.choose_by in self.choices else "mse"
        self.split = split_rows(table, true, bool(self.classes), config.held_out, config.validation)
        train = self.split.train
        self.rows = zoo.fit_rows(table, table.label, train, self.split.test)
        if not self.classes:
            mean, std = float(true[train].mean()), float(true[train].std())
            self.rows = Rows(self.rows.columns, table.label, mean, std or 1.0, self.rows.sample)
        if len(np.unique(true[train])) < 2:
            raise GlassworkError(
                "there is only one class to learn" if self.classes else "there is only one number to learn",
                where=config.data,
                why=f"{table.label} is the same in all {len(train):,} rows to train on",
            )
        sizes = {**config.sizes, "inputs": len(self.rows.inputs), "outputs": len(self.classes) or 1}
        super().__init__(replace(config, sizes=sizes, choose_by=chosen, target=table.label))
        self.true = true
        self.x = self.rows.encode(table.columns)  # (N, I)
        scaled = true if self.classes else ((true - self.rows.mean) / self.rows.std).astype(np.float32)
        self.y = torch.from_numpy(scaled)

    @property
    def examples(self) -> int:
        """How many rows there are to train on."""
        return len(self.split.train)

    def network(self) -> nn.Module:
        """The untrained network."""
        return zoo.build(self.config.network, self.config.sizes)

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Rows (B, I), and their classes, or their numbers over the deviation, (B,)."""
        rows = torch.from_numpy(self.split.train[draw.index[draw.part]])
        return self.x[rows], self.y[rows]

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-entropy, or the mean squared error over the target's variance; a scalar."""
        inputs, wanted = batch
        told = network(inputs)
        return F.cross_entropy(told, wanted) if self.classes else F.mse_loss(told[:, 0], wanted)

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Scores on the rows set aside."""
        return self._measured(network, self.split.validation)

    def final(self, network: nn.Module) -> dict[str, float]:
        """Scores on the held-out rows."""
        return self._measured(network, self.split.test)

    def _measured(self, network: nn.Module, rows: np.ndarray) -> dict[str, float]:
        return scored_rows(network, self.rows, self.x[rows], self.true[rows], bool(self.classes)) if len(rows) else {}

    def name(self, index: int) -> str:
        """Which row it is."""
        return f"row {int(self.split.train[index]) + 1:,}"

    def notices(self) -> Sequence[str]:
        """What was left out, and what is missing."""
        told = [f"{problem.path}: {problem.why}" for problem in self.table.problems[:5]]
        more = len(self.table.problems) - len(told)
        if more:
            told.append(f"{more:,} more notes; `glasswork data look {self.config.data}` lists them")
        if not len(self.split.test):
            told.append("no row is held out: there will be no scores")
        return told

    def about(self) -> About:
        """What the card says."""
        split = self.split
        return About(
            examples=len(split.train),
            aside=len(split.validation),
            held_out=len(split.test),
            split=f"trained on {len(split.train):,} rows; checkpoint chosen by {len(split.validation):,}; "
            f"tested on {len(split.test):,} held out; {self.rows.target} is told from {len(self.rows.columns)} columns",
            labels=self.classes,
            inputs=(self.x[:1],),
            card={"table": to_card(self.rows)},
        )


def to_card(rows: Rows) -> dict[str, object]:
    """As a card has it."""
    columns = [{f: getattr(column, f) for f in column.__struct_fields__} for column in rows.columns]
    return {**{f: getattr(rows, f) for f in rows.__struct_fields__}, "columns": columns}


def target_of(table: Table, kind: str, classes: Sequence[str] = ()) -> tuple[np.ndarray, tuple[str, ...]]:
    """What is to be told of each row: a class's number, int64, (N,), and the classes' names; or a number, and no names.

    Args:
        table: its `label` is the column.
        kind: one of KINDS.
        classes: their names, where a network has them already.

    Raises:
        GlassworkError: words were to be told as numbers.
    """
    column = table.columns[table.label]
    number = table.is_number(table.label)
    if number:
        different = np.unique(column[np.isfinite(column)])
        whole = len(different) <= MOST_CLASSES and bool((different == different.round()).all())
    else:
        whole = True
    if kind == "regression" or (kind == "auto" and not whole):
        if not number:
            why = f"it holds words, such as {column[0]!r}"
            raise GlassworkError(f"{table.label} is no column of numbers", where=table.spec, why=why)
        if np.isnan(column).any():
            line = int(np.isnan(column).argmax()) + 1
            raise GlassworkError(f"{table.label} is no number everywhere", where=table.spec, why=f"see row {line:,}")
        return column, ()
    words = np.array([f"{value:g}" for value in column]) if number else column
    names = tuple(classes) or tuple(np.unique(words).tolist())
    place = {name: i for i, name in enumerate(names)}
    return np.array([place.get(word, -1) for word in words.tolist()], np.int64), names


def split_rows(table: Table, true: np.ndarray, stratified: bool, held_out: float, aside: int) -> Split:
    """The table's own parts, where it names them; what is missing is made of the rows to train on.

    Rows of the same values are always in the same part; of each class the same share is taken.

    Args:
        table: all rows.
        true: what is to be told of each, (N,).
        stratified: whether these are classes.
        held_out: the share that is held out.
        aside: how many rows, at most a tenth, are set aside to choose the checkpoint by.
    """
    digests = row_digests(table)
    kinds = true if stratified else np.zeros(len(table), np.int64)
    chosen: dict[str, list[int]] = {part: [] for part in PARTS}
    for i, part in enumerate(table.splits):
        chosen[part or "train"].append(i)
    for part, share in (("test", held_out), ("validation", min(SHARE_ASIDE, aside / len(table)))):
        if not chosen[part]:
            train = chosen["train"]
            chosen["train"], chosen[part] = divided(train, kinds[train], [digests[i] for i in train], share)
    return Split(*(np.array(chosen[part], np.int64) for part in PARTS))


def scored_rows(network: nn.Module, rows: Rows, x: Tensor, true: np.ndarray, classes: bool) -> dict[str, float]:
    """Scores on rows.

    Args:
        network: in any mode, which is put back.
        rows: how they were read.
        x: (N, I).
        true: classes, or numbers in their own unit, (N,).
        classes: which of them.
    """
    told = measuring.predict(network, x.to(next(network.parameters()).device), batch=4096).cpu()
    if classes:
        return measuring.classification_scores(told, torch.from_numpy(true))
    return measuring.regression_scores(told[:, 0].double().numpy() * rows.std + rows.mean, true)
