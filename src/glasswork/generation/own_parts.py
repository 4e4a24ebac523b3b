"""From the configs of a pipeline's parts to the sizes of our own networks, which are those of Stable Diffusion 1.x."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glasswork.generation.part_settings import MOST_LAYERS, kinds, listed, number, only, unread, whole
from glasswork.generation.schedules import KINDS, PREDICTIONS, SPACINGS, Schedule

# Each raises a GlassworkError that names the first setting that our network doesn't have.


def text_sizes(told: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Of clip_text."""
    return {
        "vocabulary": whole(told, "vocab_size", path),
        "context": whole(told, "max_position_embeddings", path),
        "width": whole(told, "hidden_size", path),
        "depth": whole(told, "num_hidden_layers", path, most=MOST_LAYERS),
        "heads": whole(told, "num_attention_heads", path),
        "hidden": whole(told, "intermediate_size", path),
        "activation": str(told.get("hidden_act", "quick_gelu")),
    }


def autoencoder_sizes(told: Mapping[str, Any], path: Path, latent_side: int) -> dict[str, Any]:
    """Of autoencoder_kl; its pictures are those of the denoiser's latents, whatever size it was trained with."""
    only(told, path, {"act_fn": "silu", "mid_block_add_attention": True, "use_quant_conv": True})
    only(told, path, {"use_post_quant_conv": True, "shift_factor": None, "latents_mean": None, "latents_std": None})
    widths = listed(told, "block_out_channels", path)
    kinds(told, "down_block_types", ("DownEncoderBlock2D",), path)
    kinds(told, "up_block_types", ("UpDecoderBlock2D",), path)
    return {
        "channels": whole(told, "in_channels", path),
        "size": latent_side * 2 ** (len(widths) - 1),
        "latent": whole(told, "latent_channels", path),
        "widths": ",".join(map(str, widths)),
        "layers": whole(told, "layers_per_block", path, most=MOST_LAYERS),
        "groups": whole(told, "norm_num_groups", path),
        "scaling": number(told, "scaling_factor", path),
    }


def denoiser_sizes(told: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Of unet_conditional."""
    usual = {
        "act_fn": "silu", "center_input_sample": False, "class_embed_type": None, "addition_embed_type": None,
        "encoder_hid_dim": None, "dual_cross_attention": False, "flip_sin_to_cos": True, "freq_shift": 0,
        "norm_eps": 1e-5, "only_cross_attention": False, "resnet_time_scale_shift": "default",
        "time_embedding_type": "positional", "transformer_layers_per_block": 1, "use_linear_projection": False,
        "upcast_attention": False, "mid_block_scale_factor": 1, "downsample_padding": 1, "conv_in_kernel": 3,
        "conv_out_kernel": 3, "num_attention_heads": None, "time_cond_proj_dim": None,
        "mid_block_type": "UNetMidBlock2DCrossAttn",
    }  # fmt: skip
    only(told, path, usual)
    widths = listed(told, "block_out_channels", path)
    down = kinds(told, "down_block_types", ("CrossAttnDownBlock2D", "DownBlock2D"), path)
    up = kinds(told, "up_block_types", ("CrossAttnUpBlock2D", "UpBlock2D"), path)
    attends = [kind.startswith("Cross") for kind in down]
    if attends != [kind.startswith("Cross") for kind in reversed(up)]:
        raise unread("attention on the way up at other sizes than on the way down", path)
    return {
        "channels": whole(told, "in_channels", path),
        "size": whole(told, "sample_size", path),
        "widths": ",".join(map(str, widths)),
        "attention": ",".join(str(int(there)) for there in attends),
        "layers": whole(told, "layers_per_block", path, most=MOST_LAYERS),
        "heads": whole(told, "attention_head_dim", path),  # diffusers' name for the number of heads, in 1.x
        "text": whole(told, "cross_attention_dim", path),
        "groups": whole(told, "norm_num_groups", path),
    }


def noise_schedule(told: Mapping[str, Any], path: Path) -> Schedule:
    """The noise that the denoiser was trained with."""
    for name, known in (
        ("beta_schedule", KINDS),
        ("prediction_type", PREDICTIONS),
        ("timestep_spacing", SPACINGS),
    ):
        if name in told and told[name] not in known:
            raise unread(f"{name} {told[name]!r}; known are {', '.join(known)}", path)
    usual = {"trained_betas": None, "thresholding": False, "clip_sample": False, "rescale_betas_zero_snr": False}
    only(told, path, usual)
    own = Schedule()
    return Schedule(
        times=whole(told, "num_train_timesteps", path),
        kind=str(told.get("beta_schedule", own.kind)),
        start=number(told, "beta_start", path),
        end=number(told, "beta_end", path),
        prediction=str(told.get("prediction_type", own.prediction)),
        spacing=str(told.get("timestep_spacing", "leading")),
        offset=int(number({"steps_offset": 0, **told}, "steps_offset", path)),
        to_one=bool(told.get("set_alpha_to_one", False)),
    )
