"""The models that tracing is tried on: all of torchvision's, small random ones of transformers and timm."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torchvision.models import detection, optical_flow, segmentation, video

Loss = Callable[[Any], torch.Tensor]

# the smallest side that a model takes, where 64 is too little
_SIDES = {"inception_v3": 299, "googlenet": 64, "maxvit_t": 224, "alexnet": 80}
_TIMM = (
    "resnetv2_50 efficientnet_lite0 convnextv2_atto mixer_s32_224 vit_tiny_patch16_224 deit_tiny_patch16_224 "
    "swinv2_cr_tiny_224 levit_128s mobilevit_xxs poolformer_s12 coat_tiny crossvit_tiny_240 pit_ti_224 "
    "tnt_s_legacy_patch16_224 gmlp_ti16_224 resmlp_12_224 volo_d1_224 cait_xxs24_224 xcit_nano_12_p16_224 "
    "beit_base_patch16_224 hrnet_w18_small dla34 dpn68 res2net50_26w_4s sknet18 skresnet18 ghostnet_100 "
    "regnety_002 nfnet_f0 edgenext_xx_small fastvit_t8 repvgg_a0 repghostnet_050 mobilenetv4_conv_small "
    "efficientformer_l1 nest_tiny sequencer2d_s visformer_tiny botnet26t_256 halonet26t lambda_resnet26t "
    "eca_resnet33ts gcresnet33ts davit_tiny focalnet_tiny_srf inception_next_tiny hiera_tiny_224 mambaout_femto "
    "starnet_s1 rdnet_tiny csatv2 tiny_vit_5m_224 eva02_tiny_patch14_224 naflexvit_base_patch16_gap"
)


@dataclass(frozen=True)
class Model:
    """One model and what to give it.

    Attributes:
        family: where it comes from.
        name: its name there.
        make: builds it, with random weights.
        inputs: positional arguments for a forward run in evaluation mode.
        kwargs: by keyword.
        training: arguments for a run in training mode; None: `inputs`.
        loss: of the output in training mode; None where it has none.
    """

    family: str
    name: str
    make: Callable[[], nn.Module]
    inputs: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    training: tuple[Any, ...] | None = None
    loss: Loss | None = None


def models() -> Iterator[Model]:
    """All of them, small ones of a family first."""
    yield from of_torchvision()
    yield from of_transformers()
    yield from of_timm()


def sum_of_squares(output: Any) -> torch.Tensor:
    """A loss for whatever a model returns: every number of it counts, and differently."""
    numbers = [tensor.float().square().mean() for tensor in _floats(output)]
    return torch.stack(numbers).sum()


def sum_of_losses(output: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Detection models return a dictionary of losses in training mode."""
    return torch.stack(list(output.values())).sum()


def class_zero(output: Any) -> torch.Tensor:
    """Cross entropy as if class 0 were right, over every classifier that the model has."""
    heads = output if isinstance(output, tuple) else [output]
    target = torch.zeros(len(heads[0]), dtype=torch.long)
    return torch.stack([F.cross_entropy(scores, target) for scores in heads if scores is not None]).sum()


def _floats(tree: Any) -> Iterator[torch.Tensor]:
    if isinstance(tree, torch.Tensor):
        if tree.is_floating_point():
            yield tree
    elif isinstance(tree, Mapping):
        for item in tree.values():
            yield from _floats(item)
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from _floats(item)


def of_torchvision() -> Iterator[Model]:
    """Every name of `torchvision.models.list_models()` but the quantised ones."""
    for name in torchvision.models.list_models():
        if not name.startswith("quantized"):
            yield torchvision_model(name)


def torchvision_model(name: str) -> Model:
    """One of torchvision's, by its name, on an input as small as it takes."""
    build = torchvision.models.get_model_builder(name)
    family = build.__module__.removeprefix("torchvision.models.").split(".")[0]
    make: Callable[[], nn.Module] = lambda: build(weights=None)  # noqa: E731
    side = _SIDES.get(name, 64)
    if build.__module__.startswith(detection.__name__):
        return _detector(name, build)
    if build.__module__.startswith(segmentation.__name__):
        make = lambda: build(weights=None, weights_backbone=None)  # noqa: E731
        return Model(family, name, make, (torch.rand(2, 3, 64, 64),), loss=sum_of_squares)
    if build.__module__.startswith(video.__name__):
        frames = 16 if name.startswith(("mvit", "s3d")) else 4
        side = 224 if name.startswith(("mvit", "s3d")) else 64
        return Model(family, name, make, (torch.rand(1, 3, frames, side, side),), loss=class_zero)
    if build.__module__.startswith(optical_flow.__name__):
        pair = (torch.rand(1, 3, 128, 128), torch.rand(1, 3, 128, 128))
        return Model(family, name, make, pair, loss=sum_of_squares)
    if name.startswith("vit"):
        patch = int(name.rsplit("_", 1)[1])
        make = lambda: _with_head(build(weights=None, image_size=4 * patch))  # noqa: E731
        side = 4 * patch
    if name in ("googlenet", "inception_v3"):
        make = lambda: build(weights=None, init_weights=False)  # noqa: E731
    batch = 1 if name == "regnet_y_128gf" else 2
    family = "classification"
    return Model(family, name, make, (torch.rand(max(batch, 2), 3, side, side),), loss=class_zero)


def _with_head(module: Any) -> nn.Module:
    """torchvision's vision transformers begin with a head of zeros, whose output would equal anything."""
    nn.init.normal_(module.heads.head.weight)
    return module


def _detector(name: str, build: Callable[..., nn.Module]) -> Model:
    settings: dict[str, Any] = {} if name.startswith("ssd") else {"min_size": 96, "max_size": 128}
    pictures = [torch.rand(3, 96, 96), torch.rand(3, 80, 112)]
    target: dict[str, torch.Tensor] = {
        "boxes": torch.tensor([[10.0, 12.0, 60.0, 70.0], [30.0, 20.0, 75.0, 64.0]]),
        "labels": torch.tensor([1, 2]),
    }
    if name.startswith("mask"):
        target["masks"] = torch.ones(2, 96, 96, dtype=torch.uint8)
    if name.startswith("keypoint"):
        target["labels"] = torch.tensor([1, 1])
        target["keypoints"] = torch.tensor([40.0, 40.0, 1.0]).expand(2, 17, 3).clone()
    targets = [target, {key: value.clone() for key, value in target.items()}]
    if name.startswith("mask"):
        targets[1]["masks"] = torch.ones(2, 80, 112, dtype=torch.uint8)
    make = lambda: build(weights=None, weights_backbone=None, **settings)  # noqa: E731
    return Model("detection", name, make, (pictures,), training=(pictures, targets), loss=sum_of_losses)


def of_timm() -> Iterator[Model]:
    """A sample of timm's, one of each idea."""
    import timm

    known = set(timm.list_models())
    for name in _TIMM.split():
        if name in known:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                config = timm.get_pretrained_cfg(name)
            size = config.input_size if config is not None else (3, 224, 224)
            small = config is not None and not config.fixed_input_size and name != "halonet26t"  # blocks of 8 must fit
            if small and size[-1] > 128:
                size = (3, 128, 128)
            yield Model("timm", name, _timm(name), (torch.rand(2, *size),), loss=class_zero)


def _timm(name: str) -> Callable[[], nn.Module]:
    import timm

    return lambda: timm.create_model(name, pretrained=False)


def of_transformers() -> Iterator[Model]:
    """Small random configurations, language, pictures and both."""
    import transformers

    t: Any = transformers
    small: Any = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    words = torch.randint(5, 90, (2, 12))
    text = {"input_ids": words, "labels": words}
    pixels = {"pixel_values": torch.rand(2, 3, 32, 32)}
    vocabulary: Any = {"vocab_size": 99}
    configs: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "gpt2": (
            t.GPT2LMHeadModel,
            t.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=32, bos_token_id=0, eos_token_id=0, **vocabulary),
            text,
        ),
        "bert": (t.BertForMaskedLM, t.BertConfig(**small, **vocabulary), text),
        "t5": (
            t.T5ForConditionalGeneration,
            t.T5Config(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0, **vocabulary),
            text,
        ),
        "llama": (t.LlamaForCausalLM, t.LlamaConfig(**small, num_key_value_heads=2, **vocabulary), text),
        "mistral": (t.MistralForCausalLM, t.MistralConfig(**small, num_key_value_heads=2, **vocabulary), text),
        "mamba": (
            t.MambaForCausalLM,
            t.MambaConfig(hidden_size=32, num_hidden_layers=2, state_size=4, **vocabulary),
            text,
        ),
        "mamba2": (
            t.Mamba2ForCausalLM,
            t.Mamba2Config(
                hidden_size=32, num_hidden_layers=2, state_size=8, num_heads=8, head_dim=8, n_groups=1, chunk_size=4,
                **vocabulary,
            ),
            text,
        ),
        "falcon_mamba": (
            t.FalconMambaForCausalLM,
            t.FalconMambaConfig(hidden_size=32, num_hidden_layers=2, state_size=4, **vocabulary),
            text,
        ),
        "mixtral": (
            t.MixtralForCausalLM,
            t.MixtralConfig(**small, num_key_value_heads=2, num_local_experts=4, **vocabulary),
            text,
        ),
        "rwkv": (
            t.RwkvForCausalLM,
            t.RwkvConfig(hidden_size=32, num_hidden_layers=2, context_length=32, **vocabulary),
            text,
        ),
        "vit": (
            t.ViTForImageClassification,
            t.ViTConfig(**small, image_size=32, patch_size=8),
            {**pixels, "labels": torch.tensor([0, 1])},
        ),
        "clip": (
            t.CLIPModel,
            t.CLIPConfig(
                text_config={**small, **vocabulary, "max_position_embeddings": 32, "eos_token_id": 98},
                vision_config={**small, "image_size": 32, "patch_size": 8},
                projection_dim=16,
            ),
            {"input_ids": words, **pixels, "return_loss": True},
        ),
        "segformer": (
            t.SegformerForSemanticSegmentation, t.SegformerConfig(), {"pixel_values": torch.rand(1, 3, 64, 64)},
        ),
        "wav2vec2": (
            t.Wav2Vec2Model,
            t.Wav2Vec2Config(**small, conv_dim=(32, 32), conv_stride=(5, 2), conv_kernel=(10, 3),
                             num_feat_extract_layers=2, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
                             mask_time_prob=0.0, **vocabulary),
            {"input_values": torch.rand(1, 800)},
        ),
    }  # fmt: skip
    for name, (kind, config, kwargs) in configs.items():
        loss = _own_loss if "labels" in kwargs or "return_loss" in kwargs else sum_of_squares
        yield Model("transformers", name, _transformer(kind, config), kwargs=kwargs, loss=loss)


def _transformer(kind: Any, config: Any) -> Callable[[], nn.Module]:
    return lambda: kind(config)


def _own_loss(output: Any) -> torch.Tensor:
    return output.loss
