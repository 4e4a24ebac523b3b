"""What a module's parts are called: modules, parameters and buffers by the paths that torch knows them by."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import nn

from glasswork.tracing.errors import NotTraceable
from glasswork.tracing.values import ValueKind

_KINDS: tuple[ValueKind, ...] = ("parameter", "buffer")
_HELD = {"parameter": "_parameters", "buffer": "_buffers"}  # of a module, where it keeps them


@dataclass(frozen=True, slots=True)
class Names:
    """One walk over a module tree (torch's own iterators would walk it once for each question).

    Attributes:
        modules: the path of each module, by its id; of several the first, as in `named_modules`.
        tensors: name, tensor and kind of each parameter and buffer, once each.
        modes: whether each module was training then, in the order of `modules`.
    """

    modules: dict[int, str] = field(default_factory=dict)
    tensors: list[tuple[str, torch.Tensor, ValueKind]] = field(default_factory=list)
    modes: list[bool] = field(default_factory=list)

    @classmethod
    def of(cls, root: nn.Module) -> Names:
        """Walk `root`.

        Raises:
            NotTraceable: if a part is compiled to TorchScript.
        """
        modules: dict[int, str] = {}
        tensors: list[tuple[str, torch.Tensor, ValueKind]] = []
        modes: list[bool] = []
        seen: set[int] = set()
        todo: list[tuple[str, nn.Module]] = [("", root)]
        while todo:
            path, module = todo.pop()
            if id(module) in modules:
                continue
            if isinstance(module, torch.jit.ScriptModule):
                raise NotTraceable(
                    f"{type(root).__name__} can't be traced",
                    where=path or "the module itself",
                    why="it is compiled to TorchScript, which runs without Python: no op can be seen",
                    todo="trace the module that it was scripted from",
                )
            modules[id(module)] = path
            start = f"{path}." if path else ""
            own = module.__dict__
            modes.append(module.training)
            for kind in _KINDS:
                for name, tensor in own[_HELD[kind]].items():
                    if tensor is not None and id(tensor) not in seen:
                        seen.add(id(tensor))
                        tensors.append((start + name, tensor, kind))
            inner = own["_modules"]
            if inner:
                todo.extend(
                    # what torch.compile wrapped stands where the wrapper stands
                    (path if name == "_orig_mod" else start + name, part)
                    for name, part in reversed(inner.items())
                    if part is not None
                )
        return cls(modules, tensors, modes)
