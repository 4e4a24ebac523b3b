"""Fused layers by their rebuilt last step: every part of them explained, forward and backward."""

import random
from typing import Any

import pytest
import torch
from evidence import terms_are_what_they_say
from torch import nn

from glasswork.explaining import channel_parts, explain, explain_value
from glasswork.tracing import Trace, trace

DOUBLE = torch.float64


def squares(output: Any) -> torch.Tensor:
    if isinstance(output, torch.Tensor):
        return output.square().sum()
    return torch.stack([squares(part) for part in output if part is not None]).sum()


class Attending(nn.Module):
    """Multi-head attention of a sequence to itself."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.heads = nn.MultiheadAttention(4, 2, **settings)

    def forward(self, x: torch.Tensor) -> Any:
        return self.heads(x, x, x)


LAYERS = {
    "lstm": (nn.LSTM(3, 4, 2, bidirectional=True), (3, 2, 3)),
    "lstm, projected": (nn.LSTM(3, 4, proj_size=2), (3, 2, 3)),
    "lstm, dropout between": (nn.LSTM(3, 4, 2, dropout=0.5), (3, 2, 3)),
    "gru": (nn.GRU(3, 4, 2), (3, 2, 3)),
    "rnn_tanh": (nn.RNN(3, 4), (3, 2, 3)),
    "rnn_relu": (nn.RNN(3, 4, nonlinearity="relu"), (3, 2, 3)),
    "lstm_cell": (nn.LSTMCell(3, 4), (2, 3)),
    "gru_cell": (nn.GRUCell(3, 4), (2, 3)),
    "multi_head_attention_forward": (Attending(), (3, 2, 4)),
    "multi_head_attention_forward, added keys": (Attending(add_bias_kv=True, add_zero_attn=True), (3, 2, 4)),
    "multi_head_attention_forward, dropout": (Attending(dropout=0.3), (3, 2, 4)),
}


def run_of(name: str) -> tuple[Trace, Any]:
    torch.manual_seed(0)
    module, shape = LAYERS[name]
    run = trace(module.to(DOUBLE), torch.randn(shape, dtype=DOUBLE), backward=True, loss=squares)
    return run, next(op for op in run.ops if op.name == name.partition(",")[0])


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_the_layers_number_is_a_formula_over_its_parts(name: str) -> None:
    run, op = run_of(name)
    for slot, output in enumerate(op.outputs):
        assert output.path is not None
        for index in ((0,) * len(output.shape), tuple(size - 1 for size in output.shape)):
            found = explain_value(run, output.path, index, limit=None)
            assert found.kind == "formula", (slot, found)
            assert found.error <= 1e-12, (slot, found)
            assert found.value == output.tensor[index].item()
            assert "rebuilt" in found.note
            assert any(term.ref is not None and f"{op.path}/" in term.ref for term in found.terms), found.terms
            terms_are_what_they_say(run, found)


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_every_part_is_explained_both_ways(name: str) -> None:
    run, op = run_of(name)
    chance = random.Random(0)
    for part in run.rebuild(op).ops:
        assert run.value(part.path) is part.output
        index = tuple(chance.randrange(size) for size in part.output.shape)
        found = explain(run, part.path, index)
        assert found.kind != "linearised", found
        assert found.error <= 1e-12, found
        assert not found.failed, found
        if part.output.grad is not None:
            back = explain(run, part.path, index, of="grad")
            assert back.error <= 1e-10, back
            assert not back.failed, back


def test_gates_and_their_gradients_are_those_of_the_equations() -> None:
    torch.manual_seed(0)
    gru = nn.GRU(3, 4).to(DOUBLE)
    x = torch.randn(3, 2, 3, dtype=DOUBLE)
    run = trace(nn.Sequential(gru), x, backward=True, loss=squares)
    w, u, b, c = (getattr(gru, f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    state, hidden, gates = torch.zeros(2, 4, dtype=DOUBLE), [], []
    for step in range(3):  # K. Cho et al., 2014, with torch's reset gate behind the product
        reset_x, update_x, new_x = (x[step] @ w.T + b).chunk(3, -1)
        reset_h, update_h, new_h = (state @ u.T + c).chunk(3, -1)
        update = (update_x + update_h).sigmoid()
        new = (new_x + (reset_x + reset_h).sigmoid() * new_h).tanh()
        state = (1 - update) * new + update * state
        gates.append((update, new))
        hidden.append(state)
    tensors = [tensor for pair in gates for tensor in pair]
    slopes = torch.autograd.grad(squares((torch.stack(hidden), state[None])), tensors)
    found = explain(run, "0", (2, 1, 3))
    assert found.formula == r"h_t = (1 - z_t)\,n_t + z_t\,h_{t-1}"
    update, new = (tensor[1, 3].item() for tensor in gates[2])
    expected = [(new, 1 - update), (hidden[1][1, 3].item(), update)]
    for term, (value, factor) in zip(found.terms, expected, strict=True):
        assert term.value == pytest.approx(value, rel=1e-12)
        assert term.factor == pytest.approx(factor, rel=1e-12)
    for step in range(3):
        for gate, slope in zip(("update_gate", "candidate"), slopes[2 * step : 2 * step + 2], strict=True):
            back = explain(run, f"0/step{step}.layer0.forward.{gate}", (1, 2), of="grad")
            assert sum(term.product for term in back.terms) == pytest.approx(slope[1, 2].item(), rel=1e-10)


def test_a_mask_that_nobody_kept_is_chance() -> None:
    run, op = run_of("lstm, dropout between")
    op.random = None
    assert explain(run, op, (0, 0, 0)).kind == "random"


def test_a_linear_part_has_the_channels_of_its_own_input() -> None:
    run, op = run_of("lstm")
    part = f"{op.path}/step1.layer1.forward.from_input"
    parts = channel_parts(run, part, (1, 6))
    x, weight, bias = (operand.tensor for operand in run[part].operands)
    assert torch.equal(parts.products, x[1] * weight[6])
    assert parts.value == pytest.approx((x[1] @ weight[6] + bias[6]).item(), abs=1e-12)
