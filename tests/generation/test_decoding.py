"""Tokens with the cache and without, and as transformers writes them from the same weights."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from glasswork import networks
from glasswork.generation import Cache, Sampling, decode, first_seen
from glasswork.generation.reader import Ours, Reader, Theirs

PROMPT = [3, 1, 4, 1, 5, 9, 2, 6]


def gpt() -> tuple[nn.Module, nn.Module]:
    config = transformers.GPT2Config(vocab_size=90, n_positions=64, n_embd=32, n_layer=3, n_head=4)
    theirs = transformers.GPT2LMHeadModel(config).eval()
    ours = networks.build("gpt", vocabulary=90, context=64, width=32, depth=3, heads=4).eval()
    return ours, theirs


def llama(tied: bool = True) -> tuple[nn.Module, nn.Module]:
    config = transformers.LlamaConfig(
        vocab_size=90, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, tie_word_embeddings=tied, rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
    )  # fmt: skip
    theirs = transformers.LlamaForCausalLM(config).eval()
    ours = networks.build(
        "llama", vocabulary=90, width=32, depth=3, heads=4, groups=2, hidden=48, theta=100_000.0, tied=int(tied)
    )
    return ours.eval(), theirs


@pytest.fixture(params=[gpt, llama], ids=["gpt", "llama"])
def pair(request: pytest.FixtureRequest) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(3)
    make: Callable[[], tuple[nn.Module, nn.Module]] = request.param
    ours, theirs = make()
    with torch.no_grad():
        for value in theirs.parameters():
            value.add_(torch.randn_like(value) * 0.1)  # so that the answers are sure of something
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def written(reader: Reader, count: int = 40, **more: Any) -> list[int]:
    return [one.token for one in decode(reader, PROMPT, count, **more)]


def test_logits_are_those_of_transformers_with_the_cache_and_without(pair: tuple[nn.Module, nn.Module]) -> None:
    ours, theirs = pair
    with torch.inference_mode():
        wanted = theirs(torch.tensor([PROMPT])).logits[0, -1]
    bound = 1e-4 * wanted.abs().max().item()
    for reads in (Ours(ours), Theirs(theirs)):
        past = reads.fresh()
        found = [reads.next(torch.tensor([token]), past) for token in PROMPT]
        torch.testing.assert_close(found[-1], wanted, atol=bound, rtol=0)
        torch.testing.assert_close(reads.next(torch.tensor(PROMPT), None), wanted, atol=bound, rtol=0)


@pytest.mark.parametrize("how", [Sampling(0), Sampling(1.1, top_k=30, top_p=0.95, min_p=0.01)], ids=["greedy", "drawn"])
def test_the_cache_changes_no_token(pair: tuple[nn.Module, nn.Module], how: Sampling) -> None:
    kept, anew = (written(Ours(pair[0]), how=how, seed=7, cache=cache) for cache in (True, False))
    assert kept == anew
    assert written(Theirs(pair[1]), how=how, seed=7) == kept
    if how.temperature:
        assert written(Ours(pair[0]), how=how, seed=8) != kept


def test_greedy_is_transformers_generate(pair: tuple[nn.Module, nn.Module]) -> None:
    ours, theirs = pair
    said: Any = theirs
    tokens = said.generate(torch.tensor([PROMPT]), max_new_tokens=30, do_sample=False, eos_token_id=-1, pad_token_id=0)
    assert written(Ours(ours), 30, how=Sampling(0)) == tokens[0, len(PROMPT) :].tolist()


def test_past_the_context_the_last_ones_are_read_and_the_cache_is_still_right() -> None:
    torch.manual_seed(1)
    reads = Ours(networks.build("gpt", vocabulary=30, context=16, width=16, depth=2, heads=2).eval())
    kept, anew = (list(decode(reads, PROMPT, 60, seed=2, cache=cache)) for cache in (True, False))
    assert [one.token for one in kept] == [one.token for one in anew]
    assert [one.first for one in kept][:10] == [0] * 9 + [8]
    assert (first_seen(16, 16), first_seen(17, 16), first_seen(25, 16), first_seen(900, None)) == (0, 8, 16, 0)


def test_it_stops_at_an_end_and_never_draws_what_it_must_not(pair: tuple[nn.Module, nn.Module]) -> None:
    tokens = written(Ours(pair[0]), 30, seed=1)
    end = tokens[5]
    assert written(Ours(pair[0]), 30, seed=1, ends=frozenset([end])) == tokens[: tokens.index(end) + 1]
    assert end not in written(Ours(pair[0]), 60, seed=1, never=frozenset([end]))


def test_logprob_is_the_networks_own_and_share_what_it_was_drawn_with(pair: tuple[nn.Module, nn.Module]) -> None:
    how = Sampling(0.5, top_k=3)
    text = list(PROMPT)
    for one in decode(Ours(pair[0]), PROMPT, 5, how, seed=4):
        with torch.inference_mode():
            z = pair[1](torch.tensor([text])).logits[0, -1].double()
        assert one.logprob == pytest.approx(z.log_softmax(0)[one.token].item(), abs=1e-4)
        top = (z / 0.5).topk(3)
        place = top.indices.tolist().index(one.token)
        assert one.share == pytest.approx(top.values.softmax(0)[place].item(), abs=1e-4)
        text.append(one.token)


def test_the_rooms_of_a_cache_hold_what_concatenation_would() -> None:
    cache, parts = Cache(), [torch.randn(1, 2, length, 4) for length in (3, 1, 90, 1)]
    keys, values = [cache.extend(0, part, -part) for part in parts][-1]
    torch.testing.assert_close(keys, torch.cat(parts, dim=2), atol=0, rtol=0)
    torch.testing.assert_close(values, -torch.cat(parts, dim=2), atol=0, rtol=0)
    assert (cache.length, cache.bytes) == (95, 2 * 2 * 95 * 4 * 4)
