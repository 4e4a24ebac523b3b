"""Two modules with the same weights must say the same: outputs, gradients, and what they count as they go."""

import torch
from torch import Tensor, nn

EVAL, TRAIN = 1e-5, 1e-9


def randomise(module: nn.Module, seed: int = 0) -> None:
    """Give every parameter and every stored buffer a value that keeps signals of a size, and variances positive."""
    stored = module.state_dict()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if name not in stored:  # a table that follows from the sizes
                continue
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
    """In double precision: outputs, gradients of every parameter and of a floating input, running statistics.

    Parameters are matched by name; a module called `inner` is not part of the name.
    """
    (our_outputs, our_gradients), (their_outputs, their_gradients) = (
        _learnt(module, inputs) for module in (ours, theirs)
    )
    for our, their in zip(our_outputs, their_outputs, strict=True):
        assert relative(our, their) <= TRAIN
    assert set(our_gradients) == set(their_gradients)
    largest = max(float(gradient.abs().max()) for gradient in their_gradients.values())
    for name, their in their_gradients.items():
        assert our_gradients[name].shape == their.shape
        difference = float((our_gradients[name] - their).abs().max())
        assert difference <= TRAIN * max(float(their.abs().max()), 1e-3 * largest), name


def _learnt(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[list[Tensor], dict[str, Tensor]]:
    """Outputs and running statistics, then gradients by name."""
    module.train()
    without_dropout(module)
    wanted = {name.removeprefix("inner."): value for name, value in module.named_parameters()}
    wanted |= {f"input {i}": x.requires_grad_() for i, x in enumerate(inputs) if x.is_floating_point()}
    outputs = flattened(module(*inputs))
    loss = torch.stack([(output.sin() * (i + 1)).sum() for i, output in enumerate(outputs)]).sum()
    gradients = torch.autograd.grad(loss, list(wanted.values()))
    counted = [buffer for name, buffer in module.named_buffers() if "running" in name]
    return [*outputs, *counted], dict(zip(wanted, gradients, strict=True))
