"""What a page gets for what it asks: numbers that plain torch gives too, and clear refusals for nonsense."""

from __future__ import annotations

import json
import struct
import threading
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from glasswork import data, zoo
from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.respond import Respondent, parse
from glasswork.server.given import TraceFileStore

NETWORK = "tiny-vgg-emoji"


class Nobody:
    """A session without uploads."""

    cancelled = threading.Event()
    files = TraceFileStore(Path())

    @property
    def inputs(self) -> Nobody:
        return self

    def read(self, name: str, /) -> bytes:
        raise GlassworkError("gone", where=name)


@pytest.fixture(scope="module")
def respondent() -> Respondent:
    return Respondent()


def ask(respondent: Respondent, request: m.Request) -> list[tuple[Any, list[np.ndarray]]]:
    """All answers, decoded as the page decodes them."""
    return [decode(item) for item in respondent(request, Nobody())]


def decode(item: Any) -> tuple[Any, list[np.ndarray]]:
    if not isinstance(item, (str, bytes)):
        return item, []
    if isinstance(item, str):
        return msgspec.json.decode(item, type=m.Answer), []
    (length,) = struct.unpack("<I", item[:4])
    answer = msgspec.json.decode(item[4 : 4 + length].rstrip(), type=m.Answer)
    arrays, offset = [], 4 + length
    for entry in getattr(answer, "arrays", []):
        array = np.frombuffer(item, entry.dtype, int(np.prod(entry.shape)), offset).reshape(entry.shape)
        arrays.append(array)
        offset += -(-array.nbytes // 8) * 8
    return answer, arrays


def sample() -> str:
    return f"sample:{zoo.load(NETWORK).samples[0]}"


def test_the_maps_are_the_networks_own_tensors(respondent: Respondent) -> None:
    (scene, _), (maps, arrays) = ask(respondent, m.OpenScene(request=1, network=NETWORK, input=sample()))
    network = zoo.load(NETWORK)
    assert network.preprocess
    (x,) = network.preprocess(data.sample(sample()).picture).inputs
    seen: dict[str, torch.Tensor] = {"input": x}
    for name, part in network.module.named_modules():
        part.register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out))
    logits = network.module(x)
    assert scene.chosen == int(logits.argmax())
    for entry, array in zip(maps.arrays, arrays, strict=True):
        path, _, what = entry.ref.partition("#")[2].rpartition("@")
        if what == "value":
            assert np.array_equal(array, seen[path].detach().numpy()), path
    probabilities = torch.softmax(logits, -1)[0]
    for given, wanted in zip(scene.classes, probabilities, strict=True):
        assert given.probability.value == pytest.approx(wanted.item(), abs=1e-7)


def test_edges_into_the_score_add_up_to_it(respondent: Respondent) -> None:
    (scene, _), (maps, arrays) = ask(respondent, m.OpenScene(request=1, network=NETWORK, input=sample()))
    edges = next(a for entry, a in zip(maps.arrays, arrays, strict=True) if entry.ref.endswith("#output@edge"))
    bias = dict(zoo.load(NETWORK).module.named_parameters())["output.bias"][scene.chosen].item()
    assert edges[scene.chosen].sum() + bias == pytest.approx(scene.classes[scene.chosen].logit.value, abs=1e-4)


def test_a_card_is_drawn_from_what_adds_up_to_its_value(respondent: Respondent) -> None:
    (scene, _), _ = ask(respondent, m.OpenScene(request=1, network=NETWORK, input=sample()))
    ref = f"{scene.source}#block2.conv2[0,3,10,8]@value"
    ((card, (window, kernel, product, part)),) = ask(respondent, m.ExplainNumber(request=2, ref=ref, limit=4))
    assert np.allclose(window * kernel, product)
    assert np.allclose(product.sum((1, 2)), part)
    bias = next(term for term in card.terms if term.factor is None)
    assert part.sum() + bias.product == pytest.approx(card.value, abs=1e-6)
    assert sum(term.product for term in card.terms) + card.remainder.value == pytest.approx(card.value, abs=1e-6)
    assert [stop.path for stop in card.trail[:2]] == [":softmax", "output"]
    assert card.trail[-1].path == "input"
    assert card.ref in [stop.number.ref for stop in card.trail]
    assert card.source
    assert "self.conv2(" in next(line.text for line in card.source.lines if line.number == card.source.line)
    ((given, _),) = ask(respondent, m.ExplainNumber(request=3, ref=f"{scene.source}#input[0,0,1,1]@value"))
    assert given.source is None


@pytest.mark.parametrize(
    "request_",
    [
        m.OpenScene(request=1, network="no-such-network", input="sample:x"),
        m.OpenScene(request=1, network="os:system", input="sample:x"),
        m.OpenScene(request=1, network="/etc/passwd", input="sample:x"),
        m.OpenScene(request=1, network=NETWORK, input="sample:no-such"),
        m.OpenScene(request=1, network=NETWORK, input="http://127.0.0.1:1/"),
        m.OpenScene(request=1, network=NETWORK, input="upload:0" * 3),
        m.OpenScene(request=1, network=NETWORK, input="sample:twitter-sunglasses", score=10),
        m.OpenScene(request=1, network=NETWORK, input="sample:twitter-sunglasses", score=-1),
        m.ExplainNumber(request=1, ref="trace:0000000000000000#input[0,0,0,0]@value"),
        m.ExplainNumber(request=1, ref="trace:../../etc#input@value"),
        m.FetchTensors(request=1, refs=["x" * 100_000]),
        m.ListSamples(request=1, network="torchvision:no-such-network"),
        m.OpenGraph(request=1, network="timm:../../etc/passwd"),
        m.OpenGraph(request=1, network="hf:/tmp"),
        m.OpenGraph(request=1, network="my.py:make"),
        m.FetchPlane(request=1, ref="trace:0000000000000000#input[0]@value"),
    ],
)
def test_nonsense_is_refused_in_words(respondent: Respondent, request_: m.Request) -> None:
    with pytest.raises(GlassworkError) as refused:
        ask(respondent, request_)
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("at", ["block1.conv1[0,99,0,0]", "block1.conv1[0,0]", "nothing[0]", "block1[0,0,0,0]"])
def test_a_number_that_is_not_there_is_refused_in_words(respondent: Respondent, at: str) -> None:
    (scene, _), _ = ask(respondent, m.OpenScene(request=1, network=NETWORK, input=sample()))
    if at.startswith("block1["):  # a module's name is its last op's
        ask(respondent, m.ExplainNumber(request=2, ref=f"{scene.source}#{at}@value"))
        return
    with pytest.raises(GlassworkError):
        ask(respondent, m.ExplainNumber(request=2, ref=f"{scene.source}#{at}@value"))


def test_the_schema_is_the_one_that_the_pages_types_are_made_of() -> None:
    from pathlib import Path

    committed = Path(__file__).parents[2] / "frontend" / "src" / "lib" / "messages.schema.json"
    assert json.loads(committed.read_text()) == json.loads(json.dumps(m.schema()))


def test_references_are_read_strictly() -> None:
    assert parse("trace:0123456789abcdef#:softmax[0,4]@value") == ("0123456789abcdef", ":softmax", (0, 4), "value")
    for ref in ("", "trace:1#x@value", "trace:0123456789abcdef#x[1,]@value", "trace:0123456789abcdef#x@value\n"):
        with pytest.raises(GlassworkError):
            parse(ref)
