"""Weights under the names that they were published with: a module takes them as they are.

A network whose own names differ from those of a published file says how to read that file; then load_state_dict takes
both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

Weights = Mapping[str, Tensor]
Rename = Callable[[Weights], dict[str, Tensor]]

_RENAME = "_published_names"


def accept(module: nn.Module, rename: Rename) -> None:
    """Let load_state_dict take published weights.

    Args:
        module: a whole network.
        rename: from published names to the module's own; weights that have the module's own names it leaves alone.
    """

    def before_loading(_: nn.Module, weights: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        if not prefix:  # a network inside another is loaded under that one's names
            renamed = rename(weights)
            weights.clear()
            weights.update(renamed)

    object.__setattr__(module, _RENAME, rename)
    module.register_load_state_dict_pre_hook(before_loading)


def ours(module: nn.Module, weights: Weights) -> dict[str, Tensor]:
    """The same weights under the module's own names.

    Args:
        module: any module; one that reads no published names gets the weights as they are.
        weights: by the names in their file.
    """
    rename: Rename | None = getattr(module, _RENAME, None)
    return rename(weights) if rename else dict(weights)
