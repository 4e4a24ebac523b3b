"""Which tensors a call is about to overwrite.

Seen from the function as its author wrote it: torch marks in-place functions by a trailing underscore, an `inplace`
or an `out` argument, or Python's own operators. Batch norm's running statistics change without any such mark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

_OPERATORS = frozenset(
    f"__{operator}__"
    for operator in (
        *("setitem", "iadd", "isub", "imul", "itruediv", "idiv", "ifloordiv", "imod", "ipow"),
        *("iand", "ior", "ixor", "ilshift", "irshift", "imatmul"),
    )
)


def tensors_in(tree: Any) -> list[torch.Tensor]:
    """The tensors in nested lists, tuples and dicts, in order."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    if isinstance(tree, Mapping):
        return [tensor for item in tree.values() for tensor in tensors_in(item)]
    if isinstance(tree, (tuple, list)):
        return [tensor for item in tree for tensor in tensors_in(item)]
    return []


def writes_always(name: str) -> bool:
    """Whether a function of this name overwrites its first argument whatever else it is given."""
    return name in _OPERATORS or (name[-1:] == "_" and name[-2:] != "__")


def may_write(name: str, function: Callable[..., Any]) -> bool:
    """Whether it depends on its positional arguments, or on its schema, what a function overwrites."""
    return name in ("batch_norm", "instance_norm") or isinstance(
        function, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)
    )


def about_to_write(
    name: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[torch.Tensor]:
    """The tensors that `function(*args, **kwargs)`, called `name` in torch, overwrites; most often none."""
    if writes_always(name):
        return tensors_in(args[0]) if args else tensors_in(kwargs.get("input", kwargs.get("self")))
    if kwargs:
        if kwargs.get("inplace") and args:
            return tensors_in(args[0])
        if kwargs.get("out") is not None:
            return tensors_in(kwargs["out"])
        if name == "embedding" and kwargs.get("max_norm") is not None and len(args) > 1:
            return tensors_in(args[1])  # renormalises the rows that it reads
    if name in ("batch_norm", "instance_norm"):
        return _running_statistics(name, function, args, kwargs)
    if isinstance(function, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)):
        return _by_schema(function, args, kwargs)
    return []


def _running_statistics(
    name: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[torch.Tensor]:
    if function is torch.batch_norm:  # (input, weight, bias, mean, variance, training, momentum, eps, cudnn)
        return tensors_in(args[3:5]) if len(args) > 5 and args[5] else []
    flag = "training" if name == "batch_norm" else "use_input_stats"
    position = 5  # (input, running_mean, running_var, weight, bias, training, momentum, eps)
    default = name == "instance_norm"
    updates = args[position] if len(args) > position else kwargs.get(flag, default)
    both = [*args[1:3], kwargs.get("running_mean"), kwargs.get("running_var")]
    return tensors_in(both) if updates else []


def _by_schema(
    function: torch._ops.OpOverload | torch._ops.OpOverloadPacket, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[torch.Tensor]:
    overloads = [function]
    if isinstance(function, torch._ops.OpOverloadPacket):
        overloads = [getattr(function, overload) for overload in function.overloads()]
    if any(getattr(overload._schema, "is_mutable", True) for overload in overloads):
        return tensors_in([args, kwargs])  # which of them depends on the overload: copying too much is only slow
    return []
