"""Under a memory budget nothing is missing: what is not in memory is computed again or read back, bit for bit."""

import gc
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from glasswork.tracing import Trace, trace
from glasswork.tracing.errors import NoRoom
from glasswork.tracing.spilling import Spill


class Mixed(nn.Module):
    """Views, copies, in-place writes, half precision, complex and boolean tensors, and an empty one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y = self.norm(self.conv(x))
        y[:, 1] *= 2
        y.relu_()
        y = y.to(memory_format=torch.channels_last) + 1
        wave = torch.fft.fft2(y)
        z = self.head(wave.real.mean((2, 3)))
        return z, z.bfloat16() * 3, z > 0, z[:0], wave.conj(), z.t()[::2].exp()


def values(run: Trace) -> list[Any]:
    return [value for op in run.ops for value in op.outputs]


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("keep", ["none", 0, 2000, "all"])
def test_every_value_is_there_whatever_is_kept(keep: Any, backward: bool) -> None:
    module, x = Mixed(), torch.randn(2, 2, 6, 6)
    module.eval()
    copies: list[torch.Tensor] = []

    class Copies(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            output = func(*args, **(kwargs or {}))
            written = args[0] if func.__name__ == "__setitem__" else output
            if isinstance(written, torch.Tensor):
                copies.append(written.detach().clone())
            return output

    given = x.clone().requires_grad_(backward)
    with torch.set_grad_enabled(backward), Copies():
        module(given)
    run = trace(module, x, keep=keep, backward=backward, loss=(lambda out: out[0].sum()) if backward else None)
    made = values(run)
    assert len(made) - backward == len(copies) > 15  # the loss makes one more
    for value, copy in zip(made, copies, strict=False):
        assert value.tensor.dtype == copy.dtype
        assert torch.equal(value.tensor, copy), value
    if keep in ("none", 0):
        assert not any(value.is_kept for value in made if value.tensor.numel())
    if backward:
        whole = trace(module, x, backward=True, loss=lambda out: out[0].sum())
        for value, other in zip(
            [*made, *run.parameters.values()], [*values(whole), *whole.parameters.values()], strict=True
        ):
            assert (value.grad is None) == (other.grad is None), value
            assert value.grad is None or torch.equal(value.grad, other.grad), value  # type: ignore[arg-type]


def test_a_budget_is_held_to() -> None:
    layers = nn.Sequential(*[nn.Linear(100, 100) for _ in range(10)])
    run = trace(layers, torch.randn(10, 100), keep=10_000, backward=True)
    kept = [value for value in values(run) if value.is_kept]
    assert 0 < sum(value.bytes for value in kept) <= 10_000
    assert all(value.tensor.shape == (10, 100) for value in values(run))


def test_training_on_does_not_change_the_past() -> None:
    module = nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3), nn.ReLU(inplace=True)).eval()
    x = torch.randn(1, 1, 4, 4)
    expected = [module[:stop](x.clone()).detach().clone() for stop in (2, 3)]
    run = trace(module, x)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.data.add_(1)
    x.zero_()
    assert torch.equal(run["1"].output.tensor, expected[0])
    assert torch.equal(run["2"].output.tensor, expected[1])


def test_the_same_bits_whatever_the_number_of_threads_later() -> None:
    module = nn.Sequential(nn.Linear(64, 5000), nn.GELU(), nn.LayerNorm(5000), nn.Tanh(), nn.Softmax(1)).eval()
    x = torch.randn(33, 64)
    expected = module(x).detach()
    run = trace(module, x)
    assert not run["4"].output.is_kept
    torch.set_num_threads(2)
    try:
        assert torch.equal(run["4"].output.tensor, expected)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_the_file_is_gone_with_the_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = trace(nn.Linear(50, 50), torch.randn(100, 50), keep="none")
    assert run[0].output.tensor.shape == (100, 50)
    del run
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_says_so() -> None:
    spill = Spill()

    class Full:
        def seek(self, place: int) -> None:
            pass

        def write(self, data: memoryview) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            pass

    spill._file.close()
    spill._file = Full()  # type: ignore[assignment]
    with pytest.raises(NoRoom, match="No space left on device"):
        spill.put(torch.ones(3))


def test_a_deep_chain_of_small_steps_is_no_deep_recursion() -> None:
    class Chain(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(3000):
                x = x + 1
            return x

    assert trace(Chain(), torch.zeros(2)).ops[-1].output.tensor.tolist() == [3000, 3000]


def test_published_networks_have_the_values_of_their_moment() -> None:
    """The activations that module hooks see, in a network that writes most of them over."""
    module = torchvision.models.resnet18().eval()
    x = torch.randn(1, 3, 40, 40)
    seen: dict[str, torch.Tensor] = {}
    hooks = [
        part.register_forward_hook(lambda _m, _i, output, path=path: seen.update({path: output.clone()}))  # type: ignore[union-attr]
        for path, part in module.named_modules()
        if isinstance(part, (nn.Conv2d, nn.BatchNorm2d))
    ]
    with torch.no_grad():
        module(x)
    for hook in hooks:
        hook.remove()
    run = trace(module, x)
    for path, tensor in seen.items():
        assert torch.equal(run[path].output.tensor, tensor), path
