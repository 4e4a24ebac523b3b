"""What a network is run on when nobody gave it anything: its own example, or numbers that its layers suggest."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from glasswork.errors import GlassworkError
from glasswork.zoo import Network

SEED = 0
LENGTH = 16  # of a made-up sequence
SIDES = (224, 64, 32, 28, 16, 8)  # of a made-up picture, the first that runs
PATIENCE = 1.0  # seconds
_known: WeakKeyDictionary[nn.Module, Example] = WeakKeyDictionary()


@dataclass(frozen=True)
class Example:
    """What a module can be called with.

    Attributes:
        name: "random" or "example_input_array".
        about: what there is to say of it.
        tensors: the arguments of the module.
        proven: whether the module ran to its end with them.
    """

    name: str
    about: str
    tensors: tuple[Tensor, ...]
    proven: bool = True


def made_up(network: Network, patience: float | None = None) -> Example:
    """The first made-up input with which the module runs; tried once for each module.

    Args:
        network: what is to run.
        patience: seconds after which a trial that has met no error ends early: what follows is the same run again.
            None: every trial goes to its end.

    Raises:
        GlassworkError: nothing that its layers suggest runs through it.
    """
    own = getattr(network.module, "example_input_array", None)  # the name that Lightning gave it
    if own is not None:
        tensors = (own,) if isinstance(own, Tensor) else tuple(own)
        return Example("example_input_array", "the module's own example", tensors)
    known = _known.get(network.module)
    if known is not None and (known.proven or patience is not None):
        return known
    for tensor in _candidates(network.module):
        proven = True
        try:
            with torch.inference_mode(), nullcontext() if patience is None else _Trial(patience):
                network.module(tensor)
        except _LongEnough:
            proven = False
        except Exception:  # another shape, another signature: the code is the reader's
            continue
        about = f"made-up numbers, {_shape(tensor)} (seed {SEED})"
        found = _known[network.module] = Example("random", about, (tensor.clone(),), proven)
        return found
    raise GlassworkError(
        f"nothing says what {network.name} takes",
        where=network.target,
        why="no input that its layers suggest runs through it",
        todo="Set example_input_array on the module, or call glasswork.trace(module, *inputs) in Python.",
    )


class _LongEnough(BaseException):  # no Exception: the module's own code must not catch it
    """A trial has run for long enough."""


class _Trial(TorchFunctionMode):
    """Ends a run after so many seconds."""

    def __init__(self, patience: float) -> None:
        super().__init__()
        self._end = time.monotonic() + patience

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        if time.monotonic() > self._end:
            raise _LongEnough
        return func(*args, **(kwargs or {}))


def first_guess(network: Network) -> Example | None:
    """The first input that its layers suggest, whether it runs or not; None where they suggest none."""
    tensor = next(_candidates(network.module), None)
    if tensor is None:
        return None
    about = f"made-up numbers, {_shape(tensor)} (seed {SEED}): a guess, and it does not run"
    return Example("random", about, (tensor,))


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape))


def _candidates(module: nn.Module) -> Iterator[Tensor]:
    """Inputs that the layers suggest, in their order."""
    for part in itertools.islice(module.modules(), 64):
        generator = torch.Generator().manual_seed(SEED)
        if isinstance(part, nn.Embedding):
            yield torch.randint(part.num_embeddings, (1, LENGTH), generator=generator)
        elif isinstance(part, nn.Linear):
            yield torch.randn(1, part.in_features, generator=generator)
            yield torch.randn(1, LENGTH, part.in_features, generator=generator)
        elif isinstance(part, nn.RNNBase):
            yield torch.randn(1, LENGTH, part.input_size, generator=generator)
        elif isinstance(part, nn.Conv1d):
            for side in SIDES:
                yield torch.randn(1, part.in_channels, side, generator=generator)
        elif isinstance(part, nn.Conv2d):
            for side in SIDES:
                yield torch.randn(1, part.in_channels, side, side, generator=generator)
