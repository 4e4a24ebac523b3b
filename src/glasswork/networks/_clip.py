"""The Transformer that CLIP reads texts and pictures with, under the names that transformers gave to it."""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# B examples in a batch, T tokens or patches, W width, A heads of D = W / A


class Attention(nn.Module):
    """Each token asks the others; of a text only those before it, and itself."""

    def __init__(self, width: int, heads: int, causal: bool, fused: bool) -> None:
        super().__init__()
        self.heads, self.causal, self.fused = heads, causal, fused
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        q = self.q_proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, A, T, D)
        k = self.k_proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, A, T, D)
        v = self.v_proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, A, T, D)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)  # (B, A, T, D)
        else:
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, A, T, T)
            if self.causal:
                seen = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
                scores = scores.masked_fill(~seen, -math.inf)
            weights = torch.softmax(scores, dim=-1)  # (B, A, T, T)
            y = weights @ v  # (B, A, T, D)
        y = y.transpose(1, 2).flatten(2)  # (B, T, W)
        y = self.out_proj(y)
        return y


class MLP(nn.Module):
    """Each token for itself: wider, a smooth threshold, back."""

    def __init__(self, width: int, hidden: int, activation: str) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        x = self.fc1(x)
        x = x * torch.sigmoid(1.702 * x) if self.activation == "quick_gelu" else F.gelu(x)
        x = self.fc2(x)
        return x


class Layer(nn.Module):
    """Tokens exchange, then each works alone; both add to what is there."""

    def __init__(self, width: int, heads: int, hidden: int, activation: str, causal: bool, fused: bool) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads, causal, fused)
        self.layer_norm1 = nn.LayerNorm(width)
        self.mlp = MLP(width, hidden, activation)
        self.layer_norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        x = x + self.self_attn(self.layer_norm1(x))
        x = x + self.mlp(self.layer_norm2(x))
        return x


class Encoder(nn.Module):
    """Layers one after another."""

    def __init__(
        self, width: int, depth: int, heads: int, hidden: int, activation: str, causal: bool, fused: bool
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} can't be divided among {heads} heads")
        if activation not in ("quick_gelu", "gelu"):
            raise ValueError(f"no activation {activation!r}; there are quick_gelu and gelu")
        self.layers = nn.ModuleList(Layer(width, heads, hidden, activation, causal, fused) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        for layer in self.layers:
            x = layer(x)
        return x
