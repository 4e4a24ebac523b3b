"""What is recorded of each op: names, addresses, producers, lines, values of the moment, costs."""

import inspect
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from glasswork.tracing import UnknownAddress, rerun, trace


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.conv(x))
        y = self.relu(self.conv(y))
        return F.relu(x + y)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
        self.block = Block(2)
        self.head = nn.Linear(2, 3)
        self.offset = nn.Buffer(torch.ones(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(self.stem(x))
        x = x.mean((2, 3))
        return F.relu(F.relu(self.head(x)) + self.offset)


@pytest.fixture(scope="module")
def run():
    torch.manual_seed(0)
    return trace(Net().eval(), torch.randn(1, 1, 6, 6), after=lambda z: torch.softmax(z, 1))


def test_names_and_canonical_paths(run) -> None:
    assert [op.path for op in run.ops] == [
        "stem.0", "stem.1", "block.conv", "block.relu", "block.conv#2", "block.relu#2", "block:add", "block",
        ":mean", "head", ":relu", ":add", ":relu#2", ":softmax",
    ]  # fmt: skip
    assert [op.id for op in run.ops] == list(range(14))
    assert run["block"].name == "relu"
    assert run["block"].module == "block"
    assert run["stem.0"].module_type == "Conv2d"


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("stem", 1), ("stem.1", 1), ("stem.1:batch_norm", 1), ("block.conv", 2), ("block.conv#2", 4),
        ("block.conv:conv2d#2", 4), ("block:relu", 7), ("block", 7), (":relu", 10), (":relu#2", 12), (3, 3), (-1, 13),
    ],
)  # fmt: skip
def test_every_form_of_address(run, address: str | int, number: int) -> None:
    assert run[address].id == number
    assert run[run[address].path] is run[address]
    assert address in run


def test_an_unknown_address_suggests(run) -> None:
    with pytest.raises(UnknownAddress, match=r"did you mean .*'block\.conv'"):
        run["block.cnv"]
    with pytest.raises(UnknownAddress, match="14 ops"):
        run[99]
    with pytest.raises(UnknownAddress):
        run.value("head.weigth")
    assert "block.conv#3" not in run


def test_producers(run) -> None:
    assert run["stem.0"].inputs == ("input", "stem.0.weight", "stem.0.bias")
    assert run["stem.1"].inputs == (0, "stem.1.running_mean", "stem.1.running_var", "stem.1.weight", "stem.1.bias")
    assert run["block:add"].inputs == (1, 5)
    assert run[":add"].inputs == (10, "offset")
    assert [op.path for op in run.consumers(run["stem"])] == ["block.conv", "block:add"]
    assert run.producer(run["head"].operands[0]) is run[":mean"]
    assert run.readers(run.value("block.conv.weight")) == (run[2], run[4])


def test_values_by_path(run) -> None:
    assert run.value("input").shape == (1, 1, 6, 6)
    assert run.value("input.0") is run.value("input")
    assert run.value("head.weight").tensor.shape == (3, 2)
    assert run.value("block") is run["block"].output
    assert run.value("offset").kind == "buffer"
    assert torch.equal(run.after, run[":softmax"].output.tensor)
    assert torch.equal(run.output, run[":relu#2"].output.tensor)


def test_the_line_is_the_authors(run) -> None:
    lines, start = inspect.getsourcelines(Block.forward)
    source = run["block.conv#2"].source
    assert source.file == __file__
    assert source.function == "forward"
    assert "self.relu(self.conv(y))" in lines[source.line - start]
    assert str(source) == f"{__file__}:{source.line}"
    root = trace(nn.Sequential(nn.Conv2d(1, 1, 1)), torch.randn(1, 1, 2, 2))[0].source
    assert root is not None
    assert root.file.endswith("conv.py")  # nobody else wrote it


def test_in_place_writes_leave_the_values_of_their_moment(run) -> None:
    before, after = run["block.conv"].output.tensor, run["block.relu"].output.tensor
    assert (before < 0).any()
    assert torch.equal(after, before.relu())
    assert torch.equal(run["block.conv"].operands[0].tensor, run["stem.1"].output.tensor)


class Writes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.count = nn.Buffer(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count += 1
        y = x * 2
        row = y[0]
        y[:, 1] = 7
        z = row + 1  # a view from before the write, read after it
        torch.mul(z, 3, out=z)
        return z + self.count


def test_views_buffers_and_out_arguments() -> None:
    x = torch.arange(6.0).reshape(2, 3)
    run = trace(Writes(), x)
    assert [op.path for op in run.ops] == [
        ":add_", ":mul", ":getitem", ":setitem", ":add", ":mul#2", ":add#2"
    ]  # fmt: skip
    assert torch.equal(run[":mul"].output.tensor, x * 2)
    assert run[":getitem"].output.tensor.tolist() == [0, 2, 4]
    assert run[":setitem"].output.tensor.tolist() == [[0, 7, 4], [6, 7, 10]]
    again = run[":add"].operands[0]
    assert again.tensor.tolist() == [0, 7, 4]
    assert again.producer == run[":setitem"].id
    assert again.path is None
    assert run[":add"].output.tensor.tolist() == [1, 8, 5]
    assert run[":mul#2"].output.tensor.tolist() == [3, 24, 15]
    assert run.value("count").tensor.tolist() == [0]
    assert run[":add#2"].inputs == (5, 0)


def test_running_statistics_are_those_of_the_moment() -> None:
    layer = nn.BatchNorm1d(2)
    x = torch.randn(8, 2) + 3
    run = trace(nn.Sequential(layer, layer), x)
    assert run.value("0.running_mean").tensor.tolist() == [0, 0]
    norms = [op for op in run.ops if op.name == "batch_norm"]
    assert torch.allclose(norms[1].operands[1].tensor, x.mean(0) * 0.1)
    assert norms[1].operands[1].producer == norms[0].id


def test_plain_names_of_common_layers() -> None:
    x = torch.randn(1, 4, 8, 8)
    expected = {
        nn.MaxPool2d(2): "max_pool2d", nn.MaxPool2d(2, return_indices=True): "max_pool2d",
        nn.AvgPool2d(2): "avg_pool2d",
        nn.AdaptiveAvgPool2d(1): "adaptive_avg_pool2d", nn.AdaptiveMaxPool2d(1): "adaptive_max_pool2d",
        nn.ReLU(): "relu", nn.ReLU(inplace=True): "relu", nn.GELU(): "gelu", nn.SiLU(): "silu", nn.Sigmoid(): "sigmoid",
        nn.Dropout(): "dropout", nn.Dropout2d(): "dropout2d", nn.Flatten(): "flatten", nn.Softmax(1): "softmax",
        nn.LogSoftmax(1): "log_softmax", nn.LayerNorm(8): "layer_norm", nn.GroupNorm(2, 4): "group_norm",
        nn.Upsample(scale_factor=2): "interpolate", nn.ConvTranspose2d(4, 4, 2): "conv_transpose2d",
        nn.PixelShuffle(2): "pixel_shuffle", nn.Threshold(0.1, 0): "threshold", nn.ZeroPad2d(1): "pad",
        nn.Linear(8, 2): "linear", nn.ReLU6(): "hardtanh", nn.LeakyReLU(): "leaky_relu", nn.Hardswish(): "hardswish",
    }  # fmt: skip
    for layer, name in expected.items():
        assert [op.name for op in trace(layer, x).ops] == [name]
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    assert "multi_head_attention_forward" in [op.name for op in trace(attention, x[0], x[0], x[0]).ops]
    assert "lstm" in [op.name for op in trace(nn.LSTM(8, 2), x[0]).ops]


def test_several_outputs_have_addresses() -> None:
    class Halves(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a, b = x.chunk(2)
            return a * b

    run = trace(Halves(), torch.arange(4.0))
    assert [value.path for value in run[":chunk"].outputs] == [":chunk", ":chunk~1"]
    assert run.value(":chunk~1").tensor.tolist() == [2, 3]
    assert run[":mul"].inputs == (0, 0)
    assert run[":mul"].operands[1] is run[":chunk"].outputs[1]


@pytest.mark.parametrize("asked", ["ops", "outputs", "loss_value"])
def test_whatever_is_asked_first_the_ops_are_written_up_once_and_for_all_threads(asked: str) -> None:
    found = trace(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), torch.ones(2, 3), loss=torch.sum, backward=True)
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: getattr(found, asked), range(8)))
    assert all(one is seen[0] for one in seen)
    assert [op.path for op in found.ops] == ["0", "1", ":sum"]
    assert found.outputs[0] is found["1"].output
    assert found.loss_value is found[":sum"].output
    assert found.outputs[0].path == "1"


def test_inputs_by_name() -> None:
    class Nested(nn.Module):
        def forward(self, x: torch.Tensor, more: dict[str, torch.Tensor]) -> torch.Tensor:
            return x + more["bias"] * more["scale"]

    run = trace(Nested(), torch.ones(2), {"bias": torch.ones(2), "scale": torch.zeros(2)})
    assert list(run.inputs) == ["input", "input.1.bias", "input.1.scale"]
    assert run[":mul"].inputs == ("input.1.bias", "input.1.scale")


def test_a_loss_may_choose_an_element_of_the_output() -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(3, 4), torch.randn(2, 3)
    largest = int(layer(x)[1].argmax())
    run = trace(layer, x, loss=lambda y: (1, y.tolist()[1].index(max(y.tolist()[1]))), backward=True)
    assert run.loss_index == (1, largest)
    (expected,) = torch.autograd.grad(layer(x)[1, largest], layer.weight)
    gradient = run.parameters["weight"].grad
    assert gradient is not None
    assert torch.equal(gradient, expected)
    assert rerun(run, {}).loss_index == (1, largest)


def test_a_sum_too_large_is_no_infinity() -> None:
    class Large(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 3e38

    assert trace(Large(), torch.ones(64)).first_not_finite() is None
    found = trace(Large(), torch.full((64,), 2.0)).first_not_finite()
    assert found is not None
    assert found.path == ":mul"


def test_not_finite_is_found() -> None:
    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (torch.log(x * 2) + 1).relu()

    assert trace(Broken(), torch.ones(2)).first_not_finite() is None
    run = trace(Broken(), torch.tensor([1.0, -1.0]))
    found = run.first_not_finite()
    assert found is not None
    assert found.path == ":log"
    found = trace(Broken(), torch.tensor([float("nan")])).first_not_finite()
    assert found is not None
    assert found.path == "input"


def test_minus_infinity_is_how_a_mask_is_written() -> None:
    class Attention(nn.Module):
        future: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("future", torch.full((3, 3), -torch.inf).triu(1))

        def forward(self, x: torch.Tensor, seen: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            scores = (x @ x.T).masked_fill(~seen, -torch.inf) + self.future + mask
            return scores.softmax(-1) @ x

    x, seen, mask = torch.randn(3, 2), torch.ones(3, 3, dtype=torch.bool), torch.zeros(3, 3)
    mask[2, 0] = -torch.inf
    assert trace(Attention(), x, seen, mask).first_not_finite() is None
    seen[0, 0] = False  # and so nothing is left to attend to
    run = trace(Attention(), x, seen, mask)
    found = run.first_not_finite()
    assert found is not None
    assert found.path == ":softmax"
    broken = Attention()
    broken.future[0] = torch.tensor([0.5, 0.5, -torch.inf])  # numbers, one of them lost
    found = trace(broken, x, torch.ones(3, 3, dtype=torch.bool), torch.zeros(3, 3)).first_not_finite()
    assert found is not None
    assert found.path == ":add"


def test_macs_by_hand() -> None:
    run = trace(Net(), torch.randn(2, 1, 6, 6))
    assert run["stem.0"].macs == 2 * 2 * 4 * 4 * 9
    assert run["block.conv"].macs == 2 * 2 * 4 * 4 * 2 * 9
    assert run["head"].macs == 2 * 3 * 2
    assert run["stem.1"].macs == 0
    assert run["head"].bytes == 4 * (2 * 2 + 3 * 2 + 3 + 2 * 3)
    assert trace(nn.ConvTranspose2d(2, 3, 2), torch.randn(1, 2, 4, 4)).macs == 2 * 16 * 3 * 4
    a, b = torch.randn(2, 3, 4), torch.randn(2, 4, 5)

    class Products(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return a @ b + torch.einsum("bij,bjk->bik", a, b) + torch.bmm(a, b)

    assert trace(Products(), a, b).macs == 3 * 2 * 3 * 4 * 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "macs"),
    [
        ("alexnet", 0.714188),
        ("vgg16", 15.470264),
        ("resnet152", 11.513627),
        ("googlenet", 1.498376),
        ("swin_t", 4.490567),
        ("vit_b_16", 17.563828),
    ],
)
def test_published_macs(name: str, macs: float) -> None:
    """TRACING.md: confirmed against the published tables, 1x3x224x224."""
    settings = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    network = getattr(torchvision.models, name)(**settings).eval()
    run = trace(network, torch.randn(1, 3, 224, 224), keep=0)
    assert round(run.macs / 1e9, 6) == macs
