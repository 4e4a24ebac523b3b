"""A folder in the layout of diffusers as a text-to-image model: Stable Diffusion 1.x, 2.x and XL, and their kin.

The layout: model_index.json beside tokenizer/, text_encoder/, unet/, vae/ and scheduler/, each with a config.json and
weights in safetensors; of XL also tokenizer_2/ and text_encoder_2/. See https://huggingface.co/docs/diffusers. Parts
run through our own networks, and where ours lack what a U-Net's config asks for, through that of diffusers. Nothing in
a folder is executed or names what is, and what can't be read is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from glasswork import networks
from glasswork.data.clip_tokens import END, ClipTokens, open_tokens
from glasswork.errors import GlassworkError
from glasswork.generation.diffusers_unet import open_unet
from glasswork.generation.own_parts import autoencoder_sizes, denoiser_sizes, noise_schedule, text_sizes
from glasswork.generation.paired_text import PairedText
from glasswork.generation.part_files import bytes_needed, config, filled
from glasswork.generation.part_settings import whole
from glasswork.generation.pipeline import TextToImage
from glasswork.networks.autoencoder_kl import AutoencoderKL
from glasswork.networks.clip_text import CLIPText

INDEX = "model_index.json"
XL = "StableDiffusionXLPipeline"
PARTS = {
    "StableDiffusionPipeline": ("text_encoder", "unet", "vae"),
    XL: ("text_encoder", "text_encoder_2", "unet", "vae"),
}
"""The kinds of pipelines that are read, each with its parts that have weights."""
CLASSES = {
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "tokenizer_2": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "text_encoder": ("CLIPTextModel",),
    "text_encoder_2": ("CLIPTextModelWithProjection",),
    "unet": ("UNet2DConditionModel",),
    "vae": ("AutoencoderKL",),
}
"""What the index may name a part to be."""


def open_folder(folder: Path) -> TextToImage:
    """Open a folder in the layout of diffusers.

    Raises:
        GlassworkError: a part of it is missing or damaged, of a kind that isn't read, or doesn't fit another.
    """
    index = config(folder / INDEX)
    paired = _kind(index, folder) == XL
    tokens, first = _text(folder, "")
    text: nn.Module = first
    width, pooled, others = _width(first), 0, ()
    if paired:
        more, second = _text(folder, "_2", projected=True)
        _check_pair(folder, tokens, more)
        text, others = PairedText(first, second), (more,)
        assert second.text_projection is not None
        width, pooled = width + _width(second), second.text_projection.out_features
    path = folder / "unet" / "config.json"
    about = config(path)
    vae = folder / "vae" / "config.json"
    sizes = autoencoder_sizes(config(vae), vae, whole(about, "sample_size", path))
    for name, made, what in (
        ("cross_attention_dim", width, "numbers that the text encoder makes of a token"),
        ("in_channels", sizes["latent"], "channels of the autoencoder's latents"),
        ("out_channels", sizes["latent"], "channels of the autoencoder's latents"),
    ):
        if whole(about, name, path) != made:
            why = f"{name} is {about[name]}; there are {made} {what}"
            raise GlassworkError("the parts of this pipeline don't fit each other", where=str(path), why=why)
    autoencoder = filled(vae.parent, lambda: networks.build("autoencoder_kl", **sizes))
    assert isinstance(autoencoder, AutoencoderKL)
    noise = folder / "scheduler" / "scheduler_config.json"
    return TextToImage(
        tokens,
        text,
        _denoiser(path.parent, about, pooled, autoencoder.shape[1]),
        autoencoder,
        noise_schedule(config(noise), noise),
        others=others,
        silent=paired and index.get("force_zeros_for_empty_prompt", True) is True,
    )


def needed(folder: Path) -> int:
    """How many bytes the weights of all parts of a folder take in memory, in single precision, by their files' headers.

    Raises:
        GlassworkError: a part has no weights, they can't be read, or the pipeline is of a kind that isn't read.
    """
    return sum(bytes_needed(folder / part) for part in PARTS[_kind(config(folder / INDEX), folder)])


def _kind(index: Mapping[str, Any], folder: Path) -> str:
    """The kind of a pipeline, one of PARTS.

    Raises:
        GlassworkError: it is another, or has a part of another kind.
    """
    kind = index.get("_class_name")
    if not isinstance(kind, str) or kind not in PARTS:
        why = f"it is a {str(kind)[:80]}; read are {' and '.join(PARTS)}"
        raise GlassworkError("this kind of pipeline is not read", where=str(folder / INDEX), why=why)
    for part, classes in CLASSES.items():
        named = index.get(part)  # a library and a class of it; some folders name none
        read = kind == XL or not part.endswith("_2")
        if read and isinstance(named, list) and named[1:] not in [[one] for one in classes]:
            why = f"its {part} is {str(named)[:80]}; read is {' or '.join(classes)}"
            raise GlassworkError("this kind of pipeline is not read", where=str(folder / INDEX), why=why)
    return kind


def _text(folder: Path, which: str, projected: bool = False) -> tuple[ClipTokens, CLIPText]:
    """A text encoder and its tokenizer, the first ("") or the second ("_2")."""
    part, path = folder / f"text_encoder{which}", folder / f"text_encoder{which}" / "config.json"
    told = config(path)
    sizes = text_sizes(told, path)
    if projected:
        sizes["projection"] = whole(told, "projection_dim", path)
    tokens = open_tokens(folder / f"tokenizer{which}", sizes["context"])
    if not all(0 <= number < sizes["vocabulary"] for number in tokens.number.values()):
        why = f"it has a token whose number is not among the text encoder's {sizes['vocabulary']:,}"
        where = str(folder / f"tokenizer{which}")
        raise GlassworkError("a tokenizer does not fit its text encoder", where=where, why=why)
    text = filled(part, lambda: networks.build("clip_text", **sizes))
    assert isinstance(text, CLIPText)
    return tokens, text


def _width(text: CLIPText) -> int:
    return text.text_model.embeddings.token_embedding.embedding_dim


def _check_pair(folder: Path, one: ClipTokens, other: ClipTokens) -> None:
    """Whether two tokenizers read the same tokens, as vectors side by side need it, and end a text with the last."""
    why = ""
    if (one.merges, one.number, one.context) != (other.merges, other.number, other.context):
        why = "it reads other tokens than the first one, so that their vectors don't belong together"
    elif other.number[END] != max(other.number.values()):
        why = f"{END} is not its last token, by which the end of a text is found"
    if why:
        where = str(folder / "tokenizer_2")
        raise GlassworkError("a tokenizer does not fit its text encoder", where=where, why=why)


def _denoiser(folder: Path, told: Mapping[str, Any], pooled: int, pixels: int) -> nn.Module:
    """Our own U-Net, or that of diffusers where ours lacks something."""
    lacking = "it is told the whole text, which our own U-Net is not"
    try:
        sizes = denoiser_sizes(told, folder / "config.json")
    except GlassworkError as error:
        sizes, lacking = None, f"our own U-Net lacks what is asked for: {error.why}"
    if sizes is None or pooled:
        return open_unet(folder, told, pooled, pixels, lacking)
    return filled(folder, lambda: networks.build("unet_conditional", **sizes))
