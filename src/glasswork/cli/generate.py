"""`glasswork generate`: write a text on with a language model, or translate it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from glasswork.cli.command import Report
from glasswork.cli.printing import say
from glasswork.cli.usage import UsageError

if TYPE_CHECKING:
    from glasswork.zoo import Network, Translation

LONGEST = 100_000
MOST_BEAMS = 50


@dataclass(kw_only=True)
class Generate(Report):
    """Write a text on with a language model, or into another language, one token after another."""

    prompt: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PROMPT")]
    """The text that is read first."""
    network: Annotated[str, tyro.conf.arg(metavar="N", help_behavior_hint="(default: gpt-moby)")] = "gpt-moby"
    """A language model: one that ships, smollm2-135m, hf:FOLDER or a run folder; or a network that translates."""
    tokens: Annotated[int, tyro.conf.arg(metavar="N")] = 60
    """The most tokens to write."""
    temperature: Annotated[float, tyro.conf.arg(metavar="T")] = 1.0
    """What logits are divided by; 0 for always the likeliest."""
    top_k: Annotated[int, tyro.conf.arg(metavar="K")] = 0
    """How many of the likeliest tokens may be drawn; 0 for all."""
    top_p: Annotated[float, tyro.conf.arg(metavar="P")] = 1.0
    """Which share of the probability those that may be drawn have at least."""
    min_p: Annotated[float, tyro.conf.arg(metavar="P")] = 0.0
    """The least probability that may be drawn, as a part of the likeliest's."""
    seed: Annotated[int, tyro.conf.arg(metavar="S")] = 0
    """Of the draws."""
    beams: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Of a translation: how many beginnings are kept at each step; 1 takes the likeliest token each time."""

    def result(self) -> dict[str, Any]:
        """The contract's text and tokens."""
        if not 1 <= self.tokens <= LONGEST:
            why = f"it is {self.tokens}; 1 to {LONGEST:,} can be written"
            raise UsageError("--tokens is out of range", where="glasswork generate", why=why)
        from glasswork import networks, zoo
        from glasswork.errors import GlassworkError
        from glasswork.generation import Sampling, decode, reader

        how = Sampling(self.temperature, self.top_k, self.top_p, self.min_p)
        network = zoo.load(self.network)
        if network.translation is not None:
            return self._translated(network, network.translation)
        if self.network == "smollm2-135m" and network.weights == "random":
            raise GlassworkError(
                "the weights of smollm2-135m are not on this machine",
                where="glasswork generate",
                todo="glasswork data fetch smollm2-135m gets them (98 MB).",
            )
        networks.fuse(network.module)
        reads, words = reader(network)
        ids = words.encode(self.prompt)
        if not ids:
            raise UsageError("there is nothing to write on from", where="PROMPT", why="it makes no token")
        never = frozenset({0}) if words.kind == "characters" else frozenset[int]()
        begun = time.perf_counter()
        found = list(decode(reads, ids, self.tokens, how, seed=self.seed, ends=words.ends, never=never))
        seconds = time.perf_counter() - begun
        written = [one.token for one in found if one.token not in words.ends]
        return {
            "prompt": self.prompt,
            "text": words.decode(written),
            "tokens": [
                {"id": one.token, "text": words.decode([one.token]), "logprob": one.logprob, "share": one.share}
                for one in found
            ],
            "seconds_per_token": seconds / max(1, len(found)),
            "network": self.network,
            "read": len(ids),
            "cut": max((one.first for one in found), default=0),
        }

    def _translated(self, network: Network, translation: Translation) -> dict[str, Any]:
        if not 1 <= self.beams <= MOST_BEAMS:
            why = f"it is {self.beams}; 1 to {MOST_BEAMS} beginnings can be kept"
            raise UsageError("--beams is out of range", where="glasswork generate", why=why)
        from glasswork.generation.beams import path
        from glasswork.generation.translation import beams_of

        if not translation.tokens.split(self.prompt):
            raise UsageError("there is nothing to translate", where="PROMPT", why="it makes no token")
        begun = time.perf_counter()
        nodes, best = beams_of(network.module, translation, translation.encode(self.prompt), self.beams)
        seconds = time.perf_counter() - begun
        ids = path(nodes, best[-1])
        texts = translation.texts(ids)
        return {
            "prompt": self.prompt,
            "text": translation.decode(ids),
            "tokens": [
                {"id": id, "text": text, "logprob": nodes[at].logprob}
                for id, text, at in zip(ids, texts, best, strict=True)
            ],
            "seconds_per_token": seconds / max(1, len(ids)),
            "network": self.network,
            "read": len(translation.encode(self.prompt)),
            "cut": 0,
        }

    def show(self, result: dict[str, Any]) -> None:
        """The text alone, so that it can be put behind the prompt."""
        for line in result["text"].split("\n"):
            say(line)
