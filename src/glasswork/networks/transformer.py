r"""The Transformer: one text is read, another is written, and attention is all that connects them.

A. Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762, figure 1, with equation 1:

    attention(q, k, v) = softmax(q k^T / sqrt(D)) v

The core's weights have the names and shapes of torch.nn.Transformer. What differs from the paper: encoder and decoder
each end with one more layer norm, as torch.nn.Transformer's do; one vocabulary for both texts (the paper shares it too,
section 5.1).
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork.networks._registry import network

# B pairs of texts in a batch, S tokens of the one read, T of the one written, W width, H heads of D = W / H,
# M units of the MLP, V tokens in all


class Attention(nn.Module):
    """The tokens of one text ask those of another, or of their own."""

    def __init__(self, width: int, heads: int, dropout: float, fused: bool) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))  # queries, keys, values
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, asking: Tensor, asked: Tensor, seen: Tensor | None) -> Tensor:
        """(B, T, W), (B, S, W) and what may be seen, to be spread to (B, H, T, S) -> (B, T, W)."""
        w_q, w_k, w_v = self.in_proj_weight.chunk(3)  # (W, W) each
        b_q, b_k, b_v = self.in_proj_bias.chunk(3)  # (W) each
        q = self._split(F.linear(asking, w_q, b_q))  # (B, H, T, D)
        k = self._split(F.linear(asked, w_k, b_k))  # (B, H, S, D)
        v = self._split(F.linear(asked, w_v, b_v))  # (B, H, S, D)
        if self.fused:
            dropout = self.dropout.p if self.training else 0.0
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, dropout_p=dropout)  # (B, H, T, D)
        else:
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, H, T, S)
            scores = scores if seen is None else scores.masked_fill(~seen, -math.inf)
            weights = torch.softmax(scores, dim=-1)  # (B, H, T, S)
            weights = self.dropout(weights)
            y = weights @ v  # (B, H, T, D)
        y = y.transpose(1, 2).flatten(2)  # (B, T, W)
        y = self.out_proj(y)
        return y

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, H, T, D)."""
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


class EncoderLayer(nn.Module):
    """The text looks at itself, then each token works alone; a norm after each sum."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, fused: bool) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads, dropout, fused)
        self.dropout1 = nn.Dropout(dropout)
        self.norm1 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, hidden)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.linear2 = nn.Linear(hidden, width)
        self.dropout2 = nn.Dropout(dropout)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, seen: Tensor | None) -> Tensor:
        """(B, S, W) -> (B, S, W)."""
        x = self.norm1(x + self.dropout1(self.self_attn(x, x, seen)))
        y = self.linear1(x)  # (B, S, M)
        y = self.relu(y)
        y = self.linear2(self.dropout(y))  # (B, S, W)
        x = self.norm2(x + self.dropout2(y))
        return x


class DecoderLayer(nn.Module):
    """The text so far looks at itself, then at the one that was read, then each token works alone."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, fused: bool) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads, dropout, fused)
        self.dropout1 = nn.Dropout(dropout)
        self.norm1 = nn.LayerNorm(width)
        self.multihead_attn = Attention(width, heads, dropout, fused)
        self.dropout2 = nn.Dropout(dropout)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, hidden)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.linear2 = nn.Linear(hidden, width)
        self.dropout3 = nn.Dropout(dropout)
        self.norm3 = nn.LayerNorm(width)

    def forward(self, x: Tensor, memory: Tensor, past: Tensor | None, seen: Tensor | None) -> Tensor:
        """(B, T, W), what the encoder made of the other text (B, S, W), and two masks -> (B, T, W)."""
        x = self.norm1(x + self.dropout1(self.self_attn(x, x, past)))
        x = self.norm2(x + self.dropout2(self.multihead_attn(x, memory, seen)))
        y = self.linear1(x)  # (B, T, M)
        y = self.relu(y)
        y = self.linear2(self.dropout(y))  # (B, T, W)
        x = self.norm3(x + self.dropout3(y))
        return x


class Stack(nn.Module):
    """Layers one above another, and a last norm."""

    def __init__(self, layers: list[EncoderLayer] | list[DecoderLayer], width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, *rest: Tensor | None) -> Tensor:
        """(B, T, W) -> (B, T, W); the rest goes to every layer."""
        for layer in self.layers:
            x = layer(x, *rest)
        x = self.norm(x)
        return x


class Core(nn.Module):
    """Encoder and decoder, from vectors to vectors: what torch.nn.Transformer is."""

    def __init__(self, width: int, depth: int, heads: int, hidden: int, dropout: float, fused: bool) -> None:
        super().__init__()
        sizes = (width, heads, hidden, dropout, fused)
        self.encoder = Stack([EncoderLayer(*sizes) for _ in range(depth)], width)
        self.decoder = Stack([DecoderLayer(*sizes) for _ in range(depth)], width)

    def forward(self, source: Tensor, target: Tensor, seen: Tensor | None = None) -> Tensor:
        """(B, S, W), (B, T, W) and what of the source is no padding, (B, S) -> (B, T, W)."""
        seen = None if seen is None else seen[:, None, None, :]  # (B, 1, 1, S): for all heads and askers alike
        memory = self.encoder(source, seen)  # (B, S, W)
        length = target.shape[1]
        past = torch.ones(
            length, length, dtype=torch.bool, device=target.device
        ).tril()  # (T, T): nothing of the future
        return self.decoder(target, memory, past, seen)


def positions(length: int, width: int) -> Tensor:
    """Where a token stands, as sines and cosines of wavelengths from 2 pi to 10,000 · 2 pi (section 3.5): (T, W)."""
    place = torch.arange(length)[:, None]  # (T, 1)
    angles = place / 10_000 ** (torch.arange(0, width, 2) / width)  # (T, W/2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)  # (T, W), in turns


@network(
    paper="https://arxiv.org/abs/1706.03762",
    named={"transformer_base": {}, "transformer_big": {"width": 1024, "heads": 16, "hidden": 4096, "dropout": 0.3}},
    small={"vocabulary": 17, "width": 12, "depth": 2, "heads": 3, "hidden": 20, "dropout": 0.0},
)
class Transformer(nn.Module):
    """Encoder and decoder with words at both ends; one matrix reads and writes them (section 3.4).

    Args:
        vocabulary: how many tokens there are.
        width: numbers that stand for a token.
        depth: layers of the encoder, and of the decoder.
        heads: of each attention; the width is divided among them.
        hidden: units of each token's own work.
        dropout: the share of numbers switched off, in training.
        fused: 1 for PyTorch's attention kernel; the same numbers, but no attention weights to see.
    """

    def __init__(
        self,
        *,
        vocabulary: int = 37_000,
        width: int = 512,
        depth: int = 6,
        heads: int = 8,
        hidden: int = 2048,
        dropout: float = 0.1,
        fused: int = 0,
    ) -> None:
        super().__init__()
        if width % heads or width % 2:
            raise ValueError(f"{heads} heads must divide the width {width}, which must be even")
        self.vocabulary, self.width = vocabulary, width
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(width))
        self.dropout = nn.Dropout(dropout)
        self.core = Core(width, depth, heads, hidden, dropout, bool(fused))

    def forward(self, source: Tensor, target: Tensor, seen: Tensor | None = None) -> Tensor:
        """Token numbers (B, S) and (B, T) -> logits of the token that follows each of the target's, (B, T, V).

        Args:
            source: the text that is read.
            target: the text that is written, as far as it is known.
            seen: (B, S), False where the source is only padded.
        """
        x = self.embed(source)  # (B, S, W)
        y = self.embed(target)  # (B, T, W)
        y = self.core(x, y, seen)  # (B, T, W)
        y = F.linear(y, self.embedding.weight)  # (B, T, V)
        return y

    def embed(self, tokens: Tensor) -> Tensor:
        """What the token is and where it stands: (B, T) -> (B, T, W)."""
        x = self.embedding(tokens) * math.sqrt(self.width)  # (B, T, W)
        x = x + positions(tokens.shape[1], self.width).to(x)  # (B, T, W)
        x = self.dropout(x)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random texts: seven tokens read, five written."""
        return torch.randint(self.vocabulary, (batch, 7)), torch.randint(self.vocabulary, (batch, 5))
