"""Sampling: what generators make, and how."""

from glasswork.generation.diffusion import Plan, Step, first_noise, planned, run
from glasswork.generation.opening import DEFAULT, needed, open_folder, open_model, tokens_of
from glasswork.generation.pipeline import TextToImage
from glasswork.generation.samplers import DRAWS, SAMPLERS
from glasswork.generation.schedules import Moment, Schedule

__all__ = [
    "DEFAULT",
    "DRAWS",
    "SAMPLERS",
    "Moment",
    "Plan",
    "Schedule",
    "Step",
    "TextToImage",
    "first_noise",
    "needed",
    "open_folder",
    "open_model",
    "planned",
    "run",
    "tokens_of",
]
