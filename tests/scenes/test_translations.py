"""What the page asks of a translator: a tree as a plain search finds it, torch's own attention, parts that add up."""

from __future__ import annotations

import json
import struct
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from glasswork import recipes, zoo
from glasswork.data.phrases import load_phrases
from glasswork.errors import GlassworkError
from glasswork.scenes.messages import speaking as s
from glasswork.scenes.messages import translating as p
from glasswork.scenes.respond import Respondent
from glasswork.zoo import Translation
from sword import write_verses

SESSION: Any = SimpleNamespace(cancelled=threading.Event(), inputs=None, files=None)
NAME = "translate-en-fr"
TEXT = "two hearts"


@pytest.fixture(scope="module")
def respond() -> Respondent:
    return Respondent()


@pytest.fixture(scope="module")
def module() -> Any:
    return zoo.load(NAME).module


@pytest.fixture(scope="module")
def words() -> Translation:
    found = zoo.load(NAME).translation
    assert found
    return found


def ask(respond: Respondent, request: Any) -> tuple[Any, list[np.ndarray]]:
    """The first answer, and its arrays."""
    (found,) = respond(request, SESSION)
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


def pair(respond: Respondent, **given: Any) -> tuple[Any, list[np.ndarray]]:
    """Encoder and decoder on the text's own translation."""
    tree, _ = ask(respond, p.Translate(request=1, network=NAME, text=TEXT))
    ids = [tree.branches[at].word.id for at in tree.best[:-1]]
    return ask(respond, p.OpenPair(request=2, source=tree.source, written=ids, **{"position": 1, **given}))


def opened(respond: Respondent, source: str, layer: int, head: int, column: int, token: int) -> Any:
    """A head from the decoder to the encoder, at the position that is looked at."""
    place: dict[str, Any] = {"part": "cross", "layer": layer, "head": head, "row": 1, "column": column}
    return ask(respond, p.OpenPairHead(request=3, source=source, position=1, token=token, **place))[0]


def searched(module: Any, words: Translation, text: str, beams: int, penalty: float) -> tuple[dict[Any, float], Any]:
    """Beam search in plain words: all texts that were kept or ended, with their totals, and the best of them."""
    source = torch.tensor([words.encode(text)])
    living: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    kept: dict[tuple[int, ...], float] = {}
    ended: dict[tuple[int, ...], float] = {}
    while living and len(ended) < beams:
        grown: list[tuple[tuple[int, ...], float]] = []
        for ids, total in living:
            with torch.no_grad():
                told = module(source, torch.tensor([[words.start, *ids]]))[0, -1].double().log_softmax(0).tolist()
            grown += [((*ids, token), total + value) for token, value in enumerate(told)]
        living = []
        for ids, total in sorted(grown, key=lambda one: -one[1]):
            if len(living) == beams:
                break
            kept[ids] = total
            if ids[-1] == words.end:
                ended[ids] = total
            else:
                living.append((ids, total))
    return kept, max(ended, key=lambda ids: ended[ids] / len(ids) ** penalty)


@pytest.mark.parametrize(("beams", "penalty"), [(1, 1.0), (3, 0.0), (4, 2.0)])
def test_the_tree_is_what_a_search_in_plain_words_keeps(
    beams: int, penalty: float, respond: Respondent, module: Any, words: Translation
) -> None:
    tree, _ = ask(respond, p.Translate(request=1, network=NAME, text=TEXT, beams=beams, penalty=penalty))

    def ids(at: int) -> tuple[int, ...]:
        one = tree.branches[at]
        return (*(ids(one.parent) if one.parent >= 0 else ()), one.word.id)

    kept, best = searched(module, words, TEXT, beams, penalty)
    found = {ids(at): one.total.value for at, one in enumerate(tree.branches) if one.kept}
    assert found.keys() == kept.keys()
    assert all(found[one] == pytest.approx(kept[one], abs=1e-4) for one in kept)
    assert ids(tree.best[-1]) == best
    assert tree.translation == words.decode(best)
    for at, one in enumerate(tree.branches):
        assert one.worth.value == pytest.approx(one.total.value / len(ids(at)) ** penalty)
        assert one.text == (words.decode(ids(at)) if one.kept and one.ended else "")


def torchs_weights(module: Any, source: Tensor, target: Tensor) -> list[Tensor]:
    """Every attention's weights by torch.nn.Transformer's own modules, (H, rows, columns), in the order of the pass."""
    core, width = module.core, module.width
    layers = len(core.encoder.layers)
    hidden, heads = core.encoder.layers[0].linear1.out_features, core.encoder.layers[0].self_attn.heads
    theirs = nn.Transformer(width, heads, layers, layers, hidden, dropout=0.0, batch_first=True).eval()
    theirs.load_state_dict(core.state_dict())
    found: list[Tensor] = []

    def keep(part: Any, given: Any, named: Any) -> Any:
        return given, {**named, "need_weights": True, "average_attn_weights": False}

    for part in theirs.modules():
        if isinstance(part, nn.MultiheadAttention):
            part.register_forward_pre_hook(keep, with_kwargs=True)
            part.register_forward_hook(lambda part, given, made: found.append(made[1][0].detach()))
    mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
    source.requires_grad_()  # so that torch does not take the fused path, which has no weights
    theirs(source, target, tgt_mask=mask)
    return found


def test_all_weights_are_those_of_torchs_own_attention(respond: Respondent, module: Any) -> None:
    read, (_, _, _, encoder, decoder, cross) = pair(respond)
    ids = [torch.tensor([[int(one["id"]["value"]) for one in side]]) for side in (read.read, read.written)]
    wanted = torchs_weights(module, *(module.embed(one).detach() for one in ids))
    ours = [*encoder, *(one for layer in zip(decoder, cross, strict=True) for one in layer)]
    assert len(wanted) == len(ours) == 3 * read.layers
    for one, other in zip(wanted, ours, strict=True):
        torch.testing.assert_close(one, torch.tensor(other), atol=1e-5, rtol=1e-4)
    assert np.triu(decoder[0, 0], 1).max() == 0


def test_the_parts_add_up_to_the_logit(respond: Respondent, module: Any, words: Translation) -> None:
    read, _ = pair(respond)
    written = [int(one["id"]["value"]) for one in read.written]
    with torch.no_grad():
        logits = module(torch.tensor([words.encode(TEXT)]), torch.tensor([written]))[0, 1].double()
    token = read.followed["id"]
    parts = [read.embedding, read.bias, read.heads_sum, read.cross_sum, read.mlps_sum]
    wanted = (logits[token] - logits.mean()).item()
    assert sum(one["value"] for one in parts) == pytest.approx(wanted, abs=1e-4)
    assert read.error < 1e-5
    assert sum(one["cross"]["value"] for one in read.adds) == pytest.approx(read.cross_sum["value"])
    layer, head, column = read.head
    given = opened(respond, read.source, layer, head, column, token)
    assert given.rest["value"] == pytest.approx(read.gift["value"], abs=1e-6)
    assert sum(one["value"] for one in given.gives) == pytest.approx(given.rest["value"], abs=1e-6)
    assert sum(one["value"] for one in given.weights) == pytest.approx(1, abs=1e-5)


def test_a_patched_stream_is_one_more_part_of_the_sum(respond: Respondent) -> None:
    plain, _ = pair(respond)
    given = {"other": "two hands", "followed": plain.followed["id"]}
    patches = [p.PairPatch("decoder", 1, 1), p.PairPatch("encoder", 1, 2)]
    patched, _ = pair(respond, patched=patches, **given)
    parts = [patched.embedding, patched.bias, patched.heads_sum, patched.cross_sum, patched.mlps_sum, patched.patched]
    assert sum(one["value"] for one in parts) == pytest.approx(patched.total["value"], abs=1e-4)
    assert patched.error < 1e-5
    assert patched.before["value"] == plain.probability["value"] != patched.probability["value"]


def test_patching_all_that_was_read_gives_the_other_phrases_answer(
    respond: Respondent, module: Any, words: Translation
) -> None:
    other = "red heart"
    assert len(words.encode(other)) == len(words.encode(TEXT))
    patches = [p.PairPatch("encoder", 0, row) for row in range(len(words.encode(TEXT)))]
    patched, _ = pair(respond, patched=patches, other=other)
    written = torch.tensor([[int(one["id"]["value"]) for one in patched.written]])
    with torch.no_grad():
        wanted = module(torch.tensor([words.encode(other)]), written)[0, 1].double().softmax(0)
    assert patched.probability["value"] == pytest.approx(wanted[patched.followed["id"]].item(), abs=1e-5)
    assert [one["share"]["value"] for one in patched.choices] == pytest.approx(
        [wanted[one["word"]["id"]].item() for one in patched.choices], abs=1e-5
    )


def test_backward_is_what_autograd_says(respond: Respondent, module: Any, words: Translation) -> None:
    read, _ = pair(respond)
    token = read.followed["id"]
    slopes, (encoder, decoder) = ask(respond, p.OpenPairSlopes(request=4, source=read.source, position=1, token=token))
    source, target = (torch.tensor([[int(one["id"]["value"]) for one in side]]) for side in (read.read, read.written))
    given = [module.embed(one).detach().requires_grad_() for one in (source, target)]
    parameters = dict(module.core.named_parameters())
    logit = torch.nn.functional.linear(module.core(*given), module.embedding.weight.detach())[0, 1, token]
    first, second, *weights = torch.autograd.grad(logit, [*given, *parameters.values()])
    for numbers, lengths, vectors, slope in (
        (slopes.read, encoder, given[0], first),
        (slopes.written, decoder, given[1], second),
    ):
        np.testing.assert_allclose(lengths[0], slope[0].norm(dim=-1), rtol=1e-4, atol=1e-6)
        wanted = (slope[0] * vectors[0]).sum(-1).tolist()
        assert [one["value"] for one in numbers] == pytest.approx(wanted, abs=1e-4)
    assert second[0, 2:].abs().max() == 0 == decoder[:, 2:].max()  # nothing comes from what is written later
    by_name = dict(zip(parameters, weights, strict=True))
    for one in slopes.weights:
        parts = ("linear1", "linear2") if one["part"] == "mlp" else (one["part"],)
        names = tuple(f"{one['side']}.layers.{one['layer']}.{part}." for part in parts)
        whole = torch.cat([value.flatten() for name, value in by_name.items() if name.startswith(names)])
        assert one["slope"]["value"] == pytest.approx(whole.norm().item(), rel=1e-4)
    assert len(slopes.weights) == 5 * read.layers


def test_a_head_that_is_off_gives_nothing(respond: Respondent) -> None:
    plain, _ = pair(respond)
    layer, head, column = plain.head
    token = plain.followed["id"]
    off, _ = pair(respond, off=[p.HeadOff("cross", layer, head)], followed=token)
    assert off.before["value"] == plain.probability["value"] != off.probability["value"]
    assert off.base == plain.source
    given = opened(respond, off.source, layer, head, column, token)
    assert given.rest["value"] == 0
    assert given.off["value"] == given.now["value"]


def test_a_phrase_says_where_it_stands_and_what_is_not_known_of_it(respond: Respondent) -> None:
    phrases = load_phrases("phrases-en-fr")
    trained, held_out = phrases.train[5], next(pair for pair in phrases.test if pair[0] not in dict(phrases.train))
    for (text, reference), place in ((trained, "train"), (held_out, "test")):
        tree, _ = ask(respond, p.Translate(request=1, network=NAME, text=text.upper(), beams=1))
        assert tree.place == place
        assert reference in tree.references
        assert set(tree.others) <= dict((*phrases.train, *phrases.test)).keys() - {text}
    tree, _ = ask(respond, p.Translate(request=1, network=NAME, text="red quixotry <b> مرحبا", beams=1))
    assert (tree.place, tree.references, tree.exact) == ("", [], False)
    assert tree.unknown[0] == "quixotry"
    assert "مرحبا" in tree.unknown
    tree, _ = ask(respond, p.Translate(request=1, network=NAME, text="red heart " * 40, beams=1))
    assert len(tree.pieces) == 40
    assert tree.cut > 0


def test_a_run_of_a_translator_opens_on_its_own_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSWORK_DATA", str(tmp_path))
    write_verses(tmp_path / "sword")
    sizes = {"sizes.width": 16, "sizes.heads": 2, "sizes.hidden": 16, "sizes.depth": 1}
    settings = {**sizes, "merges": 20, "steps": 2, "batch": 4, "save_every": 1, "evaluate_every": 2, "keep": 0}
    list(recipes.run("translate-en-es", out=tmp_path / "runs" / "verses", settings=settings))
    respond, name = Respondent(runs=tmp_path / "runs"), "run:verses@1"
    spoken, _ = ask(respond, s.ListSpoken(request=1, named=name))
    assert {one.name: one.translates for one in spoken.networks}[name]
    tree, _ = ask(respond, p.Translate(request=2, network=name, text="Verse 1 of chapter 4", beams=1))
    assert tree.languages == ["English", "Spanish"]
    read, _ = ask(respond, p.OpenPair(request=3, source=tree.source, written=[], position=0))
    assert read.error < 1e-5
    spoken, _ = ask(respond, s.ListSpoken(request=4, named="run:nothing@1"))
    assert not [one for one in spoken.networks if one.name.startswith("run:")]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"text": " \n"}, "nothing to translate"),
        ({"beams": 9}, "can't be searched"),
        ({"penalty": -1}, "can't be searched"),
        ({"network": "gpt-moby"}, "does not translate"),
    ],
)
def test_what_can_not_be_translated_says_why(asked: dict[str, Any], said: str, respond: Respondent) -> None:
    with pytest.raises(GlassworkError, match=said):
        ask(respond, p.Translate(**{"request": 1, "network": NAME, "text": TEXT, **asked}))


def test_what_is_not_there_can_not_be_opened(respond: Respondent) -> None:
    read, _ = pair(respond)
    with pytest.raises(GlassworkError, match="no token 99"):
        pair(respond, position=99)
    with pytest.raises(GlassworkError, match="no such token"):
        pair(respond, followed=10**6)
    with pytest.raises(GlassworkError, match="no head 0·77"):
        pair(respond, off=[p.HeadOff("cross", 0, 77)])
    with pytest.raises(GlassworkError, match="no other phrase"):
        pair(respond, patched=[p.PairPatch("encoder", 0, 2)], other=" ")
    with pytest.raises(GlassworkError, match="no such stream in both"):
        pair(respond, patched=[p.PairPatch("decoder", 99, 0)], other="a dog")
    asked = {"layer": 0, "head": 0, "position": 1, "token": 3}
    with pytest.raises(GlassworkError, match="not seen"):
        ask(respond, p.OpenPairHead(request=1, source=read.source, part="decoder", row=0, column=1, **asked))
    with pytest.raises(GlassworkError, match="reads no text"):
        ask(respond, s.OpenText(request=1, network=NAME, text=TEXT))


def test_a_recurrent_translator_stands_beside_it(respond: Respondent) -> None:
    """Named by the answer, it translates the same phrase, and says where it looked."""
    told, _ = ask(respond, p.Translate(request=1, network=NAME, text="red heart"))
    assert told.beside == "translate-en-fr-rnn"
    other, (looks,) = ask(respond, p.TranslateBeside(request=2, network=told.beside, text="red heart", beams=1))
    loaded = zoo.load(told.beside)
    words, module = loaded.translation, loaded.module
    assert words is not None
    ids, written = torch.tensor([words.encode("red heart")]), [words.start]
    while written[-1] != words.end:
        written.append(int(module(ids, torch.tensor([written]))[0, -1].argmax()))
    assert other.translation == words.decode(written)
    assert other.written == words.pieces(written[1:])
    assert looks.shape == (len(written) - 1, ids.shape[1])
    assert looks.sum(1) == pytest.approx(1, abs=1e-5)
    # The same function and the same phrases for both: what stands in the table is what the cards say.
    for answer, name in ((told.held_out, NAME), (other.scores, told.beside)):
        card = zoo.load(name).card
        assert card is not None
        scores = [one.value if hasattr(one, "value") else one["value"] for one in answer]
        assert scores == [card.scores["exact"], card.scores["nats"]]


def test_only_a_recurrent_translator_stands_beside(respond: Respondent) -> None:
    with pytest.raises(GlassworkError, match="no recurrent translator"):
        ask(respond, p.TranslateBeside(request=1, network=NAME, text="red heart"))
    with pytest.raises(GlassworkError, match="does not translate"):
        ask(respond, p.Translate(request=1, network="translate-en-fr-rnn", text="red heart"))
