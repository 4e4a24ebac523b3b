"""A run's network at any step that was saved, and the step that follows: both open like any other network.

run:NAME@STEP    the weights that would be kept if the run ended there
step:NAME@STEP   the step after it, as one module: the network in training, and the loss of the batch that it saw
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from glasswork import zoo
from glasswork.errors import GlassworkError
from glasswork.randomness import seeded
from glasswork.scenes.courses import Courses
from glasswork.training import checkpoints
from glasswork.training.describing import model_card
from glasswork.training.loop import INSIDE
from glasswork.training.replaying import Moment, moment
from glasswork.training.retaking import Taken, retake
from glasswork.training.sampling import chance, mixed
from glasswork.training.task import Draw, Task
from glasswork.zoo import Network
from glasswork.zoo.storing import weights_hash

NAME = re.compile(r"(run|step):([A-Za-z0-9][A-Za-z0-9._-]{0,79})@(\d{1,12})")
PREFIXES = ("run:", "step:")
MOST_TASKS, MOST_NETWORKS, MOST_TAKEN = 2, 6, 4


class Moments:
    """Networks as they were while they were trained.

    Args:
        courses: the runs.
    """

    def __init__(self, courses: Courses) -> None:
        self.courses = courses
        self._lock = threading.RLock()
        self._tasks: OrderedDict[str, tuple[str, Task]] = OrderedDict()
        self._networks: OrderedDict[str, Network] = OrderedDict()
        self._taken: OrderedDict[tuple[str, int], Taken] = OrderedDict()

    def load(self, name: str) -> Network:
        """The network of `run:NAME@STEP` or `step:NAME@STEP`.

        Raises:
            GlassworkError: there is no such run, or the step was not saved.
        """
        match = NAME.fullmatch(name)
        if match is None:
            raise GlassworkError(
                "this names no moment of a run", where=name[:80], why="it is run:NAME@STEP", todo="Open it from /train."
            )
        kind, run, step = match.group(1), match.group(2), int(match.group(3))
        with self._lock:
            if kind == "step":  # each time anew: to run it changes running statistics
                return self._step(run, step)
            if name not in self._networks:
                self._networks[name] = self._network(run, step)
                _forget(self._networks, MOST_NETWORKS)
            return self._networks[name]

    def taken(self, run: str, step: int) -> Taken:
        """The step that follows after a saved one.

        Raises:
            GlassworkError: there is no such run, the step was not saved, or it is the last.
        """
        with self._lock:
            if (run, step) not in self._taken:
                at = self._moment(run, step)
                if step >= at.task.config.steps:
                    raise GlassworkError(
                        "no step follows after the last", where=f"{run}, step {step:,}", todo="Choose an earlier one."
                    )
                self._taken[run, step] = retake(at)
                _forget(self._taken, MOST_TAKEN)
            return self._taken[run, step]

    def task(self, run: str) -> tuple[str, Task]:
        """The recipe's name and what the run trains; its data is read."""
        with self._lock:
            folder = self.courses.folder(run)
            recipe, config = self.courses.settings(folder)
            known = self._tasks.get(run)
            if known is None or known[1].config != config:
                self._tasks[run] = known = recipe, config.task()
                _forget(self._tasks, MOST_TASKS)
            return known

    def example_name(self, run: str, index: int) -> str:
        """What an example is called."""
        return self.task(run)[1].name(index)

    def weights_over(self, run: str, parameter: str, index: tuple[int, ...]) -> tuple[list[int], list[float]]:
        """One weight at every saved step, the raw one that is trained.

        Raises:
            GlassworkError: there is no such weight.
        """
        folder = self.courses.folder(run)
        steps, values = [], []
        first = self._first(run).get(f"network.{parameter}")
        if (
            first is not None
            and len(index) == first.dim()
            and all(at < n for at, n in zip(index, first.shape, strict=True))
        ):
            steps, values = [0], [float(first[index])]
        for path in checkpoints.saved(folder):
            value = _one_weight(path, f"network.{parameter}", index)
            if value is not None:
                steps.append(int(path.name.removeprefix("step-")))
                values.append(value)
        if not steps:
            raise GlassworkError(
                "no saved step has this weight", where=f"{run}: {parameter}{list(index)}", todo="Choose another one."
            )
        return steps, values

    def _network(self, run: str, step: int) -> Network:
        folder = self.courses.folder(run)
        tensors, about = _saved(folder, run, step) if step else (self._first(run), {})
        recipe, task = self.task(run)
        kept = "average." if any(name.startswith("average.") for name in tensors) else "network."
        with seeded(task.config.seed):
            module = task.network()
        if task.config.sizes.get("fused"):  # the same weights and numbers, but every step can be seen
            module = zoo.build(task.config.network, {**task.config.sizes, "fused": 0})
        zoo.fill(
            module,
            {name.removeprefix(kept): value for name, value in tensors.items() if name.startswith(kept)},
            where=f"run:{run}@{step}",
        )
        module.eval().requires_grad_(True)
        card = model_card(recipe, task, module, step, float(about.get("seconds", 0.0)), {})
        card = msgspec.structs.replace(card, sha256=weights_hash(module))
        made = zoo.described(f"run:{run}@{step}", card, module, "run")
        return replace(made, title=f"{card.title} · step {step:,}")

    def _first(self, run: str) -> dict[str, Tensor]:
        """The weights before the first step, under the names of a checkpoint."""
        state = self._moment(run, 0).state
        return {f"network.{name}": value for name, value in state.network.state_dict().items()}

    def _step(self, run: str, step: int) -> Network:
        at = self._moment(run, step)
        task, state = at.task, at.state
        index, number = task.indices(step), state.step
        turn = task.turns()[0]
        draw = Draw(number, index, slice(0, len(index)), chance(task.config.seed, number, 0))
        lesson = Lesson(
            state.network, turn.loss or task.loss, task.batch(draw), mixed(task.config.seed, INSIDE, number, 0)
        )
        return Network(
            target=f"step:{run}@{step}",
            name=f"step:{run}@{step}",
            title=f"{task.config.title} · step {step + 1:,}, {len(index)} examples and their loss",
            module=lesson,
            preprocess=None,
            labels=(),
            card=None,
            samples=(),
            after=None,
            weights="run",
        )

    def _moment(self, run: str, step: int) -> Moment:
        folder = self.courses.folder(run)
        _, config = self.courses.settings(folder)
        return moment(folder, config, step, most=0, task=self.task(run)[1])


class Lesson(nn.Module):
    """A network in training with the loss of one batch: what a step differentiates.

    Args:
        network: in training mode.
        loss: of the network and a batch, a scalar.
        batch: tensors in any structure of tuples and dictionaries.
        seed: of what the network draws, such as dropout.
    """

    def __init__(self, network: nn.Module, loss: Callable[[nn.Module, Any], Tensor], batch: Any, seed: int) -> None:
        super().__init__()
        self.network = network.train()
        leaves, self._structure = pytree.tree_flatten(batch)
        self._loss, self._seed = loss, seed
        self.example_input_array = tuple(leaves)

    def forward(self, *leaves: Tensor) -> Tensor:
        """The batch -> its mean loss, a scalar."""
        with seeded(self._seed):
            return self._loss(self.network, pytree.tree_unflatten(list(leaves), self._structure))


def _saved(folder: Path, run: str, step: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    path = folder / checkpoints.FOLDER / f"step-{step:08d}"
    try:
        return checkpoints.read(path)
    except (OSError, checkpoints.DamagedError) as error:
        raise GlassworkError(
            f"step {step:,} can't be looked at",
            where=run,
            why=str(error) if path.exists() else "it was not kept",
            todo="Choose a step that was saved.",
        ) from error


def _one_weight(path: Path, name: str, index: tuple[int, ...]) -> float | None:
    """A number of a checkpoint, without reading the rest of it where it is in one file; None if it isn't there."""
    try:
        (file,) = path.glob("*.safetensors")
        with safe_open(file, "pt") as held:
            if name not in held.keys():  # noqa: SIM118  it is no dictionary
                return None
            rows = held.get_slice(name)
            shape = rows.get_shape()
            if len(shape) != len(index) or any(not 0 <= at < size for at, size in zip(index, shape, strict=True)):
                return None
            return float(rows[index[0] : index[0] + 1][(0, *index[1:])] if index else held.get_tensor(name))
    except ValueError:  # dealt out over several files
        found = checkpoints.read(path)[0].get(name)
        return None if found is None else float(found[index])
    except (OSError, SafetensorError):
        return None


def _forget(held: OrderedDict[Any, Any], most: int) -> None:
    while len(held) > most:
        held.popitem(last=False)
