"""Sampling: what generators make, and how."""

from glasswork.generation.diffusion import Plan, Step, first_noise, planned, run
from glasswork.generation.samplers import DRAWS, SAMPLERS
from glasswork.generation.schedules import Moment, Schedule

__all__ = ["DRAWS", "SAMPLERS", "Moment", "Plan", "Schedule", "Step", "first_noise", "planned", "run"]
