"""Why an op refused what it was given, where shapes and dtypes tell: expected and actual, in the layer's own terms."""

from __future__ import annotations

from glasswork.tracing.ops import Op
from glasswork.tracing.values import Value


def mismatch(op: Op) -> str:
    """What the op's weight takes and what it was given instead; "" where that is not what went wrong, or not known."""
    if len(op.operands) < 2:
        return ""
    if op.name == "linear":
        given, weight = op.operands[:2]
        return _features(given, weight, -1, weight.shape[1]) or _dtype(given, weight)
    if op.name.startswith("conv") and op.name[-1] == "d":
        return _convolution(op)
    if op.name == "embedding":
        return _rows(*op.operands[:2])
    if op.name in ("matmul", "mm", "bmm", "rmatmul"):
        first, second = op.operands[:2]
        if len(first.shape) > 1 and len(second.shape) > 1 and first.shape[-1] != second.shape[-2]:
            return f"{first.shape[-1]} columns on the left, {second.shape[-2]} rows on the right"
        return _dtype(first, second)
    return ""


def _convolution(op: Op) -> str:
    given, weight = op.operands[:2]
    space = len(weight.shape) - 2
    if len(given.shape) not in (space + 1, space + 2):
        axes = "channels" + ", length" * (space == 1) + ", height, width" * (space == 2)
        axes += ", depth, height, width" * (space == 3)
        return f"{_name(weight)} takes [batch, {axes}], it was given {list(given.shape)}"
    groups = op.kwargs.get("groups", op.args[6] if len(op.args) > 6 and "transpose" not in op.name else 1)
    channels = weight.shape[0] if "transpose" in op.name else weight.shape[1] * int(groups)
    return _features(given, weight, -space - 1, channels, "channels") or _dtype(given, weight)


def _features(given: Value, weight: Value, axis: int, expected: int, what: str = "features") -> str:
    if len(given.shape) < -axis:
        return f"{_name(weight)} takes {expected} {what}, it was given {list(given.shape)}"
    actual = given.shape[axis]
    if actual == expected:
        return ""
    return f"{_name(weight)} takes {expected} {what}, it was given {actual} (axis {axis} of {list(given.shape)})"


def _dtype(given: Value, weight: Value) -> str:
    if given.dtype == weight.dtype:
        return ""
    names = [str(value.dtype).removeprefix("torch.") for value in (weight, given)]
    return f"{_name(weight)} is {names[0]}, it was given {names[1]}"


def _rows(given: Value, weight: Value) -> str:
    if given.dtype.is_floating_point:
        return f"{_name(weight)} is asked by integer ids, it was given {str(given.dtype).removeprefix('torch.')}"
    numbers = given.tensor
    rows = weight.shape[0]
    if numbers.numel() and (int(numbers.max()) >= rows or int(numbers.min()) < 0):
        return (
            f"{_name(weight)} has rows 0 to {rows - 1}, it was asked for {int(numbers.min())} to {int(numbers.max())}"
        )
    return ""


def _name(weight: Value) -> str:
    return weight.path or "its weight"
