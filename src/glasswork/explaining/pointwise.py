"""Functions of one number at a time: activations, powers, comparisons, all that works element by element.

One table holds their formulas; the number comes from the function itself, run in fp64 on the very elements that meet
at this place. `<name>` in a formula stands for an argument as the author gave it.
"""

from __future__ import annotations

import math
import re
from typing import Any

import torch

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, label_of, number
from glasswork.explaining.explanation import Operand
from glasswork.explaining.randomness import is_drawn
from glasswork.explaining.replaying import is_float, keeps_precision, replay, undisturbed, wide
from glasswork.explaining.rules import arguments, register
from glasswork.tracing import Op, Trace, Value

# name: formula, then the function's arguments with their defaults where the formula names them
_ACTIVATIONS = {
    "relu6": r"y = \min(\max(x, 0), 6)",
    "leaky_relu": (r"y = \max(x, 0) + <negative_slope>\min(x, 0)", "input negative_slope=0.01"),
    "prelu": r"y = \max(x, 0) + a\,\min(x, 0)",
    "elu": (r"y = x \text{ for } x > 0,\quad <alpha>\,(e^{x} - 1) \text{ else}", "input alpha=1"),
    "celu": (r"y = \max(x, 0) + \min(0,\ <alpha>\,(e^{x/<alpha>} - 1))", "input alpha=1"),
    "selu": r"y = 1.0507\,\bigl(\max(x, 0) + \min(0,\ 1.6733\,(e^{x} - 1))\bigr)",
    "gelu": (r"y = x\,\Phi(x),\quad \Phi(x) = \tfrac{1}{2}\bigl(1 + \operatorname{erf}(x/\sqrt{2})\bigr)", "input"),
    "silu": r"y = x\,\sigma(x) = \frac{x}{1 + e^{-x}}",
    "mish": r"y = x\,\tanh(\ln(1 + e^{x}))",
    "hardswish": r"y = x\,\frac{\min(\max(x + 3, 0), 6)}{6}",
    "hardsigmoid": r"y = \frac{\min(\max(x + 3, 0), 6)}{6}",
    "hardtanh": (r"y = \min(\max(x, <min_val>), <max_val>)", "input min_val=-1 max_val=1"),
    "hardshrink": (r"y = x \text{ for } |x| > <lambd>,\quad 0 \text{ else}", "input lambd=0.5"),
    "softshrink": (r"y = \operatorname{sign}(x)\,\max(|x| - <lambd>, 0)", "input lambd=0.5"),
    "tanhshrink": r"y = x - \tanh x",
    "threshold": (r"y = x \text{ for } x > <threshold>,\quad <value> \text{ else}", "input threshold value"),
    "sigmoid": r"y = \sigma(x) = \frac{1}{1 + e^{-x}}",
    "expit": r"y = \sigma(x) = \frac{1}{1 + e^{-x}}",
    "log_sigmoid": r"y = \ln \sigma(x) = -\ln(1 + e^{-x})",
    "logsigmoid": r"y = \ln \sigma(x) = -\ln(1 + e^{-x})",
    "tanh": r"y = \tanh x",
    "softplus": (r"y = \tfrac{1}{<beta>}\ln(1 + e^{<beta>\,x})", "input beta=1"),
    "softsign": r"y = \frac{x}{1 + |x|}",
    "rrelu": (r"y = \max(x, 0) + \tfrac{1}{2}(<lower> + <upper>)\min(x, 0)", "input lower=0.125 upper=0.333"),
}
_ONE_NUMBER = {
    "exp": r"y = e^{x}",
    "exp2": r"y = 2^{x}",
    "expm1": r"y = e^{x} - 1",
    "log": r"y = \ln x",
    "log2": r"y = \log_2 x",
    "log10": r"y = \log_{10} x",
    "log1p": r"y = \ln(1 + x)",
    "logit": r"y = \ln\frac{x}{1 - x}",
    "sqrt": r"y = \sqrt{x}",
    "rsqrt": r"y = \frac{1}{\sqrt{x}}",
    "reciprocal": r"y = \frac{1}{x}",
    "square": r"y = x^2",
    "abs": r"y = |x|",
    "absolute": r"y = |x|",
    "neg": r"y = -x",
    "negative": r"y = -x",
    "positive": r"y = x",
    "sign": r"y = \operatorname{sign} x",
    "sgn": r"y = \operatorname{sign} x",
    "sin": r"y = \sin x",
    "cos": r"y = \cos x",
    "tan": r"y = \tan x",
    "asin": r"y = \arcsin x",
    "acos": r"y = \arccos x",
    "atan": r"y = \arctan x",
    "sinh": r"y = \sinh x",
    "cosh": r"y = \cosh x",
    "asinh": r"y = \operatorname{arsinh} x",
    "acosh": r"y = \operatorname{arcosh} x",
    "atanh": r"y = \operatorname{artanh} x",
    "sinc": r"y = \frac{\sin \pi x}{\pi x}",
    "erf": r"y = \operatorname{erf} x",
    "erfc": r"y = 1 - \operatorname{erf} x",
    "erfinv": r"y = \operatorname{erf}^{-1} x",
    "lgamma": r"y = \ln \Gamma(x)",
    "digamma": r"y = \psi(x)",
    "i0": r"y = I_0(x)",
    "floor": r"y = \lfloor x \rfloor",
    "ceil": r"y = \lceil x \rceil",
    "round": r"y = \operatorname{round}(x)",
    "trunc": r"y = \operatorname{trunc}(x)",
    "fix": r"y = \operatorname{trunc}(x)",
    "frac": r"y = x - \operatorname{trunc}(x)",
    "deg2rad": r"y = \tfrac{\pi}{180}\,x",
    "rad2deg": r"y = \tfrac{180}{\pi}\,x",
    "nan_to_num": r"y = x \text{, with finite numbers for NaN and } \infty",
    "isnan": r"y = [x \text{ is NaN}]",
    "isinf": r"y = [x = \pm\infty]",
    "isfinite": r"y = [x \text{ is finite}]",
    "isposinf": r"y = [x = \infty]",
    "isneginf": r"y = [x = -\infty]",
    "signbit": r"y = [x < 0]",
    "logical_not": r"y = \lnot x",
    "bitwise_not": r"y = \lnot x",
    "invert": r"y = \lnot x",
}
_SEVERAL_NUMBERS = {
    "pow": (r"y = x^{<exponent>}", "input exponent"),
    "rpow": (r"y = <other>^{x}", "input other"),
    "float_power": (r"y = x^{<exponent>}", "input exponent"),
    "clamp": (r"y = \min(\max(x, <min>), <max>)", "input min max"),
    "clip": (r"y = \min(\max(x, <min>), <max>)", "input min max"),
    "clamp_min": (r"y = \max(x, <min>)", "input min"),
    "clamp_max": (r"y = \min(x, <max>)", "input max"),
    "remainder": (r"y = x \bmod <other>", "input other"),
    "fmod": (r"y = x - <other>\operatorname{trunc}(x / <other>)", "input other"),
    "mod": (r"y = x \bmod <other>", "input other"),
    "floordiv": (r"y = \lfloor x / <other> \rfloor", "input other"),
    "rfloordiv": (r"y = \lfloor <other> / x \rfloor", "input other"),
    "floor_divide": (r"y = \lfloor x / <other> \rfloor", "input other"),
    "atan2": (r"y = \operatorname{atan2}(x, <other>)", "input other"),
    "arctan2": (r"y = \operatorname{atan2}(x, <other>)", "input other"),
    "hypot": (r"y = \sqrt{x^2 + <other>^2}", "input other"),
    "logaddexp": (r"y = \ln(e^{x} + e^{<other>})", "input other"),
    "logaddexp2": (r"y = \log_2(2^{x} + 2^{<other>})", "input other"),
    "xlogy": (r"y = x \ln <other>", "input other"),
    "copysign": (r"y = |x|\operatorname{sign}(<other>)", "input other"),
    "heaviside": (r"y = [x > 0] + <values>\,[x = 0]", "input values"),
    "ldexp": (r"y = x \cdot 2^{<other>}", "input other"),
    "lerp": (r"y = x + <weight>\,(<end> - x)", "input end weight"),
    "addcmul": (r"y = x + <value>\,<tensor1> \cdot <tensor2>", "input tensor1 tensor2 value=1"),
    "addcdiv": (r"y = x + <value>\,\frac{<tensor1>}{<tensor2>}", "input tensor1 tensor2 value=1"),
    "eq": (r"y = [x = <other>]", "input other"),
    "ne": (r"y = [x \neq <other>]", "input other"),
    "lt": (r"y = [x < <other>]", "input other"),
    "le": (r"y = [x \leq <other>]", "input other"),
    "gt": (r"y = [x > <other>]", "input other"),
    "ge": (r"y = [x \geq <other>]", "input other"),
    "less": (r"y = [x < <other>]", "input other"),
    "greater": (r"y = [x > <other>]", "input other"),
    "isclose": (r"y = [x \approx <other>]", "input other"),
    "and": (r"y = x \land <other>", "input other"),
    "or": (r"y = x \lor <other>", "input other"),
    "xor": (r"y = x \oplus <other>", "input other"),
    "logical_and": (r"y = x \land <other>", "input other"),
    "logical_or": (r"y = x \lor <other>", "input other"),
    "logical_xor": (r"y = x \oplus <other>", "input other"),
    "bitwise_and": (r"y = x \land <other>", "input other"),
    "bitwise_or": (r"y = x \lor <other>", "input other"),
    "bitwise_xor": (r"y = x \oplus <other>", "input other"),
    "lshift": (r"y = x \cdot 2^{<other>}", "input other"),
    "rshift": (r"y = \lfloor x / 2^{<other>} \rfloor", "input other"),
}
_FORMULAS: dict[str, Any] = {**_ACTIVATIONS, **_ONE_NUMBER, **_SEVERAL_NUMBERS}
_TANH_GELU = r"y = \tfrac{1}{2}x\,\bigl(1 + \tanh(\sqrt{2/\pi}\,(x + 0.044715\,x^3))\bigr)"
# element by element too, with rules of their own elsewhere; slopes through them need no more than one element either
_ELEMENTWISE = ("relu", "add", "radd", "sub", "rsub", "subtract", "mul", "rmul", "multiply", "div", "truediv",
                "rtruediv", "divide", "true_divide", "maximum", "minimum", "fmax", "fmin", "where",
                "masked_fill")  # fmt: skip


@register(*_FORMULAS)
def pointwise(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term, the element; its product is the function of it. What else meets it stands among the operands."""
    if is_drawn(op):
        raise NoRule(f"{op.name} with slopes drawn by chance", where=op.path)
    if op.name == "gelu" and keeps_precision():
        return _gelu_written_out(op, index)
    return evaluated(op, index, formula(op))


def evaluated(op: Op, index: tuple[int, ...], text: str) -> Expansion:
    """The function of the elements that meet at `index`, by the formula `text`."""
    with undisturbed(), torch.no_grad():
        product = at_element(op, index).double().reshape(1)
    first, *others = op.operands
    places = [element(op, operand, index) for operand in op.operands]
    taken = number(first, places[0]).reshape(1)
    operands = tuple(
        Operand(label_of(other, place).name, other.ref(place), number(other, place).item())
        for other, place in zip(others, places[1:], strict=True)
    )
    label = label_of(first, places[0])
    return Expansion("formula", text, "identity", taken, None, product, lambda _: label, operands=operands)


def _gelu_written_out(op: Op, index: tuple[int, ...]) -> Expansion:
    """x / 2 and x / 2 times erf or tanh: far below 0 they nearly cancel, and the kernel returns what is left."""
    source = op.operands[0]
    x = number(source, index)
    inner, _ = gelu_parts(op, x)
    values, factors = torch.stack([x, x]), torch.stack([torch.full_like(inner, 0.5), inner / 2])
    text = r"y = \tfrac{1}{2}x + \tfrac{1}{2}x\,\operatorname{erf}(x/\sqrt{2})"
    if _by_tanh(op):
        text = r"y = \tfrac{1}{2}x + \tfrac{1}{2}x\,\tanh(\sqrt{2/\pi}\,(x + 0.044715\,x^3))"
    label = label_of(source, index)
    return Expansion("formula", text, "sum", values, factors, values * factors, lambda _: label)


def gelu_parts(op: Op, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The erf or tanh t in gelu = x (1 + t) / 2, and its slope, of an fp64 number."""
    if not _by_tanh(op):
        return torch.erf(x / math.sqrt(2)), math.sqrt(2 / math.pi) * torch.exp(-x * x / 2)
    inner = torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    return inner, (1 - inner**2) * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)


def _by_tanh(op: Op) -> bool:
    return arguments(op, "input approximate", approximate="none")["approximate"] == "tanh"


def is_elementwise(op: Op) -> bool:
    """Whether each output number is a function of the numbers at its own place alone."""
    plain = op.name.removesuffix("_")
    if any(value.dtype.is_complex for value in op.operands):
        return False
    known = plain in _FORMULAS or plain in _ELEMENTWISE or op.name in _FORMULAS
    return known and len(op.outputs) == 1 and all(_meets(value.shape, op.output.shape) for value in op.operands)


def element(op: Op, operand: Value, index: tuple[int, ...]) -> tuple[int, ...]:
    """Where in an operand the number stands that meets the others at `index`: broadcasting, and PReLU's channels."""
    if op.name.removesuffix("_") == "prelu" and operand is op.operands[1]:
        return (0 if operand.shape[0] == 1 else index[1],) if operand.shape else ()
    tail = index[len(index) - len(operand.shape) :]
    return tuple(0 if size == 1 else place for size, place in zip(operand.shape, tail, strict=True))


def at_element(op: Op, index: tuple[int, ...], leaves: dict[int, torch.Tensor] | None = None) -> torch.Tensor:
    """The op on nothing but the numbers that meet at `index`, in fp64; (1,) or, for PReLU, (1, 1).

    Args:
        leaves: filled, if given, with what stands for each floating operand, requiring grad.
    """

    def stand_in(value: Value) -> torch.Tensor:
        taken = wide(value.tensor[element(op, value, index)]).reshape(1)
        if leaves is not None and is_float(value):
            leaves[id(value)] = taken.requires_grad_()
            taken = taken.clone()
        return taken

    return replay(op, stand_in)[0]


def _meets(shape: tuple[int, ...], output: tuple[int, ...]) -> bool:
    tail = output[len(output) - len(shape) :] if len(shape) <= len(output) else None
    return tail is not None and all(size in (1, out) for size, out in zip(shape, tail, strict=True))


def formula(op: Op) -> str:
    """The formula of an op's name, with its own settings."""
    entry = _FORMULAS.get(op.name) or _FORMULAS[op.name.removesuffix("_")]
    if op.name == "gelu" and _by_tanh(op):
        return _TANH_GELU
    if isinstance(entry, str):
        return entry
    text, signature = entry
    names = [part.partition("=")[0] for part in signature.split()]
    defaults = {part.partition("=")[0]: float(part.partition("=")[2]) for part in signature.split() if "=" in part}
    given = arguments(op, " ".join(names), **defaults)
    if op.name.removesuffix("_") in ("clamp", "clip"):
        text = _clamp(given)
    letters = iter("abcde")

    def spelled(match: re.Match[str]) -> str:
        item = given[match.group(1)]
        return (
            next(letters) if isinstance(item, Value) else f"{item:g}" if isinstance(item, (int, float)) else str(item)
        )

    return re.sub(r"<(\w+)>", spelled, text)


def _clamp(given: dict[str, Any]) -> str:
    if given["min"] is None:
        return r"y = \min(x, <max>)"
    return r"y = \max(x, <min>)" if given["max"] is None else r"y = \min(\max(x, <min>), <max>)"
