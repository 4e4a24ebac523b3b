"""CLIP's image encoder, a ViT: a picture as a vector that lies near those of texts it fits.

A. Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021,
https://arxiv.org/abs/2103.00020, section 2.4; A. Dosovitskiy et al., "An Image is Worth 16x16 Words", 2020,
https://arxiv.org/abs/2010.11929. `clip_vit_l_14_image` has the sizes of the one beside Stable Diffusion's text
encoder. Names and shapes of weights are those of transformers' CLIPVisionModelWithProjection, so that its files load
as they are.

What differs from ViT: a normalisation before the first layer, and no bias where patches are read.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._clip import Encoder
from glasswork.networks._published import Weights, accept
from glasswork.networks._registry import network

# B pictures in a batch, C channels, T = 1 + patches, W width, P width of the space that texts and pictures share


class Embeddings(nn.Module):
    """A vector for each patch and its place, before them one that will stand for the whole picture."""

    def __init__(self, channels: int, size: int, patch: int, width: int) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.randn(width) * width**-0.5)
        self.patch_embedding = nn.Conv2d(channels, width, kernel_size=patch, stride=patch, bias=False)
        self.position_embedding = nn.Embedding(1 + (size // patch) ** 2, width)
        nn.init.normal_(self.position_embedding.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, T, W)."""
        x = self.patch_embedding(x)  # (B, W, H/patch, W/patch)
        x = x.flatten(2).transpose(1, 2)  # (B, T - 1, W)
        first = self.class_embedding.expand(len(x), 1, -1)  # (B, 1, W)
        x = torch.cat([first, x], dim=1)  # (B, T, W)
        x = x + self.position_embedding.weight
        return x


class Body(nn.Module):
    """From a picture to what its first vector has gathered."""

    def __init__(
        self,
        channels: int,
        size: int,
        patch: int,
        width: int,
        depth: int,
        heads: int,
        hidden: int,
        activation: str,
        fused: bool,
    ) -> None:
        super().__init__()
        self.embeddings = Embeddings(channels, size, patch, width)
        self.pre_layrnorm = nn.LayerNorm(width)  # so its name is spelled in the published files
        self.encoder = Encoder(width, depth, heads, hidden, activation, causal=False, fused=fused)
        self.post_layernorm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, W)."""
        x = self.embeddings(x)  # (B, T, W)
        x = self.pre_layrnorm(x)
        x = self.encoder(x)
        x = x[:, 0]  # (B, W)
        x = self.post_layernorm(x)
        return x


@network(
    paper="https://arxiv.org/abs/2103.00020",
    named={"clip_vit_l_14_image": {}},
    small={
        "size": 8, "patch": 4, "width": 12, "depth": 2, "heads": 3, "hidden": 24, "projection": 6,
    },
)  # fmt: skip
class CLIPImage(nn.Module):
    """Patches, a Transformer, one projected vector.

    Args:
        channels: of the picture.
        size: its height and width in pixels.
        patch: side of a patch in pixels.
        width: numbers that stand for a patch.
        depth: layers.
        heads: of each attention.
        hidden: width inside each MLP.
        projection: width of the space that is shared with texts.
        activation: quick_gelu, x sigmoid(1.702 x), as OpenAI's; or gelu.
        fused: 1 for PyTorch's attention kernel; the same numbers, but no attention weights to see.
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        size: int = 224,
        patch: int = 14,
        width: int = 1024,
        depth: int = 24,
        heads: int = 16,
        hidden: int = 4096,
        projection: int = 768,
        activation: str = "quick_gelu",
        fused: int = 0,
    ) -> None:
        super().__init__()
        if size % patch:
            raise ValueError(f"a side of {size} pixels can't be divided into patches of {patch}")
        self.shape = (channels, size, size)
        self.vision_model = Body(channels, size, patch, width, depth, heads, hidden, activation, bool(fused))
        self.visual_projection = nn.Linear(width, projection, bias=False)
        accept(self, _published)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures, (B, C, H, W) -> (B, P)."""
        x = self.vision_model(x)  # (B, W)
        x = self.visual_projection(x)  # (B, P)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random pictures."""
        return (torch.randn(batch, *self.shape),)


def _published(weights: Weights) -> dict[str, Tensor]:
    """Without the list of positions that some files hold."""
    return {name: value for name, value in weights.items() if not name.endswith("position_ids")}
