"""Normalisations, written out: mean, variance, normalised, scaled and shifted.

Batch: S. Ioffe and C. Szegedy, 2015, https://arxiv.org/abs/1502.03167. Layer: J. Ba et al., 2016,
https://arxiv.org/abs/1607.06450. Instance: D. Ulyanov et al., 2016, https://arxiv.org/abs/1607.08022. Group: Y. Wu and
K. He, 2018, https://arxiv.org/abs/1803.08494. Root mean square: B. Zhang and R. Sennrich, 2019,
https://arxiv.org/abs/1910.07467.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from glasswork.tracing.ops import Op
from glasswork.tracing.rebuilding.composing import Composer
from glasswork.tracing.rebuilding.rebuilt import Composed, bound, composes
from glasswork.tracing.values import Value


@composes("layer_norm")
def _layer(c: Composer, op: Op) -> Composed:
    given = bound(op, "input normalized_shape weight bias eps", eps=1e-5)
    x = c.given(given["input"])
    axes = tuple(range(-len(given["normalized_shape"]), 0))
    normalised = _normalised(c, x, _own_moments(c, x, axes), given["eps"])
    return Composed([_scaled(c, normalised, given["weight"], given["bias"], None)])


@composes("rms_norm")
def _root_mean_square(c: Composer, op: Op) -> Composed:
    given = bound(op, "input normalized_shape weight eps")
    x = c.given(given["input"])
    eps = torch.finfo(x.dtype).eps if given["eps"] is None else given["eps"]
    squares = c("squares", torch.mul, x, x)
    mean = c("mean_square", torch.mean, squares, tuple(range(-len(given["normalized_shape"]), 0)), keepdim=True)
    inverse = c("inverse_root", torch.rsqrt, c("mean_square_plus_eps", torch.add, mean, eps))
    normalised = c("normalised", torch.mul, x, inverse)
    return Composed([_scaled(c, normalised, given["weight"], None, None)])


@composes("batch_norm")
def _batch(c: Composer, op: Op) -> Composed:
    if op.function is torch.batch_norm:
        given = bound(op, "input weight bias running_mean running_var training momentum eps cudnn_enabled")
    else:
        given = bound(op, "input running_mean running_var weight bias training momentum eps", eps=1e-5)
    x = c.given(given["input"])
    if given["training"] or given["running_mean"] is None:
        moments = _own_moments(c, x, tuple(axis for axis in range(len(x.shape)) if axis != 1))
    else:
        moments = _kept_moments(c, x, given["running_mean"], given["running_var"])
    normalised = _normalised(c, x, moments, given["eps"])
    return Composed([_scaled(c, normalised, given["weight"], given["bias"], _by_channel(x))])


@composes("instance_norm")
def _instance(c: Composer, op: Op) -> Composed:
    names = "input running_mean running_var weight bias use_input_stats momentum eps"
    if op.function is torch.instance_norm:
        names = "input weight bias running_mean running_var use_input_stats momentum eps cudnn_enabled"
    given = bound(op, names, use_input_stats=True, eps=1e-5)
    x = c.given(given["input"])
    if given["use_input_stats"]:
        moments = _own_moments(c, x, tuple(range(2, len(x.shape))))
    else:
        moments = _kept_moments(c, x, given["running_mean"], given["running_var"])
    normalised = _normalised(c, x, moments, given["eps"])
    return Composed([_scaled(c, normalised, given["weight"], given["bias"], _by_channel(x))])


@composes("group_norm")
def _group(c: Composer, op: Op) -> Composed:
    given = bound(op, "input num_groups weight bias eps", eps=1e-5)
    x, groups = c.given(given["input"]), given["num_groups"]
    grouped = c("by_group", torch.reshape, x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))
    moments = _own_moments(c, grouped, tuple(range(2, len(grouped.shape))))
    normalised = _normalised(c, grouped, moments, given["eps"])
    by_channel = c("normalised_by_channel", torch.reshape, normalised, x.shape)
    return Composed([_scaled(c, by_channel, given["weight"], given["bias"], _by_channel(x))])


def _own_moments(c: Composer, x: Value, axes: Sequence[int]) -> tuple[Value, Value]:
    """The mean over some axes, and x with it taken away; the variance is made of the latter."""
    mean = c("mean", torch.mean, x, tuple(axes), keepdim=True)
    centred = c("centred", torch.sub, x, mean)
    squares = c("squares", torch.mul, centred, centred)
    return centred, c("variance", torch.mean, squares, tuple(axes), keepdim=True)


def _kept_moments(c: Composer, x: Value, mean: Value, variance: Value) -> tuple[Value, Value]:
    shape = _by_channel(x)
    centred = c("centred", torch.sub, x, c("mean", torch.reshape, c.given(mean), shape))
    return centred, c("variance", torch.reshape, c.given(variance), shape)


def _by_channel(x: Value) -> tuple[int, ...]:
    return (1, x.shape[1], *[1] * (len(x.shape) - 2))


def _normalised(c: Composer, x: Value, moments: tuple[Value, Value], eps: float) -> Value:
    centred, variance = moments
    inverse = c("inverse_deviation", torch.rsqrt, c("variance_plus_eps", torch.add, variance, eps))
    return c("normalised", torch.mul, centred, inverse)


def _scaled(c: Composer, x: Value, weight: Value | None, bias: Value | None, shape: tuple[int, ...] | None) -> Value:
    """Times the weight, plus the bias; `shape` is how a vector of channels meets x."""

    def fit(value: Value, name: str) -> Value:
        return c.given(value) if shape is None else c(name, torch.reshape, c.given(value), shape)

    if weight is not None:
        x = c("scaled", torch.mul, x, fit(weight, "weight"))
    return x if bias is None else c("shifted", torch.add, x, fit(bias, "bias"))
