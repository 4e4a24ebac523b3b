"""What a classifier makes of pictures just before it names them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

AT_ONCE = 500


def last_features(module: nn.Module, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """What the last linear layer sees of each picture, (N, F), and what comes out, (N, K).

    Args:
        module: a classifier, in the mode that it is to be used in.
        pictures: as it expects them, (N, C, H, W).
    """
    *_, last = (part for part in module.modules() if isinstance(part, nn.Linear))
    seen: list[Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        with torch.inference_mode():
            outputs = [module(part) for part in pictures.split(AT_ONCE)]
    finally:
        hook.remove()
    return torch.cat(seen), torch.cat(outputs)
