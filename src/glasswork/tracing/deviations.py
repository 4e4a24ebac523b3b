"""Where a traced run can not be the plain one to the bit: PyTorch's fused fast paths, which any tracer turns off.

`nn.MultiheadAttention`, `nn.TransformerEncoderLayer` and `nn.TransformerEncoder` run as one kernel in evaluation mode
without gradients, unless a TorchFunctionMode looks on (pytorch#106302). By how much that changes their output is found
when somebody asks: the module runs once more on what it was given, with nobody looking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from glasswork.tracing.values import Value, map_tensors, replace_values
from glasswork.tracing.writes import tensors_in

FUSED = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerEncoder)
"""Modules that may take a fused kernel."""
_KERNELS = ("aten::_native_multi_head_attention", "aten::_transformer_encoder_layer_fwd")


@dataclass(frozen=True, slots=True)
class Deviation:
    """A module whose plain run takes a fused kernel that the traced run could not.

    Attributes:
        module: its path.
        number: the how-manieth call of it.
        kernel: what the plain run calls.
        difference: the largest absolute difference between the outputs of the two, on what this call was given.
    """

    module: str
    number: int
    kernel: str
    difference: float

    def __str__(self) -> str:
        call = "" if self.number == 1 else f"#{self.number}"
        return f"{self.module or 'the root'}{call} without {self.kernel}: {self.difference:.1e}"


@dataclass(slots=True, eq=False)
class Suspect:
    """A call that may have lost its fast path.

    Attributes:
        module: the module.
        path: where it stands.
        number: the how-manieth call of it.
        args: what it was given, each tensor replaced by its Value.
        kwargs: likewise.
        outputs: what it returned, once it has.
    """

    module: nn.Module
    path: str
    number: int
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    outputs: Sequence[Value] = ()

    def deviation(self) -> Deviation | None:
        """Run the module again, plainly; None if it takes no fused kernel, as most calls don't."""
        args = replace_values(lambda value: value.tensor, tuple(self.args))
        kwargs = replace_values(lambda value: value.tensor, dict(self.kwargs))
        with torch.no_grad():
            with _Kernels() as seen:
                output = self.module.forward(*args, **kwargs)
            if not seen.kernels:
                return None
        pairs = list(zip(tensors_in(output), self.outputs, strict=False))
        difference = max((_apart(plain, value.tensor) for plain, value in pairs), default=0.0)
        return Deviation(self.path, self.number, seen.kernels[0].removeprefix("aten::"), difference)


def suspect(
    module: nn.Module, path: str, number: int, args: Sequence[Any], kwargs: Mapping[str, Any], value_of: Any
) -> Suspect | None:
    """Note a call that may lose its fast path, before it runs; None for all others."""
    if not isinstance(module, FUSED) or module.training or torch.is_grad_enabled():
        return None
    if not torch.backends.mha.get_fastpath_enabled():
        return None
    return Suspect(module, path, number, map_tensors(value_of, tuple(args)), map_tensors(value_of, dict(kwargs)))


class _Kernels(TorchDispatchMode):
    """Which fused kernels run."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        if name in _KERNELS:
            self.kernels.append(name)
        return func(*args, **(kwargs or {}))


def _apart(plain: torch.Tensor, traced: torch.Tensor) -> float:
    if plain.shape != traced.shape:
        return float("inf")
    return (plain.double() - traced.double()).abs().max().item() if plain.numel() else 0.0
