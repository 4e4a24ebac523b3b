"""Networks that do odd things: traced as they run plainly, to the bit, and nothing that was written is missed."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

from glasswork.tracing import Trace, trace


class Call(nn.Module):
    """A forward that is a function of the module and its input, with a linear layer to use."""

    def __init__(self, forward: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.count = nn.Buffer(torch.zeros(()))
        for name, part in parts.items():
            self.add_module(name, part)
        self._forward = forward

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._forward(self, *args, **kwargs)


@dataclass
class Scores:
    values: torch.Tensor
    more: list[torch.Tensor]


class Tagged(torch.Tensor):
    """A subclass that does nothing."""


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return 2 * ctx.saved_tensors[0] * g


def inner_gradient(m: Call, x: torch.Tensor) -> torch.Tensor:
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(m.layer(x).square().sum(), x, create_graph=True)
    return x - slope


def counted(m: Call, x: torch.Tensor) -> torch.Tensor:
    m.count += 1  # type: ignore[assignment]
    m.count.data.mul_(2)
    return m.layer(x) * m.count


def views(m: Call, x: torch.Tensor) -> torch.Tensor:
    y = m.layer(x) * 1
    part = y[:, :2]
    part.add_(1)
    y.t()[0].mul_(2)
    y[y > 0] = 0.5
    y.view(-1)[::2].zero_()
    return y * part.sum()


def waves(m: Call, x: torch.Tensor) -> torch.Tensor:
    z = torch.fft.rfft(m.layer(x))
    return torch.fft.irfft((z * torch.polar(torch.ones(z.shape), torch.rand(z.shape))).conj())


def packed(m: Any, x: torch.Tensor) -> torch.Tensor:
    rows = nn.utils.rnn.pack_padded_sequence(x[None].expand(2, 2, 4), torch.tensor([2, 1]), batch_first=True)
    return nn.utils.rnn.pad_packed_sequence(m.recurrent(rows)[0], batch_first=True)[0]


def mixed(m: Call, x: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return m.layer(x).relu().float() * 2


def bound(m: Call, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        m.layer.weight.clamp_(-0.1, 0.1)
    return m.layer(x)


def each(m: Call, x: torch.Tensor) -> torch.Tensor:
    both = [x * 1, x * 2]
    torch._foreach_add_(both, 1.0)  # type: ignore[reportPrivateImportUsage]
    return both[0] + both[1] + m.layer(x)


def remembered(reentrant: bool) -> Callable[..., torch.Tensor]:
    def forward(m: Call, x: torch.Tensor) -> torch.Tensor:
        return checkpoint(lambda z: F.dropout(m.layer(z).relu(), 0.3), x, use_reentrant=reentrant)

    return forward


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "gradient inside": inner_gradient,
    "counted": counted,
    "views": views,
    "complex": waves,
    "integers": lambda m, x: m.layer(x).gather(1, m.layer(x).argsort(-1)),
    "packed": packed,
    "autocast": mixed,
    "writes a parameter": bound,
    "checkpoint": remembered(False),
    "reentrant checkpoint": remembered(True),
    "vmap": lambda m, x: torch.func.vmap(lambda row: torch.sin(row) * m.layer.weight.sum())(x),
    "functional gradient": lambda m, x: m.layer(torch.func.grad(lambda z: m.layer(z).square().sum())(x)),
    "functional call": lambda m, x: torch.func.functional_call(m.layer, {"weight": m.layer.weight * 2}, (x,)),
    "data": lambda m, x: (lambda y: (y.data.mul_(3), y + 1)[1])(m.layer(x)),
    "sparse": lambda m, x: torch.sparse.mm(x.relu().to_sparse(), m.layer.weight.t()),
    "jagged": lambda m, x: F.linear(
        torch.nested.nested_tensor([x[:1], x], layout=torch.jagged), m.layer.weight
    ).values(),
    "subclass": lambda m, x: m.layer(x.as_subclass(Tagged)) + 1,
    "own function": lambda m, x: Square.apply(m.layer(x)),
    "dataclass": lambda m, x: Scores(m.layer(x), [x * 2]),
    "nothing first": lambda m, x: (None, m.layer(x), "text", 3),
    "out argument": lambda m, x: torch.matmul(x.detach(), torch.eye(4), out=torch.empty(2, 4)) * m.layer(x),
    "for each": each,
    "made on the fly": lambda m, x: nn.Linear(4, 4)(x) + m.layer(x),
    "no rows": lambda m, x: m.layer(x[:0]).sum() + m.layer(x).sum(),
    "asks first": lambda m, x: m.layer(x) * (2 if m.layer(x).sum().item() > 0 else 3),
    "sets a flag": lambda m, x: (setattr(x, "requires_grad", x.requires_grad), m.layer(x))[1],
}


def hooked() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    module[0].register_forward_hook(lambda _module, _inputs, output: output * 2)  # type: ignore[operator]
    module[1].register_forward_pre_hook(lambda _module, inputs: (inputs[0] + 1,))
    return module


def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    made: dict[str, nn.Module] = {name: Call(forward) for name, forward in FUNCTIONS.items()}
    made["packed"] = Call(packed, recurrent=nn.LSTM(4, 3, batch_first=True))
    made |= {
        "weight norm": parametrizations.weight_norm(nn.Linear(4, 4)),
        "spectral norm": parametrizations.spectral_norm(nn.Linear(4, 4)),
        "data parallel": nn.DataParallel(nn.Linear(4, 4)),
        "hooks": hooked(),
    }
    return made


def tensors(tree: Any) -> list[torch.Tensor]:
    if isinstance(tree, torch.Tensor):
        return [tree]
    if isinstance(tree, Scores):
        return [tree.values, *tree.more]
    return [tensor for part in tree for tensor in tensors(part)] if isinstance(tree, (list, tuple)) else []


def loss(output: Any) -> torch.Tensor:
    return torch.stack([tensor.float().square().sum() for tensor in tensors(output)]).sum()


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("detail", ["ops", "aten"])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", sorted(networks()))
def test_runs_as_it_does_plainly(name: str, backward: bool, detail: str) -> None:
    module = networks()[name].train(backward)
    twin, x = copy.deepcopy(module), torch.randn(2, 4)
    torch.manual_seed(3)
    with torch.set_grad_enabled(backward):
        output = twin(x.clone().requires_grad_(backward))
        if backward:
            loss(output).backward()
    state = torch.get_rng_state()
    torch.manual_seed(3)
    run = trace(module, x, backward=backward, detail=detail, loss=loss if backward else None)
    assert torch.equal(torch.get_rng_state(), state)
    for plain, traced in zip(tensors(output), tensors(run.output), strict=True):
        assert torch.equal(plain.detach().to_dense() if plain.is_sparse else plain.detach(), traced)
    for key, tensor in twin.state_dict().items():
        assert torch.equal(tensor, module.state_dict()[key]), key
    for key, parameter in twin.named_parameters():
        grad = run.parameters[key].grad
        assert (grad is None) == (parameter.grad is None), key
        assert grad is None or torch.equal(grad, parameter.grad), key  # type: ignore[arg-type]
    assert all(parameter.grad is None for parameter in module.parameters())
    for op in run.ops:
        assert all(value.tensor is not None and value.stats for value in (*op.operands, *op.outputs))


def test_what_numpy_writes_is_seen() -> None:
    def forward(m: Call, x: torch.Tensor) -> torch.Tensor:
        y = m.layer(x)
        y.detach().numpy()[0] = 7
        return y + 1

    module, x = Call(forward), torch.randn(2, 4)
    run = trace(module, x)
    assert torch.equal(run["layer"].output.tensor, module.layer(x).detach())
    assert run[":add"].operands[0].tensor[0].tolist() == [7, 7, 7, 7]
    assert torch.equal(run[":add"].output.tensor, run[":add"].operands[0].tensor + 1)


def test_who_made_what_is_known_through_wrappers() -> None:
    def operand(name: str, op: str) -> Any:
        run: Trace = trace(networks()[name], torch.randn(2, 4))
        return run[op].operands[0].path

    assert operand("subclass", "layer") == "input"
    assert operand("vmap", ":sin") == "input"
    assert operand("functional gradient", "layer") == "input"


def test_fused_fast_paths_that_are_lost_are_named_with_the_difference() -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    module = nn.Sequential(nn.Linear(16, 16), nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)).eval()
    x = torch.randn(2, 5, 16)
    with torch.no_grad():
        plain = module(x)
    run = trace(module, x)
    (deviation,) = run.deviations
    assert (deviation.module, deviation.kernel) == ("1", "_transformer_encoder_layer_fwd")
    assert deviation.difference == (plain - run.output).abs().max().item()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            assert torch.equal(module(x), run.output)
        assert trace(module, x).deviations == ()
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    assert trace(module.train(), x).deviations == ()
    assert trace(module.eval(), x, backward=True).deviations == ()


@pytest.mark.parametrize(
    ("module", "x", "said"),
    [
        (nn.Sequential(nn.Linear(3, 2)), torch.randn(1, 4), r"0\.weight takes 3 features, it was given 4"),
        (nn.Sequential(nn.Linear(3, 2)), torch.ones(1, 3).long(), r"0\.weight is float32, it was given int64"),
        (nn.Sequential(nn.Conv2d(3, 2, 1)), torch.randn(1, 1, 4, 4), r"0\.weight takes 3 channels, it was given 1"),
        (nn.Sequential(nn.Conv2d(4, 4, 1, groups=2)), torch.randn(1, 2, 4, 4), r"takes 4 channels, it was given 2"),
        (nn.Sequential(nn.Conv2d(3, 2, 1)), torch.randn(4, 4), r"takes \[batch, channels, height, width\]"),
        (nn.Sequential(nn.Embedding(5, 2)), torch.tensor([1, 5]), r"has rows 0 to 4, it was asked for 1 to 5"),
        (nn.Sequential(nn.Embedding(5, 2)), torch.tensor([1.0]), r"asked by integer ids, it was given float32"),
    ],
)  # fmt: skip
def test_a_wrong_input_says_what_was_expected(module: nn.Module, x: torch.Tensor, said: str) -> None:
    with pytest.raises(Exception, match=said) as caught:
        trace(module, x)
    text = str(caught.value)
    assert "/" not in text.split("(")[1].split(":")[0].replace("torch/nn/modules/", "")  # no path of this machine


def test_a_backward_that_fails_keeps_the_forward_run() -> None:
    def forward(_m: Call, x: torch.Tensor) -> torch.Tensor:
        y = x.exp()
        y.add_(1)
        return y

    with pytest.raises(Exception, match="backward failed") as caught:
        trace(Call(forward), torch.randn(2), backward=True)
    assert [op.name for op in caught.value.trace.ops] == ["exp", "add_"]  # type: ignore[attr-defined]
