"""A diffusion run backwards: from noise to a latent, one step after another, each with all its numbers.

Guidance: J. Ho, T. Salimans, "Classifier-Free Diffusion Guidance", 2022, https://arxiv.org/abs/2207.12598, equation 6
in the form of Stable Diffusion: g = 1 is the network with its prompt alone, g = 0 without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glasswork.errors import GlassworkError, unknown
from glasswork.generation.samplers import FRACTIONAL, SAMPLERS, Known, Past
from glasswork.generation.schedules import Moment, Schedule

MOST_GUIDANCE = 100.0

Denoise = Callable[..., Tensor]
"""(latents (B, C, H, W), times (B,), texts (B, T, X), what more it is told (B, ...)) -> what it says, (B, C, H, W)."""


@dataclass(frozen=True)
class Step:
    """One step with its numbers; tensors are (B, C, H, W).

    Attributes:
        index: from 0.
        steps: how many there are, those that an image-to-image run leaves out among them.
        at, to: this moment and the next.
        latent: where it begins.
        without, with_prompt: what the network says to the empty (or negative) prompt, and to the prompt.
        guided: without + g (with_prompt - without).
        clean: the latent that it takes for the noiseless one: what one would get by stopping now.
        noise: what it takes for the noise.
        next: where it ends.
        past: the moment of the step before, and what it took for clean; None for the first.
        fresh: the new noise that the sampler added; None where it drew none.
    """

    index: int
    steps: int
    at: Moment
    to: Moment
    latent: Tensor
    without: Tensor
    with_prompt: Tensor
    guided: Tensor
    clean: Tensor
    noise: Tensor
    next: Tensor
    past: Past | None = None
    fresh: Tensor | None = None


@dataclass(frozen=True)
class Plan:
    """How a run goes.

    Attributes:
        sampler: one of SAMPLERS.
        steps: how many.
        guidance: g.
        seed: of the first noise, and of what a sampler adds on the way.
        strength: how much of the way is gone when it begins from a picture: 1 for all of it.
    """

    sampler: str = "ddim"
    steps: int = 50
    guidance: float = 4.0
    seed: int = 0
    strength: float = 1.0

    def check(self) -> None:
        """Whether it can be run.

        Raises:
            GlassworkError: a setting is out of its range.
        """
        if self.sampler not in SAMPLERS:
            raise unknown("sampler", self.sampler, list(SAMPLERS))
        if not -MOST_GUIDANCE <= self.guidance <= MOST_GUIDANCE:  # false for what is no number, too
            why = f"from {-MOST_GUIDANCE:g} to {MOST_GUIDANCE:g} can be computed with; 1 to 8 are usual"
            raise GlassworkError(f"a guidance of {self.guidance:g} can't be used", why=why)
        if not 0 < self.strength <= 1:
            why = "it is the part of the way that is gone: more than 0, at most 1"
            raise GlassworkError(f"a strength of {self.strength:g} can't be used", why=why)
        if not 0 <= self.seed < 2**63:
            raise GlassworkError(f"{self.seed} is no seed", why="a seed is a whole number from 0 to 2^63 - 1")


def first_noise(shape: tuple[int, ...], seed: int) -> Tensor:
    """Unit Gaussian noise that depends on the seed and the shape alone: the prompt leaves it as it is."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def planned(schedule: Schedule, plan: Plan) -> tuple[list[Moment], int]:
    """The moments of a run, and how many of its steps are left out at the beginning.

    Raises:
        GlassworkError: the plan can't be run.
    """
    plan.check()
    clean = schedule.to_one or plan.sampler != "ddim"
    moments = schedule.moments(plan.steps, plan.sampler in FRACTIONAL, ends_clean=clean)
    return moments, plan.steps - max(1, round(plan.steps * plan.strength))


def run(
    denoise: Denoise,
    schedule: Schedule,
    plan: Plan,
    noise: Tensor,
    prompt: Sequence[Tensor],
    negative: Sequence[Tensor],
    *,
    start: Tensor | None = None,
    mask: Tensor | None = None,
) -> Iterator[Step]:
    """Go from noise to a latent; the caller may stop at any step.

    Args:
        denoise: the network.
        schedule: its noise.
        plan: how.
        noise: the first noise, (B, C, H, W); see first_noise.
        prompt, negative: what the network is told of the texts: their tokens' vectors, (B, T, X), and what it is told
            more, (B, ...).
        start: the latent to begin from, with as much noise as the plan's strength says; None for noise alone.
        mask: 1 where the picture is made anew, 0 where `start` stays, (1, 1, H, W): inpainting. None for everywhere.

    Raises:
        GlassworkError: the plan can't be run.
    """
    moments, skipped = planned(schedule, plan)
    sampler = SAMPLERS[plan.sampler]
    generator = torch.Generator().manual_seed(plan.seed)
    torch.randn(noise.shape, generator=generator)  # the first noise is of the same seed: what follows must differ

    drawn: list[Tensor] = []

    def fresh() -> Tensor:
        drawn.append(torch.randn(noise.shape, generator=generator))
        return drawn[-1]

    skipped = skipped if start is not None else 0
    first = moments[skipped]
    latent = noise if start is None else first.alpha * start + first.sigma * noise
    texts = [torch.cat(pair) for pair in zip(negative, prompt, strict=True)]
    past: Past | None = None
    for index in range(skipped, plan.steps):
        at, to = moments[index], moments[index + 1]
        times = torch.full((2 * len(latent),), at.timestep)
        said = denoise(torch.cat([latent, latent]), times, *texts)
        without, with_prompt = said.chunk(2)
        guided = without + plan.guidance * (with_prompt - without)
        clean, seen = schedule.read(guided, latent, at)
        last = index == plan.steps - 1
        drawn.clear()
        reached = sampler(Known(latent, clean, seen, at, to, last, past, fresh))
        if mask is not None and start is not None:
            kept = to.alpha * start + to.sigma * noise
            reached = mask * reached + (1 - mask) * kept
        new = drawn[-1] if drawn else None
        yield Step(
            index, plan.steps, at, to, latent, without, with_prompt, guided, clean, seen, reached, past=past, fresh=new
        )
        past = Past(at, clean)
        latent = reached
