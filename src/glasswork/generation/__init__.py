"""Sampling: what generators make, and how; text from a language model, one token after another, and beams."""

from glasswork.generation.beams import Beam, beam_search
from glasswork.generation.cache import Cache
from glasswork.generation.decoding import Drawn, decode, first_seen
from glasswork.generation.diffusion import Plan, Step, first_noise, planned, run
from glasswork.generation.hub import on_disk
from glasswork.generation.opening import DEFAULT, open_model, tokens_of
from glasswork.generation.pipeline import TextToImage
from glasswork.generation.pipeline_folders import INDEX, needed, open_folder
from glasswork.generation.reader import Reader, reader
from glasswork.generation.samplers import DRAWS, OPERANDS, SAMPLERS, coefficients
from glasswork.generation.sampling import Sampling, allowed, drawn, likeliest, shares, uniform
from glasswork.generation.schedules import Moment, Schedule

__all__ = [
    "DEFAULT",
    "DRAWS",
    "INDEX",
    "OPERANDS",
    "SAMPLERS",
    "Beam",
    "Cache",
    "Drawn",
    "Moment",
    "Plan",
    "Reader",
    "Sampling",
    "Schedule",
    "Step",
    "TextToImage",
    "allowed",
    "beam_search",
    "coefficients",
    "decode",
    "drawn",
    "first_noise",
    "first_seen",
    "likeliest",
    "needed",
    "on_disk",
    "open_folder",
    "open_model",
    "planned",
    "reader",
    "run",
    "shares",
    "tokens_of",
    "uniform",
]
