"""Torch's functions by name, and back. What is not on the list is never looked up, imported or called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NoReturn

import torch
from torch.overrides import get_overridable_functions, resolve_name

from glasswork.tracing.errors import NotTraceable

# they compute nothing: they reach for files, devices, other processes, memory as it lies, or somebody's Python
_REFUSED = frozenset(
    "from_file save load tofile share_memory_ is_shared set_ resize_ resize_as_ numpy apply_ map_ map2_ backward "  # noqa: SIM905
    "storage untyped_storage data_ptr register_hook register_post_accumulate_grad_hook pin_memory __reduce_ex__ "
    "__reduce__ __setstate__ __deepcopy__ __dlpack__ __cuda_array_interface__ module_load frombuffer "
    "from_dlpack __array__ __array_wrap__ tolist item _make_wrapper_subclass _make_subclass set_data".split()
)
# seen by the tracer, but not among those that torch lets others override
_CREATING = (
    "zeros ones full empty arange range linspace logspace eye rand randn randint randperm tensor as_tensor normal "  # noqa: SIM905
    "scalar_tensor complex polar tril_indices triu_indices hann_window hamming_window blackman_window bartlett_window "
    "kaiser_window vander empty_strided sparse_coo_tensor".split()
)
_CREATING_ALIKE = ("new_zeros", "new_ones", "new_full", "new_empty", "new_tensor")
_RECURRENT = "lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell".split()  # noqa: SIM905
_FUSED = ("_transformer_encoder_layer_fwd", "_native_multi_head_attention")
_NAMESPACES = ("aten", "prims", "torchvision")
_OVERLOAD = re.compile(r"(\w+)::(\w+)(?:\.(\w+))?")


class Unknown:
    """Stands for a function that is not on the list: it has a name, and can't be called.

    Attributes:
        name: what it was called where the trace was made.
    """

    def __init__(self, name: str) -> None:
        self.name = self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse.

        Raises:
            NotTraceable: always.
        """
        raise NotTraceable(
            f"{self.name} can't be run",
            where="a trace that was read from a file",
            why="only torch's own functions are looked up by name",
            todo="trace the module itself",
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


def name_of(function: Callable[..., Any]) -> str:
    """What a function goes by in a file: "torch.nn.functional.relu", "torch.Tensor.add", "aten::add.Tensor"."""
    if isinstance(function, Unknown):
        return function.name
    if isinstance(function, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)):
        name = str(function._name if isinstance(function, torch._ops.OpOverload) else function._qualified_op_name)
        return name if "." in name or isinstance(function, torch._ops.OpOverloadPacket) else f"{name}.default"
    found = _names().get(_Same(function))
    return found or str(getattr(function, "__name__", None) or type(function).__name__)


def function_of(name: str) -> Callable[..., Any]:
    """The function of that name, or an Unknown."""
    found = _functions().get(name)
    if found is not None:
        return found
    parts = _OVERLOAD.fullmatch(name)
    if parts is None or parts[1] not in _NAMESPACES or _is_refused(parts[2]):
        return Unknown(name)
    packet = getattr(getattr(torch.ops, parts[1]), parts[2], None)  # looks up what is registered, imports nothing
    function = packet if parts[3] is None else getattr(packet, parts[3], None)
    return function if isinstance(function, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)) else Unknown(name)


class _Same:
    """Equal for the same function; torch makes some of them anew each time that they are asked for."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __hash__(self) -> int:
        return hash(self._function)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._function == other._function


def _is_refused(name: str) -> bool:
    return name in _REFUSED or name.startswith("_cuda") or name.endswith("_hooks")


def _listed() -> Iterator[tuple[str, Callable[..., Any]]]:
    for functions in get_overridable_functions().values():
        for function in functions:
            name = resolve_name(function)
            if name is not None and not any(_is_refused(part) for part in name.split(".")):
                yield name, function
    for name in _CREATING_ALIKE:
        yield f"torch.Tensor.{name}", getattr(torch.Tensor, name)
    for name in (*_CREATING, *_RECURRENT, *_FUSED):
        if hasattr(torch, name):
            yield f"torch.{name}", getattr(torch, name)


@cache
def _functions() -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for name, function in _listed():
        found.setdefault(name, function)
    return found


@cache
def _names() -> dict[_Same, str]:
    found: dict[_Same, str] = {}
    for name, function in _functions().items():
        found.setdefault(_Same(function), name)
    return found
