r"""LSTM: a memory that gates write, keep and read, so that what was long ago can still count.

S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", 1997, https://doi.org/10.1162/neco.1997.9.8.1735, with the
forget gate of F. Gers, J. Schmidhuber, F. Cummins, "Learning to Forget", 2000,
https://doi.org/10.1162/089976600300015015.

    i_t = sigmoid(W_i [x_t, h_(t-1)] + b_i)      what to store
    f_t = sigmoid(W_f [x_t, h_(t-1)] + b_f)      what to keep
    g_t =    tanh(W_g [x_t, h_(t-1)] + b_g)      what could be stored
    o_t = sigmoid(W_o [x_t, h_(t-1)] + b_o)      what to give out
    c_t = f_t c_(t-1) + i_t g_t                  the memory: a sum, through which gradients pass unharmed
    h_t = o_t tanh(c_t)

What differs from 1997: the forget gate, gradients through all steps (the paper cut them off at the gates), any number
of layers and both directions. Names and shapes of the core's weights are those of torch.nn.LSTM.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from glasswork.networks._registry import network
from glasswork.networks._sequence import Recurrent, register_weights, suffixes

# B sequences in a batch, T steps, I numbers read at each step, H hidden units, L layers, D directions


class Memory(nn.Module):
    """Layers of memory cells, each reading the outputs of the one below.

    Args:
        fused: PyTorch's own kernel instead of the gates written out; the same numbers, but nothing inside to see.
    """

    def __init__(self, inputs: int, hidden: int, layers: int, bidirectional: bool, dropout: float, fused: bool) -> None:
        super().__init__()
        self.hidden, self.layers, self.bidirectional, self.fused = hidden, layers, bidirectional, fused
        self.suffixes = suffixes(layers, bidirectional)
        register_weights(self, 4, inputs, hidden, layers, bidirectional)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, state: Sequence[Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Steps (B, T, I) and the state before them, (h, c), (L·D, B, H) each -> (B, T, D·H), and the last (h, c)."""
        if state is None:
            zeros = x.new_zeros(len(self.suffixes), len(x), self.hidden)  # (L·D, B, H)
            state = (zeros, zeros)
        if self.fused:
            weights: list[Tensor] = list(self.parameters())
            x, h, c = torch.lstm(
                x, list(state), weights, True, self.layers, self.dropout.p, self.training, self.bidirectional, True
            )
            return x, (h, c)
        last: list[tuple[Tensor, Tensor]] = []
        ways = 2 if self.bidirectional else 1
        for layer in range(self.layers):
            x = self.dropout(x) if layer else x
            outputs = []
            for suffix in self.suffixes[layer * ways : (layer + 1) * ways]:
                output, h, c = self.layer(x, state[0][len(last)], state[1][len(last)], suffix)
                outputs.append(output)
                last.append((h, c))
            x = torch.cat(outputs, dim=-1)  # (B, T, D·H)
        return x, (torch.stack([h for h, _ in last]), torch.stack([c for _, c in last]))  # (L·D, B, H) each

    def layer(self, x: Tensor, h: Tensor, c: Tensor, suffix: str) -> tuple[Tensor, Tensor, Tensor]:
        """One layer in one direction: (B, T, I), (B, H), (B, H) -> (B, T, H) and the last h and c."""
        w_ih, w_hh, b_ih, b_hh = (
            self.get_parameter(name + suffix) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        backwards = suffix.endswith("_reverse")
        from_inputs = x @ w_ih.T + b_ih  # (B, T, 4H): no step needs another one for this
        outputs: list[Tensor] = []
        for from_input in reversed(from_inputs.unbind(1)) if backwards else from_inputs.unbind(1):  # (B, 4H) each
            i, f, g, o = (from_input + h @ w_hh.T + b_hh).chunk(4, dim=-1)  # (B, H) each
            i = torch.sigmoid(i)  # what to store
            f = torch.sigmoid(f)  # what to keep
            g = torch.tanh(g)  # what could be stored
            o = torch.sigmoid(o)  # what to give out
            c = f * c + i * g  # (B, H)
            h = o * torch.tanh(c)  # (B, H)
            outputs.append(h)
        return torch.stack(outputs[::-1] if backwards else outputs, dim=1), h, c


@network(
    paper="https://doi.org/10.1162/neco.1997.9.8.1735",
    small={"inputs": 3, "hidden": 5, "outputs": 2, "layers": 2, "bidirectional": 1},
)
class LSTM(Recurrent):
    """Memory cells between an embedding (for words) and a linear layer.

    Args:
        inputs: numbers in each step, or in the embedding of a word.
        hidden: cells of each layer.
        outputs: numbers that come out at each step.
        layers: how many, one above another.
        bidirectional: 1 to read the sequence backwards too, with other weights.
        vocabulary: how many words there are; 0 when the steps are numbers.
        dropout: the share of outputs switched off between layers and before the linear one, in training.
        fused: 1 for PyTorch's own kernel.
        pooled: 1 for one answer for the whole sequence, from the mean of its states.
        highway: so many of the last steps are also read by a linear layer past the cells; 0 for none.
    """

    def __init__(
        self,
        *,
        inputs: int = 1,
        hidden: int = 32,
        outputs: int = 1,
        layers: int = 1,
        bidirectional: int = 0,
        vocabulary: int = 0,
        dropout: float = 0.0,
        fused: int = 0,
        pooled: int = 0,
        highway: int = 0,
    ) -> None:
        core = Memory(inputs, hidden, layers, bool(bidirectional), dropout, bool(fused))
        width = hidden * (1 + bool(bidirectional))
        super().__init__(core, width, inputs, outputs, vocabulary, dropout, bool(pooled), highway)
