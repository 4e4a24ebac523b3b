"""The loop, checkpoints and run folders; emits events, draws nothing."""

from glasswork.training.augmentation import Augmentation
from glasswork.training.config import Config, setting_names
from glasswork.training.events import Evaluated, Finished, Started, Stepped, TrainEvent
from glasswork.training.loop import Kept, split_validation, train
from glasswork.training.run import run

__all__ = [
    "Augmentation",
    "Config",
    "Evaluated",
    "Finished",
    "Kept",
    "Started",
    "Stepped",
    "TrainEvent",
    "run",
    "setting_names",
    "split_validation",
    "train",
]
