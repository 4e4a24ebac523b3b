"""From one moment of a diffusion to the next one, with less noise: one function for each method.

All of them work on x_t = alpha_t x_0 + sigma_t epsilon, alpha^2 + sigma^2 = 1. Methods that were described with
pictures that grow with their noise work on x_t / alpha_t in between, as their equations have it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from glasswork.generation.schedules import Moment


@dataclass(frozen=True)
class Past:
    """What a step may know of the one before it."""

    at: Moment
    clean: Tensor


@dataclass(frozen=True)
class Known:
    """What a step goes by.

    Attributes:
        latent: x_t.
        clean: x_0 as the network sees it now.
        noise: epsilon as it sees it.
        at, to: this moment and the next.
        last: whether it is the last step.
        past: the step before; None for the first.
        fresh: draws new noise of the latent's shape.
    """

    latent: Tensor
    clean: Tensor
    noise: Tensor
    at: Moment
    to: Moment
    last: bool
    past: Past | None
    fresh: Callable[[], Tensor]


def ddpm(known: Known) -> Tensor:
    """Draw from the step back that training's own noise implies.

    J. Ho et al., 2020, https://arxiv.org/abs/2006.11239, equations 6 and 7, with the smaller variance.
    """
    at, to = known.at, known.to
    kept = (at.alpha / to.alpha) ** 2  # of the step: alpha-bar_t / alpha-bar_(t-1)
    towards = to.alpha * (1 - kept) / at.sigma**2
    stays = math.sqrt(kept) * to.sigma**2 / at.sigma**2
    mean = towards * known.clean + stays * known.latent
    if known.last:
        return mean
    return mean + to.sigma / at.sigma * math.sqrt(1 - kept) * known.fresh()


def ddim(known: Known) -> Tensor:
    """A little less noise, in the same direction.

    J. Song, C. Meng, S. Ermon, "Denoising Diffusion Implicit Models", 2020, https://arxiv.org/abs/2010.02502,
    equation 12 with no new noise.
    """
    return known.to.alpha * known.clean + known.to.sigma * known.noise


def euler(known: Known) -> Tensor:
    """Straight on along the slope, over the ratio of noise to picture.

    T. Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", 2022,
    https://arxiv.org/abs/2206.00364, algorithm 1 without its correction.
    """
    ratio, target = known.at.sigma / known.at.alpha, known.to.sigma / known.to.alpha
    x = known.latent / known.at.alpha
    slope = (x - known.clean) / ratio
    x = x + slope * (target - ratio)
    return known.to.alpha * x


def euler_ancestral(known: Known) -> Tensor:
    """Further down than wanted, then up again with new noise.

    K. Crowson, k-diffusion, sample_euler_ancestral; the noise to add is the posterior's of DDPM.
    """
    ratio, target = known.at.sigma / known.at.alpha, known.to.sigma / known.to.alpha
    added = math.sqrt(target**2 * (ratio**2 - target**2) / ratio**2)
    down = math.sqrt(target**2 - added**2)
    x = known.latent / known.at.alpha
    slope = (x - known.clean) / ratio
    x = x + slope * (down - ratio)
    if not known.last:
        x = x + added * known.fresh()
    return known.to.alpha * x


def dpm_solver(known: Known) -> Tensor:
    """The picture that is seen changes on as it did over the step before; the first and last steps are plain.

    C. Lu et al., "DPM-Solver++", 2022, https://arxiv.org/abs/2211.01095, algorithm 2 (2M), midpoint.
    """
    at, to = known.at, known.to
    clean = known.clean
    ahead = math.inf if to.sigma == 0 else _half_log_ratio(to) - _half_log_ratio(at)
    if known.past is not None and not known.last:
        behind = _half_log_ratio(at) - _half_log_ratio(known.past.at)
        clean = clean + ahead / (2 * behind) * (known.clean - known.past.clean)
    return to.sigma / at.sigma * known.latent + to.alpha * (1 - math.exp(-ahead)) * clean


def _half_log_ratio(at: Moment) -> float:
    """lambda: half the logarithm of the ratio of signal to noise."""
    return math.log(at.alpha) - math.log(at.sigma)


Sampler = Callable[[Known], Tensor]
SAMPLERS: dict[str, Sampler] = {
    "ddim": ddim,
    "ddpm": ddpm,
    "euler": euler,
    "euler_ancestral": euler_ancestral,
    "dpm_solver": dpm_solver,
}
DRAWS = ("ddpm", "euler_ancestral")
"""Those that add new noise on the way."""
FRACTIONAL = ("euler", "euler_ancestral")
"""Those that may look between the times of training."""


OPERANDS = ("latent", "clean", "noise", "past", "fresh")
"""What a step adds up: x_t, x_0 and epsilon as they are seen, x_0 as the step before saw it, and new noise."""


def coefficients(sampler: str, at: Moment, to: Moment, last: bool, past: Moment | None) -> dict[str, float]:
    """How much of each operand a step takes: the next latent is the sum of all, each times its number.

    Every sampler is linear in its tensors, so each number is what the sampler itself makes of a one among zeros.

    Args:
        sampler: one of SAMPLERS.
        at, to: this moment and the next.
        last: whether it is the last step.
        past: the moment before; None for the first step.

    Returns:
        A number for each of OPERANDS, zeros among them.
    """

    def alone(operand: str) -> float:
        latent, clean, noise, before, fresh = (
            torch.tensor(float(name == operand), dtype=torch.float64) for name in OPERANDS
        )
        behind = None if past is None else Past(past, before)
        known = Known(latent, clean, noise, at, to, last, behind, lambda: fresh)
        return float(SAMPLERS[sampler](known))

    return {name: alone(name) for name in OPERANDS}
