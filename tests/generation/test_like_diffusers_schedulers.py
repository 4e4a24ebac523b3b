"""Every sampler step by step beside diffusers' scheduler of that name, with what a network says made up."""

from collections.abc import Callable
from typing import Any

import diffusers as typed
import pytest
import torch
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.generation import SAMPLERS, Plan, Schedule, first_noise, run

diffusers: Any = typed  # its types are not those that it takes and gives

pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # diffusers under numpy 2

MOST = 1e-5
SHAPE = (2, 4, 8, 8)
STABLE = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
THEIRS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "ddim": (diffusers.DDIMScheduler, {"clip_sample": False}),
    "ddpm": (diffusers.DDPMScheduler, {"clip_sample": False}),
    "euler": (diffusers.EulerDiscreteScheduler, {}),
    "euler_ancestral": (diffusers.EulerAncestralDiscreteScheduler, {}),
    "dpm_solver": (diffusers.DPMSolverMultistepScheduler, {}),
}
GROWS = ("euler", "euler_ancestral")  # their samples are x_t / alpha_t


def said(x: Tensor, time: Tensor | float) -> Tensor:
    """Something that depends on the latent and on the time, as a network's output does."""
    return torch.sin(1.3 * x + 0.002 * float(time)) - 0.2 * x


def theirs(sampler: str, prediction: str, spacing: str, steps: int, **more: Any) -> Any:
    kind, settings = THEIRS[sampler]
    if sampler in ("ddim", "ddpm", "euler", "euler_ancestral"):
        settings = {**settings, "steps_offset": 1}
    if sampler == "ddim":
        settings = {**settings, "set_alpha_to_one": False}
    scheduler = kind(**{**STABLE, **more}, prediction_type=prediction, timestep_spacing=spacing, **settings)
    scheduler.set_timesteps(steps)
    return scheduler


def ours(sampler: str, schedule: Schedule, steps: int, noise: Tensor, denoise: Callable[..., Tensor]) -> list[Any]:
    text = torch.zeros(len(noise), 1, 1)
    plan = Plan(sampler=sampler, steps=steps, guidance=1.0, seed=7)
    return list(run(denoise, schedule, plan, noise, [text], [text]))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
@pytest.mark.parametrize("steps", [1, 10, 20])
@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_each_step_is_that_of_diffusers(sampler: str, prediction: str, spacing: str, steps: int) -> None:
    if sampler in ("ddim", "ddpm") and spacing == "linspace":
        spacing = "leading"  # diffusers steps to times that it does not look at next
    if sampler == "dpm_solver":
        spacing = "linspace"
    scheduler = theirs(sampler, prediction, spacing, steps)
    schedule = Schedule(prediction=prediction, spacing=spacing)
    noise = first_noise(SHAPE, 7)
    if sampler == "dpm_solver":  # it looks at other times: one more, of which it leaves out the last
        schedule = Times([float(t) for t in scheduler.timesteps], schedule)
    generator = torch.Generator().manual_seed(7)
    torch.randn(SHAPE, generator=generator)
    taken = ours(sampler, schedule, steps, noise, lambda x, t, _: said(x, t[0]))
    for step, time in zip(taken, scheduler.timesteps, strict=True):
        assert step.at.timestep == pytest.approx(float(time), abs=1e-3)
        grown = step.at.alpha if sampler in GROWS else 1.0
        scheduler.is_scale_input_called = True
        draws = {"generator": generator} if sampler in ("ddpm", "euler_ancestral") else {}
        told = scheduler.step(said(step.latent, time), time, step.latent / grown, **draws)
        reached = told.prev_sample * (step.to.alpha if sampler in GROWS else 1.0)
        difference = (step.next - reached).abs().max() / reached.abs().max()
        assert difference <= MOST, (step.index, float(difference))
        if hasattr(told, "pred_original_sample"):
            clean = told.pred_original_sample
            assert (step.clean - clean).abs().max() <= MOST * clean.abs().max()


class Times(Schedule):
    """A schedule that looks at given times."""

    def __init__(self, given: list[float], like: Schedule) -> None:
        super().__init__(prediction=like.prediction)
        object.__setattr__(self, "given", given)

    def timesteps(self, steps: int, fractional: bool = False) -> list[float]:
        return self.__dict__["given"]


@pytest.mark.parametrize("kind", ["linear", "scaled_linear", "squaredcos_cap_v2"])
def test_noise_is_added_as_diffusers_adds_it_and_the_target_is_its(kind: str) -> None:
    scheduler = diffusers.DDPMScheduler(beta_schedule=kind, beta_start=0.0001, beta_end=0.02)
    schedule = Schedule(kind=kind, start=0.0001, end=0.02, prediction="v_prediction")
    torch.testing.assert_close(schedule.kept, scheduler.alphas_cumprod, rtol=1e-5, atol=1e-9)
    clean, noise, times = first_noise(SHAPE, 1), first_noise(SHAPE, 2), torch.tensor([3, 871])
    torch.testing.assert_close(schedule.noised(clean, noise, times), scheduler.add_noise(clean, noise, times))
    velocity = scheduler.get_velocity(clean, noise, times)
    torch.testing.assert_close(schedule.target(clean, noise, times), velocity)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_what_was_noised_is_read_back(prediction: str) -> None:
    schedule = Schedule(prediction=prediction)
    clean, noise, times = first_noise(SHAPE, 1), first_noise(SHAPE, 2), torch.tensor([500, 500])
    latent = schedule.noised(clean, noise, times)
    seen = schedule.read(schedule.target(clean, noise, times), latent, schedule.moment(500))
    torch.testing.assert_close(seen[0], clean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen[1], noise, rtol=1e-4, atol=1e-5)


def test_a_perfect_network_brings_every_sampler_to_the_picture() -> None:
    """It says the noise that leads from the picture to the latent, wherever that is."""
    schedule = Schedule()
    picture = first_noise(SHAPE, 3)

    def denoise(x: Tensor, times: Tensor, _: Tensor) -> Tensor:
        at = schedule.moment(float(times[0]))
        return (x - at.alpha * torch.cat([picture, picture])) / at.sigma

    for sampler in SAMPLERS:
        last = ours(sampler, schedule, 30, first_noise(SHAPE, 4), denoise)[-1]
        torch.testing.assert_close(last.clean, picture, rtol=1e-3, atol=1e-3)
        left = 0.05 if sampler == "ddim" else 1e-3  # DDIM ends at the noise of time 0
        assert (last.next - picture).abs().max() <= left * picture.abs().max() + left


def test_guidance_is_the_sum_that_it_is_said_to_be() -> None:
    schedule, noise = Schedule(), first_noise((1, 4, 8, 8), 5)
    prompt, negative = torch.ones(1, 1, 1), torch.zeros(1, 1, 1)

    def denoise(x: Tensor, times: Tensor, text: Tensor) -> Tensor:
        return 0.1 * x + text.view(-1, 1, 1, 1)

    for g in (0.0, 1.0, 4.0, -5.0):
        step = next(run(denoise, schedule, Plan(steps=5, guidance=g), noise, [prompt], [negative]))
        torch.testing.assert_close(step.without, 0.1 * noise)
        torch.testing.assert_close(step.with_prompt, 0.1 * noise + 1)
        torch.testing.assert_close(step.guided, 0.1 * noise + g)


def test_image_to_image_begins_part_of_the_way_and_inpainting_keeps_what_is_not_masked() -> None:
    schedule, noise = Schedule(to_one=True), first_noise((1, 4, 8, 8), 5)
    text, picture = torch.zeros(1, 1, 1), first_noise((1, 4, 8, 8), 6)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1
    plan = Plan(steps=20, strength=0.5)
    steps = list(run(lambda x, t, _: said(x, t[0]), schedule, plan, noise, [text], [text], start=picture, mask=mask))
    assert [step.index for step in steps] == list(range(10, 20))
    at = steps[0].at
    torch.testing.assert_close(steps[0].latent, at.alpha * picture + at.sigma * noise)
    torch.testing.assert_close(steps[-1].next[..., 4:], picture[..., 4:])
    assert (steps[-1].next[..., :4] - picture[..., :4]).abs().max() > 0.1


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (Plan(steps=0), "from 1 to 1,000"),
        (Plan(steps=10_000), "from 1 to 1,000"),
        (Plan(guidance=1_000.0), "guidance of 1000"),
        (Plan(guidance=float("nan")), "guidance of nan"),
        (Plan(sampler="heun"), "no sampler called 'heun'.*ddim"),
        (Plan(strength=0.0), "strength of 0"),
        (Plan(seed=-1), "no seed"),
    ],
)
def test_a_plan_that_can_not_be_run_says_why(plan: Plan, why: str) -> None:
    noise, text = first_noise((1, 4, 8, 8), 0), torch.zeros(1, 1, 1)
    with pytest.raises(GlassworkError, match=why):
        next(run(lambda x, t, _: x, Schedule(), plan, noise, [text], [text]))


def test_the_same_seed_gives_the_same_bits_and_another_gives_other_noise() -> None:
    for sampler in SAMPLERS:
        first, again = (
            ours(sampler, Schedule(), 6, first_noise(SHAPE, 7), lambda x, t, _: said(x, t[0])) for _ in "12"
        )
        assert torch.equal(first[-1].next, again[-1].next)
    assert not torch.equal(first_noise(SHAPE, 7), first_noise(SHAPE, 8))
