"""Translate: an encoder reads a phrase, a decoder writes what it means in another language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import zoo
from glasswork.data.clip_tokens import learn_merges
from glasswork.data.phrases import Phrases, load_phrases
from glasswork.generation.translation import Batch, padded, translate
from glasswork.training.config import Config
from glasswork.training.task import About, Draw, Task
from glasswork.zoo import Translation

Pair = tuple[str, str]
AT_ONCE = 256
FEW = 5_000
"""So many pairs are translated in minutes."""


@dataclass(frozen=True, kw_only=True)
class TranslationConfig(Config):
    """A run on pairs of phrases. The vocabulary is learned from those that are trained on.

    Attributes:
        merges: how many byte pairs are joined, at most.
        longest: pairs of which one side has more tokens than this, marks apart, are left out; 0: none are.
        scored: of what is set aside, and of what is held out, so many pairs are scored, spread evenly; 0: all are.
        label_smoothing: what share of a token is spread over all.
    """

    merges: int = 1_500
    longest: int = 0
    scored: int = 0
    label_smoothing: float = 0.1

    def task(self) -> Task:
        """The task on the pairs that are named."""
        return Translating(self)


class Translating(Task):
    """Learn each token of a translation from the phrase and the tokens before it, by cross-entropy.

    Raises:
        GlassworkError: there are no such pairs.
    """

    choices: Mapping[str, bool] = {"nats": False, "exact": True}
    config: TranslationConfig

    def __init__(self, config: TranslationConfig) -> None:
        phrases = load_phrases(config.data)
        merges = learn_merges((text for pair in phrases.train for text in pair), config.merges)
        self.translation = Translation(
            read=phrases.read,
            written=phrases.written,
            merges=tuple(" ".join(pair) for pair in merges),
            sample=phrases.test[0][0],
        )
        self.phrases = chosen(phrases, self.translation, config.longest, config.scored)
        super().__init__(replace(config, sizes={**config.sizes, "vocabulary": self.translation.tokens.size}))
        self.encoded = [self._encode(pair) for pair in self.phrases.train]

    def _encode(self, pair: Pair) -> tuple[list[int], list[int]]:
        return self.translation.encode(pair[0]), self.translation.encode(pair[1])

    @property
    def examples(self) -> int:
        """How many pairs are trained on."""
        return len(self.encoded)

    def network(self) -> nn.Module:
        """The untrained network."""
        return zoo.build(self.config.network, self.config.sizes)

    def batch(self, draw: Draw) -> Batch:
        """Pairs, padded to the longest of them."""
        return padded([self.encoded[i] for i in draw.index[draw.part]], self.translation)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy over the tokens of all translations, their ends included; a scalar."""
        return told(network, batch, self.config.label_smoothing)

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Scores on the pairs set aside."""
        return translation_scores(network, self.translation, self.phrases.validation)

    def final(self, network: nn.Module) -> dict[str, float]:
        """Scores on held-out pairs, and how many of those trained on come out exactly."""
        return final_scores(network, self.translation, self.phrases)

    def name(self, index: int) -> str:
        """Which pair it is."""
        return repr(self.phrases.train[index][0])

    def about(self) -> About:
        """What the card says."""
        phrases, config = self.phrases, self.config
        source, target = (torch.tensor([ids]) for ids in self._encode(phrases.test[0]))
        sizes = {**config.sizes, "fused": 0} if "fused" in config.sizes else dict(config.sizes)
        return About(
            examples=len(phrases.train),
            aside=len(phrases.validation),
            held_out=len(phrases.test),
            split=f"trained on {len(phrases.train):,} pairs; checkpoint chosen by {len(phrases.validation)}; tested on "
            f"{len(phrases.test)} others",
            inputs=(source, target),
            card={"sizes": sizes, "translation": self.translation.record()},
        )


def chosen(phrases: Phrases, translation: Translation, longest: int = 0, scored: int = 0) -> Phrases:
    """The pairs that a run trains on and is scored by; see TranslationConfig."""

    def fit(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
        if not longest:
            return tuple(pairs)
        return tuple(pair for pair in pairs if all(len(translation.encode(text)) - 2 <= longest for text in pair))

    def spread(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
        if not scored or len(pairs) <= scored:
            return pairs
        return tuple(pairs[i * len(pairs) // scored] for i in range(scored))

    return Phrases(
        phrases.name,
        phrases.read,
        phrases.written,
        fit(phrases.train),
        spread(fit(phrases.validation)),
        spread(fit(phrases.test)),
    )


def told(network: nn.Module, batch: Batch, smoothing: float = 0.0) -> Tensor:
    """The mean of -ln p over the tokens that should come, a scalar."""
    logits = network(batch.source, batch.target[:, :-1], batch.seen)  # (B, T, V)
    wanted = batch.target[:, 1:].masked_fill(~batch.counts, -100)
    return F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100, label_smoothing=smoothing)


def translation_scores(network: nn.Module, translation: Translation, pairs: Sequence[Pair]) -> dict[str, float]:
    """How well pairs are translated.

    Returns:
        nats: the mean of -ln p of a translation's tokens, of each pair's own length.
        exact: the share that greedy search writes to the letter, but for capitals.
    """
    training = network.training
    network.eval()
    try:
        encoded = [(translation.encode(first), translation.encode(second)) for first, second in pairs]
        with torch.inference_mode():
            nats = count = 0.0
            for first in range(0, len(encoded), AT_ONCE):
                batch = padded(encoded[first : first + AT_ONCE], translation)
                tokens = int(batch.counts.sum())
                nats, count = nats + tokens * told(network, batch).item(), count + tokens
        found = translate(network, translation, [first for first, _ in pairs])
    finally:
        network.train(training)
    right = sum(translation.decode(ids) == text for (_, ids), text in zip(encoded, found, strict=True))
    return {"nats": nats / count, "exact": right / len(pairs)}


def final_scores(network: nn.Module, translation: Translation, phrases: Phrases) -> dict[str, float]:
    """Scores on held-out pairs, and `exact_train` on those that were trained on, where they are few enough."""
    if len(phrases.train) > FEW:
        return translation_scores(network, translation, phrases.test)
    trained = translation_scores(network, translation, phrases.train)["exact"]
    return {**translation_scores(network, translation, phrases.test), "exact_train": trained}
