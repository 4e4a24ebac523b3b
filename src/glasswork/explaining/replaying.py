"""An op run once more in fp64, on stand-ins for what it read.

Nothing of the run changes: what is written in place is a copy, the random state is put back. Where an author asked
for a narrower type (a cast, a softmax in fp32), fp64 stands in its place, so that the replay is the exact formula.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import torch

from glasswork.explaining.rules import arguments
from glasswork.explaining.written_out import WrittenOut, gumbel_softmax, in_plain_words
from glasswork.randomness import kept_random_state
from glasswork.tracing import NotKept, Op, Value, replace_values

StandIn = Callable[[Value], torch.Tensor]

_own_precision: ContextVar[bool] = ContextVar("own_precision", default=False)
_sources: WeakKeyDictionary[Op, tuple[Value, ...]] = WeakKeyDictionary()
_CASTS = ("float", "half", "bfloat16", "double", "cfloat", "chalf", "cdouble")
_STATISTICS = ("batch_norm", "instance_norm")
_SIDE_EFFECTS = ("setitem",)  # returns nothing: what it wrote on is the output


def is_float(value: Value) -> bool:
    """Whether numbers of this tensor can have slopes."""
    return value.dtype.is_floating_point or value.dtype.is_complex


@contextmanager
def own_precision() -> Iterator[None]:
    """Replays inside keep the types of the run, and its kernels: to see what their rounding did to a number."""
    token = _own_precision.set(True)
    try:
        yield
    finally:
        _own_precision.reset(token)


def keeps_precision() -> bool:
    """Whether replays keep the types of the run at this moment."""
    return _own_precision.get()


def wide(tensor: torch.Tensor) -> torch.Tensor:
    """A copy, in fp64 where it is floating point (complex128 where complex); under `own_precision` as it is."""
    tensor = tensor.detach()
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if keeps_precision():
        return tensor.clone()
    if tensor.dtype.is_complex:
        return tensor.to(torch.complex128, copy=True)
    return tensor.to(torch.float64, copy=True) if tensor.dtype.is_floating_point else tensor.clone()


def sources_of(op: Op) -> tuple[Value, ...]:
    """The floating operands of an op that its outputs can be differentiated by, once each, in order."""
    known = _sources.get(op)
    if known is None:
        known = tuple({id(value): value for value in op.operands if is_float(value)}.values())
        if len(known) > 1 and not _runs(op, known):  # torch knows no slopes by running statistics, by class weights
            known = tuple(value for value in known if _runs(op, (value,)))
        _sources[op] = known
    return known


def _runs(op: Op, leaves: Sequence[Value]) -> bool:
    def stand_in(value: Value) -> torch.Tensor:
        tensor = wide(value.tensor)
        return tensor.requires_grad_().clone() if any(value is leaf for leaf in leaves) else tensor

    try:
        with undisturbed(), torch.enable_grad():
            replay(op, stand_in)
    except NotKept:
        raise
    except Exception as error:
        return "not differentiable" not in str(error)
    return True


@contextmanager
def undisturbed() -> Iterator[None]:
    """Whatever mode the caller is in: no autocast, no inference mode, the random state kept, no chatter."""
    with (
        torch.inference_mode(mode=False),
        torch.autocast("cpu", enabled=False),
        kept_random_state(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # torch said it when the op ran
        yield


def replay(op: Op, stand_in: StandIn | None = None) -> list[torch.Tensor]:
    """The op's outputs again, in fp64.

    Args:
        stand_in: what to run on in place of an operand; asked once for each, and given to the op as it is, so it must
            not be a leaf that requires grad where the op writes in place. Without: an fp64 copy.
    """
    made: dict[int, torch.Tensor] = {}

    def operand(value: Value) -> torch.Tensor:
        if id(value) not in made:
            made[id(value)] = wide(value.tensor) if stand_in is None else stand_in(value)
        return made[id(value)]

    args = [replace_values(operand, _widened(item)) for item in op.args]
    kwargs = {key: replace_values(operand, _widened(item)) for key, item in op.kwargs.items()}
    kwargs.pop("out", None)
    kwargs.pop("generator", None)
    if op.random is not None:  # masks that are drawn inside: the same once more (`undisturbed` puts the state back)
        torch.set_rng_state(op.random)
    if op.name == "gumbel_softmax":  # fp64 draws other noise: it must fall as it fell
        return [gumbel_softmax(*args, **kwargs, drawn=op.operands[0].dtype)]
    if op.name in _CASTS and not keeps_precision():
        return [_cast(op.name, args[0])]
    if op.name in _STATISTICS and op.function is not torch.batch_norm and op.function is not torch.instance_norm:
        _forget_statistics(op, args, kwargs)
    if keeps_precision():
        output = op.function(*args, **kwargs)
    else:
        with WrittenOut():
            output = in_plain_words(op.function)(*args, **kwargs)
    if output is None or op.name in _SIDE_EFFECTS:
        output = args[0]
    return _tensors(output)


def _tensors(tree: Any) -> list[torch.Tensor]:
    if isinstance(tree, torch.Tensor):
        return [tree]
    if isinstance(tree, dict):
        return [tensor for item in tree.values() for tensor in _tensors(item)]
    if isinstance(tree, Sequence) and not isinstance(tree, str):
        return [tensor for item in tree for tensor in _tensors(item)]
    return []


def _widened(item: Any) -> Any:
    if isinstance(item, torch.dtype):
        if keeps_precision():
            return item
        if item.is_complex:
            return torch.complex128
        return torch.float64 if item.is_floating_point else item
    if type(item) in (list, tuple):
        return type(item)(map(_widened, item))
    return item


def _cast(name: str, tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(torch.complex128 if name.startswith("c") else torch.float64)


def _forget_statistics(op: Op, args: list[Any], kwargs: dict[str, Any]) -> None:
    """In training the running statistics are written, not read: autograd need not know of them."""
    if op.name == "batch_norm":
        trains = arguments(op, "input running_mean running_var weight bias training", training=False)["training"]
    else:
        names = "input running_mean running_var weight bias use_input_stats"
        trains = arguments(op, names, use_input_stats=True)["use_input_stats"]
    if trains:
        args[1:3] = [None] * len(args[1:3])
        kwargs.update({key: None for key in ("running_mean", "running_var") if key in kwargs})
