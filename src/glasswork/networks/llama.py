r"""Llama: GPT with positions as rotations, shared keys and values, and a gated MLP.

H. Touvron et al., "LLaMA: Open and Efficient Foundation Language Models", 2023, https://arxiv.org/abs/2302.13971. Its
parts:

- RMSNorm: B. Zhang, R. Sennrich, 2019, https://arxiv.org/abs/1910.07467, equation 4;
- rotary positions (RoPE): J. Su et al., 2021, https://arxiv.org/abs/2104.09864, equation 34: a query at position m and
  a key at n are turned by angles m·t and n·t, so that their product depends on m - n alone;
- SwiGLU: N. Shazeer, 2020, https://arxiv.org/abs/2002.05202, equation 6;
- grouped queries: J. Ainslie et al., 2023, https://arxiv.org/abs/2305.13245: several heads ask the same keys and
  values.

Names and shapes of weights are those of transformers, for all networks of this form: `smollm2-135m` is L. Ben Allal et
al., "SmolLM2", 2025, https://arxiv.org/abs/2502.02737. What differs from Llama 3: its stretched rotations for long
texts are left out.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork.networks._past import Past
from glasswork.networks._published import Weights, accept
from glasswork.networks._registry import network

# B texts in a batch, T tokens read, S tokens seen (those read before, too), W width, V tokens in all,
# H heads of D = W / H, G heads of keys and values, M units of the MLP


class RMSNorm(nn.Module):
    """Divided by its root mean square, then scaled."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        mean_square = x.pow(2).mean(dim=-1, keepdim=True)  # (B, T, 1)
        return x * torch.rsqrt(mean_square + self.eps) * self.weight


Turns = tuple[Tensor, Tensor]
"""Cosines and sines of the angles by which pairs of numbers are turned, (T, D/2) each."""


def turns(first: int, length: int, size: int, theta: float, like: Tensor) -> Turns:
    """The angle of pair i at a position is the position times theta^(-2i/D).

    Args:
        first, length: the positions, T of them.
        size: D, the numbers of a head.
        theta: the base; the larger, the slower the slowest turn.
        like: has the dtype and the device.
    """
    positions = torch.arange(first, first + length, device=like.device, dtype=torch.float32)  # (T)
    frequencies = theta ** (-torch.arange(size // 2, device=like.device, dtype=torch.float32) / (size // 2))  # (D/2)
    angles = positions[:, None] * frequencies  # (T, D/2)
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def rotate(x: Tensor, turned: Turns) -> Tensor:
    """Turn pairs of numbers (i, i + D/2) of x, (B, H, T, D), each by the angle of its position."""
    cos, sin = turned
    a, b = x.chunk(2, dim=-1)  # (B, H, T, D/2) each
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)  # (B, H, T, D)


class Attention(nn.Module):
    """Each token asks all tokens up to itself; groups of heads share keys and values."""

    def __init__(self, width: int, heads: int, groups: int, fused: bool) -> None:
        super().__init__()
        self.heads, self.groups, self.fused = heads, groups, fused
        size = width // heads
        self.q_proj = nn.Linear(width, heads * size, bias=False)
        self.k_proj = nn.Linear(width, groups * size, bias=False)
        self.v_proj = nn.Linear(width, groups * size, bias=False)
        self.o_proj = nn.Linear(heads * size, width, bias=False)

    def forward(self, x: Tensor, turned: Turns, past: Past | None, layer: int) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        batch, length, width = x.shape
        before = past.length_of(layer) if past is not None else 0
        q = self.q_proj(x).view(batch, length, self.heads, -1).transpose(1, 2)  # (B, H, T, D)
        k = self.k_proj(x).view(batch, length, self.groups, -1).transpose(1, 2)  # (B, G, T, D)
        v = self.v_proj(x).view(batch, length, self.groups, -1).transpose(1, 2)  # (B, G, T, D)
        q = rotate(q, turned)
        k = rotate(k, turned)
        if past is not None:
            k, v = past.extend(layer, k, v)  # (B, G, S, D)
        seen = torch.ones(length, k.shape[-2], dtype=torch.bool, device=x.device).tril(before)  # (T, S)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, enable_gqa=True)  # (B, H, T, D)
        else:
            k = k.repeat_interleave(self.heads // self.groups, dim=1)  # (B, H, S, D)
            v = v.repeat_interleave(self.heads // self.groups, dim=1)  # (B, H, S, D)
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, H, T, S)
            scores = scores.masked_fill(~seen, -math.inf)  # nothing is seen of the future
            weights = torch.softmax(scores, dim=-1)  # (B, H, T, S)
            y = weights @ v  # (B, H, T, D)
        y = y.transpose(1, 2).reshape(batch, length, width)  # (B, T, W)
        y = self.o_proj(y)
        return y


class MLP(nn.Module):
    """Each token for itself: one product says how much of the other passes."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, hidden, bias=False)
        self.up_proj = nn.Linear(width, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, width, bias=False)
        self.act_fn = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        gate = self.act_fn(self.gate_proj(x))  # (B, T, M)
        up = self.up_proj(x)  # (B, T, M)
        x = self.down_proj(gate * up)  # (B, T, W)
        return x


class Block(nn.Module):
    """Tokens exchange, then each works alone; both add to what is there."""

    def __init__(self, width: int, heads: int, groups: int, hidden: int, eps: float, fused: bool) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(width, eps)
        self.self_attn = Attention(width, heads, groups, fused)
        self.post_attention_layernorm = RMSNorm(width, eps)
        self.mlp = MLP(width, hidden)

    def forward(self, x: Tensor, turned: Turns, past: Past | None, layer: int) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        x = x + self.self_attn(self.input_layernorm(x), turned, past, layer)
        x = x + self.mlp(self.post_attention_layernorm(x))
        return x


class Body(nn.Module):
    """From tokens to what is known at each of them."""

    def __init__(self, vocabulary: int, width: int, size: int, theta: float, eps: float, blocks: list[Block]) -> None:
        super().__init__()
        self.size, self.theta = size, theta
        self.embed_tokens = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(blocks)
        self.norm = RMSNorm(width, eps)

    def forward(self, tokens: Tensor, past: Past | None) -> Tensor:
        """(B, T) -> (B, T, W)."""
        x = self.embed_tokens(tokens)  # (B, T, W)
        before = past.length if past is not None else 0
        turned = turns(before, tokens.shape[1], self.size, self.theta, like=x)
        for layer, block in enumerate(self.layers):
            x = block(x, turned, past, layer)  # (B, T, W)
        x = self.norm(x)
        return x


@network(
    paper="https://arxiv.org/abs/2302.13971",
    named={
        "smollm2-135m": {
            **{"vocabulary": 49_152, "width": 576, "depth": 30, "heads": 9, "groups": 3, "hidden": 1536},
            **{"theta": 100_000.0, "tied": 1},
        },
        "smollm2-360m": {
            **{"vocabulary": 49_152, "width": 960, "depth": 32, "heads": 15, "groups": 5, "hidden": 2560},
            **{"theta": 100_000.0, "tied": 1},
        },
    },
    small={"vocabulary": 17, "width": 16, "depth": 2, "heads": 4, "groups": 2, "hidden": 24},
)
class Llama(nn.Module):
    """A decoder-only Transformer with rotary positions. Text of any length fits; it learned up to some.

    Args:
        vocabulary: how many tokens there are.
        width: numbers that stand for a token.
        depth: blocks.
        heads: of each attention; the width is divided among them.
        groups: heads of keys and values; as many heads of queries share one.
        hidden: units of the MLP.
        theta: base of the rotations.
        eps: what the norms add under the root.
        tied: 1 when one matrix reads and writes tokens.
        fused: 1 for PyTorch's attention kernel; the same numbers, but no attention weights to see.
    """

    def __init__(
        self,
        *,
        vocabulary: int = 32_000,
        width: int = 512,
        depth: int = 8,
        heads: int = 8,
        groups: int = 4,
        hidden: int = 1376,
        theta: float = 10_000.0,
        eps: float = 1e-5,
        tied: int = 0,
        fused: int = 0,
    ) -> None:
        super().__init__()
        if width % (2 * heads) or heads % groups:
            raise ValueError(
                f"width {width}, heads {heads}, groups {groups}: heads must divide the width into even parts, groups "
                "must divide the heads"
            )
        self.vocabulary = vocabulary
        blocks = [Block(width, heads, groups, hidden, eps, bool(fused)) for _ in range(depth)]
        self.model = Body(vocabulary, width, width // heads, theta, eps, blocks)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        for part in self.modules():
            if isinstance(part, (nn.Linear, nn.Embedding)):
                nn.init.normal_(part.weight, std=0.02)
        if tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        accept(self, _published)

    def forward(self, tokens: Tensor, past: Past | None = None) -> Tensor:
        """Token numbers, (B, T) -> logits of the token that follows each, (B, T, V).

        Args:
            tokens: those that the past does not hold yet.
            past: grows by them; pass the same one again with the next tokens.
        """
        x = self.model(tokens, past)  # (B, T, W)
        x = self.lm_head(x)  # (B, T, V)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random texts of seven tokens."""
        return (torch.randint(self.vocabulary, (batch, 7)),)


def _published(weights: Weights) -> dict[str, Tensor]:
    """Without the frequencies that old files hold; with the second name of a matrix that tied ones leave out."""
    ours = {name: value for name, value in weights.items() if not name.endswith("rotary_emb.inv_freq")}
    if "model.embed_tokens.weight" in ours:
        ours.setdefault("lm_head.weight", ours["model.embed_tokens.weight"])
    return ours
