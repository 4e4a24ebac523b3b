"""A language model: learn to tell each token of a text from those before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import measuring, networks, zoo
from glasswork.data.given import Text, read_text
from glasswork.data.texts import load_text, text_names
from glasswork.data.tokens import Vocabulary
from glasswork.errors import GlassworkError
from glasswork.training.config import Config
from glasswork.training.task import About, Draw, Task

WINDOWS = 6  # the stream of the seed for where windows begin
MOST_ASIDE, MOST_TESTED = 100_000, 1_000_000  # characters that are looked at: a part of a very long text
SAMPLE = 72  # characters


@dataclass(frozen=True, kw_only=True)
class LanguageConfig(Config):
    """A language model's run. Of the network's sizes, those that the text decides are filled in.

    Attributes:
        tokens: characters, or bytes.
        window: tokens that it sees at once in training.
        reach: tokens that it reads on end when it is scored, which a recurrent network can; 0 for a window.
        overlap: of these, tokens that were scored before and are read again, so that none is told from too few.
    """

    tokens: str = "characters"
    window: int = 64
    reach: int = 0
    overlap: int = 0

    def task(self) -> Task:
        """The task on the text that is named."""
        return Language(self)


class Language(Task):
    """Learn the next token by cross-entropy, on windows that begin anywhere in the text.

    Args:
        config: the settings.
        text: it, when it isn't to be read from the config's name.

    Raises:
        GlassworkError: there is no such text, or it is shorter than a window.
    """

    choices: Mapping[str, bool] = {"nats": False, "accuracy": True, "nats_per_char": False, "bits_per_byte": False}
    config: LanguageConfig

    def __init__(self, config: LanguageConfig, text: Text | None = None) -> None:
        if text is None and not config.data.startswith("text:") and config.data not in text_names():
            why = f"{config.data!r} is none" if config.data else "none is named"
            raise GlassworkError("a language model needs a text", where=config.title, why=why, todo="--data text:FILE")
        self.text = text or (load_text(config.data) if config.data in text_names() else read_text(config.data))
        self.vocabulary = Vocabulary.of(config.tokens, self.text.train)
        known = networks.reference(config.network).sizes
        found = {"vocabulary": self.vocabulary.size, "outputs": self.vocabulary.size, "context": config.window}
        found = {name: value for name, value in found.items() if name in known}
        super().__init__(replace(config, sizes={**config.sizes, **found}))
        self.seen = torch.from_numpy(self.vocabulary.encode(self.text.train))
        if self.examples < 1:
            why = f"its first 90 % have {len(self.seen):,} tokens"
            raise GlassworkError(
                f"a window of {config.window} tokens is longer than the text", where=config.data, why=why
            )

    @property
    def reach(self) -> int:
        """How many tokens it reads on end when it is scored."""
        return self.config.reach or self.config.window

    @property
    def examples(self) -> int:
        """At how many places a window can begin."""
        return max(0, len(self.seen) - self.config.window)

    def network(self) -> nn.Module:
        """The untrained network."""
        return zoo.build(self.config.network, self.config.sizes)

    def indices(self, step: int) -> np.ndarray:
        """Where the step's windows begin: drawn with equal chances, since there is no order to go through."""
        random = np.random.default_rng([self.config.seed, WINDOWS, step])
        return random.integers(0, self.examples, self.config.batch)

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Windows, (B, T), and the token that follows each of theirs, (B, T)."""
        starts = torch.from_numpy(draw.index[draw.part])[:, None]
        tokens = self.seen[starts + torch.arange(self.config.window + 1)].long()  # (B, T + 1)
        return tokens[:, :-1], tokens[:, 1:]

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-entropy over all tokens; a scalar."""
        inputs, wanted = batch
        return F.cross_entropy(network(inputs).flatten(0, 1), wanted.flatten())

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Scores on the stretch after the one that is trained on."""
        text = self.text.validation[:MOST_ASIDE]
        return measuring.text_scores(network, self.vocabulary, text, self.reach, overlap=self.config.overlap)

    def final(self, network: nn.Module) -> dict[str, float]:
        """Scores on the text's end."""
        return scored(network, self.vocabulary, self.text, self.reach, self.config.overlap)

    def name(self, index: int) -> str:
        """Where a window begins."""
        return f"the window at token {index:,}"

    def notices(self) -> Sequence[str]:
        """Which characters of the end it can't know."""
        new = sorted({*self.text.validation, *self.text.test} - set(self.vocabulary.letters))
        if self.vocabulary.kind == "bytes" or not new:
            return ()
        return [f"{len(new)} characters of the text's end do not occur in what is trained on: {''.join(new[:20])!r}"]

    def about(self) -> About:
        """What the card says."""
        text, config = self.text, self.config
        tested = min(len(text.test), MOST_TESTED)
        sizes = {**config.sizes, "fused": 0} if "fused" in config.sizes else dict(config.sizes)
        return About(
            examples=len(self.seen),
            aside=min(len(text.validation), MOST_ASIDE),
            held_out=tested,
            split=f"trained on the first {len(text.train):,} characters; checkpoint chosen by the next "
            f"{min(len(text.validation), MOST_ASIDE):,}; tested on {tested:,} of its end",
            inputs=(torch.zeros(1, config.window, dtype=torch.long),),
            card={
                "sizes": sizes,  # opened with the steps written out, where it was trained with PyTorch's kernels
                "text": {
                    "tokens": self.vocabulary.kind,
                    "letters": self.vocabulary.letters,
                    "window": self.reach,
                    "overlap": config.overlap,
                    "sample": text.test[:SAMPLE],
                },
            },
        )


def scored(network: nn.Module, vocabulary: Vocabulary, text: Text, window: int, overlap: int = 0) -> dict[str, float]:
    """Scores on a text's end, beside those of its tokens' frequencies."""
    end = text.test[:MOST_TESTED]
    return measuring.text_scores(network, vocabulary, end, window, before=text.train, overlap=overlap)
