"""One small call of every kind of op, in fp64: what the tests of the explanations walk over."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
import torchvision

Call = tuple[Callable[..., Any], tuple[Any, ...]]


def x(*shape: int) -> torch.Tensor:
    """Numbers of both signs."""
    return torch.randn(*shape, dtype=torch.float64)


def p(*shape: int) -> torch.Tensor:
    """Numbers between 0.2 and 0.9."""
    return torch.rand(*shape, dtype=torch.float64) * 0.7 + 0.2


def _activations() -> dict[str, Call]:
    plain = [
        "relu",
        "relu6",
        "elu",
        "celu",
        "selu",
        "silu",
        "mish",
        "hardswish",
        "hardsigmoid",
        "hardshrink",
        "softshrink",
        "tanhshrink",
        "logsigmoid",
        "softplus",
        "softsign",
        "sigmoid",
        "tanh",
        "gelu",
        "leaky_relu",
        "hardtanh",
    ]
    calls: dict[str, Call] = {name: (getattr(F, name), (3 * x(2, 5),)) for name in plain}
    calls |= {
        "gelu tanh": (lambda a: F.gelu(a, approximate="tanh"), (x(2, 5),)),
        "threshold": (lambda a: F.threshold(a, 0.1, 7.0), (x(2, 5),)),
        "prelu": (F.prelu, (x(2, 3, 4), p(3))),
        "glu": (F.glu, (x(2, 6),)),
        "celu alpha": (lambda a: F.celu(a, 0.7), (x(2, 5),)),
        "leaky_relu slope": (lambda a: F.leaky_relu(a, 0.3), (x(2, 5),)),
        "softmax": (lambda a: F.softmax(a, 1), (x(2, 5),)),
        "log_softmax": (lambda a: a.log_softmax(0), (x(2, 5),)),
        "softmin": (lambda a: F.softmin(a, 1), (x(2, 5),)),
    }
    return calls


def _elementwise() -> dict[str, Call]:
    any_sign = [
        "exp",
        "exp2",
        "expm1",
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "asinh",
        "atan",
        "erf",
        "erfc",
        "square",
        "abs",
        "neg",
        "sign",
        "floor",
        "ceil",
        "round",
        "trunc",
        "frac",
        "sinc",
        "deg2rad",
        "rad2deg",
        "nan_to_num",
        "isnan",
        "isfinite",
        "positive",
    ]
    positive = [
        "log",
        "log2",
        "log10",
        "log1p",
        "sqrt",
        "rsqrt",
        "reciprocal",
        "logit",
        "asin",
        "acos",
        "atanh",
        "lgamma",
        "digamma",
        "erfinv",
        "i0",
    ]
    calls: dict[str, Call] = {name: (getattr(torch, name), (x(3, 4),)) for name in any_sign}
    calls |= {name: (getattr(torch, name), (p(3, 4),)) for name in positive}
    two = [
        "add",
        "sub",
        "mul",
        "div",
        "atan2",
        "maximum",
        "minimum",
        "fmod",
        "remainder",
        "hypot",
        "logaddexp",
        "xlogy",
        "copysign",
        "lt",
        "ge",
        "eq",
        "ne",
    ]
    calls |= {name: (getattr(torch, name), (x(3, 4), p(4))) for name in two}
    calls |= {
        "acosh": (torch.acosh, (1 + p(3, 4),)),
        "pow": (torch.pow, (p(3, 4), x(4))),
        "pow number": (lambda a: a**3, (x(3, 4),)),
        "rpow": (lambda a: 2.5**a, (x(3, 4),)),
        "rsub": (lambda a: 1 - a, (x(3, 4),)),
        "rdiv": (lambda a: 1 / a, (p(3, 4),)),
        "div floor": (lambda a: torch.div(a, 0.3, rounding_mode="floor"), (x(3, 4),)),
        "floordiv": (lambda a: a.detach() // 0.3, (x(3, 4),)),
        "clamp": (lambda a: a.clamp(-0.5, 0.5), (x(3, 4),)),
        "clamp tensor": (torch.clamp, (x(3, 4), -p(4), p(3, 1))),
        "clamp_min": (lambda a: a.clamp_min(0.1), (x(3, 4),)),
        "lerp": (torch.lerp, (x(3, 4), x(3, 4), p(4))),
        "addcmul": (lambda a, b, c: torch.addcmul(a, b, c, value=2), (x(3, 4), x(3, 4), x(4))),
        "addcdiv": (torch.addcdiv, (x(3, 4), x(3, 4), p(4))),
        "logical": (lambda a: (a > 0) & (a < 1) | ~(a > -1), (x(3, 4),)),
        "where": (lambda a, b: torch.where(a > 0, a, b), (x(3, 4), x(4))),
        "masked_fill": (lambda a: a.masked_fill(a > 0.5, -9.0), (x(3, 4),)),
        "in place": (lambda a: (a * 1).add_(1).mul_(2).clamp_(-1, 2).neg_().relu_(), (x(3, 4),)),
        "bessel": (torch.special.bessel_j0, (p(4),)),
    }
    return calls


def _reductions() -> dict[str, Call]:
    dims = [
        "sum",
        "mean",
        "amax",
        "amin",
        "prod",
        "logsumexp",
        "var",
        "std",
        "argmax",
        "argmin",
        "median",
        "mode",
        "cumsum",
        "cumprod",
    ]
    calls: dict[str, Call] = {
        f"{name} along 1": (lambda a, name=name: getattr(torch, name)(a, 1), (x(3, 4, 2),)) for name in dims
    }
    whole = [
        "sum",
        "mean",
        "max",
        "min",
        "prod",
        "var",
        "std",
        "norm",
        "median",
        "argmax",
        "any",
        "all",
        "count_nonzero",
    ]
    calls |= {f"{name} of all": (getattr(torch, name), (x(3, 4),)) for name in whole}
    calls |= {
        "sum of axes": (lambda a: a.sum((0, 2), keepdim=True), (x(3, 4, 2),)),
        "sum by star": (lambda a: a.mean(-1, keepdim=True), (x(3, 4, 2),)),
        "max with places": (lambda a: a.max(1), (x(3, 4),)),
        "min with places": (lambda a: a.min(0, keepdim=True), (x(3, 4),)),
        "max of two": (lambda a, b: torch.max(a, b), (x(3, 4), x(4))),
        "var_mean": (lambda a: torch.var_mean(a, 1), (x(3, 4),)),
        "std_mean": (lambda a: torch.std_mean(a, (0, 1), correction=0), (x(3, 4),)),
        "var biased": (lambda a: a.var(1, unbiased=False, keepdim=True), (x(3, 4),)),
        "std correction": (lambda a: torch.std(a, dim=0, correction=2), (x(4, 3),)),
        "norm 1": (lambda a: a.norm(1, 1), (x(3, 4),)),
        "norm 3": (lambda a: a.norm(3, 1), (x(3, 4),)),
        "vector_norm": (lambda a: torch.linalg.vector_norm(a, dim=1), (x(3, 4),)),
        "norm inf": (lambda a: torch.linalg.vector_norm(a, math.inf, dim=1), (x(3, 4),)),
        "topk": (lambda a: a.topk(2, 1), (x(3, 4),)),
        "sort": (lambda a: a.sort(0, descending=True), (x(3, 4),)),
        "argsort": (lambda a: a.argsort(1), (x(3, 4),)),
        "kthvalue": (lambda a: a.kthvalue(2, 1), (x(3, 4),)),
        "cummax": (lambda a: a.cummax(1), (x(3, 4),)),
        "aminmax": (lambda a: torch.aminmax(a, dim=1), (x(3, 4),)),
        "cdist": (torch.cdist, (x(3, 4), x(2, 4))),
        "cosine_similarity": (F.cosine_similarity, (x(3, 4), x(3, 4))),
        "nansum": (lambda a: torch.nansum(a, 1), (x(3, 4),)),
    }
    return calls


def _products() -> dict[str, Call]:
    return {
        "linear": (F.linear, (x(2, 3, 4), x(5, 4), x(5))),
        "linear flat": (F.linear, (x(4), x(5, 4))),
        "matmul": (torch.matmul, (x(2, 1, 3, 4), x(5, 4, 2))),
        "rmatmul": (lambda a, b: b @ a, (x(4, 2), x(3, 4))),
        "mv": (torch.mv, (x(3, 4), x(4))),
        "dot": (torch.dot, (x(4), x(4))),
        "bmm": (torch.bmm, (x(2, 3, 4), x(2, 4, 2))),
        "addmm": (lambda c, a, b: torch.addmm(c, a, b, beta=0.5, alpha=2), (x(2), x(3, 4), x(4, 2))),
        "addmv": (torch.addmv, (x(3), x(3, 4), x(4))),
        "baddbmm": (torch.baddbmm, (x(2, 3, 2), x(2, 3, 4), x(2, 4, 2))),
        "addbmm": (torch.addbmm, (x(3, 2), x(2, 3, 4), x(2, 4, 2))),
        "outer": (torch.outer, (x(3), x(4))),
        "bilinear": (F.bilinear, (x(3, 4), x(3, 2), x(5, 4, 2), x(5))),
        "tensordot": (lambda a, b: torch.tensordot(a, b, 1), (x(3, 4), x(4, 2))),
        "einsum": (lambda a, b: torch.einsum("bik,bjk->bij", a, b), (x(2, 3, 4), x(2, 5, 4))),
        "einsum ellipsis": (lambda a, b: torch.einsum("...i,...ij", a, b), (x(2, 3, 4), x(3, 4, 2))),
        "einsum three": (lambda a, b, c: torch.einsum("ij,jk,k->i", a, b, c), (x(2, 3), x(3, 4), x(4))),
        "einsum diagonal": (lambda a: torch.einsum("iij->j", a), (x(3, 3, 2),)),
        "kron": (torch.kron, (x(2, 2), x(2, 3))),
        "cross": (lambda a, b: torch.linalg.cross(a, b), (x(2, 3), x(2, 3))),
        "solve": (lambda a, b: torch.linalg.solve(a + 4 * torch.eye(3).double(), b), (x(3, 3), x(3, 2))),
    }


def _layers() -> dict[str, Call]:
    heads = torch.nn.MultiheadAttention(8, 2, dtype=torch.float64)
    lstm = torch.nn.LSTM(3, 4, dtype=torch.float64)
    boxes = torch.tensor([[0, 0.5, 0.5, 4.0, 4.0], [1, 1.0, 0.0, 5.0, 3.0]], dtype=torch.float64)
    return {
        "conv1d": (lambda a, w: F.conv1d(a, w, padding=1, stride=2), (x(2, 3, 7), x(4, 3, 3))),
        "conv2d": (lambda a, w, b: F.conv2d(a, w, b, padding=1, groups=2), (x(1, 4, 5, 5), x(6, 2, 3, 3), x(6))),
        "conv3d": (F.conv3d, (x(1, 2, 4, 4, 4), x(2, 2, 2, 2, 2))),
        "conv_transpose2d": (lambda a, w: F.conv_transpose2d(a, w, stride=2), (x(1, 3, 3, 3), x(3, 2, 2, 2))),
        "max_pool2d": (lambda a: F.max_pool2d(a, 2, return_indices=True), (x(1, 2, 6, 6),)),
        "avg_pool2d": (lambda a: F.avg_pool2d(a, 3, 2, 1), (x(1, 2, 6, 6),)),
        "adaptive_avg_pool2d": (lambda a: F.adaptive_avg_pool2d(a, (2, 3)), (x(1, 2, 5, 7),)),
        "adaptive_max_pool1d": (lambda a: F.adaptive_max_pool1d(a, 3), (x(1, 2, 7),)),
        "lp_pool2d": (lambda a: F.lp_pool2d(a, 2, 2), (p(1, 2, 4, 4),)),
        "max_unpool1d": (lambda a: F.max_unpool1d(*F.max_pool1d(a, 2, return_indices=True), [2]), (x(1, 2, 6),)),
        "batch_norm": (
            lambda a, w, b: F.batch_norm(a, torch.arange(4).double(), 0.5 + torch.arange(4).double(), w, b),
            (x(3, 4, 2), x(4), x(4)),
        ),
        "batch_norm training": (lambda a, w: F.batch_norm(a, None, None, w, None, True), (x(3, 4, 2), x(4))),
        "layer_norm": (lambda a, w, b: F.layer_norm(a, (4,), w, b), (x(2, 3, 4), x(4), x(4))),
        "group_norm": (lambda a, w: F.group_norm(a, 2, w), (x(2, 4, 3), x(4))),
        "instance_norm": (lambda a: F.instance_norm(a), (x(2, 3, 5),)),
        "rms_norm": (lambda a, w: F.rms_norm(a, (4,), w), (x(2, 3, 4), x(4))),
        "local_response_norm": (lambda a: F.local_response_norm(a, 3), (x(2, 5, 4),)),
        "normalize": (lambda a: F.normalize(a, dim=-1), (x(3, 4),)),
        "attention": (F.scaled_dot_product_attention, (x(1, 2, 3, 4), x(1, 2, 5, 4), x(1, 2, 5, 3))),
        "attention causal": (
            lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
            (x(1, 4, 4), x(1, 4, 4), x(1, 4, 4)),
        ),
        "attention masked, grouped": (
            lambda q, k, v: F.scaled_dot_product_attention(
                q, k, v, torch.tensor([[True, False, True], [True, True, False]]), enable_gqa=True, scale=0.3
            ),
            (x(1, 4, 2, 4), x(1, 2, 3, 4), x(1, 2, 3, 4)),
        ),
        "multi-head attention": (lambda a: heads(a, a, a), (x(5, 2, 8),)),
        "lstm": (lambda a: lstm(a)[0], (x(3, 2, 3),)),
        "embedding": (lambda w: F.embedding(torch.tensor([[1, 3], [3, 0]]), w), (x(5, 3),)),
        "embedding_bag": (lambda w: F.embedding_bag(torch.tensor([[1, 3], [3, 0]]), w), (x(5, 3),)),
        "interpolate nearest": (lambda a: F.interpolate(a, scale_factor=2), (x(1, 2, 3, 3),)),
        "interpolate bilinear": (
            lambda a: F.interpolate(a, (5, 4), mode="bilinear", align_corners=False),
            (x(1, 2, 3, 3),),
        ),
        "interpolate bicubic": (lambda a: F.interpolate(a, (5, 4), mode="bicubic"), (x(1, 2, 4, 4),)),
        "interpolate trilinear": (lambda a: F.interpolate(a, (3, 2, 5), mode="trilinear"), (x(1, 1, 2, 3, 3),)),
        "grid_sample": (lambda a, g: F.grid_sample(a, g, align_corners=False), (x(1, 2, 4, 4), p(1, 2, 3, 2))),
        "roi_align": (lambda a: torchvision.ops.roi_align(a, boxes, (2, 2), 0.9, 2), (x(2, 3, 6, 6),)),
        "deform_conv2d": (
            lambda a, o, w: torchvision.ops.deform_conv2d(a, o, w),
            (x(1, 2, 4, 4), 0.3 * x(1, 8, 3, 3), x(3, 2, 2, 2)),
        ),
        "fold": (lambda a: F.fold(a, (4, 4), 2), (x(1, 8, 9),)),
        "unfold": (lambda a: F.unfold(a, 2), (x(1, 2, 4, 4),)),
        "fft": (lambda a: torch.fft.rfft(a), (x(2, 6),)),
        "complex product": (lambda a, b: (torch.complex(a, b) * torch.polar(b.abs(), a)).abs(), (x(2, 3), x(2, 3))),
        "view_as_complex": (lambda a: torch.view_as_real(torch.view_as_complex(a) ** 2), (x(3, 2),)),
    }


def _moves() -> dict[str, Call]:
    index = torch.tensor([[0, 2], [1, 3], [2, 0]])
    table: dict[str, Callable[..., Any]] = {
        "split": lambda a: a.split(2, 1),
        "chunk": lambda a: a.chunk(3, 0),
        "unbind": lambda a: a.unbind(1),
        "tensor_split": lambda a: torch.tensor_split(a, 2, 1),
        "gather": lambda a: a.gather(1, index),
        "take_along_dim": lambda a: torch.take_along_dim(a, index, 1),
        "index_select": lambda a: a.index_select(0, torch.tensor([2, 0])),
        "getitem": lambda a: a[1:, ::2],
        "getitem by tensors": lambda a: a[torch.tensor([0, 2]), torch.tensor([1, 3])],
        "getitem by mask": lambda a: a[a > 0],
        "masked_select": lambda a: a.masked_select(a > 0),
        "scatter": lambda a: torch.zeros(3, 4).double().scatter(1, index, a[:, :2]),
        "scatter_add": lambda a: a.scatter_add(1, index, a[:, 2:]),
        "index_add": lambda a: a.index_add(0, torch.tensor([1, 1]), a[:2]),
        "index_copy": lambda a: a.index_copy(0, torch.tensor([1]), a[:1] * 2),
        "index_fill": lambda a: a.index_fill(1, torch.tensor([1]), 3.0),
        "cat": lambda a: torch.cat([a, a * 2], 1),
        "stack": lambda a: torch.stack([a, a * 2], 1),
        "roll": lambda a: a.roll(1, 1),
        "flip": lambda a: a.flip(0),
        "tril": lambda a: a.tril(),
        "diag": lambda a: a.diagonal(),
        "repeat": lambda a: a.repeat(2, 1),
        "repeat_interleave": lambda a: a.repeat_interleave(2, 0),
        "meshgrid": lambda a: torch.meshgrid(a[0], a[1, :2], indexing="ij"),
        "unfold along": lambda a: a.unfold(1, 2, 1),
        "as_strided": lambda a: (a * 1).as_strided((2, 2), (4, 1)),
        "pad constant": lambda a: F.pad(a, (1, 0), value=2.0),
        "pad reflect": lambda a: F.pad(a[None], (1, 2), mode="reflect"),
        "pad circular": lambda a: F.pad(a[None], (1, 2), mode="circular"),
        "pixel_shuffle": lambda a: F.pixel_shuffle(a.reshape(1, 4, 1, 3), 2),
        "permute": lambda a: a.T.permute(1, 0).movedim(0, 1),
        "casts": lambda a: a.float().double().to(torch.float64).type_as(a),
        "to whole numbers": lambda a: (a * 3).long() + 1,
        "one_hot": lambda a: F.one_hot((a > 0).long()) * 2.0,
        "setitem": _setitem,
        "through a view": _through_a_view,
        "creation": lambda a: a + torch.arange(4) * torch.ones(3, 1) - torch.full((4,), 2.0) + torch.linspace(0, 1, 4),
    }
    return {name: (function, (x(3, 4),)) for name, function in table.items()}


def _setitem(a: torch.Tensor) -> torch.Tensor:
    b = a * 2
    b[:, 1] = a[:, 0] * 3
    b[0] = 1.5
    return b * b


def _through_a_view(a: torch.Tensor) -> torch.Tensor:
    b = a * 2
    b[:, 1:3].mul_(a[:, :2])
    whole = b.new_full((2, 3, 4), 0.5)
    whole[0].copy_(b)
    whole[1, :, :2].copy_(a[:, 2:])
    return whole**2


def _losses() -> dict[str, Call]:
    classes = torch.tensor([2, 0, 1])
    calls: dict[str, Call] = {}
    for how in ("mean", "sum", "none"):
        calls |= {
            f"{name} {how}": (
                lambda a, b, name=name, how=how: getattr(F, name)(a, b, reduction=how),
                (x(3, 4), p(3, 4)),
            )
            for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits",
                         "poisson_nll_loss")
        }  # fmt: skip
        calls |= {
            f"binary_cross_entropy {how}": (
                lambda a, b, how=how: F.binary_cross_entropy(a, b, reduction=how),
                (p(3, 4), p(3, 4)),
            ),
            f"cross_entropy {how}": (lambda a, how=how: F.cross_entropy(a, classes, reduction=how), (x(3, 4),)),
            f"cross_entropy smoothed {how}": (
                lambda a, how=how: F.cross_entropy(
                    a, classes, torch.tensor([0.2, 0.9, 0.5, 0.7]).double(), reduction=how, label_smoothing=0.2
                ),
                (x(3, 4),),
            ),
            f"cross_entropy of shares {how}": (
                lambda a, b, how=how: F.cross_entropy(a, b.softmax(1), reduction=how, label_smoothing=0.1),
                (x(3, 4), x(3, 4)),
            ),
        }
    calls |= {
        "kl_div sum": (lambda a, b: F.kl_div(a, b, reduction="sum"), (x(3, 4), p(3, 4))),
        "kl_div batchmean": (lambda a, b: F.kl_div(a, b, reduction="batchmean"), (x(3, 4), p(3, 4))),
        "nll_loss": (lambda a: F.nll_loss(a, classes), (x(3, 4),)),
        "triplet": (F.triplet_margin_loss, (x(3, 4), x(3, 4), x(3, 4))),
        "cosine loss": (lambda a, b: F.cosine_embedding_loss(a, b, torch.tensor([1, -1, 1])), (x(3, 4), x(3, 4))),
        "ctc": (
            lambda a: F.ctc_loss(a.log_softmax(-1), torch.tensor([[1, 2]]), torch.tensor([5]), torch.tensor([2])),
            (x(5, 1, 4),),
        ),
    }  # fmt: skip
    return calls


def calls() -> dict[str, Call]:
    """All of them by name; the same numbers each time."""
    torch.manual_seed(0)
    groups = (_activations, _elementwise, _reductions, _products, _layers, _moves, _losses)
    return {name: call for group in groups for name, call in group().items()}
