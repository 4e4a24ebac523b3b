r"""GRU: the LSTM's idea with two gates and no memory beside the state.

K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation", 2014,
https://arxiv.org/abs/1406.1078.

    r_t = sigmoid(W_ir x_t + b_ir + W_hr h_(t-1) + b_hr)          what of the state to look at
    z_t = sigmoid(W_iz x_t + b_iz + W_hz h_(t-1) + b_hz)          how much of the state to keep
    n_t = tanh(W_in x_t + b_in + r_t (W_hn h_(t-1) + b_hn))       what could replace it
    h_t = (1 - z_t) n_t + z_t h_(t-1)

What differs from the paper: the reset gate acts after the matrix product, not before, so that the three products of the
state can be made at once; any number of layers and both directions. Names and shapes of the core's weights are those of
torch.nn.GRU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._registry import network
from glasswork.networks._sequence import Recurrent, register_weights, suffixes

# B sequences in a batch, T steps, I numbers read at each step, H hidden units, L layers, D directions


class Gated(nn.Module):
    """Layers of gated units, each reading the states of the one below.

    Args:
        fused: PyTorch's own kernel instead of the gates written out; the same numbers, but nothing inside to see.
    """

    def __init__(self, inputs: int, hidden: int, layers: int, bidirectional: bool, dropout: float, fused: bool) -> None:
        super().__init__()
        self.hidden, self.layers, self.bidirectional, self.fused = hidden, layers, bidirectional, fused
        self.suffixes = suffixes(layers, bidirectional)
        register_weights(self, 3, inputs, hidden, layers, bidirectional)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Steps (B, T, I) and the state before, (L·D, B, H), or None: 0 -> all states (B, T, D·H), and the last."""
        if state is None:
            state = x.new_zeros(len(self.suffixes), len(x), self.hidden)  # (L·D, B, H)
        if self.fused:
            weights: list[Tensor] = list(self.parameters())
            return torch.gru(
                x, state, weights, True, self.layers, self.dropout.p, self.training, self.bidirectional, True
            )
        last: list[Tensor] = []
        ways = 2 if self.bidirectional else 1
        for layer in range(self.layers):
            x = self.dropout(x) if layer else x
            states = []
            for suffix in self.suffixes[layer * ways : (layer + 1) * ways]:
                all_states, h = self.layer(x, state[len(last)], suffix)
                states.append(all_states)
                last.append(h)
            x = torch.cat(states, dim=-1)  # (B, T, D·H)
        return x, torch.stack(last)  # (L·D, B, H)

    def layer(self, x: Tensor, h: Tensor, suffix: str) -> tuple[Tensor, Tensor]:
        """One layer in one direction: (B, T, I) and (B, H) -> (B, T, H) and the last state."""
        w_ih, w_hh, b_ih, b_hh = (
            self.get_parameter(name + suffix) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        backwards = suffix.endswith("_reverse")
        from_inputs = x @ w_ih.T + b_ih  # (B, T, 3H): no step needs another one for this
        states: list[Tensor] = []
        for from_input in reversed(from_inputs.unbind(1)) if backwards else from_inputs.unbind(1):  # (B, 3H) each
            from_state = h @ w_hh.T + b_hh  # (B, 3H)
            reset_x, keep_x, new_x = from_input.chunk(3, dim=-1)  # (B, H) each
            reset_h, keep_h, new_h = from_state.chunk(3, dim=-1)  # (B, H) each
            reset = torch.sigmoid(reset_x + reset_h)  # what of the state to look at
            keep = torch.sigmoid(keep_x + keep_h)  # how much of the state to keep
            new = torch.tanh(new_x + reset * new_h)  # what could replace it
            h = (1 - keep) * new + keep * h  # (B, H)
            states.append(h)
        return torch.stack(states[::-1] if backwards else states, dim=1), h


@network(
    paper="https://arxiv.org/abs/1406.1078",
    small={"inputs": 3, "hidden": 5, "outputs": 2, "layers": 2, "bidirectional": 1},
)
class GRU(Recurrent):
    """Gated units between an embedding (for words) and a linear layer.

    Args:
        inputs: numbers in each step, or in the embedding of a word.
        hidden: units of each layer.
        outputs: numbers that come out at each step.
        layers: how many, one above another.
        bidirectional: 1 to read the sequence backwards too, with other weights.
        vocabulary: how many words there are; 0 when the steps are numbers.
        dropout: the share of states switched off between layers and before the linear one, in training.
        fused: 1 for PyTorch's own kernel.
        pooled: 1 for one answer for the whole sequence, from the mean of its states.
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
    ) -> None:
        core = Gated(inputs, hidden, layers, bool(bidirectional), dropout, bool(fused))
        super().__init__(core, hidden * (1 + bool(bidirectional)), inputs, outputs, vocabulary, dropout, bool(pooled))
