"""One token after another, with what was read kept, or read again each time: the tokens are the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from glasswork.generation.reader import Reader
from glasswork.generation.sampling import Sampling, drawn, likeliest, shares, uniform


@dataclass(frozen=True)
class Drawn:
    """One generated token.

    Attributes:
        token: which.
        logprob: ln of the network's own probability of it, whatever was cut or sharpened.
        share: the probability that it was drawn with.
        first: the first of the tokens that the network saw; later than 0 where the text is longer than its context.
    """

    token: int
    logprob: float
    share: float
    first: int


def decode(
    reader: Reader,
    tokens: Sequence[int],
    count: int,
    how: Sampling | None = None,
    *,
    seed: int = 0,
    ends: frozenset[int] = frozenset(),
    cache: bool = True,
    never: frozenset[int] = frozenset(),
) -> Iterator[Drawn]:
    """Write a text on.

    Args:
        reader: the network.
        tokens: what is read first; at least one.
        count: how many tokens to write.
        how: what each is drawn by.
        seed: of the draws; together with the text before it decides each.
        ends: tokens after which nothing more is written.
        cache: keep keys and values; else all is read again for each token.
        never: tokens that are not drawn: those that stand for what can't be written.
    """
    how = how or Sampling()
    text = list(tokens)
    past, held = reader.fresh(), 0
    before = 0
    for _ in range(count):
        first = first_seen(len(text), reader.context)
        if first != before:  # positions begin anew, so that nothing that was kept is true any more
            past, held, before = reader.fresh(), 0, first
        seen = torch.tensor(text[first:])
        logits = reader.next(seen[held:] if cache else seen, past if cache else None).float()
        held = len(seen)
        own = torch.log_softmax(logits.double(), dim=0)
        if never:
            logits = logits.clone()
            logits[list(never)] = -torch.inf
        chances = shares(logits, how)
        token = likeliest(logits) if how.temperature == 0 else drawn(chances, uniform(seed, text))
        yield Drawn(token, own[token].item(), chances[token].item(), first)
        text.append(token)
        if token in ends:
            return


def first_seen(length: int, context: int | None) -> int:
    """Which is the first of a text's tokens that fits into a context.

    It moves on by half a context at a time, so that what was read can be kept in between.
    """
    if context is None or length <= context:
        return 0
    step = max(1, context // 2)
    return -(-(length - context) // step) * step
