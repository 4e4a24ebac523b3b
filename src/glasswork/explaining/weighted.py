"""Ops whose output is a sum of their inputs with fixed weights, by the textbook's formula and autodiff's weights.

Interpolation, sampling a grid, Fourier sums, accumulating ones: each is linear in what flows through it, and the
weights follow from the geometry. They are read off the derivative; only the formula has to be known.
"""

from __future__ import annotations

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion
from glasswork.explaining.generic import given, row, weighted
from glasswork.explaining.rules import arguments, register
from glasswork.tracing import Op, Trace

_FORMULAS = {
    "grid_sample": r"y_{c,p} = \sum_{q\,\in\,\text{corners of } g(p)} w_q\,x_{c,q}",
    "grid_sampler": r"y_{c,p} = \sum_{q\,\in\,\text{corners of } g(p)} w_q\,x_{c,q}",
    "affine_grid": r"g_{i,j} = \theta\,(x_j, y_i, 1)^{\mathsf T}",
    "ps_roi_align": r"y_{c,p} = \tfrac{1}{n}\sum_{s\,\in\,\text{samples of bin } p}\ \sum_q w_{s,q}\,x_{c(p),q}",
    "ps_roi_pool": r"y_{c,p} = \tfrac{1}{|B_p|}\sum_{q\,\in\,B_p} x_{c(p),q}",
    "deform_conv2d": r"y_{o,p} = \sum_{c,k} w_{o,c,k}\,m_{k}(p)\,x_c\bigl(p + p_k + \Delta p_k\bigr) + b_o",
    "embedding_bag": r"y_i = \sum_{t\,\in\,\text{bag}} a_t\,E_{t,i}",
    "fold": r"y_p = \sum_{\text{windows over } p} x",
    "index_add": r"y_i = x_i + \alpha \sum_{k:\,\text{index}_k = i} s_k",
    "scatter_add": r"y_i = x_i + \sum_{k:\,\text{index}_k = i} s_k",
    "diff": r"y_i = x_{i+1} - x_i",
    "trapezoid": r"y = \sum_i \tfrac{1}{2}(x_i + x_{i+1})\,\Delta_i",
    "trace": r"y = \sum_i x_{i,i}",
    "addr": r"y_{i,j} = \beta\,x_{i,j} + \alpha\,u_i v_j",
    "outer": r"y_{i,j} = a_i\,b_j",
    "ger": r"y_{i,j} = a_i\,b_j",
    "kron": r"y = a_{i,j}\,b_{k,l}",
    "inner": r"y = \sum_k a_k\,b_k",
    "vdot": r"y = \sum_k a_k\,b_k",
    "tensordot": r"y = \sum_k a_{\ldots,k}\,b_{k,\ldots}",
    "chain_matmul": r"y = A\,B\,C \cdots",
    "linalg_multi_dot": r"y = A\,B\,C \cdots",
    "bilinear": r"y_o = \sum_{i,j} x_i\,W_{o,i,j}\,z_j + b_o",
    "cross": r"y = a \times b",
    "linalg_cross": r"y = a \times b",
    "conv_tbc": r"y_{t,b,o} = \sum_{k,c} w_{k,c,o}\,x_{t+k,b,c} + b_o",
    "view_as_real": r"y = (\operatorname{Re} x,\ \operatorname{Im} x)",
    "view_as_complex": r"y = x_0 + i\,x_1",
    "complex": r"y = a + i\,b",
}


@register(*_FORMULAS)
def known_sum(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The op's own formula; one term for each number that has a weight in it."""
    return _sum(op, index, _FORMULAS[op.name.removesuffix("_")])


@register("interpolate", "upsample", "upsample_nearest", "upsample_bilinear")
def interpolate(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The neighbours of the place that this output falls on, by their weights."""
    mode = arguments(op, "input size scale_factor mode", mode="nearest")["mode"]
    if op.name.startswith("upsample_"):
        mode = op.name.removeprefix("upsample_")
    near = rf"\sum_{{q\,\in\,\text{{{mode} neighbours of }} p}} w_q\,x_{{c,q}}"
    return _sum(op, index, f"y_{{c,p}} = {near}")


def _sum(op: Op, index: tuple[int, ...], formula: str) -> Expansion:
    if not op.output.dtype.is_floating_point:
        raise NoRule(f"{op.name} of whole numbers", where=op.path)
    found = row(op, index)
    if all(slope is None or not bool(slope.any()) for slope in found.slopes):
        return given(op, index, formula=formula, note="every weight is 0 here")
    expansion = weighted(op, index, formula, found=found)
    if expansion is None:
        raise NoRule(op.name, where=op.path, why="it is not linear in what flows through it")
    return expansion
