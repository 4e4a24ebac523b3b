"""The Transformer over a picture's positions that looks at the words of a prompt, under the names of diffusers.

R. Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2022,
https://arxiv.org/abs/2112.10752, section 3.3 and appendix E.2.1. Words are looked at by cross-attention, apart from
self-attention: queries come from the picture's positions, keys and values from the text's vectors.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from glasswork.networks._diffusion import attend

# B latents in a batch, C channels, H rows, W columns, N = H W positions, T tokens of X numbers


class Shared(NamedTuple):
    """What is the same in all blocks: numbers of the time and of a token, heads, groups of a normalisation, kinds."""

    time: int
    text: int
    heads: int
    groups: int
    fused: bool
    scale_shift: bool


class Attention(nn.Module):
    """Positions ask each other, or, where a text is given, its tokens."""

    def __init__(self, channels: int, asked: int, heads: int, fused: bool) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(asked, channels, bias=False)
        self.to_v = nn.Linear(asked, channels, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x: Tensor, asked: Tensor) -> Tensor:
        """(B, N, C), and (B, N or T, C or X) -> (B, N, C)."""
        q, k, v = self.to_q(x), self.to_k(asked), self.to_v(asked)
        y = attend(q, k, v, self.heads, self.fused)  # (B, N, C)
        y = self.to_out[0](y)
        return y


class Gated(nn.Module):
    """Half of the numbers pass as much as the other half lets them (GEGLU)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, 2 * hidden)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, hidden)."""
        x = self.proj(x)
        x, gate = x.chunk(2, dim=-1)
        x = x * F.gelu(gate)
        return x


class FeedForward(nn.Module):
    """Each position for itself: wider, gated, back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.ModuleList([Gated(channels, 4 * channels), nn.Identity(), nn.Linear(4 * channels, channels)])

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        for part in self.net:
            x = part(x)
        return x


class TransformerBlock(nn.Module):
    """Self-attention, cross-attention, feed-forward; each adds to what is there."""

    def __init__(self, channels: int, text: int, heads: int, fused: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn1 = Attention(channels, channels, heads, fused)
        self.norm2 = nn.LayerNorm(channels)
        self.attn2 = Attention(channels, text, heads, fused)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = FeedForward(channels)

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        """(B, N, C), and the text (B, T, X) -> (B, N, C)."""
        y = self.norm1(x)
        x = x + self.attn1(y, y)
        x = x + self.attn2(self.norm2(x), text)
        x = x + self.ff(self.norm3(x))
        return x


class Transformer(nn.Module):
    """A picture's positions as tokens, through one block, and back, added to the picture."""

    def __init__(self, channels: int, shared: Shared) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(shared.groups, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, kernel_size=1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(channels, shared.text, shared.heads, shared.fused)])
        self.proj_out = nn.Conv2d(channels, channels, kernel_size=1)

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        """(B, C, H, W), and the text (B, T, X) -> (B, C, H, W)."""
        y = self.norm(x)
        y = self.proj_in(y)
        y = y.flatten(2).transpose(1, 2)  # (B, N, C)
        for block in self.transformer_blocks:
            y = block(y, text)
        y = y.transpose(1, 2).unflatten(2, x.shape[2:])  # (B, C, H, W)
        y = self.proj_out(y)
        x = x + y
        return x
