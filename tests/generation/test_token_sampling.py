"""What may be drawn and how often, against transformers' own warpers and against counting draws."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from glasswork.errors import GlassworkError
from glasswork.generation import Sampling, drawn, shares, uniform

SETTINGS = [
    Sampling(),
    Sampling(0.7),
    Sampling(1.4, top_k=40),
    Sampling(0.9, top_p=0.8),
    Sampling(1.0, min_p=0.05),
    Sampling(1.2, top_k=200, top_p=0.95, min_p=0.02),
]


def logits(size: int = 5000) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(5)) * 3


def theirs(z: Tensor, how: Sampling) -> Tensor:
    scores, ids = z[None].double(), torch.zeros(1, 1, dtype=torch.long)
    warpers: list[Any] = [TemperatureLogitsWarper(how.temperature)]
    if how.top_k:
        warpers.append(TopKLogitsWarper(how.top_k))
    if how.top_p < 1:
        warpers.append(TopPLogitsWarper(how.top_p))
    if how.min_p:
        warpers.append(MinPLogitsWarper(how.min_p))
    for warper in warpers:
        scores = warper(ids, scores)
    return scores[0].softmax(0)


@pytest.mark.parametrize("how", SETTINGS, ids=str)
def test_the_shares_are_those_of_transformers_over_the_whole_vocabulary(how: Sampling) -> None:
    z = logits()
    torch.testing.assert_close(shares(z, how), theirs(z, how), atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("how", SETTINGS[1:], ids=str)
def test_twenty_thousand_draws_have_these_shares(how: Sampling) -> None:
    z, count = logits(60), 20_000
    expected = theirs(z, how)
    ours = shares(z, how)
    tokens = torch.tensor([drawn(ours, uniform(seed, [1, 2])) for seed in range(count)])
    seen = torch.bincount(tokens, minlength=60).double()
    assert not seen[expected == 0].any()
    large = expected * count >= 5
    observed = [*seen[large].tolist(), seen[~large].sum().item()]
    wanted = [*(expected[large] * count).tolist(), (expected[~large] * count).sum().item()]
    if wanted[-1] < 1:
        observed, wanted = observed[:-1], wanted[:-1]
    assert len(wanted) > 1
    squares = sum((o - w) ** 2 / w for o, w in zip(observed, wanted, strict=True))
    freedom = torch.tensor((len(wanted) - 1) / 2, dtype=torch.float64)
    assert torch.special.gammaincc(freedom, torch.tensor(squares / 2, dtype=torch.float64)) > 1e-4


def test_by_hand() -> None:
    z = torch.tensor([2.0, 1.0, 0.0]) * math.log(2)  # 4 : 2 : 1
    assert shares(z, Sampling()).tolist() == pytest.approx([4 / 7, 2 / 7, 1 / 7])
    assert shares(z, Sampling(0.5)).tolist() == pytest.approx([16 / 21, 4 / 21, 1 / 21])
    assert shares(z, Sampling(top_k=2)).tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    assert shares(z, Sampling(top_p=0.5)).tolist() == pytest.approx([1, 0, 0])
    assert shares(z, Sampling(top_p=0.6)).tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    assert shares(z, Sampling(min_p=0.3)).tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    assert shares(z, Sampling(0)).tolist() == [1, 0, 0]
    assert drawn(torch.tensor([0.5, 0.0, 0.5]), 0.5) == 2


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -1}, {"temperature": math.nan}, {"top_k": -3}, {"top_p": 0}, {"top_p": 1.5}, {"min_p": math.inf}],
)
def test_what_is_out_of_range_is_named(wrong: dict[str, float]) -> None:
    with pytest.raises(GlassworkError, match=next(iter(wrong)).replace("_", "-")):
        Sampling(**wrong)  # pyright: ignore[reportArgumentType]
