"""A text-to-image model's networks at one step: the U-Net's layers and where it looks at words; the decoder's."""

from __future__ import annotations

import threading
import time
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from glasswork.errors import GlassworkError
from glasswork.generation import TextToImage
from glasswork.scenes.diffusion_runs import Imagining, bytes_of
from glasswork.scenes.messages import diffusion as d
from glasswork.scenes.messages.base import Array
from glasswork.scenes.networks import Networks
from glasswork.scenes.traces import Traces
from glasswork.tracing import Trace

Kind = Literal["in", "res", "attn", "down", "up", "norm", "out"]
KINDS: dict[str, Kind] = {"resnets": "res", "attentions": "attn", "downsamplers": "down", "upsamplers": "up"}
"""Layers by the list that they stand in: our networks have the names of diffusers."""
ENDS: dict[str, Kind] = {"conv_in": "in", "conv_out": "out"}
SIDE = 64
"""A drawn layer has at most so many places each way; of more, every second one and so on."""


def moment_opened(
    request: d.OpenMoment, made: Imagining, networks: Networks, traces: Traces, cancelled: threading.Event
) -> tuple[d.MomentOpened, list[np.ndarray]]:
    """The denoiser as it ran at a step.

    Raises:
        GlassworkError: the run has no such step, or the network no such layer or head.
    """
    begun, step, model = time.perf_counter(), made.step(request.step), made.model
    text = made.record.prompt if request.half == "with" else made.record.negative
    told = model.conditional([text]) if request.half == "with" else model.unconditional(text)
    inputs = step.latent, torch.full((1,), step.at.timestep), *told
    network = networks.load(f"denoiser:{made.opened.target}")
    with torch.inference_mode(False):
        id, trace = traces.run(network, tuple(one.clone() for one in inputs), None, cancel=cancelled)
    path = f"{request.step}/{request.half}"
    layers, entries, values = _layers(made, trace, model.denoiser, f"unet/{path}")
    looking = [_looks(trace, name) for name in words_layers(model.denoiser, trace)]
    chosen = request.layer if request.layer >= 0 else len(looking) - 1
    if chosen >= len(looking):
        raise GlassworkError(f"there is no layer {chosen}", where=made.source, why=f"{len(looking)} look at words")
    heads = looking[chosen].weights.shape[0]
    if request.head >= heads:
        raise GlassworkError(f"there is no head {request.head}", where=made.source, why=f"it has {heads}")
    groups = groups_of(model, text)
    maps = grouped(looking[chosen].of(request.head), groups)  # (G, N)
    rows, columns = looking[chosen].size
    shown = {
        f"attention/{path}/{chosen}/{request.head}": maps.view(-1, rows, columns).float().numpy(),
        f"picture/{request.step}": bytes_of(model.decode(step.clean)[0]),
    }
    entries += [made.array(name, array) for name, array in shown.items()]
    values += shown.values()
    answer = d.MomentOpened(
        request=request.request,
        step=request.step,
        half=request.half,
        run=f"trace:{id}",
        network=f"denoiser:{made.opened.name}",
        layers=layers,
        looking=[
            d.Looking(
                path=one.path,
                rows=one.size[0],
                columns=one.size[1],
                heads=one.weights.shape[0],
                shares=[
                    made.number(f"share/{path}/{i}/{request.head}", value, g)
                    for g, value in enumerate(grouped(one.of(request.head), groups).mean(1).tolist())
                ],
            )
            for i, one in enumerate(looking)
        ],
        layer=chosen,
        head=request.head,
        error=max(float((one.weights.double().sum(-1) - 1).abs().max()) for one in looking),
        seconds=time.perf_counter() - begun,
        arrays=entries,
    )
    return answer, values


def decoder_opened(
    request: d.OpenDecoder, made: Imagining, networks: Networks, traces: Traces, cancelled: threading.Event
) -> tuple[d.DecoderOpened, list[np.ndarray]]:
    """The decoder on what the denoiser takes for the noiseless latent at a step.

    Raises:
        GlassworkError: the run has no such step.
    """
    step = made.step(request.step)
    network = networks.load(f"decoder:{made.opened.target}")
    with torch.inference_mode(False):
        id, trace = traces.run(network, (step.clean.clone(),), None, cancel=cancelled)
    layers, entries, values = _layers(made, trace, network.module, f"decoder/{request.step}")
    answer = d.DecoderOpened(
        request=request.request,
        step=request.step,
        run=f"trace:{id}",
        network=f"decoder:{made.opened.name}",
        layers=layers,
        arrays=entries,
    )
    return answer, values


def _layers(
    made: Imagining, trace: Trace, module: nn.Module, path: str
) -> tuple[list[d.LayerShown], list[Array], list[np.ndarray]]:
    """Every layer that makes a picture, by the channel that varies most."""
    found: list[d.LayerShown] = []
    entries: list[Array] = []
    values: list[np.ndarray] = []
    part: Literal["down", "mid", "up"] = "down"
    for name, kind in in_order(module, trace):
        if "mid_block" in name:
            part = "mid"
        elif "up_blocks" in name or kind == "out":
            part = "up"
        made_here = trace.value(name).tensor[0].detach()  # (C, H, W)
        channel = int(made_here.flatten(1).std(1).nan_to_num(0).argmax())
        plane = made_here[channel]
        plane = plane[:: -(-plane.shape[0] // SIDE), :: -(-plane.shape[1] // SIDE)].float().contiguous().numpy()
        found.append(
            d.LayerShown(
                path=name,
                kind=kind,
                part=part,
                channel=channel,
                channels=made_here.shape[0],
                rows=made_here.shape[1],
                columns=made_here.shape[2],
                array=len(entries),
            )
        )
        entries.append(made.array(f"{path}/{name}/{channel}", plane))
        values.append(plane)
    return found, entries, values


def in_order(module: nn.Module, trace: Trace) -> list[tuple[str, Kind]]:
    """The layers that are drawn, in the order in which they ran."""
    wanted: list[tuple[str, Kind]] = [
        (name, kind) for name, _ in module.named_modules() if (kind := kind_of(name)) and name in trace
    ]
    return sorted(wanted, key=lambda one: trace[one[0]].id)  # a module's own op, or the last one inside of it


def kind_of(path: str) -> Kind | None:
    """What a module is drawn as, by its path; None for one that isn't."""
    *_, group, last = ["", *path.split(".")]
    return KINDS.get(group) if last.isdecimal() else ENDS.get(last)


class _Looks:
    """A layer that looks at words: (A, N, T) of its weights."""

    def __init__(self, path: str, weights: Tensor, size: tuple[int, int]) -> None:
        self.path, self.weights, self.size = path, weights, size

    def of(self, head: int) -> Tensor:
        """One head's weights, or the mean of all, (N, T)."""
        return self.weights[head] if 0 <= head < len(self.weights) else self.weights.mean(0)


def words_layers(denoiser: nn.Module, trace: Trace) -> list[str]:
    """The paths of blocks that look at words, in the order in which they ran: diffusers enrols the middle last."""
    found = [name for name, _ in denoiser.named_modules() if name.split(".")[-2:-1] == ["transformer_blocks"]]
    return sorted(found, key=lambda name: trace[name].id)


def _looks(trace: Trace, name: str) -> _Looks:
    around = name.partition(".transformer_blocks")[0]
    shape = trace.value(around).shape
    return _Looks(f"{name}.attn2", trace.value(f"{name}.attn2:softmax").tensor[0].detach(), (shape[2], shape[3]))


def groups_of(model: TextToImage, text: str) -> list[slice]:
    """Start, each word, end, and padding together, as parts of the tokens."""
    words = len(model.read(text).tokens)
    each = [slice(i, i + 1) for i in range(words + 2)]
    return [*each, slice(words + 2, None)] if words + 2 < model.tokens.context else each


def grouped(weights: Tensor, groups: list[slice]) -> Tensor:
    """Weights of tokens (N, T) as those of groups of tokens, (G, N)."""
    return torch.stack([weights[:, one].sum(1) for one in groups])
