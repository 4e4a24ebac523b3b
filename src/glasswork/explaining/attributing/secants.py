"""Slopes over a step instead of at a point: what a function of one number did on the way from each input to the next.

Between two inputs, a threshold has no one slope, but it has a mean one: (f(b) - f(a)) / (b - a). A chain rule of these
gives, through a network of sums and such functions, multipliers that add up to exactly what its output changed by. That
is the rescale rule of A. Shrikumar et al., "Learning Important Features Through Propagating Activation Differences"
(DeepLIFT), 2017, https://arxiv.org/abs/1704.02685, section 3.5.1; as the steps get short it becomes the chain rule.

Of a largest of several, the mean slope belongs to what was largest before for the part of the step until what is
largest after overtakes it, and to that for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

_POINTWISE = frozenset(
    (
        *(torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu, F.relu6, F.hardtanh),
        *(F.gelu, F.silu, F.elu, F.leaky_relu, F.softplus, F.hardswish, F.hardsigmoid, F.mish),
        *(torch.tanh, Tensor.tanh, torch.sigmoid, Tensor.sigmoid),
    )
)
"""Functions of one number each, whose mean slope is taken; anything else is differentiated where it stands."""


class Secants(TorchFunctionMode):
    """Inside, the rows of a batch are a path: backward, row i gets mean slopes from row i - 1, and row 0 none."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is F.max_pool2d and not kwargs.get("return_indices"):
            return _SecantMax.apply(args[0], args[1:], kwargs)
        if func not in _POINTWISE or not args:
            return func(*args, **kwargs)
        x, *rest = args
        kwargs.pop("inplace", None)
        # A function whose arguments end with `inplace` has it last, and a boolean only there.
        settings = [value for value in rest if not isinstance(value, bool)]
        plain = {torch.relu_: torch.relu, Tensor.relu_: torch.relu}.get(func, func)
        return _Secant.apply(x, lambda z: plain(z, *settings, **kwargs))


class _Secant(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        with torch._C.DisableTorchFunction():
            y = function(x)
        ctx.save_for_backward(x, y)
        ctx.function = function
        return y

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, y = ctx.saved_tensors
        along, up = x[1:] - x[:-1], y[1:] - y[:-1]
        with torch.enable_grad(), torch._C.DisableTorchFunction():
            still = x[1:].detach().requires_grad_()
            (here,) = torch.autograd.grad(ctx.function(still).sum(), still)
        mean = torch.where(along == 0, here, up / along)
        return torch.cat([torch.zeros_like(slope[:1]), slope[1:] * mean]), None


class _SecantMax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, settings: Sequence[Any], named: dict[str, Any]) -> Tensor:
        with torch._C.DisableTorchFunction():
            y, places = F.max_pool2d(x, *settings[:5], **{**named, "return_indices": True})
        ctx.save_for_backward(x, places)
        return y

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, places = ctx.saved_tensors
        flat, at = x.flatten(2), places.flatten(2)
        left, right, before, after = flat[:-1], flat[1:], at[:-1], at[1:]
        ahead = left.gather(2, before) - left.gather(2, after)  # by so much it was larger
        behind = right.gather(2, after) - right.gather(2, before)
        apart = ahead + behind
        until = torch.where(apart > 0, ahead / apart, torch.full_like(apart, 0.5))
        arriving = slope.flatten(2)[1:]
        found = torch.zeros_like(flat)
        found[1:].scatter_add_(2, before, arriving * until)
        found[1:].scatter_add_(2, after, arriving * (1 - until))
        return found.view_as(x), None, None
