"""From any number back to pixels, tokens and parameters: against autograd on the plain module."""

import random

import pytest
import torch
from torch import nn

from glasswork.explaining import NoOrigin, explain_value, origin
from glasswork.tracing import trace


class Tangled(nn.Module):
    """In-place writes, views that are written on, parts that go to several readers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.mix = nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.conv(x))
        part = y[:, :3]
        part += x
        part.mul_(2).relu_()
        mixed = self.mix(part)
        mixed += part
        mixed.sigmoid_()
        both = mixed.new_zeros(2, *mixed.shape)
        both[0].copy_(mixed)
        both[1, :, :1] = mixed[:, 1:2]
        return (both**2).sum((0, 2, 3, 4))


def tangled() -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return Tangled().double().eval(), torch.randn(2, 3, 5, 6, dtype=torch.float64)


@pytest.mark.parametrize("backward", [False, True])
def test_it_is_the_gradient_of_the_plain_module(backward: bool) -> None:
    module, x = tangled()
    leaf = x.clone().requires_grad_()
    expected = torch.autograd.grad(module(leaf)[1], [leaf, *module.parameters()])
    run = trace(module, x, backward=backward)
    found = origin(run, run.ops[-1], (1,), limit=7)
    names = ["input", *(name for name, _ in module.named_parameters())]
    assert set(found.sensitivities) == set(names)
    for name, slopes in zip(names, expected, strict=True):
        assert torch.allclose(found.sensitivities[name], slopes, rtol=1e-12, atol=1e-14), name
    assert found.count == int(expected[0].count_nonzero())
    largest = expected[0].flatten().abs().sort(descending=True).values[:7]
    assert [abs(source.sensitivity) for source in found.sources] == pytest.approx(largest.tolist())
    for source in found.sources:
        assert source.ref is not None
        index = tuple(int(at) for at in source.ref.removeprefix("input[").removesuffix("]@value").split(","))
        assert source.value == x[index].item()
        assert source.sensitivity == pytest.approx(expected[0][index].item())


def test_from_the_middle_and_to_one_parameter() -> None:
    module, x = tangled()
    run = trace(module, x)
    found = origin(run, "conv", (0, 2, 0, 0), by="conv.weight", limit=None)
    assert found.count == 12  # three channels, and four taps of nine at the corner
    assert {source.ref for source in found.sources} == {
        f"conv.weight[2,{c},{u},{v}]@value" for c in range(3) for u in (1, 2) for v in (1, 2)
    }
    for source in found.sources:
        assert source.ref is not None
        _, c, u, v = (int(at) for at in source.ref.partition("[")[2].partition("]")[0].split(","))
        assert source.sensitivity == x[0, c, u - 1, v - 1].item()


def test_a_language_models_tokens_are_its_rows() -> None:
    module = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2))
    run = trace(module, torch.tensor([[3, 5]]))
    found = origin(run, "1", (0, 1, 0), by="0.weight", limit=None)
    assert {source.ref for source in found.sources} == {f"0.weight[5,{at}]@value" for at in range(4)}


def test_whole_numbers_have_no_origin() -> None:
    class Chosen(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.argmax(1)

    with pytest.raises(NoOrigin, match="whole numbers"):
        origin(trace(Chosen(), torch.randn(2, 3)), 0, (0,))


def test_gradients_through_writes_on_views_are_sums_too() -> None:
    module, x = tangled()
    run = trace(module, x, backward=True)
    chance, checked = random.Random(0), 0
    for path in ["input", *run.parameters, *(op.path for op in run.ops)]:
        value = run.value(path)
        if value.grad is None:
            continue
        for _ in range(4):
            index = tuple(chance.randrange(size) for size in value.shape)
            assert explain_value(run, path, index, of="grad").error <= 1e-12, (path, index)
            checked += 1
    assert checked > 40


class Read(nn.Module):
    """A linear layer before an LSTM, and enough ops that a part's number among the parts is one of theirs too."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before = nn.Linear(3, 4)
        self.lstm = nn.LSTM(4, 5, num_layers=2)
        self.after = nn.Sequential(*[nn.Sequential(nn.Linear(5, 5), nn.Tanh()) for _ in range(40)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.lstm(torch.tanh(self.before(x)))[0])


def test_from_inside_an_lstm_back_to_the_input_of_the_network() -> None:
    """The forget gate of a later step, by the equations of torch.nn.LSTM's documentation."""
    module = Read().double()
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    run = trace(module, x)

    leaf = x.clone().requires_grad_()
    fed = torch.tanh(module.before(leaf))
    lower = nn.LSTM(4, 5).double()
    lower.load_state_dict({name: module.lstm.state_dict()[name] for name in lower.state_dict()})
    hidden = lower(fed)[0]
    upper = nn.LSTM(5, 5).double()
    upper.load_state_dict({name: module.lstm.state_dict()[name.replace("l0", "l1")] for name in upper.state_dict()})
    before = upper(hidden[:2])[0][-1]
    weights = module.lstm
    sums = hidden[2] @ weights.weight_ih_l1.T + weights.bias_ih_l1 + before @ weights.weight_hh_l1.T
    gate = torch.sigmoid((sums + weights.bias_hh_l1)[:, 5:10])

    found = origin(run, "lstm/step2.layer1.forward.forget_gate", (1, 3), limit=None)
    assert found.value == pytest.approx(gate[1, 3].item(), rel=1e-12)
    expected = torch.autograd.grad(gate[1, 3], [leaf, module.before.weight])
    assert torch.allclose(found.sensitivities["input"], expected[0], rtol=1e-10, atol=1e-14)
    assert torch.allclose(found.sensitivities["before.weight"], expected[1], rtol=1e-10, atol=1e-14)
    assert found.count == 9  # three steps of one sequence
    assert not any(name.startswith("after") for name in found.sensitivities)


def test_from_an_attention_weight_back_to_the_input() -> None:
    torch.manual_seed(0)

    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before = nn.Linear(4, 6)
            self.attention = nn.MultiheadAttention(6, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.tanh(self.before(x))
            return self.attention(x, x, x)[0]

    module = Attending().double().eval()
    x = torch.randn(1, 5, 4, dtype=torch.float64)
    run = trace(module, x)
    leaf = x.clone().requires_grad_()
    fed = torch.tanh(module.before(leaf))
    _, weights = module.attention(fed, fed, fed, average_attn_weights=False)  # (1, heads, 5, 5)
    part = next(op for op in run.rebuild("attention:multi_head_attention_forward").ops if op.path.endswith("/weights"))
    assert part.output.shape == weights.shape
    found = origin(run, part.path, (0, 1, 2, 3))
    (expected,) = torch.autograd.grad(weights[0, 1, 2, 3], [leaf])
    assert torch.allclose(found.sensitivities["input"], expected, rtol=1e-10, atol=1e-14)


def test_an_aten_op_sends_one_to_the_op_around_it() -> None:
    run = trace(nn.Sequential(nn.Linear(3, 2), nn.GELU()), torch.randn(1, 3), detail="aten")
    child = run["0"].children[0]
    with pytest.raises(NoOrigin, match="part of an op"):
        origin(run, child, (0,) * len(child.output.shape))
