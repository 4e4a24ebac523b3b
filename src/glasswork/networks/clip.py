"""CLIP: a text encoder and an image encoder whose vectors are near each other where text and picture belong together.

A. Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021,
https://arxiv.org/abs/2103.00020, section 2.4 and figure 3. Names and shapes of weights are those of transformers'
CLIPModel.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork.networks import clip_image, clip_text
from glasswork.networks._published import Weights, accept
from glasswork.networks._registry import network

FIRST_SCALE = 2.6592  # ln(1 / 0.07)

# B pairs in a batch, C channels, H rows, W columns, T tokens, P width of the space that texts and pictures share


@network(
    paper="https://arxiv.org/abs/2103.00020",
    named={"clip_vit_l_14": {}},
    small={
        "vocabulary": 17, "context": 8, "text_width": 12, "text_depth": 1, "text_heads": 3, "size": 8, "patch": 4,
        "image_width": 12, "image_depth": 1, "image_heads": 3, "projection": 6,
    },
)  # fmt: skip
class CLIP(nn.Module):
    """Two encoders, each with a projection into one space, and how sharply that space is to be read.

    Args:
        vocabulary, context: see clip_text.
        text_width, text_depth, text_heads: of the text encoder; its MLPs are four times as wide.
        channels, size, patch: see clip_image.
        image_width, image_depth, image_heads: of the image encoder; its MLPs are four times as wide.
        projection: width of the shared space.
        activation: quick_gelu, x sigmoid(1.702 x), as OpenAI's; or gelu.
        fused: 1 for PyTorch's attention kernel; the same numbers, but no attention weights to see.
    """

    def __init__(
        self,
        *,
        vocabulary: int = 49_408,
        context: int = 77,
        text_width: int = 768,
        text_depth: int = 12,
        text_heads: int = 12,
        channels: int = 3,
        size: int = 224,
        patch: int = 14,
        image_width: int = 1024,
        image_depth: int = 24,
        image_heads: int = 16,
        projection: int = 768,
        activation: str = "quick_gelu",
        fused: int = 0,
    ) -> None:
        super().__init__()
        if size % patch:
            raise ValueError(f"a side of {size} pixels can't be divided into patches of {patch}")
        self.vocabulary, self.context, self.shape = vocabulary, context, (channels, size, size)
        self.logit_scale = nn.Parameter(torch.tensor(FIRST_SCALE))
        self.text_model = clip_text.Body(
            vocabulary, context, text_width, text_depth, text_heads, 4 * text_width, activation, bool(fused)
        )
        self.vision_model = clip_image.Body(
            channels, size, patch, image_width, image_depth, image_heads, 4 * image_width, activation, bool(fused)
        )
        self.text_projection = nn.Linear(text_width, projection, bias=False)
        self.visual_projection = nn.Linear(image_width, projection, bias=False)
        accept(self, _published)

    def image(self, x: Tensor) -> Tensor:
        """Pictures, (B, C, H, W) -> vectors of length 1, (B, P)."""
        x = self.vision_model(x)  # (B, W)
        x = self.visual_projection(x)  # (B, P)
        x = F.normalize(x, dim=-1)
        return x

    def text(self, tokens: Tensor) -> Tensor:
        """Token numbers, (B, T) -> vectors of length 1, (B, P)."""
        x = self.text_model(tokens)  # (B, T, W)
        end = tokens.argmax(dim=-1)  # (B): where the text ends first
        x = x[torch.arange(len(x), device=x.device), end]  # (B, W)
        x = self.text_projection(x)  # (B, P)
        x = F.normalize(x, dim=-1)
        return x

    def forward(self, x: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (B, C, H, W), texts (B, T) -> their vectors, (B, P) each, so long that products are the logits."""
        length = (self.logit_scale / 2).exp()
        return length * self.image(x), length * self.text(tokens)

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random pictures, and random texts of four tokens, ended and filled up with the last one."""
        length = min(7, self.context)
        tokens = torch.randint(self.vocabulary - 1, (batch, length))
        tokens[:, min(4, length - 1) :] = self.vocabulary - 1
        return torch.randn(batch, *self.shape), tokens


def _published(weights: Weights) -> dict[str, Tensor]:
    """Without the lists of positions that some files hold."""
    return {name: value for name, value in weights.items() if not name.endswith("position_ids")}
