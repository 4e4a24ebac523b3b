"""A whole prompt as one vector that is added to the time's, under the names of diffusers.

C. Saharia et al., "Photorealistic Text-to-Image Diffusion Models with Deep Language Understanding", 2022,
https://arxiv.org/abs/2205.11487, section 2.3 and appendix B.1: beside cross-attention, the pooled text reaches every
residual block. The pooling is a question that the mean of all tokens asks them.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._diffusion import attend

# B prompts in a batch, T tokens of X numbers, E numbers of the time


class AttentionPooling(nn.Module):
    """The mean of all tokens asks them, and itself, by attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.positional_embedding = nn.Parameter(torch.randn(1, width) / width**0.5)
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, X) -> (B, X)."""
        mean = x.mean(dim=1, keepdim=True) + self.positional_embedding  # (B, 1, X)
        x = torch.cat([mean, x], dim=1)  # (B, 1 + T, X)
        q, k, v = self.q_proj(mean), self.k_proj(x), self.v_proj(x)
        y = attend(q, k, v, self.heads, fused=False)  # (B, 1, X)
        return y[:, 0]


class TextPooling(nn.Module):
    """Tokens as one vector of the time's width."""

    def __init__(self, width: int, time: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.pool = AttentionPooling(width, heads)
        self.proj = nn.Linear(width, time)
        self.norm2 = nn.LayerNorm(time)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, X) -> (B, E)."""
        x = self.norm1(x)
        x = self.pool(x)
        x = self.proj(x)
        x = self.norm2(x)
        return x
