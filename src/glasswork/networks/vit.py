r"""Vision Transformer: a picture as a sentence of patches.

A. Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", 2020,
https://arxiv.org/abs/2010.11929, equations 1 to 4. Attention: A. Vaswani et al., 2017,
https://arxiv.org/abs/1706.03762:

    attention(q, k, v) = softmax(q k^T / sqrt(D)) v

`vit_b_16` and its like are the paper's sizes; names and shapes of weights are torchvision's, and files in transformers'
names load too. What differs from the paper: no hidden layer before the logits (its authors too leave it out when
fine-tuning), and the last layer starts small instead of at zero, so that the first step reaches every weight.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import math
import re
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork.networks._published import Weights, accept
from glasswork.networks._registry import network

# B pictures in a batch, C channels, P the side of a patch, N patches, T = N + 1 tokens, W width, H heads of D = W / H,
# M units of the MLP, K classes


class Attention(nn.Module):
    """Each token asks all tokens, and takes from those that answer."""

    def __init__(self, width: int, heads: int, dropout: float, fused: bool) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))  # queries, keys, values
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        batch, length, width = x.shape
        q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)  # (B, T, W) each
        q = q.view(batch, length, self.heads, -1).transpose(1, 2)  # (B, H, T, D)
        k = k.view(batch, length, self.heads, -1).transpose(1, 2)  # (B, H, T, D)
        v = v.view(batch, length, self.heads, -1).transpose(1, 2)  # (B, H, T, D)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout.p if self.training else 0.0)
        else:
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, H, T, T)
            weights = torch.softmax(scores, dim=-1)  # (B, H, T, T)
            weights = self.dropout(weights)
            y = weights @ v  # (B, H, T, D)
        y = y.transpose(1, 2).reshape(batch, length, width)  # (B, T, W)
        y = self.out_proj(y)
        return y


class Block(nn.Module):
    """Tokens exchange, then each works alone; both add to what is there."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, eps: float, fused: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=eps)
        self.self_attention = Attention(width, heads, dropout, fused)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(width, eps=eps)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden),  # (B, T, M)
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),  # (B, T, W)
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        x = x + self.dropout(self.self_attention(self.ln_1(x)))
        x = x + self.mlp(self.ln_2(x))
        return x


class Encoder(nn.Module):
    """Where each patch stands, the blocks, a last norm."""

    def __init__(self, tokens: int, width: int, eps: float, dropout: float, blocks: list[Block]) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.randn(1, tokens, width) * 0.02)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(OrderedDict((f"encoder_layer_{i}", block) for i, block in enumerate(blocks)))
        self.ln = nn.LayerNorm(width, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        x = x + self.pos_embedding
        x = self.dropout(x)
        x = self.layers(x)
        x = self.ln(x)
        return x


_LARGE = {"width": 1024, "depth": 24, "heads": 16, "hidden": 4096}
_HUGE = {"width": 1280, "depth": 32, "heads": 16, "hidden": 5120}


@network(
    paper="https://arxiv.org/abs/2010.11929",
    named={
        "vit_b_16": {},
        "vit_b_32": {"patch": 32},
        "vit_l_16": _LARGE,
        "vit_l_32": {"patch": 32, **_LARGE},
        "vit_h_14": {"patch": 14, **_HUGE},
        "vit-base-patch16-224": {"eps": 1e-12},  # the same as transformers has it
        "vit_slim": {
            **{"size": 28, "channels": 1, "classes": 10, "patch": 4},
            **{"width": 64, "depth": 4, "heads": 4, "hidden": 128},
        },
    },
    small={"size": 16, "classes": 5, "patch": 8, "width": 12, "depth": 2, "heads": 3, "hidden": 20},
)
class ViT(nn.Module):
    """Patches become tokens; one more token gathers what the picture is.

    Args:
        channels: of the picture.
        size: height and width of the picture, in pixels.
        classes: how many logits.
        patch: height and width of a patch; it must divide the size.
        width: numbers that stand for a token.
        depth: blocks.
        heads: of each attention; the width is divided among them.
        hidden: units of the MLP.
        dropout: the share of numbers switched off, in training.
        eps: what the norms add under the root.
        fused: 1 for PyTorch's attention kernel; the same numbers, but no attention weights to see.
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        size: int = 224,
        classes: int = 1000,
        patch: int = 16,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        hidden: int = 3072,
        dropout: float = 0.0,
        eps: float = 1e-6,
        fused: int = 0,
    ) -> None:
        super().__init__()
        if size % patch or width % heads:
            raise ValueError(f"patches of {patch} must divide the size {size}, {heads} heads the width {width}")
        self.shape, self.patch, self.classes = (channels, size, size), patch, classes
        self.conv_proj = nn.Conv2d(channels, width, kernel_size=patch, stride=patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        blocks = [Block(width, heads, hidden, dropout, eps, bool(fused)) for _ in range(depth)]
        self.encoder = Encoder((size // patch) ** 2 + 1, width, eps, dropout, blocks)
        head = nn.Linear(width, classes)
        nn.init.normal_(head.weight, std=0.02)
        nn.init.zeros_(head.bias)
        self.heads = nn.Sequential(OrderedDict(head=head))
        accept(self, _published)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, rows, columns) -> logits, (B, K)."""
        x = self.conv_proj(x)  # (B, W, rows/P, columns/P): each patch is seen by itself
        x = x.flatten(2).transpose(1, 2)  # (B, N, W)
        class_token = self.class_token.expand(len(x), -1, -1)  # (B, 1, W)
        x = torch.cat([class_token, x], dim=1)  # (B, T, W)
        x = self.encoder(x)  # (B, T, W)
        x = x[:, 0]  # (B, W)
        x = self.heads(x)  # (B, K)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random pictures."""
        return (torch.rand(batch, *self.shape),)


_TRANSFORMERS = {  # its names, in files and in memory, and ours
    r"vit\.embeddings\.cls_token": "class_token",
    r"vit\.embeddings\.position_embeddings": "encoder.pos_embedding",
    r"vit\.embeddings\.patch_embeddings\.projection\.": "conv_proj.",
    r"vit\.(?:encoder\.layer|layers)\.(\d+)\.": r"encoder.layers.encoder_layer_\1.",
    r"vit\.layernorm\.": "encoder.ln.",
    r"classifier\.": "heads.head.",
    r"\.layernorm_before\.": ".ln_1.",
    r"\.layernorm_after\.": ".ln_2.",
    r"\.(?:attention\.output\.dense|attention\.o_proj)\.": ".self_attention.out_proj.",
    r"\.(?:intermediate\.dense|mlp\.fc1)\.": ".mlp.0.",
    r"\.(?:output\.dense|mlp\.fc2)\.": ".mlp.3.",
}
_SEPARATE = re.compile(r"(.*?)\.attention\.(?:attention\.)?(query|key|value|q_proj|k_proj|v_proj)\.(weight|bias)")


def _published(weights: Weights) -> dict[str, Tensor]:
    """From transformers' names: it keeps queries, keys and values apart."""
    if "vit.embeddings.cls_token" not in weights:
        return dict(weights)
    ours: dict[str, Tensor] = {}
    apart: dict[str, dict[str, Tensor]] = {}
    for name, value in weights.items():
        for theirs, our in _TRANSFORMERS.items():
            name = re.sub(theirs, our, name)
        found = _SEPARATE.fullmatch(name)
        if found:
            block, part, kind = found.groups()
            apart.setdefault(f"{block}.self_attention.in_proj_{kind}", {})[part[0]] = value
        else:
            ours[name] = value
    for name, parts in apart.items():
        if set(parts) == set("qkv"):
            ours[name] = torch.cat([parts["q"], parts["k"], parts["v"]])
    return ours
