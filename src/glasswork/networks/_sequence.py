"""What the recurrent networks share: something to read at each step, and something to say at each step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# B sequences in a batch, T steps, V words in the vocabulary, I numbers read at each step, H hidden units, L layers,
# D directions (2 when also read backwards), K outputs


def register_weights(module: nn.Module, gates: int, inputs: int, hidden: int, layers: int, bidirectional: bool) -> None:
    """Register the weights of a recurrent network, under the names and in the shapes of torch.nn.RNN, LSTM and GRU.

    weight_ih_l0, (gates·H, I), reads the input of layer 0; weight_hh_l0, (gates·H, H), its own last state; the gates
    stand one below another. With _reverse those that read the sequence backwards.
    """
    bound = 1 / math.sqrt(hidden)
    for suffix in suffixes(layers, bidirectional):
        first = suffix.startswith("_l0")
        reads = inputs if first else hidden * (2 if bidirectional else 1)
        shapes = {"weight_ih": (gates * hidden, reads), "weight_hh": (gates * hidden, hidden)}
        shapes |= {"bias_ih": (gates * hidden,), "bias_hh": (gates * hidden,)}
        for name, shape in shapes.items():
            module.register_parameter(name + suffix, nn.Parameter(torch.empty(shape).uniform_(-bound, bound)))


def suffixes(layers: int, bidirectional: bool) -> list[str]:
    """The ends of the weights' names, one for each layer and direction, in PyTorch's order."""
    return [f"_l{layer}{way}" for layer in range(layers) for way in (("", "_reverse") if bidirectional else ("",))]


class Recurrent(nn.Module):
    """An embedding or the numbers as they are, a recurrent core, and a linear layer on each of its states.

    Args:
        core: called with (x, state), returns (every state of the last layer, (B, T, D·H), and the last state).
        width: D·H.
        inputs: numbers in each step, or in the embedding of a word.
        outputs: numbers that come out at each step.
        vocabulary: how many words there are; 0 when the steps are numbers.
        dropout: the share of the states switched off before the linear layer, in training.
        pooled: whether there is one answer for the whole sequence, from the mean of its states.
        highway: so many of the last steps are also read by a linear layer past the core, whose answer is added: what is
            linear needs no memory (G. Lai et al. 2018, section 3.6, https://arxiv.org/abs/1703.07015). 0: none.
    """

    def __init__(
        self,
        core: nn.Module,
        width: int,
        inputs: int,
        outputs: int,
        vocabulary: int,
        dropout: float = 0.0,
        pooled: bool = False,
        highway: int = 0,
    ) -> None:
        super().__init__()
        self.inputs, self.vocabulary, self.pooled = inputs, vocabulary, pooled
        self.embedding = nn.Embedding(vocabulary, inputs) if vocabulary else nn.Identity()
        self.core = core
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.output = nn.Linear(width, outputs)
        self.steps = highway
        if highway:
            self.highway = nn.Linear(highway * inputs, outputs)
            nn.init.zeros_(self.highway.weight)  # begin as the core alone
            nn.init.zeros_(self.highway.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Steps (B, T, I), or words (B, T) -> (B, T, K); pooled: (B, K)."""
        if self.pooled:
            states, _ = self.core(self.embedding(x))  # (B, T, D·H)
            return self.output(self.dropout(states.mean(1)))  # (B, K)
        said = self.advance(x, None)[0]  # (B, T, K)
        if self.steps:
            lasts = F.pad(x, (0, 0, self.steps - 1, 0)).unfold(1, self.steps, 1)  # (B, T, I, steps)
            said = said + self.highway(lasts.flatten(2))
        return said

    def advance(self, x: Tensor, state: Tensor | Sequence[Tensor] | None) -> tuple[Tensor, Tensor | tuple[Tensor, ...]]:
        """The same from a given state on, with the state at the end: to go on from there, step by step."""
        x = self.embedding(x)  # (B, T, I)
        states, after = self.core(x, state)  # (B, T, D·H)
        return self.output(self.dropout(states)), after  # (B, T, K)

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random sequences of seven steps."""
        if self.vocabulary:
            return (torch.randint(self.vocabulary, (batch, 7)),)
        return (torch.randn(batch, 7, self.inputs),)
