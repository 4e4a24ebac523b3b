"""Transformers of other libraries as reference networks of ours: the same weights, every step written out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from glasswork import networks
from glasswork.errors import GlassworkError
from glasswork.zoo.network import Network

PREFIX = "ours:"
GELUS = ("gelu_new", "gelu_pytorch_tanh")


def as_reference(network: Network) -> Network:
    """An hf: network of GPT-2's or Llama's form as ours, under the target `ours:hf:...`.

    Raises:
        GlassworkError: it is of another form, or has a setting that ours leaves out; says which.
    """
    if type(network.module).__name__ == "VisionTransformer" and network.target.startswith("torchvision:"):
        return _filled(network, "vit", _vit(network.module))
    config: Any = getattr(network.module, "config", None)
    kind = str(getattr(config, "model_type", ""))
    make = {"gpt2": _gpt2, "llama": _llama}.get(kind)
    if make is None or getattr(network.module, "lm_head", None) is None:
        raise _refused(network, f"it is {kind or 'of no known kind'!r}; causal models of GPT-2's and Llama's form are")
    name, sizes, unlike = make(config)
    if unlike:
        raise _refused(network, f"it differs from that form: {', '.join(unlike)}")
    return _filled(network, name, sizes)


def _filled(network: Network, name: str, sizes: dict[str, Any]) -> Network:
    with torch.device("meta"):
        module = networks.build(name, **sizes)
    module.load_state_dict(
        {key: value.float() for key, value in network.module.state_dict().items()}, strict=True, assign=True
    )
    if name != "vit" and sizes.get("tied", 1):
        body: Any = module
        table = body.transformer.wte if name == "gpt" else body.model.embed_tokens
        body.lm_head.weight = table.weight
    return replace(network, target=f"{PREFIX}{network.target}", module=module.eval())


def _vit(module: Any) -> dict[str, Any]:
    block = module.encoder.layers[0]
    return {
        "channels": module.conv_proj.in_channels, "size": module.image_size, "classes": module.num_classes,
        "patch": module.patch_size, "width": module.hidden_dim, "depth": len(module.encoder.layers),
        "heads": block.num_heads, "hidden": module.mlp_dim, "eps": block.ln_1.eps,
    }  # fmt: skip


def _gpt2(config: Any) -> tuple[str, dict[str, Any], list[str]]:
    sizes = {
        "vocabulary": config.vocab_size, "context": config.n_positions, "width": config.n_embd,
        "depth": config.n_layer, "heads": config.n_head, "dropout": 0.0,
    }  # fmt: skip
    unlike = [
        *([] if config.activation_function in GELUS else [f"activation {config.activation_function}"]),
        *([] if config.layer_norm_epsilon == 1e-5 else [f"layer_norm_epsilon {config.layer_norm_epsilon}"]),
        *([] if config.n_inner in (None, 4 * config.n_embd) else [f"n_inner {config.n_inner}"]),
        *([] if config.scale_attn_weights else ["scores that are not scaled"]),
        *(["scores scaled by the block's number"] if config.scale_attn_by_inverse_layer_idx else []),
    ]
    return "gpt", sizes, unlike


def _llama(config: Any) -> tuple[str, dict[str, Any], list[str]]:
    rope: dict[str, Any] = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    theta = rope.get("rope_theta") or getattr(config, "rope_theta", None) or 10_000.0
    sizes = {
        "vocabulary": config.vocab_size, "width": config.hidden_size, "depth": config.num_hidden_layers,
        "heads": config.num_attention_heads, "groups": config.num_key_value_heads, "hidden": config.intermediate_size,
        "theta": float(theta), "eps": float(config.rms_norm_eps), "tied": int(config.tie_word_embeddings),
    }  # fmt: skip
    size = getattr(config, "head_dim", None)
    unlike = [
        *([] if config.hidden_act == "silu" else [f"activation {config.hidden_act}"]),
        *([] if rope.get("rope_type", "default") == "default" else [f"rotations of type {rope.get('rope_type')}"]),
        *([] if size in (None, config.hidden_size // config.num_attention_heads) else [f"heads of {size} numbers"]),
        *(["biases in attention"] if getattr(config, "attention_bias", False) else []),
        *(["biases in the MLP"] if getattr(config, "mlp_bias", False) else []),
    ]
    return "llama", sizes, unlike


def _refused(network: Network, why: str) -> GlassworkError:
    return GlassworkError(
        f"{network.title} can't be shown on this page",
        where=network.target,
        why=why,
        todo="Open it as a graph: /open shows every operation of any network.",
    )
