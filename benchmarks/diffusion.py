"""A picture from words, ours against diffusers': the same weights, prompt, noise, sampler and steps, in turns.

python -m benchmarks.diffusion
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import diffusers as typed
import torch
from torch import Tensor, nn

from benchmarks.figures import Figure
from glasswork import networks
from glasswork.generation import Plan, Schedule, run

diffusers: Any = typed  # its types are not those that it takes and gives

ROUNDS = 7  # of ours and theirs in turns
STEPS, GUIDANCE = 50, 3.0
BAR, SECONDS, FIRST = 1.0, 2.0, 0.3
SIZES: dict[str, Any] = {
    "channels": 8, "size": 16, "widths": "48,96,144", "attention": "0,1,1", "layers": 1, "heads": 4, "text": 128,
    "context": 32, "groups": 16,
}  # fmt: skip


def pair() -> tuple[nn.Module, nn.Module]:
    """Our denoiser and diffusers', of the emoji model's sizes, with the same random weights."""
    torch.manual_seed(0)
    theirs = diffusers.UNet2DConditionModel(
        sample_size=16,
        in_channels=8,
        out_channels=8,
        block_out_channels=(48, 96, 144),
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * 2),
        up_block_types=(*("CrossAttnUpBlock2D",) * 2, "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=128,
        attention_head_dim=4,
        norm_num_groups=16,
    ).eval()
    ours = networks.build("unet_conditional", **SIZES).eval()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def ours_(denoiser: nn.Module, noise: Tensor, prompt: Tensor, empty: Tensor) -> tuple[Tensor, float]:
    """The latent, and the seconds until the first step was there."""
    schedule = Schedule(kind="squaredcos_cap_v2", prediction="v_prediction", spacing="trailing", to_one=True)
    started, first, latent = time.perf_counter(), 0.0, noise
    with torch.inference_mode():
        for step in run(denoiser, schedule, Plan(steps=STEPS, guidance=GUIDANCE), noise, [prompt], [empty]):
            first = first or time.perf_counter() - started
            latent = step.next
    return latent, first


def theirs_(denoiser: Any, noise: Tensor, prompt: Tensor, empty: Tensor) -> Tensor:
    """The loop of StableDiffusionPipeline, on its module and its scheduler."""
    scheduler = diffusers.DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
    )
    scheduler.set_timesteps(STEPS)
    latent, texts = noise, torch.cat([empty, prompt])
    with torch.inference_mode():
        for t in scheduler.timesteps:
            said = denoiser(torch.cat([latent] * 2), t, encoder_hidden_states=texts, return_dict=False)[0]
            without, with_prompt = said.chunk(2)
            guided = without + GUIDANCE * (with_prompt - without)
            latent = scheduler.step(guided, t, latent, return_dict=False)[0]
    return latent


def measure() -> list[Figure]:
    """The ratio, the seconds of a whole run, and until the first step."""
    ours, theirs = pair()
    generator = torch.Generator().manual_seed(0)
    noise, prompt, empty = (
        torch.randn(shape, generator=generator) for shape in ((1, 8, 16, 16), (1, 32, 128), (1, 32, 128))
    )
    mine, _ = ours_(ours, noise, prompt, empty)
    other = theirs_(theirs, noise, prompt, empty)
    assert (mine - other).abs().max() <= 1e-3 * other.abs().max()
    taken: dict[str, list[float]] = {"ours": [], "theirs": [], "first": []}
    for _ in range(ROUNDS):
        seconds, (_, first) = _timed(lambda: ours_(ours, noise, prompt, empty))
        taken["ours"].append(seconds)
        taken["first"].append(first)
        taken["theirs"].append(_timed(lambda: theirs_(theirs, noise, prompt, empty))[0])
    middle = {name: statistics.median(values) for name, values in taken.items()}
    return [
        Figure("50 guided steps at 64x64, against diffusers", middle["ours"] / middle["theirs"], BAR, "x"),
        Figure("50 guided steps at 64x64", middle["ours"], SECONDS, "s"),
        Figure("until the first of 50 steps", middle["first"], FIRST, "s"),
    ]


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    value = work()
    return time.perf_counter() - started, value


if __name__ == "__main__":
    for figure in measure():
        print(figure)
