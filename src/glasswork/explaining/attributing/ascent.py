r"""Gradient ascent on the picture: what a channel or a class would answer to most.

The picture is the sigmoid of a sum of waves, and the ascent moves the waves' amplitudes, those of long waves in larger
steps: pixel by pixel it would find a fine noise that no eye reads. It is shifted by a few pixels at each step, so that
it does not depend on where exactly things stand. C. Olah, A. Mordvintsev, L. Schubert, "Feature Visualization", Distill
2017, https://distill.pub/2017/feature-visualization, the sections on preconditioning and transformation robustness;
first of all D. Erhan et al., "Visualizing Higher-Layer Features of a Deep Network", 2009.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glasswork.explaining.attributing.layer_outputs import Call, output_of
from glasswork.explaining.attributing.redirected import Redirected

RATE = 0.05
"""Of Adam."""
SHIFT = 1 / 16
"""Of the picture's side: how far it is shifted at most."""
FAINT = 0.01
"""Deviation of the waves to begin with."""


@dataclass(frozen=True)
class Ascended:
    """One step.

    Attributes:
        step: how many were done.
        picture: (C, H, W), 0 to 1.
        value: what the ascent climbs, on the shifted picture.
    """

    step: int
    picture: Tensor
    value: float


def ascend(
    module: nn.Module,
    shape: tuple[int, int, int],
    call: Call,
    channel: int,
    prepare: Callable[[Tensor], Tensor],
    steps: int,
    seed: int = 0,
) -> Iterator[Ascended]:
    """Change a picture so that a channel of a layer grows: the mean of its map, or itself where there is none.

    Args:
        module: in evaluation mode.
        shape: of the picture, (C, H, W).
        call: the layer; Call("") for the network's own answer.
        channel: of the layer.
        prepare: from a picture, 0 to 1, to what the network takes.
        steps: how many; the picture to begin with is the first that comes.
        seed: of the first picture and of the shifts.
    """
    channels, height, width = shape
    drawn = torch.Generator().manual_seed(seed)
    waves = (FAINT * torch.randn(channels, height, width // 2 + 1, 2, generator=drawn)).requires_grad_()
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    scale = 1 / torch.sqrt(rows**2 + columns**2).clamp(min=1 / max(height, width))
    scale = scale * (height * width) ** 0.5
    adam = torch.optim.Adam([waves], RATE)
    reach = max(1, round(SHIFT * max(height, width)))

    def picture() -> Tensor:
        """(C, H, W), 0 to 1."""
        return torch.fft.irfft2(torch.view_as_complex(waves) * scale, s=(height, width)).div(4).sigmoid()

    for step in range(steps + 1):
        now = picture()
        shift = torch.randint(-reach, reach + 1, (2,), generator=drawn).tolist()
        with Redirected():
            made = output_of(module, prepare(now.roll(shift, (1, 2)))[None], call)
        value = made[0, channel].mean()
        yield Ascended(step, now.detach(), value.item())
        if step < steps:
            (waves.grad,) = torch.autograd.grad(-value, waves)
            adam.step()
