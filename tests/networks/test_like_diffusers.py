"""The parts of Stable Diffusion 1.x with the weights of diffusers' and transformers' own."""

from typing import Any

import diffusers as typed
import pytest
import torch
import torch.nn.functional as F
import transformers
from agreement import randomise, relative
from torch import Tensor, nn

from glasswork import networks
from glasswork.networks.autoencoder_kl import AutoencoderKL

diffusers: Any = typed  # its types are not those that it takes and gives

MOST = 1e-5
TEXTS = [
    {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 20},
    {
        "hidden_size": 24,
        "num_hidden_layers": 3,
        "num_attention_heads": 3,
        "intermediate_size": 48,
        "hidden_act": "gelu",
    },
    {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 8, "intermediate_size": 64},
]
IMAGES = [
    {"image_size": 16, "patch_size": 8, **TEXTS[0]},
    {"image_size": 24, "patch_size": 4, **TEXTS[1]},
]
AUTOENCODERS = [
    {"widths": "8,16", "layers": 1, "latent": 4, "groups": 4},
    {"widths": "8,16,16,24", "layers": 2, "latent": 8, "groups": 8},
    {"widths": "16,16,32", "layers": 1, "latent": 3, "groups": 16},
]
UNETS = [
    {"widths": "8,16", "attention": "1,0", "layers": 1, "heads": 2, "text": 6, "groups": 4, "channels": 3},
    {"widths": "16,32", "attention": "1,1", "layers": 2, "heads": 4, "text": 24, "groups": 8, "channels": 16},
    {"widths": "8,16,24,24", "attention": "1,1,1,0", "layers": 2, "heads": 8, "text": 12, "groups": 8, "channels": 4},
    {
        "widths": "8,16", "attention": "1,1", "layers": 1, "heads": 4, "text": 8, "groups": 4, "channels": 3,
        "pooled": 2, "patch": 2, "scale_shift": 1,
    },
    {"widths": "8,16", "attention": "0,1", "layers": 1, "heads": 2, "text": 10, "groups": 4, "projected": 1},
]  # fmt: skip


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def clip(sizes: dict[str, Any]) -> dict[str, Any]:
    return {
        "width": sizes["hidden_size"],
        "depth": sizes["num_hidden_layers"],
        "heads": sizes["num_attention_heads"],
        "hidden": sizes["intermediate_size"],
        "activation": sizes.get("hidden_act", "quick_gelu"),
    }


def tokens(vocabulary: int, lengths: tuple[int, ...], context: int) -> Tensor:
    """Texts that begin with the last but one token, end with the last, and are filled up with it."""
    generator = torch.Generator().manual_seed(1)
    made = torch.randint(vocabulary - 2, (len(lengths), context), generator=generator)
    made[:, 0] = vocabulary - 2
    for row, length in zip(made, lengths, strict=True):
        row[length + 1 :] = vocabulary - 1
    return made


@pytest.mark.parametrize("fused", [0, 1])
@pytest.mark.parametrize("sizes", TEXTS)
def test_the_text_encoder_says_the_same_with_a_projection_and_without(sizes: dict[str, Any], fused: int) -> None:
    more: dict[str, Any] = {"vocab_size": 21, "max_position_embeddings": 9, "projection_dim": 7}
    more |= {"bos_token_id": 19, "eos_token_id": 20, "pad_token_id": 20}
    config = transformers.CLIPTextConfig(**more, **sizes)
    given = tokens(21, (3, 7, 0), 9)
    ours = {"vocabulary": 21, "context": 9, "fused": fused, **clip(sizes)}

    with_projection = transformers.CLIPTextModelWithProjection(config).eval()
    randomise(with_projection)
    mine = networks.build("clip_text", projection=7, **ours).eval()
    mine.load_state_dict(with_projection.state_dict())
    with torch.no_grad():
        wanted, (words, whole) = with_projection(given), mine(given)
    assert relative(words, wanted.last_hidden_state) <= MOST
    assert relative(whole, wanted.text_embeds) <= MOST

    bare = transformers.CLIPTextModel(config).eval()
    randomise(bare, seed=5)
    mine = networks.build("clip_text", **ours).eval()
    mine.load_state_dict({**bare.state_dict(), "embeddings.position_ids": torch.arange(9)[None]})
    with torch.no_grad():
        assert relative(mine(given), bare(given).last_hidden_state) <= MOST


@pytest.mark.parametrize("fused", [0, 1])
@pytest.mark.parametrize("sizes", IMAGES)
def test_the_image_encoder_says_the_same(sizes: dict[str, Any], fused: int) -> None:
    theirs = transformers.CLIPVisionModelWithProjection(transformers.CLIPVisionConfig(projection_dim=7, **sizes)).eval()
    randomise(theirs)
    side, patch = sizes["image_size"], sizes["patch_size"]
    ours = networks.build("clip_image", size=side, patch=patch, projection=7, fused=fused, **clip(sizes)).eval()
    ours.load_state_dict(theirs.state_dict())
    x = drawn(3, 3, side, side)
    with torch.no_grad():
        assert relative(ours(x), theirs(x).image_embeds) <= MOST


def autoencoders(sizes: dict[str, Any], fused: int) -> tuple[nn.Module, Any]:
    widths = tuple(int(width) for width in sizes["widths"].split(","))
    theirs = diffusers.AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        layers_per_block=sizes["layers"],
        latent_channels=sizes["latent"],
        norm_num_groups=sizes["groups"],
    ).eval()
    randomise(theirs)
    ours = networks.build("autoencoder_kl", size=32, fused=fused, **sizes).eval()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("fused", [0, 1])
@pytest.mark.parametrize("sizes", AUTOENCODERS)
def test_the_autoencoder_says_the_same_on_both_ways(sizes: dict[str, Any], fused: int) -> None:
    ours, theirs = autoencoders(sizes, fused)
    x = drawn(2, 3, 32, 32)
    with torch.no_grad():
        told = theirs.encode(x).latent_dist
        assert isinstance(ours, AutoencoderKL)
        mean, log_variance = ours.encode(x)
        latent = drawn(*mean.shape, seed=2)
        assert relative(mean, told.mean) <= MOST
        assert relative(log_variance, told.logvar) <= MOST
        assert relative(ours.decode(latent), theirs.decode(latent).sample) <= MOST
        assert relative(ours(x), theirs.decode(told.mean).sample) <= MOST


@pytest.mark.parametrize("convolved", [False, True])
def test_the_autoencoder_reads_attention_under_its_old_names(convolved: bool) -> None:
    ours, theirs = autoencoders(AUTOENCODERS[0], 0)
    old = {}
    for name, value in theirs.state_dict().items():
        if "attentions" in name:
            for new, before in {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}.items():
                name = name.replace(new, before)
            if convolved and value.ndim == 2:
                value = value[..., None, None]
        old[name] = value
    assert set(old) != set(theirs.state_dict())
    x = drawn(2, 3, 32, 32)
    with torch.no_grad():
        wanted = ours(x)
        other = networks.build("autoencoder_kl", size=32, **AUTOENCODERS[0]).eval()
        other.load_state_dict(old)
        assert torch.equal(other(x), wanted)


@pytest.mark.parametrize("fused", [0, 1])
@pytest.mark.parametrize("sizes", UNETS)
def test_the_denoiser_says_and_learns_the_same(sizes: dict[str, Any], fused: int) -> None:
    widths = tuple(int(width) for width in sizes["widths"].split(","))
    attends = [part == "1" for part in sizes["attention"].split(",")]
    patch, pooled = sizes.get("patch", 1), sizes.get("pooled", 0)
    channels = sizes.get("channels", 4)
    theirs = diffusers.UNet2DConditionModel(
        sample_size=8,
        in_channels=patch**2 * channels,
        out_channels=patch**2 * channels,
        block_out_channels=widths,
        down_block_types=tuple("CrossAttnDownBlock2D" if there else "DownBlock2D" for there in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if there else "UpBlock2D" for there in reversed(attends)),
        layers_per_block=sizes["layers"],
        cross_attention_dim=sizes["text"],
        attention_head_dim=sizes["heads"],  # diffusers' name for the number of heads, in Stable Diffusion 1.x
        norm_num_groups=sizes["groups"],
        resnet_time_scale_shift="scale_shift" if sizes.get("scale_shift") else "default",
        encoder_hid_dim=sizes["text"] if sizes.get("projected") else None,
        encoder_hid_dim_type="text_proj" if sizes.get("projected") else None,
        addition_embed_type="text" if pooled else None,
        addition_embed_type_num_heads=pooled,
    )
    randomise(theirs)
    ours = networks.build("unet_conditional", size=8, fused=fused, **sizes)
    ours.load_state_dict(theirs.state_dict())
    x, times, text = drawn(3, channels, 8, 8), torch.tensor([0, 999, 431]), drawn(3, 5, sizes["text"], seed=2)
    said = []
    folded = F.pixel_unshuffle(x, patch)
    for module, given in ((ours.eval(), x), (theirs.eval(), folded)):
        noise = module(given, times, text)
        noise = noise if isinstance(noise, Tensor) else F.pixel_shuffle(noise.sample, patch)
        weight = module.get_parameter("conv_in.weight")
        said.append((noise, torch.autograd.grad(noise.sin().sum(), weight)[0]))
    assert relative(said[0][0], said[1][0]) <= MOST
    assert relative(said[0][1], said[1][1]) <= 1e-4


def test_stable_diffusion_has_the_weights_that_its_files_have() -> None:
    """Names and shapes of 1.x: the defaults are its sizes."""
    with torch.device("meta"):
        pairs = [
            (networks.build("sd1_unet"), diffusers.UNet2DConditionModel(cross_attention_dim=768, sample_size=64)),
            (
                networks.build("sd1_vae"),
                diffusers.AutoencoderKL(
                    block_out_channels=(128, 256, 512, 512),
                    down_block_types=("DownEncoderBlock2D",) * 4,
                    up_block_types=("UpDecoderBlock2D",) * 4,
                    layers_per_block=2,
                ),
            ),
        ]
    for ours, theirs in pairs:
        shapes = {name: value.shape for name, value in ours.state_dict().items()}
        assert shapes == {name: value.shape for name, value in theirs.state_dict().items()}
