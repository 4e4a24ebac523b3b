"""What is worth knowing of a step beside its loss: each layer's gradient and update, and which channels are silent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

MOST_LAYERS = 48
MOST_CHANNELS = 160
_RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.Hardswish, nn.Hardtanh, nn.Threshold)


class Observer:
    """Reads single steps of a network's training, and changes nothing.

    Names of what it finds, each with a layer's path:
        gradient/PATH    the norm of the loss's gradient with respect to the layer's weights.
        update/PATH      the norm of the step's change over the norm of the weights before it.
        activation/PATH  the root of the mean square of what the layer puts out, over the batch; of layers that are
                         taken together, and of those that run several times, that of the mean of these squares.
        zeros/PATH/C     the share of zeros in channel C behind a rectifier, over the batch; 1 where it is silent.
        silent/PATH      the share of silent channels, where there are more than can be followed one by one.

    Args:
        module: the network. Of more than 48 layers, neighbours are taken together by their common path.
        parameters: what is trained of it, by name; all of it when None.
    """

    def __init__(self, module: nn.Module, parameters: Mapping[str, nn.Parameter] | None = None) -> None:
        trained = dict(module.named_parameters()) if parameters is None else parameters
        self._layers = _grouped([(name, weight) for name, weight in trained.items() if weight.requires_grad])
        self._parts = _parts(module, self._layers, {id(weight) for weight in trained.values() if weight.dim() > 1})
        self._rectifiers = [(path, part) for path, part in module.named_modules() if isinstance(part, _RECTIFIERS)]
        self._before: dict[str, list[Tensor]] = {}
        self._zeros: dict[str, Tensor] = {}
        self._squares: dict[str, list[Tensor]] = {}

    @property
    def layers(self) -> list[str]:
        """The paths that are told apart, in the network's order."""
        return list(self._layers)

    @contextmanager
    def forward(self) -> Iterator[None]:
        """Around the forward pass: see how large each layer's output is, and which channels are silent."""
        self._zeros, self._squares = {}, {}
        hooks = [part.register_forward_hook(self._see(path)) for path, part in self._rectifiers]
        hooks += [part.register_forward_hook(self._size(path)) for path, part in self._parts]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def before_update(self) -> dict[str, float]:
        """After the backward pass and before the optimiser's step: the size of each layer's gradient."""
        self._before = {path: [w.detach().clone() for w in weights] for path, weights in self._layers.items()}
        found = {}
        for path, weights in self._layers.items():
            gradients = [w.grad for w in weights if w.grad is not None]
            if gradients:
                found[f"gradient/{path}"] = nn.utils.get_total_norm(gradients).item()
        return found

    def after_update(self) -> dict[str, float]:
        """After the optimiser's step: each layer's update as a share of its weights; what the forward pass showed."""
        found = {}
        for path, weights in self._layers.items():
            old = self._before.pop(path)
            size = nn.utils.get_total_norm(old).item()
            change = nn.utils.get_total_norm([w.detach() - o for w, o in zip(weights, old, strict=True)]).item()
            if size > 0:
                found[f"update/{path}"] = change / size
        for path, squares in self._squares.items():
            found[f"activation/{path}"] = torch.stack(squares).mean().sqrt().item()
        single = sum(len(share) for share in self._zeros.values()) <= MOST_CHANNELS
        for path, share in self._zeros.items():
            if single:
                found |= {f"zeros/{path}/{channel}": value for channel, value in enumerate(share.tolist())}
            else:
                found[f"silent/{path}"] = (share == 1).double().mean().item()
        return found

    def _size(self, path: str):
        def hook(_: nn.Module, __: object, made: object) -> None:
            first = made[0] if isinstance(made, tuple) and made else made  # of an LSTM: what it puts out at every step
            if isinstance(first, Tensor) and first.is_floating_point() and first.numel():
                self._squares.setdefault(path, []).append(first.detach().double().square().mean())

        return hook

    def _see(self, path: str):
        def hook(_: nn.Module, __: object, made: object) -> None:
            if isinstance(made, Tensor) and made.dim() > 1 and path not in self._zeros:
                channels = made.detach().movedim(1 if made.dim() != 3 else 2, 0).flatten(1)  # (C, N)
                self._zeros[path] = (channels == 0).double().mean(1)

        return hook


def _parts(module: nn.Module, layers: Mapping[str, object], weights: set[int]) -> list[tuple[str, nn.Module]]:
    """The modules that hold these weights, each with the layer that it belongs to."""
    found = []
    for name, part in module.named_modules():
        own = [path for path in layers if name == path or name.startswith(f"{path}.")]
        if own and any(id(weight) in weights for weight in part.parameters(recurse=False)):
            found.append((max(own, key=len), part))
    return found


def _grouped(weights: list[tuple[str, nn.Parameter]]) -> dict[str, list[nn.Parameter]]:
    """Weights by layer: what has matrices or kernels, with its biases; by longer common paths where these are many."""
    owners = {name.rpartition(".")[0] for name, weight in weights if weight.dim() > 1}
    depth = max((path.count(".") + 1 for path in owners), default=1)
    while True:
        found: dict[str, list[nn.Parameter]] = {}
        for name, weight in weights:
            owner = name.rpartition(".")[0]
            if owner in owners:
                found.setdefault(".".join(owner.split(".")[:depth]), []).append(weight)
        if len(found) <= MOST_LAYERS or depth == 1:
            return found
        depth -= 1
