"""Kin of Stable Diffusion 1.x in miniature with random weights, as diffusers itself writes them into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers as typed
import torch
import transformers

from glasswork.data import emoji_captions
from glasswork.data.clip_tokens import ClipTokens, save_tokens

diffusers: Any = typed  # its types are not those that it takes and gives

CONTEXT, SIDE, SHRINKS = 16, 8, 4
END = "<|endoftext|>"


def saved_kin(folder: Path, kind: str) -> Path:
    """A pipeline of the form "2" (linear projections, heads of one width, gelu, "!" for padding, v) or "xl"."""
    torch.manual_seed(0)
    tokens = ClipTokens(emoji_captions.tokens().merges, CONTEXT)
    save_tokens(tokens, folder / "tokens")
    shared: dict[str, Any] = {
        "sample_size": SIDE, "block_out_channels": (16, 32), "layers_per_block": 1, "norm_num_groups": 8,
        "attention_head_dim": (2, 4), "use_linear_projection": True,
    }  # fmt: skip
    noise: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    parts: dict[str, Any] = {"tokenizer": _tokenizer(folder, "!" if kind == "2" else END), "vae": _autoencoder()}
    if kind == "2":
        pipeline = diffusers.StableDiffusionPipeline(
            **parts,
            text_encoder=transformers.CLIPTextModel(_text(tokens, 24)),
            unet=diffusers.UNet2DConditionModel(
                **shared,
                down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
                cross_attention_dim=24,
                upcast_attention=True,
            ),
            scheduler=diffusers.DDIMScheduler(
                **noise,
                clip_sample=False,
                set_alpha_to_one=False,
                steps_offset=1,
                prediction_type="v_prediction",
            ),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    else:
        pipeline = diffusers.StableDiffusionXLPipeline(
            **parts,
            text_encoder=transformers.CLIPTextModel(_text(tokens, 24, "quick_gelu")),
            tokenizer_2=_tokenizer(folder, "!"),
            text_encoder_2=transformers.CLIPTextModelWithProjection(_text(tokens, 32)),
            unet=diffusers.UNet2DConditionModel(
                **shared,
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
                cross_attention_dim=24 + 32,
                transformer_layers_per_block=(1, 2),
                addition_embed_type="text_time",
                addition_time_embed_dim=8,
                projection_class_embeddings_input_dim=6 * 8 + 20,
            ),
            scheduler=diffusers.EulerDiscreteScheduler(**noise, timestep_spacing="leading", steps_offset=1),
            add_watermarker=False,
        )
    pipeline.save_pretrained(folder / "saved")
    return folder / "saved"


def _tokenizer(folder: Path, padding: str) -> Any:
    return transformers.CLIPTokenizer(
        vocab=str(folder / "tokens" / "vocab.json"),
        merges=str(folder / "tokens" / "merges.txt"),
        model_max_length=CONTEXT,
        pad_token=padding,
    )


def _text(tokens: ClipTokens, width: int, activation: str = "gelu") -> Any:
    end = tokens.size - 1
    return transformers.CLIPTextConfig(
        vocab_size=tokens.size, max_position_embeddings=CONTEXT, hidden_size=width, num_hidden_layers=3,
        num_attention_heads=4, intermediate_size=48, hidden_act=activation, projection_dim=20, bos_token_id=end - 1,
        eos_token_id=end, pad_token_id=0,
    )  # fmt: skip


def _autoencoder() -> Any:
    """It was trained with larger pictures than the denoiser's latents are of, as those of some folders were."""
    return diffusers.AutoencoderKL(
        sample_size=2 * SIDE * SHRINKS, block_out_channels=(8, 16, 16), layers_per_block=1, norm_num_groups=8,
        scaling_factor=0.13025, down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
    )  # fmt: skip
