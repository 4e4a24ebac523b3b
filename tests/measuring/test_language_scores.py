"""Windows that overlap: each token is scored once, and told from at least as many as overlap, against a plain loop."""

import pytest
import torch
import torch.nn.functional as F

from glasswork import measuring, networks
from glasswork.data.tokens import Vocabulary


@pytest.mark.parametrize(
    ("length", "window", "overlap"), [(101, 16, 8), (100, 16, 0), (97, 16, 12), (12, 16, 8), (20, 16, 0)]
)
def test_every_token_is_scored_once(length: int, window: int, overlap: int) -> None:
    torch.manual_seed(0)
    vocabulary = Vocabulary("characters", "abcdef")
    module = networks.build("gpt", vocabulary=7, context=16, width=12, depth=1, heads=2).eval()
    ids = torch.randint(1, 7, (length,), generator=torch.Generator().manual_seed(length))
    text = vocabulary.decode(ids.tolist())
    total, done = 0.0, 0
    while done < length - 1:
        begin = max(0, done - overlap) if done else 0
        end = min(begin + window, length - 1)
        with torch.no_grad():
            logits = module(ids[None, begin:end])[0, done - begin :].double()
        total += F.cross_entropy(logits, ids[done + 1 : end + 1], reduction="sum").item()
        done = end
    found = measuring.text_scores(module, vocabulary, text, window, overlap=overlap)
    assert found["nats"] == pytest.approx(total / (length - 1), abs=1e-6)
