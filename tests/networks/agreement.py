"""Two modules with the same weights must say the same: outputs, gradients, and what they count as they go."""

import torch
from torch import Tensor, nn

EVAL, TRAIN = 1e-5, 1e-9


def randomise(module: nn.Module, seed: int = 0) -> None:
    """Give every parameter and every buffer a value of its own that keeps signals of a size, variances positive."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if not value.is_floating_point():
                value.fill_(int(torch.randint(1, 99, (), generator=generator)))
            elif name.endswith("running_var"):
                value.uniform_(0.5, 1.5, generator=generator)
            elif value.ndim > 1:
                value.normal_(0.0, value[0].numel() ** -0.5, generator=generator)
            else:
                value.normal_(1.0 if name.endswith("weight") else 0.0, 0.2, generator=generator)


def without_dropout(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0


def take_weights(ours: nn.Module, published: nn.Module) -> None:
    """Load the other's state dict as it is; large weights are shared, what counts while training is not."""
    ours.load_state_dict(published.state_dict(), assign=True)
    for part in ours.modules():
        for name, buffer in part._buffers.items():
            part._buffers[name] = buffer.clone() if buffer is not None else None


def flattened(outputs: object) -> list[Tensor]:
    """The tensors of an output, in their order."""
    if isinstance(outputs, Tensor):
        return [outputs]
    assert isinstance(outputs, tuple)
    return [tensor for part in outputs for tensor in flattened(part)]


def relative(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference over the largest value; both must be finite and vary."""
    ours, theirs = ours.detach(), theirs.detach()
    assert ours.shape == theirs.shape
    assert torch.isfinite(theirs).all()
    assert theirs.numel() == 1 or theirs.std() > 0
    return float((ours - theirs).abs().max() / theirs.abs().max())


def agree_in_eval(ours: nn.Module, theirs: nn.Module, *inputs: Tensor, **more: Tensor) -> None:
    ours.eval()
    theirs.eval()
    with torch.no_grad():
        pairs = list(zip(flattened(ours(*inputs)), flattened(theirs(*inputs, **more)), strict=True))
    for our, their in pairs:
        assert relative(our, their) <= EVAL


def agree_in_training(ours: nn.Module, theirs: nn.Module, *inputs: Tensor) -> None:
    """In double precision: outputs, gradients of every parameter and of a floating input, running statistics."""
    results = []
    for module in (ours, theirs):
        module.train()
        without_dropout(module)
        floating = [x.requires_grad_() for x in inputs if x.is_floating_point()]
        outputs = flattened(module(*inputs))
        loss = sum((output.sin() * (i + 1)).sum() for i, output in enumerate(outputs))  # no gradient is a constant
        parameters = list(module.parameters())
        gradients = torch.autograd.grad(loss, [*parameters, *floating])  # pyright: ignore[reportArgumentType]
        counted = [buffer for buffer in module.buffers() if buffer.is_floating_point()]
        results.append((outputs, gradients, counted))
    (our_outputs, our_gradients, our_counted), (their_outputs, their_gradients, their_counted) = results
    largest = max(float(gradient.abs().max()) for gradient in their_gradients)
    assert len(our_gradients) == len(their_gradients)
    for our, their in zip([*our_outputs, *our_counted], [*their_outputs, *their_counted], strict=True):
        assert relative(our, their) <= TRAIN
    for our, their in zip(our_gradients, their_gradients, strict=True):
        assert our.shape == their.shape
        assert float((our - their).abs().max()) <= TRAIN * max(float(their.abs().max()), 1e-3 * largest)
