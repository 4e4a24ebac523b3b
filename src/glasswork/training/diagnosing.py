"""Where a run broke: the layer, the weight and the example at which numbers stopped being numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from glasswork.errors import GlassworkError

LOWER = "Try a lower learning rate (--set learning_rate=...), or shorten long gradients (--set clip=1)."
EXPLODED = 1e4  # times the first loss, and at least this


def explain_loss(
    loss: float,
    step: int,
    rate: float,
    network: nn.Module,
    again: Callable[[], object],
    batch: Any,
    names: Sequence[str],
    title: str,
) -> GlassworkError:
    """The error for a loss that is no finite number, or that exploded.

    Args:
        loss: what it is.
        step: from 1.
        rate: the learning rate.
        network: as it was when the loss was computed.
        again: computes the same loss once more.
        batch: what it was computed from.
        names: what the examples of the batch are called, in their order.
        title: the run's.
    """
    with torch.no_grad():
        place = _weight(network) or _input(batch, names) or _layer(network, again, names)
    finite = loss == loss and abs(loss) != float("inf")
    if finite:
        what = f"the loss exploded at step {step}"
        why = f"it is {loss:.3g}, more than {EXPLODED:g} times the first one"
    else:
        what, why = f"the loss is {loss} at step {step}", "every layer's output is finite: it is the loss itself"
    why = f"{place or why}; the learning rate is {rate:.2g}"
    return GlassworkError(what, where=title, why=why, todo=LOWER)


def explain_gradient(step: int, rate: float, parameters: dict[str, nn.Parameter], title: str) -> GlassworkError:
    """The error for a gradient that is no finite number, with the last layer where it is so: the first of the pass."""
    bad = [name for name, p in parameters.items() if p.grad is not None and not torch.isfinite(p.grad).all()]
    why = f"the gradient of {bad[-1]} is not finite" if bad else "its norm is too large for a number"
    why += f" ({len(bad)} of {len(parameters)} weights); the learning rate is {rate:.2g}"
    return GlassworkError(f"the gradient exploded at step {step}", where=title, why=why, todo=LOWER)


def _weight(network: nn.Module) -> str:
    for name, value in network.state_dict().items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            return f"the weight {name} holds {_kind(value)}"
    return ""


def _input(batch: Any, names: Sequence[str]) -> str:
    for value in leaves(batch):
        if value.is_floating_point() and not torch.isfinite(value).all():
            return f"the input holds {_kind(value)}{_examples(value, names)}"
    return ""


def _layer(network: nn.Module, again: Callable[[], object], names: Sequence[str]) -> str:
    """The first layer, in the order of the forward pass, with an output that is not finite."""
    found: list[str] = []

    def noting(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(module: nn.Module, _: Any, output: Any) -> None:
            for value in leaves(output):
                if not found and value.is_floating_point() and not torch.isfinite(value).all():
                    kind, examples = type(module).__name__, _examples(value, names)
                    found.append(f"the output of {name or 'the network'} ({kind}) holds {_kind(value)}{examples}")

        return note

    handles = [part.register_forward_hook(noting(name)) for name, part in network.named_modules()]
    try:
        again()
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else ""


def _examples(value: Tensor, names: Sequence[str]) -> str:
    """Which examples, when the first axis is that of the batch."""
    if value.ndim == 0 or len(value) != len(names):
        return ""
    rows = (~torch.isfinite(value)).reshape(len(value), -1).any(1).nonzero().flatten().tolist()
    more = f" and {len(rows) - 1} of {len(names)} more" if len(rows) > 1 else ""
    return f" for {names[rows[0]]}{more}"


def _kind(value: Tensor) -> str:
    return "NaN" if torch.isnan(value).any() else "infinity"


def leaves(tree: Any) -> Iterator[Tensor]:
    """All tensors in nested tuples, lists and dicts."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from leaves(item)
    elif isinstance(tree, dict):
        yield from leaves(list(tree.values()))


def moved(tree: Any, device: torch.device) -> Any:
    """Nested tuples, lists and dicts of tensors, on another device."""
    if isinstance(tree, Tensor):
        return tree.to(device, non_blocking=True)
    if isinstance(tree, (tuple, list)):
        return type(tree)(moved(item, device) for item in tree)
    if isinstance(tree, dict):
        return {key: moved(item, device) for key, item in tree.items()}
    return tree


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch could not get memory."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def explain_memory(step: int, size: int, fits: int, accumulate: int, title: str) -> GlassworkError:
    """The error for a step that the memory can't hold.

    Args:
        step: from 1.
        size: how many examples were worked through at once.
        fits: how many would fit; 0 when not even one does.
        accumulate: the setting as it was.
        title: the run's.
    """
    if not fits:
        why, todo = f"a step on {size} examples needs more than there is; not even one fits", "Take a smaller network."
    else:
        parts = accumulate * -(-size // fits)
        why = f"a step on {size} examples at once needs more than there is; {fits} would fit"
        todo = f"Work through them in parts, with the same result: --set accumulate={parts}; or set a smaller batch."
    return GlassworkError(f"out of memory at step {step}", where=title, why=why, todo=todo)
