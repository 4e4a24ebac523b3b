"""How training noises a picture, and one step of it in slow motion: noise, answer, target, loss, slopes, and after.

J. Ho, A. Jain, P. Abbeel, 2020, https://arxiv.org/abs/2006.11239, algorithm 1.
"""

from __future__ import annotations

import copy
import hashlib

import msgspec
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.scenes.diffusion_runs import Imaginings, bytes_of, plain
from glasswork.scenes.messages import diffusion as d
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.pictures import ReadInput
from glasswork.scenes.text_to_image_models import Opened
from glasswork.scenes.traces import ID_LENGTH

DRAWN = 7
RATE = 1e-3
"""Of the one step against the slopes: plain gradient descent, since a run's own optimiser keeps what is not here."""
MOST = 30_000_000
"""Parameters of a network that is copied for it."""


class NoisingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What an example of training is of."""

    target: str
    weights: str
    picture: str
    prompt: str
    seed: int
    time: int


def noising(
    request: d.OpenNoising, opened: Opened, kept: Imaginings, read_input: ReadInput
) -> tuple[d.Noising, list[np.ndarray]]:
    """An example of training.

    Raises:
        GlassworkError: there is no such time or picture, or the network is too large to be trained here.
    """
    model, schedule = opened.model, opened.model.schedule
    if not 0 <= request.time < schedule.times:
        why = f"training knows the times from 0 to {schedule.times - 1:,}"
        raise GlassworkError(f"there is no time {request.time:,}", where=opened.title, why=why)
    count = sum(value.numel() for value in model.denoiser.parameters())
    if count > MOST:
        why = f"its {count / 1e6:.0f} M parameters would be copied for it; up to {MOST / 1e6:.0f} M are"
        raise GlassworkError("a step of training is not shown of a network so large", where=opened.title, why=why)
    picture = kept.picture(model, request.picture, read_input)
    record = NoisingRecord(
        target=opened.target,
        weights=opened.weights,
        picture=kept.keep(picture),
        prompt=plain(request.prompt),
        seed=request.seed,
        time=request.time,
    )
    content = msgspec.json.encode(record)
    id = hashlib.sha256(content).hexdigest()[:ID_LENGTH]
    kept.record(id, content)
    clean, noise = model.encode(picture[None]).clone(), model.noise(1, request.seed)
    time = torch.tensor([request.time])
    alpha, sigma = (float(one) for one in schedule.shares(time, clean))
    noised, target = schedule.noised(clean, noise, time), schedule.target(clean, noise, time)
    told = [one.clone() for one in model.conditional([record.prompt])]
    said, loss, after, slopes = one_step(opened, (noised, time, *told), target)
    times = [round(float(one)) for one in np.linspace(0, schedule.times - 1, DRAWN)]
    every = torch.tensor(times)
    drawn = model.decode(schedule.noised(clean.expand(DRAWN, -1, -1, -1), noise.expand(DRAWN, -1, -1, -1), every))
    source = f"noising:{id}"
    tensors = {"clean": clean, "noise": noise, "noised": noised, "said": said, "target": target}
    tensors["slope"] = 2 * (said - target) / said.numel()
    arrays = {name: value[0].float().numpy() for name, value in tensors.items()}
    arrays["picture"] = bytes_of(picture)
    arrays |= {f"drawn/{at}": bytes_of(one) for at, one in zip(times, drawn, strict=True)}
    answer = d.Noising(
        request=request.request,
        source=source,
        prompt=record.prompt,
        prediction=schedule.prediction,
        time=request.time,
        times=times,
        alpha=Number(f"{source}#alpha@value", alpha),
        sigma=Number(f"{source}#sigma@value", sigma),
        loss=Number(f"{source}#loss@value", loss),
        after=Number(f"{source}#after@value", after),
        rate=RATE,
        slopes=[d.Sized(path, Number(f"{source}#slopes/{path}@value", size)) for path, size in slopes.items()],
        count=clean.numel(),
        arrays=[
            Array(
                ref=f"{source}#{path}@value",
                shape=list(one.shape),
                dtype="uint8" if one.dtype == np.uint8 else "float32",
            )
            for path, one in arrays.items()
        ],
    )
    return answer, list(arrays.values())


def one_step(
    opened: Opened, given: tuple[Tensor, ...], target: Tensor
) -> tuple[Tensor, float, float, dict[str, float]]:
    """What the network says, its loss, the loss after one step on a copy of it, and each part's slopes."""
    network = copy.deepcopy(opened.model.denoiser).requires_grad_(True)
    with torch.inference_mode(False), torch.enable_grad():
        said = network(*given)
        loss = F.mse_loss(said, target)
        loss.backward()
        sizes: dict[str, float] = {}
        for path, value in network.named_parameters():
            slope = value.grad
            if slope is not None:
                part = path.partition(".")[0]
                sizes[part] = sizes.get(part, 0.0) + float(slope.double().square().sum())
        with torch.no_grad():
            for value in network.parameters():
                if value.grad is not None:
                    value -= RATE * value.grad
            after = F.mse_loss(network(*given), target)
    return said.detach(), float(loss.detach()), float(after), {path: size**0.5 for path, size in sizes.items()}
