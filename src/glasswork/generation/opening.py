"""From a TARGET to a text-to-image model: one of ours by the denoiser's name, or a folder in the layout of diffusers.

The layout: model_index.json beside tokenizer/, text_encoder/, unet/, vae/ and scheduler/, each with a config.json and
weights in safetensors; see https://huggingface.co/docs/diffusers. Only Stable Diffusion 1.x and its kin are read:
nothing in a folder is executed, and what a config asks for that our networks don't have is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from glasswork import networks, zoo
from glasswork.data.clip_tokens import ClipTokens, open_tokens
from glasswork.errors import GlassworkError
from glasswork.generation.pipeline import TextToImage
from glasswork.generation.schedules import KINDS, PREDICTIONS, SPACINGS, Schedule
from glasswork.networks.autoencoder_kl import AutoencoderKL
from glasswork.networks.clip import CLIP

DEFAULT = "emoji-diffusion"
INDEX = "model_index.json"
LARGEST = 1_000_000  # bytes of a config
MOST_LAYERS, MOST_LEVELS = 200, 12  # of a network
WEIGHTS = ("diffusion_pytorch_model.safetensors", "model.safetensors")


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
    if target == DEFAULT and DEFAULT not in zoo.shipped_names():
        why = "its four parts are recipes so far, which CONTRIBUTING.md tells of"
        todo = "Name a denoiser's run folder, or a folder in the layout of diffusers, with --network."
        raise GlassworkError("no text-to-image model ships yet", where=target, why=why, todo=todo)
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


def open_folder(folder: Path) -> TextToImage:
    """Open a folder in the layout of diffusers; errors as in open_model."""
    index = _config(folder / INDEX)
    kind = index.get("_class_name")
    if kind != "StableDiffusionPipeline":
        why = f"it is a {kind}; our networks are those of StableDiffusionPipeline"
        raise GlassworkError("this kind of pipeline is not read", where=str(folder / INDEX), why=why)
    text = _config(folder / "text_encoder" / "config.json")
    context = _whole(text, "max_position_embeddings", folder / "text_encoder" / "config.json")
    vae = _filled(folder / "vae", "autoencoder_kl", _autoencoder)
    assert isinstance(vae, AutoencoderKL)
    tokens = open_tokens(folder / "tokenizer", context)
    known = _whole(text, "vocab_size", folder / "text_encoder" / "config.json")
    if not all(0 <= number < known for number in tokens.number.values()):
        why = f"it has a token whose number is not among the text encoder's {known:,}"
        raise GlassworkError("a tokenizer does not fit its text encoder", where=str(folder / "tokenizer"), why=why)
    return TextToImage(
        tokens,
        _filled(folder / "text_encoder", "clip_text", _text),
        _filled(folder / "unet", "unet_conditional", _denoiser),
        vae,
        _schedule(folder / "scheduler" / "scheduler_config.json"),
    )


def needed(folder: Path) -> int:
    """How many bytes the weights of a folder take in memory, in single precision, by their files' headers.

    Raises:
        GlassworkError: a part has no weights, or they can't be read.
    """
    total = 0
    for part in ("text_encoder", "unet", "vae"):
        file = _weights(folder / part)
        try:
            with safetensors.safe_open(str(file), "pt") as held:
                for name in held.keys():  # noqa: SIM118  it is no dict
                    count = 4
                    for side in held.get_slice(name).get_shape():
                        count *= side
                    total += count
        except (OSError, safetensors.SafetensorError) as error:
            raise GlassworkError("weights can't be read", where=str(file), why=str(error)) from error
    return total


def _filled(folder: Path, network: str, read: Callable[[Mapping[str, Any], Path], dict[str, Any]]) -> nn.Module:
    """A network of ours with a part's sizes and weights."""
    path = folder / "config.json"
    sizes = read(_config(path), path)
    file = _weights(folder)
    try:
        values = safetensors.torch.load_file(str(file))
    except (OSError, safetensors.SafetensorError) as error:
        raise GlassworkError("weights can't be read", where=str(file), why=str(error)) from error
    values = {name: value.float() for name, value in values.items()}
    try:
        with torch.device("meta"):  # a config may ask for any size: nothing is made before the weights fit
            module = networks.build(network, **sizes)
        module.load_state_dict(values, assign=True)
    except (RuntimeError, ValueError, TypeError) as error:
        why = str(error).replace("\n\t", " ")[:400]
        raise GlassworkError("weights don't fit their config", where=str(file), why=why) from error
    return module.requires_grad_(False).eval()


def _weights(folder: Path) -> Path:
    for name in WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    there = sorted(path.name for path in folder.glob("*")) if folder.is_dir() else []
    why = f"looked for {' or '.join(WEIGHTS)}; there is {', '.join(there) or 'nothing'}"
    todo = "Weights as safetensors are read; others are programs as well, and are not opened."
    raise GlassworkError("a part of the pipeline has no weights", where=str(folder), why=why, todo=todo)


def _config(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST:,} bytes")
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            raise ValueError("it holds no settings")
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise GlassworkError("a part of the pipeline can't be read", where=str(path), why=why) from error
    return told


def _text(told: Mapping[str, Any], path: Path) -> dict[str, Any]:
    return {
        "vocabulary": _whole(told, "vocab_size", path),
        "context": _whole(told, "max_position_embeddings", path),
        "width": _whole(told, "hidden_size", path),
        "depth": _whole(told, "num_hidden_layers", path, most=MOST_LAYERS),
        "heads": _whole(told, "num_attention_heads", path),
        "hidden": _whole(told, "intermediate_size", path),
        "activation": str(told.get("hidden_act", "quick_gelu")),
    }


def _autoencoder(told: Mapping[str, Any], path: Path) -> dict[str, Any]:
    _only(told, path, {"act_fn": "silu", "mid_block_add_attention": True, "use_quant_conv": True})
    _only(told, path, {"use_post_quant_conv": True, "shift_factor": None, "latents_mean": None, "latents_std": None})
    widths = _list(told, "block_out_channels", path)
    _kinds(told, "down_block_types", ("DownEncoderBlock2D",), path)
    _kinds(told, "up_block_types", ("UpDecoderBlock2D",), path)
    return {
        "channels": _whole(told, "in_channels", path),
        "size": _whole(told, "sample_size", path),
        "latent": _whole(told, "latent_channels", path),
        "widths": ",".join(map(str, widths)),
        "layers": _whole(told, "layers_per_block", path, most=MOST_LAYERS),
        "groups": _whole(told, "norm_num_groups", path),
        "scaling": _number(told, "scaling_factor", path),
    }


def _denoiser(told: Mapping[str, Any], path: Path) -> dict[str, Any]:
    usual = {
        "act_fn": "silu", "center_input_sample": False, "class_embed_type": None, "addition_embed_type": None,
        "encoder_hid_dim": None, "dual_cross_attention": False, "flip_sin_to_cos": True, "freq_shift": 0,
        "norm_eps": 1e-5, "only_cross_attention": False, "resnet_time_scale_shift": "default",
        "time_embedding_type": "positional", "transformer_layers_per_block": 1, "use_linear_projection": False,
        "upcast_attention": False, "mid_block_scale_factor": 1, "downsample_padding": 1, "conv_in_kernel": 3,
        "conv_out_kernel": 3, "num_attention_heads": None, "time_cond_proj_dim": None,
        "mid_block_type": "UNetMidBlock2DCrossAttn",
    }  # fmt: skip
    _only(told, path, usual)
    widths = _list(told, "block_out_channels", path)
    down = _kinds(told, "down_block_types", ("CrossAttnDownBlock2D", "DownBlock2D"), path)
    up = _kinds(told, "up_block_types", ("CrossAttnUpBlock2D", "UpBlock2D"), path)
    attends = [kind.startswith("Cross") for kind in down]
    if attends != [kind.startswith("Cross") for kind in reversed(up)]:
        raise _unread("attention on the way up at other sizes than on the way down", path)
    if told.get("in_channels") != told.get("out_channels"):
        raise _unread(f"in_channels {told.get('in_channels')} and out_channels {told.get('out_channels')}", path)
    return {
        "channels": _whole(told, "in_channels", path),
        "size": _whole(told, "sample_size", path),
        "widths": ",".join(map(str, widths)),
        "attention": ",".join(str(int(there)) for there in attends),
        "layers": _whole(told, "layers_per_block", path, most=MOST_LAYERS),
        "heads": _whole(told, "attention_head_dim", path),  # diffusers' name for the number of heads, in 1.x
        "text": _whole(told, "cross_attention_dim", path),
        "groups": _whole(told, "norm_num_groups", path),
    }


def _schedule(path: Path) -> Schedule:
    told = _config(path)
    for name, known in (
        ("beta_schedule", KINDS),
        ("prediction_type", PREDICTIONS),
        ("timestep_spacing", SPACINGS),
    ):
        if name in told and told[name] not in known:
            raise _unread(f"{name} {told[name]!r}; known are {', '.join(known)}", path)
    _only(told, path, {"trained_betas": None, "thresholding": False, "rescale_betas_zero_snr": False})
    usual = Schedule()
    return Schedule(
        times=_whole(told, "num_train_timesteps", path),
        kind=str(told.get("beta_schedule", usual.kind)),
        start=_number(told, "beta_start", path),
        end=_number(told, "beta_end", path),
        prediction=str(told.get("prediction_type", usual.prediction)),
        spacing=str(told.get("timestep_spacing", "leading")),
        offset=int(_number({"steps_offset": 0, **told}, "steps_offset", path)),
        to_one=bool(told.get("set_alpha_to_one", False)),
    )


def _only(told: Mapping[str, Any], path: Path, usual: Mapping[str, Any]) -> None:
    """Refuse what our networks don't have: a setting that is there, and is another."""
    for name, value in usual.items():
        if name in told and told[name] != value:
            raise _unread(f"{name} {told[name]!r}; only {value!r} is read", path)


def _unread(what: str, path: Path) -> GlassworkError:
    todo = "Our networks are those of Stable Diffusion 1.x."
    return GlassworkError(
        "this part of the pipeline is of a kind that is not read", where=str(path), why=what, todo=todo
    )


def _whole(told: Mapping[str, Any], name: str, path: Path, most: int = 1_000_000) -> int:
    value = told.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
        raise _unread(f"{name} is {value!r}, not a whole number from 1 to {most:,}", path)
    return value


def _number(told: Mapping[str, Any], name: str, path: Path) -> float:
    value = told.get(name)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _unread(f"{name} is {value!r}, not a number", path)
    return float(value)


def _list(told: Mapping[str, Any], name: str, path: Path) -> list[int]:
    value = told.get(name)
    if not isinstance(value, list) or not 0 < len(value) <= MOST_LEVELS:
        raise _unread(f"{name} is {str(value)[:80]}, not a list of whole numbers", path)
    if not all(isinstance(one, int) and one > 0 for one in value):
        raise _unread(f"{name} is {value!r}, not a list of whole numbers", path)
    return value


def _kinds(told: Mapping[str, Any], name: str, known: tuple[str, ...], path: Path) -> list[str]:
    value = told.get(name)
    if not isinstance(value, list) or not all(one in known for one in value):
        raise _unread(f"{name} is {value!r}; known are {', '.join(known)}", path)
    return value
