"""What Stable Diffusion's autoencoder and its U-Net are both made of, under the names that diffusers gave to it."""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# B pictures in a batch, C channels, H rows, W columns, N positions, S positions that are asked, A heads, D width of one


class Resnet(nn.Module):
    """Two normalised 3x3 convolutions beside a shortcut; the time, where there is one, is added between them.

    With `scale_shift` it also says how much of each channel there is (P. Dhariwal, A. Nichol, 2021,
    https://arxiv.org/abs/2105.05233, equation 6).
    """

    def __init__(
        self, channels: int, width: int, groups: int, eps: float, time: int = 0, scale_shift: bool = False
    ) -> None:
        super().__init__()
        self.scale_shift = scale_shift
        self.norm1 = nn.GroupNorm(groups, channels, eps=eps)
        self.conv1 = nn.Conv2d(channels, width, kernel_size=3, padding=1)
        self.time_emb_proj = nn.Linear(time, 2 * width if scale_shift else width) if time else None
        self.norm2 = nn.GroupNorm(groups, width, eps=eps)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.conv_shortcut = nn.Conv2d(channels, width, kernel_size=1) if channels != width else None

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """(B, C, H, W), and the time (B, E) -> (B, width, H, W)."""
        y = self.norm1(x)
        y = F.silu(y)
        y = self.conv1(y)  # (B, width, H, W)
        if self.time_emb_proj is None or time is None:
            y = self.norm2(y)
        elif self.scale_shift:
            scale, shift = self.time_emb_proj(F.silu(time))[:, :, None, None].chunk(2, dim=1)  # (B, width, 1, 1)
            y = self.norm2(y) * (1 + scale) + shift
        else:
            y = y + self.time_emb_proj(F.silu(time))[:, :, None, None]
            y = self.norm2(y)
        y = F.silu(y)
        y = self.conv2(y)
        if self.conv_shortcut is not None:
            x = self.conv_shortcut(x)
        y = x + y
        return y


class Downsampler(nn.Module):
    """Half the size, by a convolution that takes every second position."""

    def __init__(self, channels: int, padding: int) -> None:
        super().__init__()
        self.padding = padding
        self.conv = nn.Conv2d(channels, channels, kernel_size=3, stride=2, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H/2, W/2)."""
        if not self.padding:  # the autoencoder's: a border on the right and below only
            x = F.pad(x, (0, 1, 0, 1))
        x = self.conv(x)
        return x


class Upsampler(nn.Module):
    """Twice the size: every value four times, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, 2H, 2W)."""
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = self.conv(x)
        return x


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int, fused: bool) -> Tensor:
    """softmax(q k^T / sqrt(D)) v, each head for itself.

    Args:
        q: (B, N, A D); k, v: (B, S, A D).
        heads: A.
        fused: by PyTorch's kernel, which shows no weights.

    Returns:
        (B, N, A D).
    """
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))  # (B, A, N or S, D)
    if fused:
        y = F.scaled_dot_product_attention(q, k, v)
    else:
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, A, N, S)
        weights = torch.softmax(scores, dim=-1)  # (B, A, N, S)
        y = weights @ v  # (B, A, N, D)
    y = y.transpose(1, 2).flatten(2)  # (B, N, A D)
    return y
