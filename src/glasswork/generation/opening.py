"""From a TARGET to a text-to-image model: one of ours by its denoiser's name, or a folder of diffusers' layout."""

from __future__ import annotations

from pathlib import Path

from glasswork import zoo
from glasswork.data.clip_tokens import ClipTokens
from glasswork.errors import GlassworkError
from glasswork.generation.pipeline import TextToImage
from glasswork.generation.pipeline_folders import INDEX, open_folder
from glasswork.generation.schedules import Schedule
from glasswork.networks.autoencoder_kl import AutoencoderKL
from glasswork.networks.clip import CLIP

DEFAULT = "emoji-diffusion"


def open_model(target: str = DEFAULT) -> TextToImage:
    """Open a text-to-image model.

    Args:
        target: a denoiser that ships, its run folder, or a folder in the layout of diffusers (also as hf:FOLDER).

    Raises:
        GlassworkError: there is none, a part of it is missing or damaged, or it is of a kind that isn't read.
    """
    folder = Path(target.removeprefix("hf:"))
    if (folder / INDEX).is_file():
        return open_folder(folder)
    if target.startswith("hf:"):
        why = f"there is no {INDEX} in such a folder, and no such repository that this machine can reach"
        todo = "Name a folder in the layout of diffusers, or hf:OWNER/NAME."
        raise GlassworkError("no text-to-image model was found", where=target, why=why, todo=todo)
    network = zoo.load(target)
    about = network.card.diffusion if network.card else {}
    if about.get("part") != "denoiser":
        why = "it is no denoiser of latents, nor a folder with " + INDEX
        raise GlassworkError("this makes no pictures from words", where=target, why=why)
    try:
        autoencoder, encoded = zoo.load(about["autoencoder"]).module, zoo.load(about["encoders"])
        encoders, tokens = encoded.module, tokens_of(encoded)
        schedule = Schedule(**about["schedule"])
    except (LookupError, TypeError) as error:
        raise GlassworkError("a model card can't be read", where=target, why=f"diffusion: {error}") from error
    if not isinstance(autoencoder, AutoencoderKL) or not isinstance(encoders, CLIP):
        raise GlassworkError("a model's parts are not what its card says", where=target)
    return TextToImage(tokens, encoders.text_model, network.module, autoencoder, schedule, encoders)


def tokens_of(encoders: zoo.Network) -> ClipTokens:
    """The tokenizer that trained encoders read texts with.

    Raises:
        GlassworkError: their card doesn't say.
    """
    about = encoders.card.diffusion if encoders.card else {}
    try:
        pairs = [line.split(" ") for line in about["merges"]]
        return ClipTokens(tuple((a, b) for a, b in pairs), int(about["context"]))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        why = f"its card names no pairs of letters ({type(error).__name__})"
        raise GlassworkError("this network reads no texts", where=encoders.target, why=why) from error
