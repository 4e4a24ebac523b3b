"""The reader's own loop, unchanged: every call of a module is traced as it happens, its gradients as they pass."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, overload

import torch
from torch import nn

from glasswork.tracing.collector import collector_put_off
from glasswork.tracing.errors import NotTraceable
from glasswork.tracing.graph import Trace
from glasswork.tracing.inputs import feed, leaves
from glasswork.tracing.modules import watch_modules
from glasswork.tracing.names import Names
from glasswork.tracing.passing import PassingGradients
from glasswork.tracing.recipe import RandomState, Recipe, with_values
from glasswork.tracing.recorder import Keep, Recorder
from glasswork.tracing.run import _assemble, _detached, _failure, _traceable
from glasswork.tracing.values import Value, map_tensors
from glasswork.tracing.writes import tensors_in


@dataclass(eq=False, repr=False)
class RecordedTrace(Trace):
    """A trace of one call in somebody's own loop.

    Its gradients are there once their backward pass has gone through; what is computed after the call, a loss too, is
    not part of it. So a gradient begins with what comes back to the outputs.
    """

    _outside: dict[int, torch.Tensor] = field(default_factory=dict, repr=False)

    def seed(self, value: Value, index: tuple[int, ...]) -> float:
        """What came back to one number of the outputs from outside the call."""
        inside = self.around(value)
        if inside is not None:
            return inside.seed(value, index)
        gradient = self._outside.get(id(value))
        return 0.0 if gradient is None else gradient[index].item()


class Runs(Sequence[Trace]):
    """The calls that were recorded, the oldest of those kept first.

    Attributes:
        total: how many there were, those that are no longer kept included.
    """

    def __init__(self, last: int | None) -> None:
        self.total = 0
        self._kept: deque[tuple[Trace, PassingGradients | None]] = deque()
        self._last = last

    @overload
    def __getitem__(self, place: int) -> Trace: ...
    @overload
    def __getitem__(self, place: slice) -> list[Trace]: ...
    def __getitem__(self, place: int | slice) -> Trace | list[Trace]:
        if isinstance(place, slice):
            return [run for run, _ in self._kept][place]
        return self._kept[place][0]

    def __len__(self) -> int:
        return len(self._kept)

    def __repr__(self) -> str:
        return f"<{self.total} runs, the last {len(self)} kept>"

    def add(self, run: Trace, gradients: PassingGradients | None) -> None:
        """Keep one more, and let the oldest go where there are too many."""
        self.total += 1
        self._kept.append((run, gradients))
        while self._last is not None and len(self._kept) > self._last:
            _, old = self._kept.popleft()
            if old is not None:
                old.stop()

    def stop(self) -> None:
        """No gradient is waited for any longer."""
        for _, gradients in self._kept:
            if gradients is not None:
                gradients.stop()


@contextmanager
def record(module: nn.Module, *, last: int | None = 8, keep: Keep = "all", detail: str = "ops") -> Iterator[Runs]:
    """Trace every call of `module` inside the block: `with record(model) as runs: ...`, and the loop as it was.

    What the module returns, its gradients and the random state are those of the plain run. Where autograd is on, the
    gradients of all intermediates are noted when the loop calls backward inside the block (those of the inputs where
    they require grad). Parameters are copied at each call, so that training on does not change the past.

    Args:
        module: the one that the loop calls.
        last: how many calls to keep, the latest; None for all.
        keep: "all" values of a call, or as many bytes of them in memory.
        detail: "ops" or "aten".

    Yields:
        The runs; it fills up while the block runs, and stays afterwards.

    Raises:
        NotTraceable: for scripted modules and settings that do not exist. Errors of the module are its own, unchanged;
            the run up to there is kept, with its `failure`.
    """
    if last is not None and last < 1:
        raise NotTraceable(f"last={last} would keep nothing", where="gw.record", todo="keep 1 or more")
    module = _traceable(module, detail, keep)
    Names.of(module)  # refuses what can't be traced before the loop begins
    runs = Runs(last)
    plain = module.forward
    own = "forward" in vars(module)
    busy = False

    def forward(*args: Any, **kwargs: Any) -> Any:
        nonlocal busy
        if busy:  # the module calls itself: part of the call that is recorded
            return plain(*args, **kwargs)
        busy = True
        try:
            return _traced(module, plain, args, kwargs, keep, detail, runs)
        finally:
            busy = False

    module.forward = forward
    try:
        yield runs
    finally:
        if own:
            module.forward = plain
        else:
            del module.forward
        runs.stop()


def _traced(
    module: nn.Module, plain: Any, args: tuple[Any, ...], kwargs: dict[str, Any], keep: Keep, detail: str, runs: Runs
) -> Any:
    gradients = PassingGradients() if torch.is_grad_enabled() else None
    names = Names.of(module)
    state = RandomState.now()
    recorder = Recorder(names, keep, gradients, None, None, None, detail == "aten")
    empty = Trace(type(module).__name__, training=module.training, backward=gradients is not None, detail=detail)
    arguments, by_keyword, values = feed(args, kwargs, recorder.moments, False)
    given = with_values((*args, dict(kwargs)), values)
    settings = {"loss": None, "backward": False, "detail": detail, "keep": keep, "after": None}
    recipe = Recipe(module, given[:-1], settings, state, names.modes, given[-1])
    parts: dict[str, Any] = {"inputs": values, "recipe": recipe}
    if gradients is not None:
        for tensor in {id(tensor): tensor for tensor in tensors_in([arguments, by_keyword])}.values():
            if tensor.requires_grad:
                gradients.pass_through(tensor, recorder.moments.value_of(tensor))
    start = time.perf_counter()
    try:
        with collector_put_off(), watch_modules(recorder), recorder:
            recorder.enter(module)
            try:
                output = plain(*arguments, **by_keyword)
            except BaseException as error:
                recorder.leave(module, None, error)
                raise
            recorder.leave(module, output, None)
    except Exception as error:
        run = _assemble(names, empty, recorder, failure=_failure(error, recorder), **parts)
        runs.add(_recorded(run, module, {}), gradients)
        raise
    parts |= {"seconds": time.perf_counter() - start, "output": _detached(output)}
    parts["outputs"] = [recorder.moments.value_of(tensor) for tensor in leaves(output)]
    run = _assemble(names, empty, recorder, **parts)
    outside: dict[int, torch.Tensor] = {}
    output = _listened(output, run, gradients, outside)
    runs.add(_recorded(run, module, outside), gradients)
    return output


def _listened(output: Any, run: Trace, gradients: PassingGradients | None, outside: dict[int, torch.Tensor]) -> Any:
    """The output, watched for what comes back to it from outside the call.

    A tensor that is read inside as well is handed out as an alias, whose gradient is the outside's alone.
    """
    if gradients is None:
        return output
    aliases: dict[int, torch.Tensor] = {}
    for tensor, value in zip(leaves(output), run.outputs, strict=True):
        if not tensor.requires_grad or tensor.is_leaf or id(tensor) in aliases:
            continue
        listened = tensor.view_as(tensor) if run.readers(value) else tensor
        aliases[id(tensor)] = listened
        gradients.watch(listened, partial(outside.__setitem__, id(value)))
    return map_tensors(lambda tensor: aliases.get(id(tensor), tensor), output)


def _recorded(run: Trace, module: nn.Module, outside: dict[int, torch.Tensor]) -> RecordedTrace:
    """The trace, cut loose from what the loop may write on next: parameters, buffers and what was returned."""
    own = {id(tensor) for tensor in (*module.parameters(), *module.buffers())}
    copies: dict[int, torch.Tensor] = {}

    def cut(value: Value) -> None:
        held = value.held
        if held is not None and id(held) in own:
            if id(held) not in copies:
                copies[id(held)] = held.detach().clone()
            value.held = copies[id(held)]

    for value in (*run.parameters.values(), *run.buffers.values()):
        cut(value)
    for op in run.ops:
        for value in (*op.operands, *op.outputs):
            cut(value)
    for value in run.outputs:
        if value.held is not None and value.kind == "op":
            value.held = value.held.detach().clone()
    for tensor in leaves(run.output):
        tensor.data = tensor.data.clone()  # detached before: nobody else's
    parts = {part.name: getattr(run, part.name) for part in fields(Trace) if part.init}
    return RecordedTrace(**parts, _outside=outside)
