"""Thresholds that let an ascent begin where all of them are shut: there every slope is zero, and leads nowhere.

As in Lucid, which C. Olah, A. Mordvintsev, L. Schubert, "Feature Visualization", 2017, was made with: where nothing
would come through a layer, what would open it does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

_THRESHOLDS = frozenset(
    (torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu, F.relu6, F.hardtanh)  # those with flat ends
)


class Redirected(TorchFunctionMode):
    """Inside, what is minimised finds its way through layers whose thresholds are all shut."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func not in _THRESHOLDS or not args:
            return func(*args, **kwargs)
        x, *rest = args
        kwargs.pop("inplace", None)
        settings = [value for value in rest if not isinstance(value, bool)]
        plain = {torch.relu_: torch.relu, Tensor.relu_: torch.relu}.get(func, func)
        return _Redirected.apply(x, lambda z: plain(z, *settings, **kwargs))


class _Redirected(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        with torch._C.DisableTorchFunction():
            y = function(x)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, y = ctx.saved_tensors
        nothing = torch.zeros_like(slope)
        through = torch.where(x == y, slope, nothing)
        if through.any():
            return through, None
        opens = ((x < y) & (slope < 0)) | ((x > y) & (slope > 0))
        return torch.where(opens, slope, nothing), None
