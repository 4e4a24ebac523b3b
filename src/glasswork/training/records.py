"""From events to what a run's folder remembers of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from glasswork.training.checkpoints import Loaded
from glasswork.training.config import Config
from glasswork.training.events import Evaluated, Stepped, Warned
from glasswork.training.metrics import Metrics
from glasswork.training.state import State
from glasswork.training.tensorboard import EventFile


class Records:
    """A run's metrics, as records and for TensorBoard. A disk that is full makes a warning, and stops no training.

    Args:
        folder: the run's; None where another process writes.
        config: the run's settings.
        resumed: the checkpoint that the run goes on from, if it does.
    """

    def __init__(self, folder: Path | None, config: Config, resumed: Loaded | None) -> None:
        self._every = config.record_every
        self._metrics = Metrics(folder) if folder else None
        self._events = EventFile(folder, resumed.about["step"] if resumed else 0) if folder else None
        self._told = False
        if self._metrics and resumed:
            about = resumed.about
            self._metrics.add(about["step"], about["seconds"], event="resumed", checkpoint=resumed.path.name)

    def __enter__(self) -> Records:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (self._metrics, self._events):
            if file is not None:
                file.close()

    def take(self, event: Stepped | Evaluated) -> Iterator[Warned]:
        """Remember an event, or say that it can't be."""
        if isinstance(event, Evaluated):
            values = {f"validation_{name}": value for name, value in event.scores.items()}
        elif event.step % self._every == 0:
            values = {
                "loss": event.loss,
                "learning_rate": event.learning_rate,
                "gradient_norm": event.gradient_norm,
            }
        else:
            return
        if self._metrics is None or self._events is None:
            return
        try:
            layers = event.layers if isinstance(event, Stepped) else {}
            self._metrics.add(event.step, event.seconds, **values, **layers)
            self._events.add(event.step, values)
            self._told = False
        except OSError as error:
            if not self._told:  # once until it works again
                self._told = True
                yield Warned(event.step, f"the course can't be written down: {error}")

    def note(self, state: State, event: str, why: str, **more: float) -> bool:
        """Remember what is no value: stopped, warned, finished, another rate. Whether it could be written."""
        if self._metrics is None:
            return True
        try:
            self._metrics.add(state.step, state.seconds, event=event, why=why, **more)
        except OSError:
            return False  # what could not be saved is told on the screen
        return True
