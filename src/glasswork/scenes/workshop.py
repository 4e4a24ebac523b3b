"""One operation on one picture: any convolution or pooling, as a network of one layer that is traced like any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from glasswork.data.photos import NAMES
from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.kernels import Load, choices, planes_of
from glasswork.scenes.messages.workshop import (
    OpenWorkshop,
    Operation,
    OperationOf,
    Workshop,
    WorkshopSample,
)
from glasswork.scenes.pictures import PHOTO, ReadInput, read_picture, readable
from glasswork.scenes.receptive import stacked
from glasswork.scenes.traces import Traces
from glasswork.zoo import Network, Preprocessing

PREFIX = "workshop:"
FIRST = "cat"
EMOJI = ("twitter-sunglasses", "google-cactus", "twitter-owl", "google-fire-engine")
SIDES = (4, 64)
THUMBNAIL = 48
LIMITS = {"size": (1, 15), "stride": (1, 99), "padding": (0, 32), "dilation": (1, 16), "groups": (1, 3)}
MOST_OUT = 256
TITLES: dict[Operation, str] = {
    "conv": "convolution",
    "transposed": "transposed convolution",
    "max": "max pooling",
    "average": "average pooling",
    "global": "global pooling",
}
PADS = {"reflect": nn.ReflectionPad2d, "circular": nn.CircularPad2d}


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides an operation's numbers; as JSON behind PREFIX it is the target that a trace names."""

    operation: OperationOf
    planes: list[list[float]]
    channels: int

    @property
    def target(self) -> str:
        """By which the network is made again."""
        return PREFIX + msgspec.json.encode(self).decode()


class OneLayer(nn.Module):
    """An operation, after padding where that is not with zeros."""

    def __init__(self, built: Built) -> None:
        super().__init__()
        how, channels = built.operation, built.channels
        outside = fills(how)
        self.pad = PADS[how.fill](how.padding) if outside else None
        padding = 0 if outside else how.padding
        self.conv = self.pool = None
        if how.do in ("conv", "transposed"):
            kind = nn.Conv2d if how.do == "conv" else nn.ConvTranspose2d
            self.conv = kind(
                *(channels, how.groups, how.size),
                stride=how.stride,
                padding=padding,
                dilation=how.dilation,
                groups=how.groups,
            )
            assert self.conv.bias is not None
            with torch.no_grad():
                self.conv.weight.copy_(weight_of(built))
                self.conv.bias.fill_(how.bias or 0.0)
        elif how.do == "max":
            self.pool = nn.MaxPool2d(how.size, how.stride, padding, how.dilation)
        elif how.do == "average":
            self.pool = nn.AvgPool2d(how.size, how.stride, padding)
        else:
            self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        """(1, C, H, W) -> (1, C', H', W')."""
        if self.pad is not None:
            x = self.pad(x)
        if self.conv is not None:
            x = self.conv(x)
        if self.pool is not None:
            x = self.pool(x)
        return x


def weight_of(built: Built) -> Tensor:
    """The weights, (O, C / groups, k, k), or of a transposed convolution (C, 1, k, k): a plane for each colour."""
    size, groups, channels = built.operation.size, built.operation.groups, built.channels
    planes = torch.tensor(built.planes).view(-1, size, size).expand(channels, size, size)
    if built.operation.do == "transposed":
        return planes[:, None]
    return planes.reshape(groups, channels // groups, size, size)


def is_workshop(target: str) -> bool:
    """Whether a target is an operation of the workshop."""
    return target.startswith(PREFIX)


def network_of(target: str) -> Network:
    """The network of one operation.

    Raises:
        GlassworkError: the target is none.
    """
    try:
        built = msgspec.json.decode(target.removeprefix(PREFIX), type=Built)
        check_settings(built.operation, built.channels)
        module = OneLayer(built).eval()
    except (msgspec.MsgspecError, RuntimeError, ValueError) as error:
        raise GlassworkError("this names no operation of the workshop", where=target[:80], why=str(error)) from error
    return Network(
        target=target,
        name="workshop",
        title=TITLES[built.operation.do],
        module=module,
        preprocess=None,
        labels=(),
        card=None,
        samples=(),
        after=None,
        weights="the factory's",
    )


def check_settings(how: OperationOf, channels: int) -> None:
    """Whether there is such an operation on a picture of so many colours.

    Raises:
        GlassworkError: it can't; says why, and what to change.
    """
    where = TITLES[how.do]
    if how.do == "global":
        return
    for name, (least, most) in LIMITS.items():
        value = getattr(how, name)
        if not least <= value <= most:
            why = "a window of no pixels has no sum" if (name, value) == ("size", 0) else ""
            why = why or f"it is {value}; here it can be {least} to {most}"
            raise GlassworkError(f"the {name} can't be {value}", where=where, why=why, todo=f"Choose {least} or more.")
    if channels % how.groups:
        why = f"{channels} {'colours' if channels > 1 else 'colour'} can't be dealt out evenly to {how.groups} groups"
        raise GlassworkError(f"the groups can't be {how.groups}", where=where, why=why, todo=f"Choose 1 or {channels}.")
    if how.do in ("max", "average") and how.fill == "zeros" and how.padding > how.size // 2:
        why = f"torch pads pooling by at most half of the window, here {how.size // 2}"
        raise GlassworkError(f"the padding can't be {how.padding}", where=where, why=why, todo="Pad less.")
    if how.do == "average" and how.dilation > 1:
        why = "torch's average pooling has no dilation"
        raise GlassworkError(f"the dilation can't be {how.dilation}", where=where, why=why, todo="Leave it at 1.")
    if how.do == "transposed" and how.fill != "zeros":
        why = "padding takes rows away here, it adds none that could be filled"
        raise GlassworkError(f"the padding can't be {how.fill}", where=where, why=why, todo="Choose zeros.")


def check_fit(how: OperationOf, side: int) -> None:
    """Whether an operation can be done to a picture of so many pixels.

    Raises:
        GlassworkError: it can't; says why, and what to change.
    """
    where = TITLES[how.do]
    if how.do == "global":
        return
    if how.do == "transposed":
        side_out = out_side(how, side)
        if not 1 <= side_out <= MOST_OUT:
            why = f"(H − 1) s − 2 p + d (k − 1) + 1 = {side_out}"
            todo = "Pad less." if side_out < 1 else f"Choose a smaller stride or picture: here it can be {MOST_OUT}."
            raise GlassworkError("the output has no such size", where=where, why=why, todo=todo)
        return
    most = {"reflect": side - 1, "circular": side, "zeros": how.padding}[how.fill]
    if how.padding > most:
        why = f"the picture has {side} pixels a side, of which {most} can be taken"
        raise GlassworkError(f"the padding can't be {how.padding}", where=where, why=why, todo="Pad less.")
    if extent_of(how) > side + 2 * how.padding:
        raise GlassworkError(
            "the kernel is larger than the padded picture",
            where=where,
            why=f"d (k − 1) + 1 = {extent_of(how)} pixels against H + 2 p = {side + 2 * how.padding}",
            todo="Make the kernel or its dilation smaller, or pad more.",
        )


def fills(how: OperationOf) -> bool:
    """Whether there is padding with other numbers than zeros: torch then pads first."""
    return how.fill != "zeros" and how.padding > 0 and how.do != "global"


def extent_of(how: OperationOf) -> int:
    """Pixels from one end of the window to the other: d (k - 1) + 1."""
    return how.dilation * (how.size - 1) + 1


def out_side(how: OperationOf, side: int) -> int:
    """The output's rows, and columns, on a picture of so many (torch's documentation of Conv2d, ConvTranspose2d)."""
    if how.do == "global":
        return 1
    if how.do == "transposed":
        return (side - 1) * how.stride - 2 * how.padding + extent_of(how)
    return (side + 2 * how.padding - extent_of(how)) // how.stride + 1


def line_of(how: OperationOf) -> str:
    """The operation as one line of PyTorch, with x, weight and bias."""
    outside = fills(how)
    around = ", ".join([str(how.padding)] * 4)
    x = f'F.pad(x, ({around}), mode="{how.fill}")' if outside else "x"
    steps = f"stride={how.stride}, padding={0 if outside else how.padding}"
    match how.do:
        case "conv":
            return f"y = F.conv2d({x}, weight, bias, {steps}, dilation={how.dilation}, groups={how.groups})"
        case "transposed":
            return f"y = F.conv_transpose2d({x}, weight, bias, {steps}, groups={how.groups}, dilation={how.dilation})"
        case "max":
            return f"y = F.max_pool2d({x}, {how.size}, {steps}, dilation={how.dilation})"
        case "average":
            return f"y = F.avg_pool2d({x}, {how.size}, {steps})"
        case "global":
            return "y = F.adaptive_avg_pool2d(x, 1)"


def python_of(built: Built, side: int) -> str:
    """The line, with the imports and the numbers that it needs; x is the reader's."""
    how = built.operation
    lines = ["import torch", "import torch.nn.functional as F", ""]
    lines.append(f"# x: a picture, float from 0 to 1, of shape (1, {built.channels}, {side}, {side})")
    if how.do in ("conv", "transposed"):
        weight = weight_of(built)
        numbers = ", ".join(f"{value:.9g}" for value in weight.flatten().tolist())
        shape = ", ".join(map(str, weight.shape))
        lines.append(f"weight = torch.tensor([{numbers}], dtype=torch.float32).view({shape})")
        lines.append(f"bias = torch.full(({how.groups},), {how.bias or 0.0:.9g}, dtype=torch.float32)")
    return "\n".join([*lines, line_of(how), ""])


def answer(
    request: OpenWorkshop, traces: Traces, load: Load, read_input: ReadInput, cancelled: Any
) -> Iterator[str | bytes]:
    """The picture, the operation, its output, and the stack.

    Raises:
        GlassworkError: there is no such picture or kernel, or the operation can't be done to it.
    """
    how = request.operation
    least, most = SIDES
    if not least <= request.side <= most:
        why = f"each pixel is drawn as a square; here it can be {least} to {most}"
        raise GlassworkError(f"the side can't be {request.side}", where="the picture", why=why, todo="Choose another.")
    channels = 3 if request.colour else 1
    check_settings(how, channels)
    check_fit(how, request.side)
    planes: list[list[float]] = []
    if how.do in ("conv", "transposed"):
        planes, bias = planes_of(how.kernel, how.size, channels, load)
        how = msgspec.structs.replace(how, bias=bias if how.bias is None else how.bias)
    built = Built(operation=msgspec.structs.replace(how, kernel=""), planes=planes, channels=channels)
    picture = read_picture(request.input or f"{PHOTO}{FIRST}", read_input)
    x = Preprocessing(request.side, channels)(picture.pixels).inputs[0]
    id, trace = traces.run(network_of(built.target), (x,), None, cancel=cancelled)
    source, op = f"trace:{id}", trace.ops[-1]
    reads = "pad" if len(trace.ops) > 1 else "input"
    tensors = {f"{source}#{reads}@value": trace.value(reads).tensor}
    if planes:
        tensors[f"{source}#conv.weight@value"] = trace.value("conv.weight").tensor
    tensors[f"{source}#{op.path}@value"] = trace.value(op.path).tensor
    arrays = [m.Array(ref=ref, shape=list(value.shape), dtype="float32") for ref, value in tensors.items()]
    values = [value.detach().float().numpy() for value in tensors.values()]
    samples = _samples() if request.samples else []
    if samples:
        thumbnails = np.stack([_thumbnail(one.id) for one in samples])
        arrays.append(m.Array(ref="data:workshop#samples@value", shape=list(thumbnails.shape), dtype="uint8"))
        values.append(thumbnails)
    out = list(trace.value(op.path).shape[1:])
    plain = how.do in ("conv", "max", "average")
    yield m.encode(
        Workshop(
            request=request.request,
            source=source,
            picture=picture.id,
            name=picture.name,
            channels=channels,
            side=request.side,
            path=op.path,
            reads=reads,
            planes=planes,
            bias=how.bias or 0.0,
            out=out,
            extent=request.side if how.do == "global" else extent_of(how),
            left=(request.side + 2 * how.padding - extent_of(how)) % how.stride if plain else 0,
            macs=trace.macs,
            numbers=_learned(built),
            line=line_of(how),
            python=python_of(built, request.side),
            kernels=choices(channels, load),
            samples=samples,
            stack=stacked(request.stack, request.side, channels),
            arrays=arrays,
        ),
        values,
    )


def _learned(built: Built) -> int:
    return weight_of(built).numel() + built.operation.groups if built.planes else 0


def _samples() -> list[WorkshopSample]:
    photos = [name for names in NAMES.values() for name in names]
    return [WorkshopSample(f"{PHOTO}{name}", name, name) for name in sorted(photos, key=lambda name: name != FIRST)] + [
        WorkshopSample(f"sample:{name}", readable(name), readable(name).partition(" ")[2]) for name in EMOJI
    ]


def _thumbnail(id: str) -> np.ndarray:
    return Preprocessing(THUMBNAIL, 3)(read_picture(id, lambda _: b"").pixels).picture
