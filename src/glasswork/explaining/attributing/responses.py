"""How strongly each channel of a layer answers to pictures: the largest of each of its maps, and where that is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glasswork.explaining.attributing.layer_outputs import Call, output_of

# N pictures, C channels


@dataclass(frozen=True)
class Responses:
    """Of N pictures and C channels.

    Attributes:
        values: (N, C), the largest number of each map.
        rows, columns: (N, C), where in the map it is; 0 where there is no map.
    """

    values: Tensor
    rows: Tensor
    columns: Tensor


def responses(module: nn.Module, pictures: Tensor, call: Call) -> Responses:
    """What a layer answers to a batch of pictures.

    Args:
        module: in evaluation mode.
        pictures: (N, C, H, W), as the network takes them.
        call: the layer; it may return maps (N, C, H, W) or vectors (N, C).

    Raises:
        GlassworkError: it returns neither.
    """
    with torch.inference_mode():
        made = output_of(module, pictures, call)
    if made.dim() == 2:
        nowhere = torch.zeros_like(made, dtype=torch.long)
        return Responses(made.clone(), nowhere, nowhere)
    flat = made.flatten(2)
    values, places = flat.max(-1)
    return Responses(values.clone(), places // made.shape[-1], places % made.shape[-1])
