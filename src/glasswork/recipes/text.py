"""One's own text: `glasswork train text --data text:FILE`, and the same with recurrent networks."""

from __future__ import annotations

from glasswork.recipes._registry import recipe
from glasswork.training import LanguageConfig

RECURRENT = {
    "inputs": 32, "hidden": 128, "outputs": 0, "layers": 1, "bidirectional": 0, "vocabulary": 0, "dropout": 0.0,
    "fused": 1, "pooled": 0,
}  # fmt: skip


@recipe
def text() -> LanguageConfig:
    """A small GPT that tells the next character."""
    sizes = {"vocabulary": 0, "context": 64, "width": 64, "depth": 2, "heads": 4, "dropout": 0.0, "fused": 1}
    return _run("GPT on a text", "gpt", sizes, learning_rate=3e-3)


@recipe
def text_lstm() -> LanguageConfig:
    """An LSTM that tells the next character."""
    return _run("LSTM on a text", "lstm", {**RECURRENT, "highway": 0}, learning_rate=5e-3)


@recipe
def text_gru() -> LanguageConfig:
    """A GRU that tells the next character."""
    return _run("GRU on a text", "gru", RECURRENT, learning_rate=4e-3)


@recipe
def text_rnn() -> LanguageConfig:
    """Elman's network that tells the next character."""
    return _run("RNN on a text", "rnn", RECURRENT, learning_rate=2e-3)


def _run(title: str, network: str, sizes: dict[str, int | float], learning_rate: float) -> LanguageConfig:
    return LanguageConfig(
        title=title,
        network=network,
        sizes=dict(sizes),
        data="",
        licence="as the text",
        steps=1_000,
        batch=16,
        learning_rate=learning_rate,
        clip=1.0,
        average=0.99,
        evaluate_every=200,
        save_every=250,
    )
