"""What the page of language models asks for: parts that add up, patches that give the other run, and clear refusals."""

from __future__ import annotations

import json
import re
import struct
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tokenizers
import torch
import transformers
from tokenizers import models, pre_tokenizers, trainers

from glasswork import zoo
from glasswork.errors import GlassworkError
from glasswork.scenes import language_models, memory
from glasswork.scenes import networks as places
from glasswork.scenes.messages import speaking as s
from glasswork.scenes.respond import Respondent

SESSION: Any = SimpleNamespace(cancelled=threading.Event(), inputs=None, files=None)
TEXT = "the capital of France is"


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model") / request.param
    made: Any = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer: Any = trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator([TEXT] * 3, trainer)
    size = made.get_vocab_size()
    if request.param == "gpt2":
        model: Any = transformers.GPT2LMHeadModel(
            transformers.GPT2Config(vocab_size=size, n_positions=24, n_embd=16, n_layer=3, n_head=2)
        )
    else:
        model = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(
                vocab_size=size,
                hidden_size=16,
                num_hidden_layers=3,
                num_attention_heads=4,
                num_key_value_heads=2,
                intermediate_size=24,
            )
        )
    torch.manual_seed(0)
    for value in model.parameters():
        torch.nn.init.normal_(value, std=0.3)
    model.save_pretrained(folder)
    made.save(str(folder / "tokenizer.json"))
    return f"hf:{folder}"


@pytest.fixture(scope="module")
def respond(target: str) -> Respondent:
    return Respondent(targets=(target,))


def told(respond: Respondent, request: Any) -> list[tuple[Any, list[np.ndarray]]]:
    """All answers, each with its arrays."""
    return [read(found) for found in respond(request, SESSION)]


def ask(respond: Respondent, request: Any) -> tuple[Any, list[np.ndarray]]:
    """The only answer, and its arrays."""
    (found,) = told(respond, request)
    return found


def read(found: Any) -> tuple[Any, list[np.ndarray]]:
    if not isinstance(found, bytes):
        return found, []
    length = struct.unpack("<I", found[:4])[0]
    header = json.loads(found[4 : 4 + length])
    at, arrays = 4 + length, []
    for entry in header["arrays"]:
        count = int(np.prod(entry["shape"]))
        arrays.append(np.frombuffer(found[at : at + 4 * count], np.float32).reshape(entry["shape"]))
        at += -(-4 * count // 8) * 8
    return SimpleNamespace(**header), arrays


def logits_of(target: str, text: str) -> torch.Tensor:
    network = zoo.load(target)
    with torch.inference_mode():
        return network.module(torch.tensor([zoo.tokenizer(network).encode(text)])).logits[0, -1].double()


def test_the_parts_of_the_stream_add_up_to_the_logit(respond: Respondent, target: str) -> None:
    name = respond.networks.speakers()[0].name
    read, (lengths, heads, attention, *begins) = ask(respond, s.OpenText(request=1, network=name, text=TEXT))
    assert len(begins) == (3 if "gpt2" in target else 1)
    np.testing.assert_allclose(sum(begins[:2]), begins[-1], atol=1e-6)
    logits = logits_of(target, TEXT)
    token = read.followed["id"]
    assert token == int(logits.argmax())
    total = read.embedding["value"] + read.heads_sum["value"] + read.mlps_sum["value"]
    total += read.bias["value"] if read.bias else 0
    wanted = (logits[token] - logits.mean()).item()
    assert total == pytest.approx(wanted, abs=1e-4)
    assert read.total["value"] == pytest.approx(wanted, abs=1e-4)
    assert read.error < 1e-5
    assert read.ranks[-1]["value"] == 1
    assert read.probability["value"] == pytest.approx(logits.softmax(0)[token].item(), abs=1e-5)
    length = len(read.pieces)
    assert lengths.shape == (4, length)
    assert attention.shape == (3, heads.shape[1], length, length)
    np.testing.assert_allclose(attention.sum(-1), 1, atol=1e-5)
    opened = s.OpenHead(request=2, source=read.source, layer=1, head=0, row=length - 1, column=0, token=token)
    (head, _), (without, _) = told(respond, opened)
    assert sum(one["value"] for one in head.gives) == pytest.approx(head.rest["value"], abs=1e-5)
    assert head.rest["value"] == pytest.approx(float(heads[1, 0]), abs=1e-5)
    off, _ = ask(
        respond, s.OpenText(request=3, network=name, text=TEXT, switched=[s.Switched("head", 1)], followed=token)
    )
    assert {"ref": without.off.ref, "value": without.off.value} == off.probability


def test_a_text_that_grows_keeps_what_was_read_of_its_tokens(respond: Respondent, target: str) -> None:
    name, how = respond.networks.speakers()[0].name, s.Sampled(temperature=0.7, top_k=5)
    network = zoo.load(target)
    ids, more = zoo.tokenizer(network).encode(TEXT), list[int]()
    for _ in range(3):
        asked = s.OpenText(request=1, network=name, text=TEXT, more=more, how=how, lanes=4)
        (lens, (sure,)), (text, _), (nexts, (outline,)) = told(respond, asked)
        again, (same,) = ask(respond, s.NextTokens(request=2, source=text.source, position=text.position, how=how))
        assert (nexts.choices, nexts.drawn) == (again.choices, again.drawn)
        np.testing.assert_array_equal(outline, same)
        length = len(ids) + len(more)
        assert lens.positions == list(range(length - 4, length))
        with torch.inference_mode():
            module: Any = network.module
            seen = module(torch.tensor([ids + more]), output_hidden_states=True).hidden_states
            norm = module.transformer.ln_f if "gpt2" in target else module.model.norm
            streams = torch.stack([*(norm(one) for one in seen[:-1]), seen[-1]])[:, 0]  # the last comes normed
            wanted = module.lm_head(streams).softmax(-1)[:, lens.positions].max(-1)
        np.testing.assert_allclose(sure, wanted.values, atol=1e-5)
        assert lens.ids == wanted.indices.tolist()
        more = [*more, nexts.drawn["id"]]


def test_patching_every_token_before_the_first_block_gives_the_other_run(respond: Respondent, target: str) -> None:
    name, other = respond.networks.speakers()[0].name, "the France of capital is"
    read, _ = ask(respond, s.OpenText(request=1, network=name, text=TEXT))
    length = len(read.pieces)
    words = zoo.tokenizer(zoo.load(target))
    assert len(words.encode(other)) == length
    switched = [s.Switched("stream", 0, row=row) for row in range(length)]
    patched, _ = ask(respond, s.OpenText(request=2, network=name, text=TEXT, other=other, switched=switched))
    later, _ = ask(
        respond,
        s.OpenText(request=3, network=name, text=TEXT, other=other, switched=[s.Switched("stream", 2, row=length - 1)]),
    )
    assert later.patched["value"] != 0
    assert later.error < 1e-5
    token = patched.followed["id"]
    assert patched.before["value"] == pytest.approx(read.probability["value"])
    assert patched.probability["value"] == pytest.approx(logits_of(target, other).softmax(0)[token].item(), abs=1e-5)


def test_a_block_that_is_off_adds_nothing(respond: Respondent) -> None:
    name = respond.networks.speakers()[0].name
    off, (lengths, *_) = ask(respond, s.OpenText(request=1, network=name, text=TEXT, switched=[s.Switched("block", 1)]))
    np.testing.assert_array_equal(lengths[1], lengths[2])
    assert off.adds[1]["mlp"]["value"] == 0
    one, (_, heads, *_) = ask(
        respond, s.OpenText(request=2, network=name, text=TEXT, switched=[s.Switched("head", 2, 1)])
    )
    assert heads[2, 1] == 0 != heads[2, 0]
    assert one.base != one.source


def test_writing_on_with_a_cache_draws_what_the_table_says(respond: Respondent) -> None:
    name = respond.networks.speakers()[0].name
    how = s.Sampled(temperature=1.2, top_k=20, seed=5)
    read, _ = ask(respond, s.OpenText(request=1, network=name, text=TEXT))
    source, at = read.source, read.position
    wrote, _ = ask(respond, s.Continue(request=2, source=source, position=at, how=how, count=5, texts=2))
    nexts, _ = ask(respond, s.NextTokens(request=3, source=source, position=at, how=how))
    tokens = [one.word.id for one in wrote.texts[0].tokens]
    assert tokens[0] == nexts.drawn["id"]
    more, _ = ask(respond, s.OpenText(request=4, network=name, text=TEXT, more=tokens[:2]))
    third, _ = ask(respond, s.NextTokens(request=5, source=more.source, position=more.position, how=how))
    assert third.drawn["id"] == tokens[2]
    assert wrote.texts[1].seed == 6


def test_slopes_are_autograds(respond: Respondent, target: str) -> None:
    name = respond.networks.speakers()[0].name
    read, _ = ask(respond, s.OpenText(request=1, network=name, text=TEXT))
    token, at = read.followed["id"], read.position
    slopes, (lengths, weights) = ask(respond, s.OpenSlopes(request=2, source=read.source, position=at, token=token))
    network = zoo.load(target)
    module: Any = network.module
    ids = torch.tensor([zoo.tokenizer(network).encode(TEXT)])
    table = module.get_input_embeddings()
    x = table(ids).detach().requires_grad_()
    module(inputs_embeds=x).logits[0, at, token].backward()
    np.testing.assert_allclose(lengths[0], x.grad[0].norm(dim=-1), rtol=1e-3, atol=1e-5)
    if not hasattr(module, "transformer"):  # there the first stream holds the positions, too
        wanted = (x.grad[0] * x[0]).sum(-1)
        np.testing.assert_allclose([one["value"] for one in slopes.tokens], wanted.detach(), rtol=1e-3, atol=1e-4)
    module.zero_grad()
    module(ids).logits[0, at, token].backward()
    parts = np.zeros(weights.shape)  # of each block: attention, MLP, the rest
    whole = 0.0
    for parameter, value in module.named_parameters():
        square = value.grad.double().square().sum().item()
        found = re.search(r"\.(\d+)\.(attn|self_attn|mlp)?", parameter)
        if found:
            parts[int(found[1]), {"attn": 0, "self_attn": 0, "mlp": 1}.get(found[2], 2)] += square
        else:
            whole += square
    np.testing.assert_allclose(weights, parts**0.5, rtol=1e-3, atol=1e-5)
    assert slopes.outside["value"] == pytest.approx(whole**0.5, rel=1e-3)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"text": ""}, "nothing to read"),
        ({"text": "a", "more": [10**6]}, "no such token"),
        ({"text": "a", "followed": 99_999}, "no such token"),
        ({"text": "a", "position": 7}, "no token 7"),
        ({"text": "a", "switched": [s.Switched("head", 9, 0)]}, "no such part"),
        ({"text": "a", "switched": [s.Switched("head", 0, -1)]}, "no such part"),
        ({"text": "a", "switched": [s.Switched("stream", 0)]}, "no other text"),
        ({"text": "the cat", "other": "a", "switched": [s.Switched("stream", 0)]}, "too short"),
        ({"text": "a", "switched": [s.Switched("weight", 0, 0, 0, 0, 1e39)]}, "no number"),
    ],
)
def test_what_does_not_fit_is_said(request_: dict[str, Any], words: str, respond: Respondent) -> None:
    with pytest.raises(GlassworkError, match=words):
        ask(respond, s.OpenText(request=1, network=respond.networks.speakers()[0].name, **request_))


def test_a_network_that_is_too_large_is_refused_before_it_is_loaded(
    respond: Respondent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "is_here", lambda one: True)
    monkeypatch.setattr(memory, "free_memory", lambda: 10**8)
    with pytest.raises(GlassworkError, match=r"takes about 1\.6 GB.*0\.1 GB are free"):
        ask(respond, s.OpenText(request=1, network="smollm2-135m", text="a"))


def test_networks_of_another_form_and_texts_that_are_cut(respond: Respondent) -> None:
    with pytest.raises(GlassworkError, match="/open"):
        ask(respond, s.OpenText(request=1, network="lstm-moby", text="a"))
    name = respond.networks.speakers()[0].name
    read, _ = ask(respond, s.OpenText(request=2, network=name, text="x " * 600))
    assert read.cut > 0
    assert len(read.pieces) == (read.context or 1024)


def test_fewer_tokens_are_read_where_there_is_less_memory(respond: Respondent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four matrices of each head take at most a quarter of what is free."""
    name = respond.networks.speakers()[0].name
    whole, _ = ask(respond, s.OpenText(request=1, network=name, text="ab"))
    monkeypatch.setattr(language_models, "free_memory", lambda: 4 * 16 * whole.layers * whole.heads * 9**2)
    read, _ = ask(respond, s.OpenText(request=2, network=name, text="xy" * 12))
    assert len(read.pieces) == 9
