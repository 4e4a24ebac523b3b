"""How well a language model tells what comes next."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork.data.tokens import CODE_POINTS, Vocabulary

AT_ONCE = 1 << 14  # tokens


def text_scores(
    module: nn.Module, vocabulary: Vocabulary, text: str, window: int, before: str = "", overlap: int = 0
) -> dict[str, float]:
    """Scores of a language model on a text, each token told from those before it in its window.

    nats = the mean of -ln p(token); accuracy = the part of the tokens that are the likeliest;
    nats_per_char and bits_per_byte = the sum of -ln p over the characters, and -log2 p over the bytes of UTF-8, where a
    character that the vocabulary doesn't have is paid for as one of all others of Unicode;
    nats_unigram = nats of the tokens' frequencies in `before` (each counted once more): what is known without looking
    back.

    Args:
        module: token numbers (B, T) -> logits (B, T, V); its mode is put back.
        vocabulary: its tokens.
        text: at least two tokens; the first is given.
        window: the text is cut into such, which overlap by one token.
        before: the text that it was trained on; none for no nats_unigram.
        overlap: tokens of each window but the first that are read again and not scored again, so that none is told
            from too few before it; less than a window.
    """
    if not 0 <= overlap < window:
        raise ValueError(f"an overlap of {overlap} is not less than a window of {window}")
    ids = torch.from_numpy(vocabulary.encode(text)).long()
    training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            parts = [_told(module, *each) for each in _windows(ids, window, overlap)]
    finally:
        module.train(training)
    total, hits = sum(part[0] for part in parts), sum(part[1] for part in parts)
    count = len(ids) - 1
    unknown = 0
    if vocabulary.kind == "characters":
        unknown = int((ids[1:] == 0).sum())
    whole = total + unknown * math.log(CODE_POINTS - len(vocabulary.letters))
    rest = text[1:] if vocabulary.kind == "characters" else text
    size = len(rest.encode(errors="replace")) - (vocabulary.kind == "bytes")
    found = {
        "nats": total / count,
        "accuracy": hits / count,
        "nats_per_char": whole / len(rest),
        "bits_per_byte": whole / math.log(2) / size,
    }
    if before:
        counts = np.bincount(vocabulary.encode(before), minlength=vocabulary.size) + 1
        found["nats_unigram"] = float(-np.log(counts / counts.sum())[ids[1:].numpy()].mean())
    return found


def _windows(ids: Tensor, window: int, overlap: int) -> Iterator[tuple[Tensor, Tensor, int]]:
    """Inputs, what follows them, (B, T) each, and how many of the first are not scored; the last may be shorter."""
    if len(ids) - 1 <= window:
        yield ids[None, :-1], ids[None, 1:], 0
        return
    stride = window - overlap
    spans = ids.unfold(0, window + 1, stride)  # (N, window + 1)
    yield spans[:1, :-1], spans[:1, 1:], 0
    for some in spans[1:].split(max(1, AT_ONCE // window)) if len(spans) > 1 else ():  # of nothing, split makes one
        yield some[:, :-1], some[:, 1:], overlap
    rest = len(ids) - 1 - (window + (len(spans) - 1) * stride)
    if rest:
        end = ids[-(overlap + rest + 1) :][None]
        yield end[:, :-1], end[:, 1:], overlap


def _told(module: nn.Module, inputs: Tensor, wanted: Tensor, read: int) -> tuple[float, int]:
    device = next(module.parameters()).device
    logits = module(inputs.to(device)).cpu()[:, read:].flatten(0, 1)  # (B T, V)
    wanted = wanted[:, read:].flatten()
    nats = F.cross_entropy(logits.double(), wanted, reduction="sum").item()
    return nats, int((logits.argmax(1) == wanted).sum())
