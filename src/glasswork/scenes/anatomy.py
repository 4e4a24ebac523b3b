"""Which operation of a Transformer of ours made what: the pages that look inside find their tensors by this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from glasswork.errors import GlassworkError
from glasswork.explaining.residual_stream import Norm
from glasswork.networks.gpt import GPT
from glasswork.networks.llama import Llama
from glasswork.networks.vit import ViT
from glasswork.networks.vit_saliency import ViTSaliency
from glasswork.zoo import Network


@dataclass(frozen=True)
class Anatomy:
    """A Transformer of ours, without a decoder of its own: GPT, Llama or ViT.

    Attributes:
        layers, heads, groups, size, width, vocabulary: L, H, G, D, W, V.
        context: the most tokens that it can see; 0 where any length fits.
        rotary: whether positions are rotations of queries and keys; else they are learned vectors.
        embedding: the path of the stream before the first block.
        blocks: the path of each block, whose output is the stream after it.
        attention, mlp: the names of a block's two parts.
        query, key, value: the operation of the attention that makes them, as they are multiplied: (1, H, T, D).
        scaled: the operation of the attention that divides the scores.
        attended, fed: what the two parts write, below the block's path.
        adds_up: what is added up to the stream before the first block: of the token, and of its position where that is
            a vector; empty where no page shows it.
    """

    layers: int
    heads: int
    groups: int
    size: int
    width: int
    vocabulary: int
    context: int
    rotary: bool
    embedding: str
    blocks: tuple[str, ...]
    attention: str
    mlp: str
    query: str
    key: str
    value: str
    scaled: str
    attended: str
    fed: str
    adds_up: tuple[str, ...] = ()

    @property
    def streams(self) -> list[str]:
        """The paths of the stream before each block, and after the last."""
        return [self.embedding, *self.blocks]

    def of(self, layer: int, operation: str) -> str:
        """The path of an operation of a block's attention."""
        return f"{self.blocks[layer]}.{self.attention}:{operation}"

    def weights(self, layer: int) -> str:
        """The path of a block's attention weights, (1, H, T, T)."""
        return self.of(layer, "softmax")

    def mixed(self, layer: int) -> str:
        """The path of what each head took from the values, (1, H, T, D)."""
        return self.of(layer, "matmul#2")


def anatomy(network: Network) -> Anatomy:
    """The anatomy of a network.

    Raises:
        GlassworkError: it is of no form that this page shows.
    """
    module = network.module
    if isinstance(module, GPT):
        body = module.transformer
        layers, width = len(body.h), body.wte.weight.shape[1]
        first: Any = body.h[0]
        return Anatomy(
            layers, first.attn.heads, first.attn.heads, width // first.attn.heads, width, module.vocabulary,
            module.context, rotary=False, embedding="transformer.drop",
            blocks=tuple(f"transformer.h.{i}" for i in range(layers)), attention="attn", mlp="mlp",
            query="transpose", key="transpose#2", value="transpose#3", scaled="div",
            attended="attn.resid_dropout", fed="mlp.dropout", adds_up=("transformer.wte", "transformer.wpe"),
        )  # fmt: skip
    if isinstance(module, Llama):
        layers, width = len(module.model.layers), module.model.embed_tokens.weight.shape[1]
        first = module.model.layers[0]
        heads, groups = first.self_attn.heads, first.self_attn.groups
        return Anatomy(
            layers, heads, groups, width // heads, width, module.vocabulary, 0, rotary=True,
            embedding="model.embed_tokens", blocks=tuple(f"model.layers.{i}" for i in range(layers)),
            attention="self_attn", mlp="mlp", query="cat", key="repeat_interleave", value="repeat_interleave#2",
            scaled="div", attended="self_attn.o_proj", fed="mlp.down_proj", adds_up=("model.embed_tokens",),
        )  # fmt: skip
    raise GlassworkError(
        f"{network.title} can't be shown on this page",
        where=network.target,
        why="it is no decoder-only Transformer of GPT-2's or Llama's form",
        todo="Open it as a graph: /open shows every operation of any network.",
    )


def vision_anatomy(network: Network) -> Anatomy:
    """The anatomy of a Vision Transformer of ours; its vocabulary are the classes or pixels, its context the tokens.

    Raises:
        GlassworkError: it is none.
    """
    module = network.module
    if not isinstance(module, ViT | ViTSaliency):
        raise GlassworkError(
            f"{network.title} can't be shown on this page",
            where=network.target,
            why="it is no Vision Transformer of ours or of torchvision's form",
            todo="Open it as a graph: /open shows every operation of any network.",
        )
    layers = len(module.encoder.layers)
    first: Any = module.encoder.layers[0]
    heads, width = first.self_attention.heads, module.class_token.shape[-1]
    _, rows, columns = module.shape
    tells = isinstance(module, ViT)
    return Anatomy(
        layers, heads, heads, width // heads, width, module.classes if tells else rows * columns,
        (rows // module.patch) * (columns // module.patch) + 1, rotary=False,
        embedding="encoder.dropout" if tells else "encoder:add",
        blocks=tuple(f"encoder.layers.encoder_layer_{i}" for i in range(layers)), attention="self_attention",
        mlp="mlp", query="transpose", key="transpose#2", value="transpose#3", scaled="div",
        attended="dropout" if tells else "scale_1", fed="mlp.4" if tells else "scale_2",
    )  # fmt: skip


def positions(network: Network) -> Tensor:
    """What a Vision Transformer of ours adds to the class token and to each patch, (T, W)."""
    module: Any = network.module
    if isinstance(module, ViTSaliency):
        _, rows, columns = module.shape
        return module.encoder.positions(rows // module.patch, columns // module.patch)[0].detach()
    return module.encoder.pos_embedding[0].detach()


def last_norm(network: Network) -> Norm:
    """The norm before the unembedding."""
    module: Any = network.module
    if isinstance(module, ViT):
        part = module.encoder.ln
        return Norm(part.weight.detach(), part.bias.detach(), part.eps, centred=True)
    if isinstance(module, GPT):
        part = module.transformer.ln_f
        return Norm(part.weight.detach(), part.bias.detach(), part.eps, centred=True)
    part = module.model.norm
    return Norm(part.weight.detach(), None, part.eps, centred=False)


def unembedding(network: Network) -> Tensor:
    """The matrix that reads tokens, or classes, from the normed stream, (V, W)."""
    return _unembedding(network).detach()


def _unembedding(network: Network) -> Tensor:
    if isinstance(network.module, ViT):
        head: Any = network.module.heads
        return head[0].weight
    module: Any = network.module
    return module.lm_head.weight


def direction(network: Network, token: int) -> Tensor:
    """Of a token's logit less the mean of all, (W), fp64."""
    matrix = _unembedding(network)
    if matrix not in _means:
        _means[matrix] = matrix.detach().mean(0, dtype=torch.float64)
    return matrix.detach()[token].double() - _means[matrix]


_means = WeakTensorKeyDictionary()
"""The mean row of each unembedding: adding up fifty thousand rows takes as long as a block."""


def output_matrix(network: Network, layer: int) -> tuple[Tensor, Tensor | None]:
    """The matrix with which a block's heads write, (H·D, W), and its bias (W)."""
    module: Any = network.module
    if isinstance(module, ViT):
        encoder_layer: Any = module.encoder.layers[layer]
        part = encoder_layer.self_attention.out_proj
        return part.weight.detach().T, part.bias.detach()
    if isinstance(module, GPT):
        block: Any = module.transformer.h[layer]
        part = block.attn.c_proj
        return part.weight.detach(), part.bias.detach()
    return module.model.layers[layer].self_attn.o_proj.weight.detach().T, None


def output_parameter(network: Network, layer: int) -> str:
    """The name of that matrix among the parameters."""
    if isinstance(network.module, GPT):
        return f"transformer.h.{layer}.attn.c_proj.weight"
    return f"model.layers.{layer}.self_attn.o_proj.weight"


def pooled(weights: Tensor, most: int) -> tuple[Tensor, int]:
    """Attention matrices (..., T, T) with at most `most` cells each way: of each square the largest; and its side."""
    length = weights.shape[-1]
    step = -(-length // most)
    if step == 1:
        return weights, 1
    flat = weights.reshape(-1, 1, length, length)
    found = torch.nn.functional.max_pool2d(flat, step, step, ceil_mode=True)
    return found.view(*weights.shape[:-2], *found.shape[-2:]), step
