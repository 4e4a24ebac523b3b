r"""GPT-2: a Transformer that only looks back, and says what comes next.

A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019,
https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf; attention:
A. Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762, equation 1:

    attention(q, k, v) = softmax(q k^T / sqrt(D)) v

`gpt2`, `gpt2-medium`, `gpt2-large` and `gpt2-xl` are the four that were published; their files load as they are, and
names and shapes of weights are those of transformers. What differs from the paper: nothing that is known of it.
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

# B texts in a batch, T tokens read, S tokens seen (those read before, too), W width, H heads of D = W / H, V tokens


class Projection(nn.Module):
    """x W + b, with W the other way round than in nn.Linear: so GPT-2's files have it."""

    def __init__(self, inputs: int, outputs: int, std: float = 0.02) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * std)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, inputs) -> (B, T, outputs)."""
        return x @ self.weight + self.bias


class Attention(nn.Module):
    """Each token asks all tokens up to itself, and takes from those that answer."""

    def __init__(self, width: int, heads: int, depth: int, dropout: float, fused: bool) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.c_attn = Projection(width, 3 * width)  # queries, keys and values at once
        self.c_proj = Projection(width, width, std=0.02 / math.sqrt(2 * depth))
        self.attn_dropout = nn.Dropout(dropout)
        self.resid_dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, past: Past | None, layer: int) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        batch, length, width = x.shape
        q, k, v = self.c_attn(x).chunk(3, dim=-1)  # (B, T, W) each
        q = q.view(batch, length, self.heads, -1).transpose(1, 2)  # (B, H, T, D)
        k = k.view(batch, length, self.heads, -1).transpose(1, 2)  # (B, H, T, D)
        v = v.view(batch, length, self.heads, -1).transpose(1, 2)  # (B, H, T, D)
        if past is not None:
            k, v = past.extend(layer, k, v)  # (B, H, S, D)
        seen = torch.ones(length, k.shape[-2], dtype=torch.bool, device=x.device).tril(k.shape[-2] - length)  # (T, S)
        if self.fused:
            dropout = self.attn_dropout.p if self.training else 0.0
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, dropout_p=dropout)  # (B, H, T, D)
        else:
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, H, T, S)
            scores = scores.masked_fill(~seen, -math.inf)  # nothing is seen of the future
            weights = torch.softmax(scores, dim=-1)  # (B, H, T, S)
            weights = self.attn_dropout(weights)
            y = weights @ v  # (B, H, T, D)
        y = y.transpose(1, 2).reshape(batch, length, width)  # (B, T, W)
        y = self.c_proj(y)
        y = self.resid_dropout(y)
        return y


class MLP(nn.Module):
    """Each token for itself: wider, a smooth threshold, back."""

    def __init__(self, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.c_fc = Projection(width, 4 * width)
        self.act = nn.GELU(approximate="tanh")
        self.c_proj = Projection(4 * width, width, std=0.02 / math.sqrt(2 * depth))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        x = self.c_fc(x)  # (B, T, 4W)
        x = self.act(x)
        x = self.c_proj(x)  # (B, T, W)
        x = self.dropout(x)
        return x


class Block(nn.Module):
    """Tokens exchange, then each works alone; both add to what is there."""

    def __init__(self, width: int, heads: int, depth: int, dropout: float, fused: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads, depth, dropout, fused)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = MLP(width, depth, dropout)

    def forward(self, x: Tensor, past: Past | None, layer: int) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        x = x + self.attn(self.ln_1(x), past, layer)
        x = x + self.mlp(self.ln_2(x))
        return x


class Body(nn.Module):
    """From tokens to what is known at each of them."""

    def __init__(self, vocabulary: int, context: int, width: int, depth: int, heads: int, dropout: float, fused: bool):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)  # of the token
        self.wpe = nn.Embedding(context, width)  # of its position
        self.drop = nn.Dropout(dropout)
        self.h = nn.ModuleList(Block(width, heads, depth, dropout, fused) for _ in range(depth))
        self.ln_f = nn.LayerNorm(width)
        nn.init.normal_(self.wte.weight, std=0.02)
        nn.init.normal_(self.wpe.weight, std=0.02)

    def forward(self, tokens: Tensor, past: Past | None) -> Tensor:
        """(B, T) -> (B, T, W)."""
        before = past.length if past is not None else 0
        positions = torch.arange(before, before + tokens.shape[1], device=tokens.device)  # (T)
        x = self.wte(tokens) + self.wpe(positions)  # (B, T, W)
        x = self.drop(x)
        for layer, block in enumerate(self.h):
            x = block(x, past, layer)  # (B, T, W)
        x = self.ln_f(x)
        return x


@network(
    paper="https://arxiv.org/abs/1706.03762",
    named={
        "gpt2": {},
        "gpt2-medium": {"width": 1024, "depth": 24, "heads": 16},
        "gpt2-large": {"width": 1280, "depth": 36, "heads": 20},
        "gpt2-xl": {"width": 1600, "depth": 48, "heads": 25},
    },
    small={"vocabulary": 17, "context": 16, "width": 12, "depth": 2, "heads": 3, "dropout": 0.0},
)
class GPT(nn.Module):
    """A decoder-only Transformer with learned positions.

    Args:
        vocabulary: how many tokens there are.
        context: the most tokens that it can see.
        width: numbers that stand for a token.
        depth: blocks.
        heads: of each attention; the width is divided among them.
        dropout: the share of numbers switched off, in training.
        fused: 1 for PyTorch's attention kernel; the same numbers, but no attention weights to see.
    """

    def __init__(
        self,
        *,
        vocabulary: int = 50_257,
        context: int = 1024,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        dropout: float = 0.1,
        fused: int = 0,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} can't be divided among {heads} heads")
        self.vocabulary, self.context = vocabulary, context
        self.transformer = Body(vocabulary, context, width, depth, heads, dropout, bool(fused))
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.lm_head.weight = self.transformer.wte.weight  # one matrix reads and writes tokens
        accept(self, _published)

    def forward(self, tokens: Tensor, past: Past | None = None) -> Tensor:
        """Token numbers, (B, T) -> logits of the token that follows each, (B, T, V).

        Args:
            tokens: those that the past does not hold yet.
            past: grows by them; pass the same one again with the next tokens.
        """
        x = self.transformer(tokens, past)  # (B, T, W)
        x = self.lm_head(x)  # (B, T, V)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random texts of seven tokens."""
        return (torch.randint(self.vocabulary, (batch, min(7, self.context))),)


def _published(weights: Weights) -> dict[str, Tensor]:
    """Without the masks that some files hold; with the prefix and the second name of one matrix that some leave out."""
    masks = (".attn.bias", ".attn.masked_bias")
    ours = {name: value for name, value in weights.items() if not name.endswith(masks)}
    if "wte.weight" in ours:
        ours = {name if name == "lm_head.weight" else f"transformer.{name}": value for name, value in ours.items()}
    if "transformer.wte.weight" in ours:
        ours.setdefault("lm_head.weight", ours["transformer.wte.weight"])
    return ours
