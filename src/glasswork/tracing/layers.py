"""Torch's commonest layers, each of which is one call of one torch function: run and noted from outside.

A TorchFunctionMode is asked three times about a batch norm (for its input's `dim`, for the function, and when that
calls itself again), which costs more than the rest of the tracer. Where nothing but torch's own code would run inside a
layer, the call that its `forward` would make is made here. `tests/tracing/test_layers.py` holds each to torch's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules import module as torchs

from glasswork.tracing.moments import ORDINARY

LayerCall = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
"""The function, its arguments by position and by keyword, as a TorchFunctionMode would have been told of them."""

_PLAIN = ORDINARY | {type(None)}
_ABSENT = object()  # of a kind that is not plain: what is no parameter of the layer may stand anywhere in it


def layer_call(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> LayerCall | None:
    """The one call that `module(*args, **kwargs)` comes to; None where it may be more than that.

    It is more where the layer is a class of somebody's own, has hooks, was changed, is given anything but one plain
    tensor, or has weights of a kind that brings functions of its own.
    """
    kind = type(module)
    known = LAYERS.get(kind)
    if known is None or kwargs or len(args) != 1 or type(args[0]) is not torch.Tensor:
        return None
    call, forward = known
    own = module.__dict__
    if kind.forward is not forward or "forward" in own or own.get("_compiled_call_impl") is not None:
        return None
    if own["_forward_hooks"] or own["_forward_pre_hooks"] or own["_backward_hooks"] or own["_backward_pre_hooks"]:
        return None
    if torchs._global_forward_hooks or torchs._global_forward_pre_hooks:
        return None
    if torchs._global_backward_hooks or torchs._global_backward_pre_hooks or torch._C._len_torch_function_stack() > 1:
        return None
    return call(own, own["_parameters"], args[0])


def _conv2d(own: dict[str, Any], parameters: dict[str, Any], x: torch.Tensor) -> LayerCall | None:
    weight, bias = parameters.get("weight", _ABSENT), parameters.get("bias", _ABSENT)
    if own["padding_mode"] != "zeros" or type(weight) not in ORDINARY or type(bias) not in _PLAIN:
        return None
    geometry = (own["stride"], own["padding"], own["dilation"], own["groups"])
    return F.conv2d, (x, weight, bias, *geometry), {}


def _batch_norm2d(own: dict[str, Any], parameters: dict[str, Any], x: torch.Tensor) -> LayerCall | None:
    buffers = own["_buffers"]
    mean, variance = buffers.get("running_mean"), buffers.get("running_var")
    weight, bias = parameters.get("weight", _ABSENT), parameters.get("bias", _ABSENT)
    if own["training"] or type(mean) not in ORDINARY or type(variance) not in ORDINARY or x.dim() != 4:
        return None
    if type(weight) not in _PLAIN or type(bias) not in _PLAIN:
        return None
    momentum = own["momentum"] or 0.0
    named = {"weight": weight, "bias": bias, "training": False, "momentum": momentum, "eps": own["eps"]}
    return F.batch_norm, (x, mean, variance), named


def _relu(own: dict[str, Any], parameters: dict[str, Any], x: torch.Tensor) -> LayerCall | None:
    return F.relu, (x,), {"inplace": own["inplace"]}


def _linear(own: dict[str, Any], parameters: dict[str, Any], x: torch.Tensor) -> LayerCall | None:
    weight, bias = parameters.get("weight", _ABSENT), parameters.get("bias", _ABSENT)
    if type(weight) not in ORDINARY or type(bias) not in _PLAIN:
        return None
    return F.linear, (x, weight, bias), {}


def _layer_norm(own: dict[str, Any], parameters: dict[str, Any], x: torch.Tensor) -> LayerCall | None:
    weight, bias = parameters.get("weight", _ABSENT), parameters.get("bias", _ABSENT)
    if type(weight) not in _PLAIN or type(bias) not in _PLAIN:
        return None
    return F.layer_norm, (x, own["normalized_shape"]), {"weight": weight, "bias": bias, "eps": own["eps"]}


def _dropout(own: dict[str, Any], parameters: dict[str, Any], x: torch.Tensor) -> LayerCall | None:
    return F.dropout, (x,), {"p": own["p"], "training": own["training"], "inplace": own["inplace"]}


def _embedding(own: dict[str, Any], parameters: dict[str, Any], x: torch.Tensor) -> LayerCall | None:
    weight = parameters.get("weight", _ABSENT)
    if type(weight) not in ORDINARY:
        return None
    named = {key: own[key] for key in ("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")}
    return F.embedding, (x, weight), named


def _gelu(own: dict[str, Any], parameters: dict[str, Any], x: torch.Tensor) -> LayerCall | None:
    return F.gelu, (x,), {"approximate": own["approximate"]}


_CALLS: dict[type[nn.Module], Callable[..., LayerCall | None]] = {
    nn.Conv2d: _conv2d,
    nn.BatchNorm2d: _batch_norm2d,
    nn.ReLU: _relu,
    nn.Linear: _linear,
    nn.LayerNorm: _layer_norm,
    nn.Dropout: _dropout,
    nn.Embedding: _embedding,
    nn.GELU: _gelu,
}
LAYERS = {kind: (call, kind.forward) for kind, call in _CALLS.items()}
"""The kinds of layer that may be one call: what makes that of them, and torch's own forward."""
