"""How the truth test writes out fused functions: beside the functions themselves, and part by part beside ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from calls import Call, tensors_of
from torch import Tensor, nn
from unfused import WRITTEN, Inside

from glasswork.tracing import Op, trace
from glasswork.tracing.values import replace_values

D: dict[str, Any] = {"dtype": torch.float64}


class Calls(nn.Module):
    """A function of the input, in a module that can be traced."""

    def __init__(self, function: Callable[[Tensor], Any], *parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def recurrent(kind: type[nn.LSTM | nn.GRU | nn.RNN], **sizes: Any) -> Calls:
    layer = kind(4, 3, **sizes, **D)
    return Calls(lambda x: layer(x)[0].square().sum(), layer)


def attention(heads: int = 4, **more: Any) -> Calls:
    return Calls(
        lambda x: F.scaled_dot_product_attention(
            x.repeat(1, 4 // x.shape[1], 1, 1), x[:, :heads], x[:, :heads].sin(), **more
        ).sum()
    )


def multi_head(made: dict[str, Any] | None = None, **more: Any) -> Calls:
    layer = nn.MultiheadAttention(4, 2, **(made or {}), **D)
    width = layer.kdim
    return Calls(lambda x: layer(x, x.sin()[..., :width], x.cos()[..., :width], **more)[0].square().sum(), layer)


SERIES, HEADS = (5, 2, 4), (2, 4, 5, 4)
ALLOWED = torch.tensor([[1, 1, 0, 1, 0]] * 4 + [[0, 0, 1, 1, 1]], dtype=torch.bool)
PADDED = torch.tensor([[False] * 5, [False, False, False, True, True]])
CASES: dict[str, tuple[Callable[[], Calls], tuple[int, ...]]] = {
    "lstm": (lambda: recurrent(nn.LSTM, num_layers=2, bidirectional=True), SERIES),
    "lstm without biases": (lambda: recurrent(nn.LSTM, bias=False), SERIES),
    "lstm, projected": (lambda: recurrent(nn.LSTM, proj_size=2, num_layers=2, bidirectional=True), SERIES),
    "lstm, projected, without biases": (lambda: recurrent(nn.LSTM, proj_size=2, bias=False), SERIES),
    "lstm, dropout": (lambda: recurrent(nn.LSTM, num_layers=3, dropout=0.4), SERIES),
    "gru, dropout, both ways": (
        lambda: recurrent(nn.GRU, num_layers=2, dropout=0.4, bidirectional=True, batch_first=True),
        SERIES,
    ),
    "gru": (lambda: recurrent(nn.GRU, num_layers=2, bidirectional=True), SERIES),
    "gru, batch first": (lambda: recurrent(nn.GRU, batch_first=True), SERIES),
    "rnn, tanh": (lambda: recurrent(nn.RNN, bidirectional=True), SERIES),
    "rnn, relu": (lambda: recurrent(nn.RNN, nonlinearity="relu", num_layers=2), SERIES),
    "attention, causal": (lambda: attention(is_causal=True), HEADS),
    "attention, mask": (lambda: attention(attn_mask=ALLOWED), HEADS),
    "attention, bias": (lambda: attention(attn_mask=torch.randn(5, 5, **D), scale=0.3), HEADS),
    "attention, shared heads": (lambda: attention(2, enable_gqa=True), HEADS),
    "attention, dropout": (lambda: attention(dropout_p=0.3, is_causal=True), HEADS),
    "multi-head, dropout": (lambda: multi_head({"dropout": 0.4}, need_weights=False), SERIES),
    "multi-head, dropout, weights": (lambda: multi_head({"dropout": 0.4}), SERIES),
    "multi-head, a learned key": (
        lambda: multi_head({"add_bias_kv": True}, attn_mask=~ALLOWED, key_padding_mask=PADDED),
        SERIES,
    ),
    "multi-head, a key of zeros": (
        lambda: multi_head({"add_zero_attn": True, "bias": False}, attn_mask=~ALLOWED),
        SERIES,
    ),
    "multi-head, widths of their own": (lambda: multi_head({"kdim": 3, "vdim": 3, "add_bias_kv": True}), SERIES),
    "multi-head, both masks": (lambda: multi_head(attn_mask=~ALLOWED, key_padding_mask=PADDED), SERIES),
    "multi-head, added mask": (lambda: multi_head(attn_mask=torch.randn(4, 5, 5, **D), need_weights=False), SERIES),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_function_itself_and_its_parts_are_ours(case: str) -> None:
    make, shape = CASES[case]
    torch.manual_seed(0)
    module = make().train("dropout" in case)
    run = trace(module, torch.randn(shape, **D), backward=True)
    op = next(op for op in run.ops if op.name in WRITTEN)
    call = Call(op.function, op.name, *_live(op), tuple(value.path for value in op.operands), op.random)
    inside = Inside(op.path, call, [value.grad for value in op.outputs])
    for part, value in zip(inside.results, op.outputs, strict=True):
        assert torch.allclose(part.live, value.tensor, rtol=1e-10, atol=1e-12)
    ours = run.rebuild(op)
    assert {part.path for part in ours.ops} >= set(inside.parts)
    assert len(inside.parts) > 4
    assert bool(inside.drawn) == ("dropout" in case)
    for name, part in inside.drawn.items():
        assert 0 < (part.live == 0).double().mean() < 1, name
    for name, part in inside.parts.items():
        assert torch.allclose(part.live, ours[name].output.tensor, rtol=1e-10, atol=1e-12), name
        slope = ours[name].grad
        if name in inside.slopes and slope is not None:
            assert torch.allclose(inside.slopes[name], slope, rtol=1e-9, atol=1e-12), name


def _live(op: Op) -> tuple[Any, Any]:
    args, kwargs = (replace_values(lambda value: value.tensor, tree) for tree in (op.args, op.kwargs))
    assert tensors_of([args, kwargs])
    return args, kwargs
