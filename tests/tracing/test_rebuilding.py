"""What fused ops hide: rebuilt numbers against torch's own fused kernels, cells and weights, and their gradients."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glasswork.explaining import explain
from glasswork.tracing import NotRebuilt, Trace, trace
from glasswork.tracing.rebuilding import Rebuilt, can_rebuild

DOUBLE = torch.float64


class Call(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs)


def squares(output: Any) -> torch.Tensor:
    parts = [output] if isinstance(output, torch.Tensor) else [part for part in output if part is not None]
    parts = [part for item in parts for part in (item if isinstance(item, tuple) else [item])]
    return torch.stack([(part.double() ** 2).sum() for part in parts]).sum()


def opened(module: Any, *inputs: Any, name: str, loss: Any = squares, backward: bool = True) -> tuple[Trace, Rebuilt]:
    """The trace and the rebuilt op of that name; its gradients must be torch's, which saw the fused op."""
    module = module if isinstance(module, nn.Module) else Call(module)
    run = trace(module, *inputs, backward=backward, loss=loss)
    op = next(op for op in run.ops if op.name == name)
    inside = run.rebuild(op)
    assert all(part.rebuilt for part in inside.ops)
    assert not op.rebuilt
    for path, value in inside.inputs.items():
        readers = [reader for reader in run.ops if any(v.path == path for v in reader.operands)]
        if not backward or readers != [op] or value.dtype != DOUBLE:
            continue
        torchs = run.value(path).grad
        if torchs is not None:
            assert value.grad is not None
            assert torch.allclose(value.grad, torchs, rtol=1e-10, atol=1e-10), path
    return run, inside


RECURRENT = [
    (kind, *flags)
    for kind in (nn.RNN, nn.GRU, nn.LSTM)
    for flags in [(0, 0, 1, 1, 0), (1, 1, 0, 2, 0), (1, 0, 1, 2, 1), (0, 1, 1, 2, 1)]
]
ALL_RECURRENT = list(itertools.product((nn.RNN, nn.GRU, nn.LSTM), (0, 1), (0, 1), (0, 1), (1, 2), (0, 1)))


def check_recurrent(
    kind: Any, bidirectional: int, batch_first: int, bias: int, layers: int, packed: int, **more: Any
) -> None:
    torch.manual_seed(0)
    flags = {"bias": bool(bias), "batch_first": bool(batch_first), "bidirectional": bool(bidirectional)}
    module = kind(3, 4, layers, **flags, **more).double()
    x: Any = torch.randn(3, 5, 3, dtype=DOUBLE)
    if packed:
        lengths = [5, 3, 3] if batch_first else [5, 2, 1]
        x = x if batch_first else x.transpose(0, 1)
        x = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=bool(batch_first))
    name = {nn.GRU: "gru", nn.LSTM: "lstm", nn.RNN: "rnn_tanh"}[kind]
    _, inside = opened(module, x, name=name, loss=lambda out: squares((out[0].data if packed else out[0], out[1])))
    assert inside.error < 1e-12
    assert inside.note == ""
    assert len(inside.results) == len(inside.op.outputs)


@pytest.mark.parametrize("case", RECURRENT)
def test_recurrent_layers(case: Any) -> None:
    check_recurrent(*case)


@pytest.mark.slow
@pytest.mark.parametrize("case", ALL_RECURRENT)
def test_recurrent_layers_in_every_form(case: Any) -> None:
    check_recurrent(*case)
    if case[0] is nn.LSTM:
        check_recurrent(*case, proj_size=2)


def test_projected_lstm_and_relu() -> None:
    check_recurrent(nn.LSTM, 1, 1, 1, 2, 1, proj_size=2)
    module = nn.RNN(3, 4, nonlinearity="relu").double()
    _, inside = opened(module, torch.randn(5, 2, 3, dtype=DOUBLE), name="rnn_relu", loss=lambda out: squares(out))
    assert inside.error < 1e-12


def test_every_gate_of_every_step_is_what_the_cell_computes() -> None:
    torch.manual_seed(1)
    lstm: Any = nn.LSTM(3, 4)
    x = torch.randn(5, 2, 3)
    run = trace(nn.Sequential(lstm), x)
    hidden, cell = torch.zeros(2, 4), torch.zeros(2, 4)
    for step in range(5):  # by the equations of the paper, as torch's documentation numbers the gates
        total = x[step] @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + hidden @ lstm.weight_hh_l0.T + lstm.bias_hh_l0
        i, f, g, o = total.chunk(4, -1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        gates = {"input_gate": i.sigmoid(), "forget_gate": f.sigmoid(), "candidate": g.tanh(), "cell": cell}
        for name, expected in (gates | {"output_gate": o.sigmoid(), "hidden": hidden}).items():
            found = run[f"0/step{step}.layer0.forward.{name}"]
            assert torch.allclose(found.output.tensor, expected, atol=1e-6), (step, name)
            assert run.value(found.path) is found.output
    assert run.rebuild("0").error < 1e-5
    assert run.macs == run["0"].macs  # what is rebuilt costs nothing that the run did


def test_dropout_between_layers_is_the_mask_that_was_drawn() -> None:
    for kind, name in ((nn.LSTM, "lstm"), (nn.GRU, "gru"), (nn.RNN, "rnn_tanh")):
        module = kind(3, 4, 3, dropout=0.4, bidirectional=True).double()
        before = torch.get_rng_state()
        _, inside = opened(
            module, torch.randn(4, 5, 3, dtype=DOUBLE), name=name, loss=lambda out: squares((out[0], out[1]))
        )
        assert inside.error < 1e-12
        state = torch.get_rng_state()
        inside.op.random, mask = None, inside.value("layer1.dropout_mask").tensor
        assert set(mask.unique().tolist()) == {0.0, 1 / 0.6}
        assert torch.equal(torch.get_rng_state(), state)  # to rebuild draws nothing
        assert not torch.equal(before, state)


@pytest.mark.parametrize(("kind", "name"), [(nn.RNNCell, "rnn_tanh"), (nn.GRUCell, "gru"), (nn.LSTMCell, "lstm")])
def test_cells(kind: Any, name: str) -> None:
    run, inside = opened(kind(3, 4).double(), torch.randn(2, 3, dtype=DOUBLE), name=f"{name}_cell")
    assert inside.error < 1e-12
    for result in inside.results:  # their gradients begin with the cell's own, also where one is made of the other
        assert result is not None
        assert explain(run, str(result.path), (1, 2), of="grad").error < 1e-10


def attention_case(**settings: Any) -> Callable[..., torch.Tensor]:
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **settings)


LOOKS_AT_NOTHING = torch.rand(4, 5, generator=torch.Generator().manual_seed(0)) > 0.4
LOOKS_AT_NOTHING[2] = False
ATTENTION = {
    "plain": attention_case(),
    "causal": attention_case(is_causal=True),
    "bool mask with an empty row": attention_case(attn_mask=LOOKS_AT_NOTHING),
    "float mask and scale": attention_case(attn_mask=torch.linspace(-2, 2, 20, dtype=DOUBLE).reshape(4, 5), scale=0.3),
    "dropout": attention_case(dropout_p=0.3),
}


@pytest.mark.parametrize("case", ATTENTION)
def test_scaled_dot_product_attention(case: str) -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 4, size, 6, dtype=DOUBLE) for size in (4, 5, 5))
    _, inside = opened(ATTENTION[case], query, key, value, name="scaled_dot_product_attention")
    assert inside.error < 1e-12
    rows = inside["weights"].output.tensor.sum(-1)
    expected = torch.ones_like(rows)
    if "empty" in case:
        expected[..., 2] = 0
    assert torch.allclose(rows, expected)


def test_grouped_queries_and_single_precision() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, heads, 5, 6) for heads in (4, 2, 2))
    run, inside = opened(
        attention_case(enable_gqa=True, is_causal=True), query, key, value, name="scaled_dot_product_attention"
    )
    assert inside.error < 1e-5
    weights = run.value(":scaled_dot_product_attention/weights").tensor
    scores = query @ key.repeat_interleave(2, 1).mT / 6**0.5
    expected = scores.masked_fill(torch.ones(5, 5).triu(1).bool(), -torch.inf).softmax(-1)
    assert torch.allclose(weights, expected, atol=1e-6)


MULTI_HEAD = [
    {}, {"batch_first": True}, {"kdim": 3, "vdim": 5}, {"add_bias_kv": True, "add_zero_attn": True}, {"dropout": 0.3},
    {"bias": False},
]  # fmt: skip


@pytest.mark.parametrize("settings", MULTI_HEAD, ids=str)
@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention(settings: dict[str, Any], need_weights: bool) -> None:
    torch.manual_seed(0)
    module = nn.MultiheadAttention(8, 2, **settings).double()
    query, key, value = (
        torch.randn(*((2, size) if settings.get("batch_first") else (size, 2)), width, dtype=DOUBLE)
        for size, width in ((5, 8), (6, settings.get("kdim", 8)), (6, settings.get("vdim", 8)))
    )
    padding = torch.zeros(2, 6, dtype=torch.bool)
    padding[1, 4:] = True
    forbidden = torch.ones(5, 6).triu(2).bool()

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = module

        def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> Any:
            return self.attention(q, k, v, padding, need_weights, forbidden, average_attn_weights=False)

    _, inside = opened(Masked(), query, key, value, name="multi_head_attention_forward")
    assert inside.error < 1e-12
    assert len(inside.results) == 1 + need_weights
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module.eval()
        weights = module(query, key, value, padding, True, forbidden, average_attn_weights=False)[1]
        assert torch.allclose(inside["weights"].output.tensor, weights, atol=1e-12)  # before dropout


def test_multi_head_attention_without_a_batch() -> None:
    module, x = nn.MultiheadAttention(8, 2).double(), torch.randn(5, 8, dtype=DOUBLE)
    run, inside = opened(lambda x: module(x, x, x), x, name="multi_head_attention_forward")
    assert inside.error < 1e-12
    assert torch.equal(inside["mean_weights"].output.tensor.squeeze(0), inside["output_weights"].output.tensor)
    assert run.ops[-1].output.shape == () or inside.results[1] is not None


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize(("mask", "mask_type"), [(None, None), ((5, 5), 0), ((2, 5), 1), ((2, 2, 5, 5), 2)])
def test_the_fused_encoder_layer(norm_first: bool, mask: Any, mask_type: int | None) -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=norm_first, activation="gelu").double()
    attention, x = layer.self_attn, torch.randn(2, 5, 8, dtype=DOUBLE)
    hidden = None if mask is None else torch.rand(mask) > 0.6
    parameters = (
        attention.in_proj_weight, attention.in_proj_bias, attention.out_proj.weight, attention.out_proj.bias, True,
        norm_first, 1e-5, layer.norm1.weight, layer.norm1.bias, layer.norm2.weight, layer.norm2.bias,
        layer.linear1.weight, layer.linear1.bias, layer.linear2.weight, layer.linear2.bias,
    )  # fmt: skip
    fused = lambda x: torch.ops.aten._transformer_encoder_layer_fwd(x, 8, 2, *parameters, hidden, mask_type)  # noqa: E731
    _, inside = opened(fused, x, name="_transformer_encoder_layer_fwd", loss=(0, 0, 0), backward=False)
    assert inside.error < 1e-12

    def both(x: torch.Tensor) -> Any:
        return torch.ops.aten._native_multi_head_attention(
            x, x, x, 8, 2, *parameters[:4], hidden, True, True, mask_type
        )

    _, inside = opened(both, x, name="_native_multi_head_attention", loss=lambda out: out[0].sum(), backward=False)
    assert inside.error < 1e-12


BATCH = torch.randn(4, 6, 5, 5, generator=torch.Generator().manual_seed(0)).double() + 1
NORMS = {
    "layer_norm": [nn.LayerNorm([5, 5]), nn.LayerNorm(5, elementwise_affine=False), nn.LayerNorm(5, bias=False)],
    "rms_norm": [nn.RMSNorm(5), nn.RMSNorm([5, 5], eps=1e-3, elementwise_affine=False)],
    "batch_norm": [nn.BatchNorm2d(6), nn.BatchNorm2d(6).eval(), nn.BatchNorm2d(6, affine=False, momentum=None)],
    "group_norm": [nn.GroupNorm(3, 6), nn.GroupNorm(1, 6, affine=False)],
    "instance_norm": [nn.InstanceNorm2d(6, affine=True, track_running_stats=True).eval(), nn.InstanceNorm2d(6)],
}


@pytest.mark.parametrize("name", NORMS)
def test_normalisations(name: str) -> None:
    for module in NORMS[name]:
        torch.manual_seed(0)
        for parameter in module.double().parameters():
            nn.init.normal_(parameter)
        _, inside = opened(module, BATCH, name=name)
        assert inside.error < 1e-12
    if name == "layer_norm":
        _, inside = opened(NORMS[name][0], BATCH, name=name)
        assert torch.allclose(inside["mean"].output.tensor, BATCH.mean((2, 3), keepdim=True))
        assert torch.allclose(inside["variance"].output.tensor, BATCH.var((2, 3), correction=0, keepdim=True))


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_of_embeddings(mode: str) -> None:
    torch.manual_seed(0)
    module = nn.EmbeddingBag(10, 3, mode=mode, padding_idx=2).double()
    _, inside = opened(module, torch.randint(10, (4, 3)), name="embedding_bag")
    assert inside.error < 1e-12
    offsets = torch.tensor([0, 2, 2, 5])
    _, inside = opened(lambda i: module(i, offsets), torch.tensor([1, 2, 3, 2, 2, 7, 8]), name="embedding_bag")
    assert inside.error < 1e-12
    assert inside["bag3"].output.tensor.shape == (3,)


def test_gradients_inside_are_autograds_own() -> None:
    """The gradient of a forget gate, by finite differences of the equations."""
    torch.manual_seed(2)
    lstm: Any = nn.LSTM(3, 4).double()
    x = torch.randn(3, 1, 3, dtype=DOUBLE)
    run = trace(lstm, x, backward=True, loss=lambda out: (out[0] ** 2).sum())

    def loss(nudge: float) -> float:
        hidden, cell, total = torch.zeros(1, 4, dtype=DOUBLE), torch.zeros(1, 4, dtype=DOUBLE), 0.0
        for step in range(3):
            before = x[step] @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + hidden @ lstm.weight_hh_l0.T + lstm.bias_hh_l0
            i, f, g, o = before.chunk(4, -1)
            forget = f.sigmoid()
            if step == 1:
                forget = forget + nudge * torch.tensor([0.0, 1.0, 0.0, 0.0])
            cell = forget * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
            total += (hidden**2).sum().item()
        return total

    gradient = run[":lstm/step1.layer0.forward.forget_gate"].grad
    assert gradient is not None
    assert abs(gradient[0, 1].item() - (loss(1e-5) - loss(-1e-5)) / 2e-5) < 1e-8


def test_numbers_inside_are_explained_from_the_trace_around_them() -> None:
    torch.manual_seed(3)
    run = trace(nn.Sequential(nn.LSTM(3, 4).double()), torch.randn(3, 1, 3, dtype=DOUBLE), backward=True,
                loss=lambda out: (out[0] ** 2).sum())  # fmt: skip
    found = explain(run, "0/step2.layer0.forward.from_input", (0, 1))
    assert found.error < 1e-10
    assert found.terms[-1].ref == "0.bias_ih_l0[1]@value"
    assert found.terms[0].factor_ref is not None
    assert found.terms[0].factor_ref.startswith("0.weight_ih_l0[1,")
    path = str(found.terms[0].ref).partition("[")[0]
    assert path == "0/step2.input"
    assert run.value(path).shape == (1, 3)
    for part in ("kept", "written", "cell", "hidden", "forget_gate_sum"):
        assert explain(run, f"0/step2.layer0.forward.{part}", (0, 1)).error < 1e-10
        assert explain(run, f"0/step1.layer0.forward.{part}", (0, 1), of="grad").error < 1e-10
    assert explain(run, "0/output", (2, 0, 1), of="grad").error < 1e-10  # begins with the op's own gradient


def test_what_hides_nothing_says_so() -> None:
    run = trace(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)), torch.randn(1, 2))
    assert [can_rebuild(op) for op in run.ops] == [False, True]
    with pytest.raises(NotRebuilt, match="no composition of linear"):
        run.rebuild(0)
    with pytest.raises(LookupError):
        run["0/weights"]
    with pytest.raises(LookupError, match=r"did you mean .*mean"):
        run["1/meen"]
    assert "1/mean" in run
    assert "0/mean" not in run
    assert run.rebuild("1") is run.rebuild(1)
