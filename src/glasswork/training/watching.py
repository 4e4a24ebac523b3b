"""`glasswork.watch(model, optimizer)`: the reader's own loop, unchanged but for this line, leaves a run folder.

It listens to the optimiser, whose `step` is where a step ends; PyTorch's own hooks are used, nothing is patched. What
is written is what a run of ours writes (metrics.jsonl), so that one page shows both. While nobody looks, most steps
cost a call and a comparison.

Looking: whoever shows a run calls `look(folder)` at least every two seconds while it is on the screen. That touches the
file `looking` in the folder; for FRESH seconds after, every step is recorded. Nothing is to be undone: who goes away
stops touching it. The file says nothing and is never read; a run that does not listen is not disturbed by it.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from glasswork.errors import GlassworkError
from glasswork.training.locking import locked
from glasswork.training.metrics import Metrics
from glasswork.training.observing import Observer
from glasswork.training.run import RUN, free_folder
from glasswork.zoo import write_atomically

LOOKED = "looking"  # whoever looks at a run touches this file now and then
FRESH = 5.0  # seconds that a look lasts
LOOK_EVERY = 0.5  # seconds between two looks at the file


def look(folder: Path) -> None:
    """Tell whoever trains in a folder that somebody looks now; call it again every two seconds.

    A folder that can't be written is looked at all the same, with a record at every `every`-th step.
    """
    with contextlib.suppress(OSError):
        (folder / LOOKED).touch()


class Watch:
    """A watched loop. It ends with `close`, with its `with` block, or with the program.

    Attributes:
        folder: the run's.
        step: how many steps the optimiser took.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path, every: int) -> None:
        self.folder, self.step = folder, 0
        self._optimizer, self._every = optimizer, every
        self._observer = Observer(model)
        self._start = self._asked = time.monotonic()
        self._fresh = False
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / RUN).exists():
            todo = "Name another folder: watch(..., folder=...)."
            raise GlassworkError("this folder holds a run", where=str(folder), todo=todo)
        self._lock = locked(folder)
        self._lock.__enter__()
        parameters = sum(p.numel() for p in model.parameters())
        about = {"recipe": "watched", "title": type(model).__name__, "parameters": parameters}
        write_atomically(folder / RUN, json.dumps({**about, "optimiser": type(optimizer).__name__}, indent=2).encode())
        self._metrics: Metrics | None = Metrics(folder)
        self._before: dict[str, float] = {}
        self._loss: Callable[[], float] | None = None
        self._hooks = [
            optimizer.register_step_pre_hook(self._about_to_step),
            optimizer.register_step_post_hook(self._stepped),
        ]

    def loss(self, value: torch.Tensor | float) -> None:
        """Tell the step's loss, where it is to be drawn; read only when somebody looks or it is due."""
        self._loss = (lambda: float(value)) if not isinstance(value, torch.Tensor) else value.detach().item

    def looked_at(self) -> bool:
        """Whether somebody looks; the file is asked about at most twice a second."""
        now = time.monotonic()
        if now - self._asked > LOOK_EVERY:
            self._asked = now
            try:
                self._fresh = time.time() - (self.folder / LOOKED).stat().st_mtime < FRESH
            except OSError:
                self._fresh = False
        return self._fresh

    def close(self) -> None:
        """Stop watching."""
        for hook in self._hooks:
            hook.remove()
        if self._metrics is not None:
            self._metrics.close()
            self._metrics = None
            self._lock.__exit__(None, None, None)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _due(self) -> bool:
        return (self.step + 1) % self._every == 0 or self.looked_at()

    def _about_to_step(self, *_: Any) -> None:
        self._before = self._observer.before_update() if self._due() else {}

    def _stepped(self, *_: Any) -> None:
        due = self._due()
        self.step += 1
        if not due or self._metrics is None:
            return
        values = {"learning_rate": float(self._optimizer.param_groups[0]["lr"]), **self._before}
        if self._before:
            values |= self._observer.after_update()
        if self._loss is not None:
            values["loss"] = self._loss()
        try:
            self._metrics.add(self.step, time.monotonic() - self._start, **values)
        except OSError:
            self.close()  # the reader's training matters more than its records


def watch(
    model: nn.Module, optimizer: torch.optim.Optimizer, folder: str | Path | None = None, every: int = 50
) -> Watch:
    """Watch a training loop of the reader's own.

    Args:
        model: what is trained; it is read, never changed.
        optimizer: its `step` is where a step ends.
        folder: where the records go; runs/watched, or the next free name after it, when None.
        every: steps between two records while nobody looks.

    Returns:
        The watch; `.loss(value)` tells it the loss, `.close()` ends it.

    Raises:
        GlassworkError: the folder holds a run already.
    """
    return Watch(model, optimizer, Path(folder) if folder is not None else free_folder("watched"), every)
