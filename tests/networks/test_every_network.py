"""What holds for every reference network, at its small sizes."""

import math
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from agreement import flattened, randomise
from torch import Tensor, nn

import glasswork
from glasswork import networks

EVERY = networks.names()
WRITTEN_OUT = [name for name in EVERY if "fused" in networks.reference(name).sizes]


def small(name: str, **sizes: int) -> nn.Module:
    torch.manual_seed(0)
    return networks.build(name, **{**networks.reference(name).small, **sizes})


def inputs(module: nn.Module, batch: int = 4) -> tuple[Tensor, ...]:
    torch.manual_seed(1)
    return networks.example(module, batch)


@pytest.mark.parametrize("name", EVERY)
def test_it_builds_and_each_example_has_an_answer_of_its_own(name: str) -> None:
    module = small(name).eval()
    randomise(module)  # fresh ones may say next to nothing
    given = inputs(module)
    with torch.no_grad():
        together = flattened(module(*given))
        alone = flattened(module(*(x[1:2] for x in given)))
    for all_of_them, one in zip(together, alone, strict=True):
        assert len(all_of_them) == 4
        assert torch.isfinite(all_of_them).all()
        assert not torch.allclose(all_of_them[0], all_of_them[1]), "two examples got one answer"
        torch.testing.assert_close(all_of_them[1:2], one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", EVERY)
def test_the_gradient_reaches_every_weight(name: str) -> None:
    module = small(name)
    torch.stack([output.sin().sum() for output in flattened(module(*inputs(module)))]).sum().backward()
    for weight, value in module.named_parameters():
        assert value.grad is not None, weight
        assert torch.isfinite(value.grad).all(), weight
        assert value.grad.abs().max() > 0, weight


@pytest.mark.parametrize("name", EVERY)
def test_the_trace_says_what_the_network_says(name: str) -> None:
    module = small(name).eval()
    given = inputs(module, 2)
    with torch.no_grad():
        wanted = flattened(module(*given))
    trace = glasswork.trace(module, *given)
    for output, want in zip(flattened(trace.output), wanted, strict=True):
        assert torch.equal(output, want)
    file = Path(networks.__file__).with_name(f"{name}.py")
    lines = [op.source for op in trace.ops if op.source]
    assert any(str(file) in str(line) for line in lines), "no op was made by a line of the network's own file"


@pytest.mark.parametrize("name", EVERY)
def test_saved_weights_make_another_one_the_same(name: str, tmp_path: Path) -> None:
    module = small(name).eval()
    given = inputs(module)
    safetensors.torch.save_model(module, str(tmp_path / "weights.safetensors"))
    torch.manual_seed(2)
    other = networks.build(name, **networks.reference(name).small).eval()
    before = [x.clone() for x in flattened(other(*given))]
    other.load_state_dict({**other.state_dict(), **safetensors.torch.load_file(tmp_path / "weights.safetensors")})
    for mine, again, differed in zip(flattened(module(*given)), flattened(other(*given)), before, strict=True):
        assert torch.equal(mine, again)
        assert not torch.equal(mine, differed)


def surprise(logits: Tensor) -> Tensor:
    """Nats of an answer drawn by lot, at every place of the output; classes lie last, in pictures second."""
    logits = logits.movedim(1, -1) if logits.ndim == 4 else logits
    logits = torch.cat([logits, -logits], dim=-1) if logits.shape[-1] == 1 else logits
    logits = logits.flatten(0, -2)
    lot = torch.randint(logits.shape[-1], (len(logits),), generator=torch.Generator().manual_seed(3))
    return F.cross_entropy(logits, lot)


def learnt(name: str, rate: float) -> bool:
    """Whether the surprise at one tiny batch falls to a tenth in 120 steps."""
    module = small(name)
    given = inputs(module)
    optimiser = torch.optim.Adam(module.parameters(), lr=rate)
    losses = []
    for _ in range(120):
        loss = torch.stack([surprise(output) for output in flattened(module(*given))]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert math.isfinite(losses[-1])
    return min(losses) < 0.1 * losses[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_it_learns_one_tiny_batch_by_heart(name: str) -> None:
    assert any(learnt(name, rate) for rate in (1e-2, 2e-3))  # what is right for most kills AlexNet's few units


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_the_fused_kernel_says_the_same(name: str) -> None:
    written, fused = small(name), small(name, fused=1)
    fused.load_state_dict(written.state_dict())
    given = inputs(written)
    pairs = zip(flattened(written(*given)), flattened(fused(*given)), strict=True)
    for mine, kernels in pairs:
        torch.testing.assert_close(mine, kernels, rtol=1e-4, atol=1e-5)


def test_the_unpadded_unet_has_the_papers_shapes() -> None:
    with torch.device("meta"):
        module = networks.build("unet_2015")
        assert module(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)


def test_a_plain_network_is_the_residual_one_without_shortcuts() -> None:
    residual, plain = (networks.build("resnet", depth=20, size=28, width=4, shortcuts=on) for on in (1, 0))
    own = {name: value for name, value in residual.state_dict().items() if ".downsample." not in name}
    plain.load_state_dict(own)
    x = networks.example(plain)[0]
    for module in (residual, plain):
        for block in module.modules():
            if isinstance(getattr(block, "bn2", None), nn.BatchNorm2d):
                nn.init.zeros_(block.get_parameter("bn2.weight"))  # now a block adds nothing
    assert residual(x).std() > 0
    torch.testing.assert_close(plain(x)[0], plain.get_parameter("fc.bias"))
