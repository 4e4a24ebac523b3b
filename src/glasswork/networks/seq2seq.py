r"""Sequence to sequence: one recurrent network reads a text, another writes what it means, and looks back by attention.

M.-T. Luong, H. Pham, C. D. Manning, "Effective Approaches to Attention-based Neural Machine Translation", 2015,
https://arxiv.org/abs/1508.04025, equations 5 to 8 with the score "general"; the two-way encoder is that of D. Bahdanau,
K. Cho, Y. Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", 2014,
https://arxiv.org/abs/1409.0473, section 3.2.

    e_s  = [read forwards, read backwards]            one state for each token that is read
    h_t  = GRU(y_t, h_(t-1))                          the writer's state; h_0 is where the two readers ended
    a_ts = softmax_s(h_t W e_s)                       how much it looks at each token
    v_t  = tanh(V [sum_s a_ts e_s, h_t])              from which the next token is told

What differs from the papers: gated units instead of LSTMs, one layer, nothing of v_t is read at the next step (no input
feeding, so that all steps of a known translation are told at once), and one matrix reads and writes tokens.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork.networks._registry import network
from glasswork.networks.gru import Gated

# B pairs of texts in a batch, S tokens of the one read, T of the one written, W width, H hidden units of a reader (the
# writer has 2H), V tokens in all


class Reader(nn.Module):
    """Reads a text forwards and backwards, with other weights."""

    def __init__(self, width: int, hidden: int, fused: bool) -> None:
        super().__init__()
        self.forwards = Gated(width, hidden, 1, False, 0.0, fused)
        self.backwards = Gated(width, hidden, 1, False, 0.0, fused)

    def forward(self, x: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, S, W) and what of it is no padding, (B, S) -> a state of each token (B, S, 2H), and the last (B, 2H)."""
        ahead, end = self.forwards(x)  # (B, S, H), (1, B, H)
        if seen is None:
            back, begin = self.backwards(x.flip(1))  # (B, S, H), (1, B, H)
            return torch.cat([ahead, back.flip(1)], dim=-1), torch.cat([end[0], begin[0]], dim=-1)
        # Padding is never read before the text: each row is turned round within its own length.
        lengths = seen.sum(1, keepdim=True)  # (B, 1)
        place = torch.arange(x.shape[1], device=x.device)  # (S)
        turned = torch.where(seen, lengths - 1 - place, place)[..., None]  # (B, S, 1)
        back, _ = self.backwards(x.take_along_dim(turned, 1))  # (B, S, H)
        last = (lengths - 1)[..., None]  # (B, 1, 1)
        ends = [states.take_along_dim(last, 1)[:, 0] for states in (ahead, back)]  # (B, H) each
        return torch.cat([ahead, back.take_along_dim(turned, 1)], dim=-1), torch.cat(ends, dim=-1)


class Attention(nn.Module):
    """The writer's states ask those of the reader."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.general = nn.Linear(hidden, hidden, bias=False)

    def forward(self, asking: Tensor, asked: Tensor, seen: Tensor | None) -> Tensor:
        """(B, T, 2H), (B, S, 2H) and what may be seen, (B, S) -> (B, T, 2H)."""
        scores = self.general(asking) @ asked.transpose(1, 2)  # (B, T, S)
        scores = scores if seen is None else scores.masked_fill(~seen[:, None], -math.inf)
        weights = torch.softmax(scores, dim=-1)  # (B, T, S)
        y = weights @ asked  # (B, T, 2H)
        return y


@network(
    paper="https://arxiv.org/abs/1508.04025",
    small={"vocabulary": 17, "width": 12, "hidden": 5, "dropout": 0.0},
)
class Seq2Seq(nn.Module):
    """A reader, a writer and attention between them, with words at both ends.

    Args:
        vocabulary: how many tokens there are.
        width: numbers that stand for a token.
        hidden: units of each of the two readers; the writer has as many as both.
        dropout: the share of numbers switched off at both ends, in training.
        fused: 1 for PyTorch's recurrent kernel; the same numbers, but no gates to see.
    """

    def __init__(
        self, *, vocabulary: int = 30_000, width: int = 620, hidden: int = 1000, dropout: float = 0.2, fused: int = 0
    ) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(width))
        self.scale = math.sqrt(width)
        self.dropout = nn.Dropout(dropout)
        self.reader = Reader(width, hidden, bool(fused))
        self.writer = Gated(width, 2 * hidden, 1, False, 0.0, bool(fused))
        self.attention = Attention(2 * hidden)
        self.combine = nn.Linear(4 * hidden, width)

    def forward(self, source: Tensor, target: Tensor, seen: Tensor | None = None) -> Tensor:
        """Token numbers (B, S) and (B, T) -> logits of the token that follows each of the target's, (B, T, V).

        Args:
            source: the text that is read.
            target: the text that is written, as far as it is known.
            seen: (B, S), False where the source is only padded.
        """
        read, last = self.reader(self.embed(source), seen)  # (B, S, 2H), (B, 2H)
        states, _ = self.writer(self.embed(target), last[None])  # (B, T, 2H)
        found = self.attention(states, read, seen)  # (B, T, 2H)
        y = torch.tanh(self.combine(torch.cat([found, states], dim=-1)))  # (B, T, W)
        y = self.dropout(y)
        y = F.linear(y, self.embedding.weight)  # (B, T, V)
        return y

    def embed(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, T, W)."""
        x = self.embedding(tokens) * self.scale  # (B, T, W)
        x = self.dropout(x)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random texts: seven tokens read, five written."""
        return torch.randint(self.vocabulary, (batch, 7)), torch.randint(self.vocabulary, (batch, 5))
