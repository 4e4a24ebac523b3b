"""Beam search against looking at every text there is, and against transformers'."""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
import transformers
from torch import Tensor

from glasswork.generation import beam_search
from glasswork.generation.beams import path

SIZE = 4


def following(written: Sequence[int]) -> Tensor:
    at = sum((token + 1) * SIZE**i for i, token in enumerate(written))
    return torch.randn(SIZE, generator=torch.Generator().manual_seed(at)) * 2


def total(text: Sequence[int]) -> float:
    return sum(following(text[:i]).double().log_softmax(0)[token].item() for i, token in enumerate(text))


def test_as_wide_as_all_texts_it_finds_the_best_of_all() -> None:
    best = max(itertools.product(range(SIZE), repeat=3), key=total)
    nodes, chosen = beam_search(following, SIZE**2, 3)
    assert [nodes[i].token for i in chosen] == list(best)
    assert abs(nodes[chosen[-1]].total - total(best)) < 1e-9


def test_every_node_has_its_own_total_and_one_beam_is_greedy() -> None:
    nodes, _ = beam_search(following, 3, 5)
    for at, node in enumerate(nodes):
        assert abs(node.total - total(path(nodes, at))) < 1e-9
        assert node.parent < 0 or nodes[node.parent].kept
    assert all(sum(node.kept for node in nodes if node.step == step) == 3 for step in range(5))
    nodes, chosen = beam_search(following, 1, 5)
    text: list[int] = []
    for _ in range(5):
        text.append(int(following(text).argmax()))
    assert [nodes[i].token for i in chosen] == text


def test_it_finds_what_transformers_finds() -> None:
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=40, n_positions=32, n_embd=16, n_layer=2, n_head=2)
    model: Any = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn_like(value) * 0.2)
    prompt = [5, 6, 7]
    theirs = model.generate(
        torch.tensor([prompt]), max_new_tokens=6, num_beams=4, do_sample=False, eos_token_id=-1, pad_token_id=0
    )

    def next_logits(written: Sequence[int]) -> Tensor:
        with torch.inference_mode():
            return model(torch.tensor([[*prompt, *written]])).logits[0, -1]

    nodes, chosen = beam_search(next_logits, 4, 6)
    assert [nodes[i].token for i in chosen] == theirs[0, 3:].tolist()
