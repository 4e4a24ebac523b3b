"""Folders that diffusers writes, with random weights: opened by us, they make the same picture."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers as typed
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

from glasswork.data import emoji_captions
from glasswork.data.clip_tokens import ClipTokens, save_tokens
from glasswork.errors import GlassworkError
from glasswork.generation import Plan, TextToImage, open_folder, open_model

diffusers: Any = typed  # its types are not those that it takes and gives

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
PROMPT = "a cute and adorable bunny"
STEPS = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline in miniature, saved by diffusers."""
    folder = tmp_path_factory.mktemp("pipeline")
    tokens = ClipTokens(emoji_captions.tokens().merges, 16)
    save_tokens(tokens, folder / "tokens")
    torch.manual_seed(0)
    end = tokens.size - 1
    text = transformers.CLIPTextConfig(
        vocab_size=tokens.size, max_position_embeddings=16, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=48, bos_token_id=end - 1, eos_token_id=end, pad_token_id=end,
    )  # fmt: skip
    unet = diffusers.UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32), layers_per_block=1, cross_attention_dim=24, attention_head_dim=4,
        norm_num_groups=8, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(
        sample_size=32, block_out_channels=(8, 16, 16), layers_per_block=1, norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
    )  # fmt: skip
    pipeline = diffusers.StableDiffusionPipeline(
        vae=vae,
        text_encoder=transformers.CLIPTextModel(text),
        tokenizer=transformers.CLIPTokenizer(
            vocab=str(folder / "tokens" / "vocab.json"),
            merges=str(folder / "tokens" / "merges.txt"),
            model_max_length=16,
            pad_token="<|endoftext|>",
        ),
        unet=unet,
        scheduler=diffusers.DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
            set_alpha_to_one=False, steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder / "saved")
    return folder / "saved"


@pytest.fixture(scope="module")
def ours(folder: Path) -> TextToImage:
    return open_folder(folder)


def made_by_diffusers(folder: Path, noise: Tensor, scheduler: Callable[[Any], Any] | None = None) -> Tensor:
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(folder)
    if scheduler is not None:
        pipeline.scheduler = scheduler(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    told = pipeline(PROMPT, num_inference_steps=STEPS, guidance_scale=4.0, latents=noise, output_type="pt")
    return told.images


@pytest.mark.parametrize(
    ("sampler", "scheduler"),
    [("ddim", None), ("euler", diffusers.EulerDiscreteScheduler)],
)
def test_a_whole_run_is_that_of_diffusers(folder: Path, ours: TextToImage, sampler: str, scheduler: Any) -> None:
    noise = ours.noise(1, 3)
    theirs = made_by_diffusers(folder, noise, scheduler and scheduler.from_config)
    pictures = ours.pictures([PROMPT], Plan(sampler=sampler, steps=STEPS, guidance=4.0, seed=3))
    assert pictures.shape == theirs.shape == (1, 3, 32, 32)
    assert theirs.std() > 0.01
    assert (pictures - theirs).abs().max() <= 1e-3


def test_the_folder_is_a_target_too(folder: Path, ours: TextToImage) -> None:
    again = open_model(f"hf:{folder}")
    plan = Plan(steps=2)
    assert torch.equal(again.pictures([PROMPT], plan), ours.pictures([PROMPT], plan))


def test_a_prompt_changes_the_picture_and_not_the_noise(ours: TextToImage) -> None:
    plan = Plan(steps=3, seed=9)
    first, second = (list(ours.run([prompt], plan)) for prompt in (PROMPT, "a red heart"))
    assert torch.equal(first[0].latent, second[0].latent)
    assert not torch.equal(first[-1].next, second[-1].next)
    assert torch.equal(first[0].without, second[0].without)
    again = list(ours.run([PROMPT], plan))
    assert torch.equal(again[-1].next, first[-1].next)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no index": (lambda f: (f / "model_index.json").unlink(), "no network called|holds no finished run"),
    "another kind": (
        lambda f: (f / "model_index.json").write_text('{"_class_name": "StableDiffusion3Pipeline"}'),
        "kind of pipeline is not read.*it is a StableDiffusion3Pipeline",
    ),
    "index is no JSON": (lambda f: (f / "model_index.json").write_text("{"), "can't be read"),
    "index is deep": (lambda f: (f / "model_index.json").write_text("[" * 100_000), "can't be read"),
    "no part": (lambda f: shutil.rmtree(f / "unet"), "can't be read.*unet"),
    "no weights": (
        lambda f: (f / "vae" / "diffusion_pytorch_model.safetensors").rename(f / "vae" / "diffusion_pytorch_model.bin"),
        "no weights.*diffusion_pytorch_model.bin",
    ),
    "cut weights": (
        lambda f: (f / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}"),
        "weights can't be read",
    ),
    "a weight that is no number": (
        lambda f: poisoned(f / "unet" / "diffusion_pytorch_model.safetensors", "conv_in.bias"),
        "conv_in.bias holds 1 of [0-9]+ numbers that are not finite",
    ),
    "another size": (lambda f: changed(f / "unet", block_out_channels=[16, 64]), "don't fit their config"),
    "a token too many": (
        lambda f: edited(f / "tokenizer" / "tokenizer.json", '"<|endoftext|>":3513', '"<|endoftext|>":4000'),
        "not among the text encoder's 3,514",
    ),
    "a million layers": (lambda f: changed(f / "unet", layers_per_block=1_000_000), "from 1 to 200"),
    "a thousand sizes": (lambda f: changed(f / "vae", block_out_channels=[8] * 1000), "not a list of whole numbers"),
    "endless widths": (lambda f: changed(f / "unet", block_out_channels=[1 << 40, 1 << 40]), "can't be|don't fit"),
    "no whole number": (lambda f: changed(f / "unet", layers_per_block="two"), "layers_per_block is two, not a whole"),
    "what we don't have": (lambda f: changed(f / "unet", class_embed_type="timestep"), "class_embed_type 'timestep'"),
    "no tokens": (lambda f: (f / "tokenizer" / "tokenizer.json").unlink(), "tokenizer can't be read"),
    "other tokens": (
        lambda f: (f / "tokenizer" / "tokenizer.json").write_text('{"model": {"type": "WordPiece"}}'),
        "no byte pairs",
    ),
    "a schedule we don't have": (
        lambda f: changed(f / "scheduler", "scheduler_config.json", beta_schedule="sigmoid"),
        "beta_schedule 'sigmoid'",
    ),
}


def poisoned(path: Path, name: str) -> None:
    weights = load_file(path)
    weights[name][0] = float("nan")
    save_file(weights, path)


def edited(path: Path, before: str, after: str) -> None:
    text = json.dumps(json.loads(path.read_text()), separators=(",", ":"))
    assert before in text
    path.write_text(text.replace(before, after))


def changed(folder: Path, name: str = "config.json", **settings: object) -> None:
    told = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**told, **settings}))


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_folder_says_what_is_wrong_and_where(folder: Path, tmp_path: Path, how: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    breaks, says = BROKEN[how]
    breaks(broken)
    with pytest.raises(GlassworkError, match=f"(?s){says}") as caught:
        open_model(str(broken))
    assert str(broken) in str(caught.value)
