"""A text-to-image model in miniature with random weights, in the layout of diffusers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from glasswork import networks, recipes
from glasswork.data.clip_tokens import ClipTokens, save_tokens

MERGES = (("r", "e"), ("re", "d</w>"), ("c", "a"), ("ca", "t</w>"))
CONTEXT = 8
WORDS = 512 + len(MERGES) + 2
SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "text_encoder": (
        "clip_text",
        {"vocabulary": WORDS, "context": CONTEXT, "width": 12, "depth": 1, "heads": 3, "hidden": 24},
    ),
    "unet": (
        "unet_conditional",
        {
            "channels": 4, "size": 4, "widths": "8,16", "attention": "1,0", "layers": 1, "heads": 2, "text": 12,
            "groups": 4,
        },
    ),
    "vae": ("autoencoder_kl", {"size": 16, "latent": 4, "widths": "8,16,16", "layers": 1, "groups": 4}),
}  # fmt: skip
CONFIGS: dict[str, dict[str, Any]] = {
    "text_encoder": {
        "vocab_size": WORDS, "max_position_embeddings": CONTEXT, "hidden_size": 12, "num_hidden_layers": 1,
        "num_attention_heads": 3, "intermediate_size": 24,
    },
    "unet": {
        "in_channels": 4, "out_channels": 4, "sample_size": 4, "block_out_channels": [8, 16], "layers_per_block": 1,
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "attention_head_dim": 2,
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "cross_attention_dim": 12, "norm_num_groups": 4,
    },
    "vae": {
        "in_channels": 3, "sample_size": 16, "latent_channels": 4, "block_out_channels": [8, 16, 16],
        "layers_per_block": 1, "norm_num_groups": 4, "scaling_factor": 0.5,
        "down_block_types": ["DownEncoderBlock2D"] * 3, "up_block_types": ["UpDecoderBlock2D"] * 3,
    },
}  # fmt: skip


def small_pipeline(folder: Path, prediction: str = "v_prediction") -> str:
    """Write it into a folder; its TARGET."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    save_tokens(ClipTokens(MERGES, CONTEXT), folder / "tokenizer")
    for part, (name, sizes) in SIZES.items():
        (folder / part).mkdir()
        (folder / part / "config.json").write_text(json.dumps(CONFIGS[part]))
        module = networks.build(name, **sizes)
        for value in module.parameters():
            if value.dim() > 1:
                torch.nn.init.normal_(value, std=0.8 * value[0].numel() ** -0.5)
        safetensors.torch.save_file(module.state_dict(), folder / part / "model.safetensors")
    (folder / "scheduler").mkdir()
    told = {
        "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "prediction_type": prediction,
    }  # fmt: skip
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(told))
    return f"hf:{folder}"


RUNS: dict[str, dict[str, Any]] = {
    "emoji-autoencoder": {
        "sizes.latent": 4, "sizes.widths": "8,8,8,8", "sizes.groups": 4, "batch": 4, "steps": 2,
    },
    "emoji-clip": {
        "sizes.text_width": 16, "sizes.text_depth": 1, "sizes.image_width": 16, "sizes.image_depth": 1,
        "sizes.projection": 8, "sizes.patch": 16, "batch": 4, "steps": 2,
    },
    "emoji-diffusion": {
        "sizes.channels": 4, "sizes.size": 8, "sizes.widths": "16,16", "sizes.attention": "1,1", "sizes.groups": 4,
        "captions": 1, "batch": 4, "steps": 3,
    },
}  # fmt: skip


def small_runs(folder: Path, captioned: Path) -> Path:
    """The three runs of a text-to-image model, hardly trained, on four captioned pictures; the folder of runs."""
    captioned.mkdir(parents=True, exist_ok=True)
    for i, (name, colour) in enumerate({"red": (220, 30, 30), "green": (30, 160, 60), "blue": (40, 60, 220)}.items()):
        for j in range(4):
            pixels = np.full((64, 64, 3), 255, np.uint8)
            pixels[8 + 4 * j : 40 + 4 * j, 10 + 5 * i : 50] = colour
            Image.fromarray(pixels).save(captioned / f"{name}-{j}.png")
            (captioned / f"{name}-{j}.txt").write_text(f"a {name} square, red cat\n")
    usual: dict[str, Any] = {"validation": 2, "precision": "float32", "evaluate_every": 1_000, "save_every": 1_000}
    parts = {"autoencoder": str(folder / "emoji-autoencoder"), "encoders": str(folder / "emoji-clip"), "judge": ""}
    for name, settings in RUNS.items():
        more = parts if name == "emoji-diffusion" else {}
        list(
            recipes.run(
                name,
                data=f"captioned:{captioned}",
                out=folder / name,
                settings={**usual, "warmup": 0.0, **settings, **more},
            )
        )
    return folder
