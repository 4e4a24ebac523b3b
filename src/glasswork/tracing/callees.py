"""What the tracer has to know of a torch function before it runs: its name, and what it may do. Looked up once."""

from __future__ import annotations

from collections.abc import Callable
from types import (
    BuiltinFunctionType,
    FunctionType,
    GetSetDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import Any, Literal

import torch

from glasswork.tracing.repeats import EXACT, EXACT_IF_DENSE, NUMERIC
from glasswork.tracing.writes import may_write, writes_always

Role = Literal["op", "unseen", "set", "lend", "get"]

# torch functions that return a tensor and yet compute nothing
_NOT_OPS = frozenset(["requires_grad_", "retain_grad", "register_hook", "backward", "share_memory_", "pin_memory"])
# asked for constantly, and never a tensor: not worth the bookkeeping
_QUESTIONS = frozenset(
    "size dim stride numel is_floating_point is_complex storage_offset element_size __len__ __bool__ item".split()  # noqa: SIM905 (one a line would fill the screen)
)
_UNSEEN = _NOT_OPS | _QUESTIONS
_IN_PLACE_OPERATORS = frozenset(
    ["add", "sub", "mul", "truediv", "div", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift", "matmul"]
)
# hand the memory itself to others, who may write there unseen
_LEND = frozenset(["numpy", "__array__", "__dlpack__", "data_ptr", "untyped_storage", "storage", "set_"])
# may draw masks or noise that nobody sees; where the generator stood gives them again
_DRAW_INSIDE = frozenset(
    "lstm gru rnn_tanh rnn_relu scaled_dot_product_attention multi_head_attention_forward gumbel_softmax".split()  # noqa: SIM905
)
_PLAIN_NAMES = {"max_pool1d_with_indices": "max_pool1d", "max_pool2d_with_indices": "max_pool2d"} | {
    "max_pool3d_with_indices": "max_pool3d",
    "rdiv": "rtruediv",
    "_threshold": "threshold",
}
_LASTING = (BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType, torch._ops.OpOverloadPacket)


class Callee:
    """One torch function.

    Attributes:
        name: the field's name of it, see `plain_name`.
        own: what torch calls it.
        role: "op"; or "unseen", "set" and "get" (of an attribute) and "lend", which compute nothing.
        writes: it overwrites its first argument.
        may_write: whether it overwrites anything depends on its arguments.
        draws: it may draw random numbers that nobody sees.
        statistics: the place of the argument that says whether it overwrites running statistics, if it has any.
        statistics_flag: what that is called.
        exact: run again it gives the same bits.
        exact_if_dense: it does where all that it reads is contiguous.
        numeric: exact, and what it makes is memory of its own, or its first argument's written over.
    """

    __slots__ = (
        "draws", "exact", "exact_if_dense", "may_write", "name", "numeric", "own", "role", "statistics",
        "statistics_flag", "writes",
    )  # fmt: skip

    def __init__(self, function: Callable[..., Any]) -> None:
        own: str = getattr(function, "__name__", "")
        self.own = own
        self.name = plain_name(function)
        self.role: Role = "op"
        if own in _UNSEEN:
            self.role = "unseen"
        elif own in ("__set__", "__get__"):
            self.role = "set" if own == "__set__" else "get"
        elif own in _LEND:
            self.role = "lend"
        self.writes = writes_always(own)
        self.may_write = may_write(own, function)
        self.statistics = 5 if own in ("batch_norm", "instance_norm") else None
        self.statistics_flag = "training" if own == "batch_norm" else "use_input_stats"
        self.draws = self.name in _DRAW_INSIDE
        self.exact = self.name in EXACT
        self.exact_if_dense = self.name in EXACT_IF_DENSE
        self.numeric = self.name in NUMERIC


class Callees(dict[Any, Callee]):
    """The callees by function; those of functions that last are remembered."""

    def __missing__(self, function: Callable[..., Any]) -> Callee:
        callee = Callee(function)
        if _lasts(function):
            self[function] = callee
        return callee


def _lasts(function: Callable[..., Any]) -> bool:
    """Whether this lives as long as torch does; others may be made anew for each call, and would pile up."""
    if isinstance(function, FunctionType):
        return str(function.__module__).partition(".")[0] == "torch" and "<locals>" not in function.__qualname__
    if isinstance(function, MethodWrapperType):  # Tensor.shape.__get__
        return isinstance(function.__self__, (GetSetDescriptorType, property))
    return isinstance(function, _LASTING)


def plain_name(function: Callable[..., Any]) -> str:
    """The field's name of a torch function: `__iadd__` is "add_", `__getitem__` "getitem", `Tensor.T` "T"."""
    name = getattr(function, "__name__", None) or str(function)
    if name == "__get__":  # a property that makes a tensor: x.T, x.real, x.data
        name = getattr(getattr(function, "__self__", None), "__name__", name)
    elif name.startswith("__i") and name[3:-2] in _IN_PLACE_OPERATORS:
        name = name[3:-2] + "_"
    name = name.removeprefix("__").removesuffix("__") if name.startswith("__") else name
    return _PLAIN_NAMES.get(name, name).split(".")[0]
