"""An operation of the workshop of convolutions, made again from what its trace names: plain layers of torch."""

from __future__ import annotations

import json
from collections import OrderedDict

import torch
from claims import NoNumberError
from torch import nn

from glasswork import zoo

PREFIX = "workshop:"


def network(target: str) -> zoo.Network:
    """The layer of a target, under the names that references use."""
    made = json.loads(target.removeprefix(PREFIX))
    how, planes, channels = made["operation"], made["planes"], made["channels"]
    size, stride, padding, dilation, groups = (
        how.get(name, usual)
        for name, usual in (("size", 3), ("stride", 1), ("padding", 1), ("dilation", 1), ("groups", 1))
    )
    do, fill = how.get("do", "conv"), how.get("fill", "zeros")
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    if fill != "zeros" and padding and do != "global":
        parts["pad"] = {"reflect": nn.ReflectionPad2d, "circular": nn.CircularPad2d}[fill](padding)
        padding = 0
    if do == "conv":
        layer = nn.Conv2d(channels, groups, size, stride, padding, dilation, groups)
        each = channels // groups
        for out in range(groups):
            for c in range(each):
                plane = planes[out * each + c if len(planes) > 1 else 0]
                layer.weight.data[out, c] = torch.tensor(plane).view(size, size)
    elif do == "transposed":
        layer = nn.ConvTranspose2d(channels, groups, size, stride, padding, dilation=dilation, groups=groups)
        for c in range(channels):
            layer.weight.data[c, 0] = torch.tensor(planes[c if len(planes) > 1 else 0]).view(size, size)
    elif do in ("max", "average", "global"):
        pools = {
            "max": lambda: nn.MaxPool2d(size, stride, padding, dilation),
            "average": lambda: nn.AvgPool2d(size, stride, padding),
            "global": lambda: nn.AdaptiveAvgPool2d(1),
        }
        parts["pool"] = pools[do]()
        return _named(target, nn.Sequential(parts))
    else:
        raise NoNumberError(f"{do!r} is no operation")
    assert layer.bias is not None
    layer.bias.data.fill_(how.get("bias") or 0.0)
    parts["conv"] = layer
    return _named(target, nn.Sequential(parts))


def _named(target: str, module: nn.Module) -> zoo.Network:
    return zoo.Network(target, "workshop", "workshop", module.eval(), None, (), None, (), None, "the factory's")
