"""Run a module once and keep what happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from glasswork.tracing.allocator import WORTH_KEEPING, asked_already, keep_freed_memory
from glasswork.tracing.calls import op_of
from glasswork.tracing.collector import collector_put_off
from glasswork.tracing.edits import Edits
from glasswork.tracing.errors import Cancelled, NoRoom, NotTraceable, TraceFailed
from glasswork.tracing.gradients import Gradients
from glasswork.tracing.graph import Failure, Trace
from glasswork.tracing.inputs import feed, leaves
from glasswork.tracing.mismatch import mismatch
from glasswork.tracing.modules import watch_modules
from glasswork.tracing.names import Names
from glasswork.tracing.recipe import RandomState, Recipe, with_values
from glasswork.tracing.recorder import Cancel, Keep, Recorder
from glasswork.tracing.source import Source, owner

Loss = None | tuple[int, ...] | Callable[[Any], torch.Tensor | tuple[int, ...]]


def trace(
    module: nn.Module,
    *inputs: Any,
    kwargs: Mapping[str, Any] | None = None,
    loss: Loss = None,
    backward: bool = False,
    detail: str = "ops",
    keep: Keep = "all",
    after: Callable[[Any], Any] | None = None,
    cancel: Cancel | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Run `module(*inputs)` once, in the module's own mode, and record every op.

    The outputs, gradients, module state and random state are those of the plain run, bit for bit.

    Args:
        module: any nn.Module whose Python code runs; what torch.compile wrapped is unwrapped.
        inputs: what its forward takes: tensors, or lists, tuples and dicts of them.
        kwargs: what it takes by keyword, likewise; their names in the trace are "input.KEY".
        loss: the number to differentiate. None: the sum of the output; a tuple: one element of it, such as (0, 4);
            a function of the output, whose own ops are recorded at the root; it may also return such a tuple.
        backward: collect d(loss)/d(value) for every input, parameter and intermediate; without it autograd is off.
        detail: "ops", what the author wrote; "aten": also the aten ops that each is made of, as its `children`.
        keep: "all" the values, "none", or as many bytes of them as this; statistics are always there.
        after: is called with the module's output inside the trace; its ops stand at the root, ":softmax" for a softmax.
        cancel: asked before every op, a function or an Event; the trace then ends with Cancelled.
        progress: called after every op with the number of ops done.

    Returns:
        The trace. It aliases the parameters (no copy): train on, and `trace.parameters` show the new values.

    Raises:
        NotTraceable: for scripted modules, and details that do not exist.
        TraceFailed: if the module raises; `error.trace` is the trace up to there, the exception is its cause.
        Cancelled: if `cancel` says so.
    """
    return trace_edited(
        module, inputs, kwargs or {}, loss, backward, detail, keep, after, cancel=cancel, progress=progress
    )


def begin_trace(
    module: nn.Module,
    *inputs: Any,
    loss: Loss = None,
    backward: bool = False,
    after: Callable[[Any], Any] | None = None,
    cancel: Cancel | None = None,
    progress: Callable[[int], None] | None = None,
) -> Begun:
    """`trace`, up to the end of the forward: its values can be looked at while the gradients are still to come.

    Args and errors: as of `trace`.
    """
    with collector_put_off():
        return _begin(module, inputs, {}, loss, backward, "ops", "all", after, None, cancel, progress)


def trace_edited(
    module: nn.Module,
    inputs: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    loss: Loss,
    backward: bool,
    detail: str,
    keep: Keep,
    after: Callable[[Any], Any] | None,
    *,
    edits: Edits | None = None,
    cancel: Cancel | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """`trace`, with edits of what ops return; `rerun` is what a reader calls."""
    with collector_put_off():
        return _begin(module, inputs, kwargs, loss, backward, detail, keep, after, edits, cancel, progress).finish()


@dataclass(eq=False)
class Begun:
    """A run whose forward is over.

    Attributes:
        trace: all of it but the gradients, whose values have none yet.
        gradients: where they will pass; None where none are wanted.
        score: what they are of, with its graph, which is freed with this.
    """

    trace: Trace
    gradients: Gradients | None
    score: torch.Tensor | None

    def finish(self) -> Trace:
        """Run backward, if gradients are wanted: the same trace, with them.

        Raises:
            NotTraceable: the loss can't be differentiated.
            TraceFailed: backward raised; `error.trace` is the forward.
        """
        made, gradients, score = self.trace, self.gradients, self.score
        self.gradients = self.score = None
        if gradients is not None and score is not None:
            start = time.perf_counter()
            _check(score)
            try:
                with collector_put_off(), torch.inference_mode(mode=False), torch.enable_grad():
                    gradients.collect(score)
            except RuntimeError as error:  # what was saved for backward was overwritten; a backward of the reader's own
                made.failure = Failure("backward", "", None, (), f"{type(error).__name__}: {error}")
                raise _failed(made.failure, made) from error
            made.backward_seconds = time.perf_counter() - start
        return made


def _begin(
    module: nn.Module,
    inputs: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    loss: Loss,
    backward: bool,
    detail: str,
    keep: Keep,
    after: Callable[[Any], Any] | None,
    edits: Edits | None,
    cancel: Cancel | None,
    progress: Callable[[int], None] | None,
) -> Begun:
    module = _traceable(module, detail, keep)
    gradients = Gradients() if backward else None
    names = Names.of(module)
    recorder = Recorder(names, keep, gradients, cancel, progress, edits, detail == "aten")
    state = RandomState.now()
    result = Trace(type(module).__name__, training=module.training, backward=backward, detail=detail)
    with torch.inference_mode(mode=False) if backward else torch.no_grad(), torch.set_grad_enabled(backward):
        arguments, by_keyword, values = feed(inputs, kwargs or {}, recorder.moments, backward)
        settings = {"loss": loss, "backward": backward, "detail": detail, "keep": keep, "after": after}
        given = with_values((*inputs, dict(kwargs or {})), values)
        recipe = Recipe(module, given[:-1], settings, state, names.modes, given[-1])
        parts: dict[str, Any] = {"inputs": values, "recipe": recipe}
        start = time.perf_counter()
        score: torch.Tensor | None = None
        try:
            with watch_modules(recorder), recorder:
                output = module(*arguments, **by_keyword)
                parts["seconds"] = time.perf_counter() - start
                extra = after(output) if after is not None else None
                if callable(loss):
                    chosen = loss(output)
                    if isinstance(chosen, tuple):
                        loss = settings["loss"] = chosen
                    else:
                        score = chosen
            parts |= {"output": _detached(output), "after": _detached(extra)}
            parts["outputs"] = [recorder.moments.value_of(tensor) for tensor in leaves(output)]
            if score is not None:
                parts["loss_value"] = recorder.moments.value_of(score)
            if score is None and (backward or loss is not None):
                score = _score(output, loss)
        except (Cancelled, NoRoom):
            raise
        except Exception as error:
            failure = _failure(error, recorder)
            partial = _assemble(names, result, recorder, failure=failure, **parts)
            raise _failed(failure, partial) from error
        del output, extra
        if score is not None:
            parts["loss"] = score.detach()
            if isinstance(loss, tuple):
                sizes = parts["output"].shape
                parts["loss_index"] = tuple(place % size for place, size in zip(loss, sizes, strict=True))
    if not asked_already() and sum(value.bytes for call in recorder.noted for value in call.outputs) > WORTH_KEEPING:
        keep_freed_memory()
    return Begun(_assemble(names, result, recorder, **parts), gradients, score)


def _traceable(module: Any, detail: str, keep: Keep) -> nn.Module:
    if detail not in ("ops", "aten"):
        raise NotTraceable(f"detail={detail!r} means nothing", where="gw.trace", todo='use "ops" or "aten"')
    if isinstance(keep, str) and keep not in ("all", "none"):
        raise NotTraceable(
            f"keep={keep!r} means nothing", where="gw.trace", todo='use "all", "none" or a number of bytes'
        )
    if not isinstance(module, nn.Module):
        raise NotTraceable(
            f"A {type(module).__name__} can't be traced",
            where="gw.trace",
            why="it is not a torch.nn.Module",
            todo="give the module itself, then its inputs",
        )
    return getattr(module, "_orig_mod", module)  # torch.compile's wrapper: the code inside is what was written


def _score(output: Any, loss: Loss) -> torch.Tensor:
    if isinstance(loss, tuple):
        if not isinstance(output, torch.Tensor):
            raise TypeError(f"loss={loss} picks an element of a tensor, but the output is a {type(output).__name__}")
        if len(loss) != output.dim():
            raise IndexError(f"loss={loss} has {len(loss)} indices, the output {list(output.shape)}")
        return output[loss]
    numbers = [tensor.sum() for tensor in leaves(output) if tensor.is_floating_point()]
    if not numbers:
        raise TypeError(f"the output, a {type(output).__name__}, holds no floating-point tensor to sum")
    return torch.stack(numbers).sum() if len(numbers) > 1 else numbers[0]


def _check(score: torch.Tensor) -> None:
    if score.numel() != 1 or not score.requires_grad:
        why = (
            f"it has {score.numel()} elements, shape {list(score.shape)}"
            if score.numel() != 1
            else "it depends on nothing that can have a gradient: no parameter requires one, no input is floating point"
        )
        raise NotTraceable("The loss can't be differentiated", where="gw.trace", why=why, todo="choose another loss")


def _detached(tree: Any) -> Any:
    if isinstance(tree, torch.Tensor):
        return tree.detach()
    if isinstance(tree, dict):
        try:
            return type(tree)(**{key: _detached(item) for key, item in tree.items()})
        except TypeError:
            return {key: _detached(item) for key, item in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*map(_detached, tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)([_detached(item) for item in tree])
    if hasattr(tree, "__dataclass_fields__") and not isinstance(tree, type):
        copy = object.__new__(type(tree))
        for name in tree.__dataclass_fields__:
            object.__setattr__(copy, name, _detached(getattr(tree, name)))
        return copy
    return tree


def _assemble(names: Names, empty: Trace, recorder: Recorder, **parts: Any) -> Trace:
    write_up = recorder.ops()
    parameters, buffers = recorder.moments.named_values()
    made = Trace(
        empty.module_type,
        calls=tuple(recorder.journal.calls),
        suspects=tuple(recorder.journal.suspects),
        parameters=parameters,
        buffers=buffers,
        training=empty.training,
        backward=empty.backward,
        detail=empty.detail,
        **parts,
    )
    made.write_later(write_up)
    return made


def _failure(error: Exception, recorder: Recorder) -> Failure:
    module = ""
    if recorder.journal.failed_module is not None and recorder.journal.failed_module[0] is error:
        module = recorder.journal.failed_module[1]
    if recorder.failed is not None and recorder.failed[0] is error:
        op = op_of(recorder.failed[1], len(recorder.noted))
        shapes = tuple(value.shape for value in op.operands)
        return Failure(op.name, op.module, op.source, shapes, f"{type(error).__name__}: {error}", mismatch(op))
    return Failure(None, module, _raised_at(error), (), f"{type(error).__name__}: {error}")


def _raised_at(error: Exception) -> Source | None:
    """The innermost author's line in the traceback, for errors that plain Python raised."""
    found = None
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if owner(code.co_filename) == "author":
            found = Source(code.co_filename, step.tb_lineno, code.co_name)
        step = step.tb_next
    return found


def _failed(failure: Failure, partial: Trace) -> TraceFailed:
    place = failure.module or "the root module"
    shapes = " and ".join(str(list(shape)) for shape in failure.shapes)
    what = f"{failure.op} failed in {place}" if failure.op else f"{place} raised an error"
    why = failure.cause.splitlines()[0] + (f"; its tensors were {shapes}" if shapes else "")
    if failure.expected:
        why += f": {failure.expected}"
    return TraceFailed(
        what,
        where=failure.source.place if failure.source is not None else partial.module_type,
        why=why,
        todo=f"the {len(partial.ops)} ops before it are in error.trace",
        trace=partial,
    )
