"""The U-Net of diffusers, for what ours doesn't have: that of Stable Diffusion 2.x and XL, and their kin.

The class is the library's own, chosen here; a config's settings are given to it one by one, and a setting that isn't
read here must have the library's usual value. Its attention is written out, so that its weights can be seen.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from glasswork.generation.part_files import filled
from glasswork.generation.part_settings import (
    MOST_LAYERS,
    kinds,
    listed,
    number,
    one_of,
    only,
    unread,
    whole,
)
from glasswork.networks._diffusion import attend
from glasswork.zoo.libraries import library

MOST_BLOCKS = 2_000  # sizes x layers x Transformer blocks of each
DOWN, UP = ("CrossAttnDownBlock2D", "DownBlock2D"), ("CrossAttnUpBlock2D", "UpBlock2D")
MIDDLE = ("UNetMidBlock2DCrossAttn", "UNetMidBlock2D", None)
MEASURES = 6
"""Of a picture, told to the U-Net of XL: its height and width, where it was cut, and the height and width wanted."""
EXAMPLE_TOKENS = 8

# B latents in a batch, C channels, H rows, W columns, T tokens of X numbers, P numbers of the whole text


class DiffusersUNet(nn.Module):
    """diffusers' UNet2DConditionModel, with the arguments of our own U-Net.

    Args:
        unet: it.
        pooled: numbers of the whole text that it is told; 0 for none.
        pixels: a side of the pictures.
    """

    def __init__(self, unet: nn.Module, pooled: int, pixels: int) -> None:
        super().__init__()
        self.unet, self.pooled = unet, pooled
        self.measures = (pixels, pixels, 0, 0, pixels, pixels)
        told: Any = unet.config
        self.shape, self.words = (told.in_channels, told.sample_size, told.sample_size), told.cross_attention_dim

    def forward(self, x: Tensor, timesteps: Tensor, text: Tensor, whole_text: Tensor | None = None) -> Tensor:
        """Latents (B, C, H, W), their times (B,), the prompts' vectors (B, T, X), of XL (B, P) too -> (B, C, H, W)."""
        more = None
        if self.pooled:
            measures = torch.tensor(self.measures, dtype=x.dtype, device=x.device).expand(len(x), -1)  # (B, 6)
            more = {"text_embeds": whole_text, "time_ids": measures}
        (said,) = self.unet(x, timesteps, text, added_cond_kwargs=more, return_dict=False)
        return said

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random latents, times and texts."""
        texts = [torch.randn(batch, EXAMPLE_TOKENS, self.words)]
        if self.pooled:
            texts.append(torch.randn(batch, self.pooled))
        return torch.randn(batch, *self.shape), torch.randint(1000, (batch,)), *texts


class WrittenOut:
    """Attention one step at a time, where the library's is one kernel that shows no weights; the same numbers."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """(B, N, C), and the text (B, T, X) -> (B, N, C); there are no masks, and the time comes in elsewhere."""
        asked = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = attn.to_q(hidden_states), attn.to_k(asked), attn.to_v(asked)
        y = attend(q, k, v, attn.heads, fused=False)  # (B, N, C)
        return attn.to_out[0](y)


def open_unet(folder: Path, told: Mapping[str, Any], pooled: int, pixels: int, lacking: str) -> DiffusersUNet:
    """Open a part with the class of diffusers.

    Args:
        folder: of the part.
        told: its config.
        pooled: numbers of the whole text that it is to be told; 0 for none.
        pixels: a side of the pictures.
        lacking: what our own network doesn't have, for where diffusers is missing.

    Raises:
        GlassworkError: diffusers is not installed, a setting is not read, or the weights are not those of the config.
    """
    path = folder / "config.json"
    kind = library("diffusers", str(folder), lacking).UNet2DConditionModel
    settings = _settings(told, path, kind)
    timed = settings["addition_embed_type"] is not None
    if timed != bool(pooled):
        raise unread(
            "it is told the whole text, which this pipeline doesn't make" if timed else "it is told no whole text", path
        )
    if timed:
        wanted = MEASURES * settings["addition_time_embed_dim"] + pooled
        if settings["projection_class_embeddings_input_dim"] != wanted:
            name = "projection_class_embeddings_input_dim"
            why = f"{name} is {settings[name]}, not {wanted}: {MEASURES} measures and {pooled} numbers of a text"
            raise unread(why, path)
    unet = filled(folder, lambda: kind(**settings))
    told_to: Any = unet
    told_to.set_attn_processor(WrittenOut())
    return DiffusersUNet(unet, pooled, pixels).eval()


def _settings(told: Mapping[str, Any], path: Path, kind: type[nn.Module]) -> dict[str, Any]:
    """What the class is made with; all that isn't read must be as usual."""
    read: dict[str, Any] = {
        "sample_size": whole(told, "sample_size", path),
        "in_channels": whole(told, "in_channels", path),
        "out_channels": whole(told, "out_channels", path),
        "block_out_channels": listed(told, "block_out_channels", path),
        "down_block_types": kinds(told, "down_block_types", DOWN, path),
        "mid_block_type": one_of(told, "mid_block_type", MIDDLE, path),
        "up_block_types": kinds(told, "up_block_types", UP, path),
        "layers_per_block": _each(told, "layers_per_block", path),
        "attention_head_dim": _each(told, "attention_head_dim", path),
        "cross_attention_dim": whole(told, "cross_attention_dim", path),
        "norm_num_groups": whole(told, "norm_num_groups", path),
        "norm_eps": number({"norm_eps": 1e-5, **told}, "norm_eps", path),
        "freq_shift": number({"freq_shift": 0, **told}, "freq_shift", path),
        "flip_sin_to_cos": one_of(told, "flip_sin_to_cos", (True, False), path),
        "use_linear_projection": one_of(told, "use_linear_projection", (False, True), path),
        "upcast_attention": one_of(told, "upcast_attention", (False, True, None), path),  # all is in single precision
        "addition_embed_type": one_of(told, "addition_embed_type", (None, "text_time"), path),
    }
    deep = "transformer_layers_per_block"
    read[deep] = _each({deep: 1, **told}, deep, path)
    if read["addition_embed_type"] is not None:
        for name in ("addition_time_embed_dim", "projection_class_embeddings_input_dim"):
            read[name] = whole(told, name, path)
    largest = [max(value) if isinstance(value, list) else value for value in (read["layers_per_block"], read[deep])]
    if len(read["block_out_channels"]) * largest[0] * largest[1] > MOST_BLOCKS:
        raise unread(f"it has more than {MOST_BLOCKS:,} blocks", path)
    parameters = inspect.signature(kind).parameters.values()
    usual = {one.name: one.default for one in parameters if one.name not in read}
    only(told, path, usual)
    return read


def _each(told: Mapping[str, Any], name: str, path: Path) -> int | list[int]:
    """One number for all sizes, or one for each."""
    if not isinstance(told.get(name), list):
        return whole(told, name, path, most=MOST_LAYERS)
    value = listed(told, name, path)
    if max(value) > MOST_LAYERS or len(value) != len(listed(told, "block_out_channels", path)):
        raise unread(f"{name} is {value}, not a number from 1 to {MOST_LAYERS} for each size", path)
    return value
