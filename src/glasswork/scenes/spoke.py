"""A recorded run of a language model on a text: what it read, and what it makes of the next token."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from glasswork.explaining.residual_stream import lens
from glasswork.scenes.anatomy import last_norm, unembedding
from glasswork.scenes.messages import speaking as s
from glasswork.scenes.messages.base import Number
from glasswork.scenes.streams import StreamRun
from glasswork.zoo import Tokenizer

# T tokens, L blocks, V tokens of the vocabulary


@dataclass(frozen=True)
class Spoke(StreamRun):
    """A recorded run of a language model on a text, and a position whose next token is looked at."""

    words: Tokenizer

    @cached_property
    def tokens(self) -> list[int]:
        """What was read."""
        return self.trace.value("input").tensor[0].tolist()

    @cached_property
    def logits(self) -> Tensor:
        """At the position, (V)."""
        return self.trace.value("lm_head").tensor[0, self.at].detach()

    @cached_property
    def lens(self) -> Tensor:
        """What the stream before each block, and after the last, would answer at the position: logits, (L + 1, V)."""
        return lens(self.streams[:, self.at], last_norm(self.network), unembedding(self.network))

    def word(self, token: int) -> s.Word:
        """A token as it is shown."""
        return s.Word(written(self.words, token), token)

    def probability(self, token: int) -> Number:
        """Of a token after the position, by the network itself."""
        value = torch.softmax(self.logits.double(), 0)[token].item()
        return Number(self.ref(f"share/1/{self.at}", token), value)

    @property
    def nats(self) -> Number | None:
        """The mean of -ln p of the tokens that came; None for a single one, before which there is nothing."""
        if len(self.tokens) < 2:
            return None
        logits = self.trace.value("lm_head").tensor[0, :-1].detach()  # (T - 1, V)
        came = logits[range(len(logits)), self.tokens[1:]]
        return Number(f"text:{self.id}#nats@value", (logits.logsumexp(-1) - came).double().mean().item())


def written(words: Tokenizer, token: int) -> str:
    """A token as it is shown: its text, or its bytes where they are no whole character."""
    raw = words.bytes(token)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return " ".join(f"0x{byte:02X}" for byte in raw)
