"""Glasswork trains, runs and shows the inside of deep networks.

import glasswork as gw

net = gw.load("tiny-vgg-emoji")
trace = gw.trace(net, *net.preprocess(picture).inputs)
gw.explain(trace, "block1.conv1", (0, 3, 7, 7))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from glasswork.errors import GlassworkError
from glasswork.version import __version__

if TYPE_CHECKING:
    from glasswork import networks
    from glasswork._trace import record, trace
    from glasswork.explaining import explain
    from glasswork.explaining.attributing import grad_cam, integrated_gradients, occlusion
    from glasswork.tracing import compare, open_trace, profile, rerun
    from glasswork.training import watch
    from glasswork.zoo import load

__all__ = [
    "GlassworkError",
    "__version__",
    "compare",
    "explain",
    "grad_cam",
    "integrated_gradients",
    "load",
    "networks",
    "occlusion",
    "open_trace",
    "profile",
    "record",
    "rerun",
    "trace",
    "watch",
]

_HOMES = {
    "compare": "tracing",
    "explain": "explaining",
    "grad_cam": "explaining.attributing",
    "integrated_gradients": "explaining.attributing",
    "load": "zoo",
    "occlusion": "explaining.attributing",
    "open_trace": "tracing",
    "profile": "tracing",
    "record": "_trace",
    "rerun": "tracing",
    "trace": "_trace",
    "watch": "training",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when they are first used: torch takes seconds to load."""
    if name == "networks":
        return importlib.import_module("glasswork.networks")
    if name in _HOMES:
        found = getattr(importlib.import_module(f"glasswork.{_HOMES[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'glasswork' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
