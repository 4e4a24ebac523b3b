"""The page of Vision Transformers, asked without a browser."""

from __future__ import annotations

import json
import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glasswork import zoo
from glasswork.errors import GlassworkError
from glasswork.scenes.messages import vision as v
from glasswork.scenes.messages.seeing import ListSeeing, Seeing
from glasswork.scenes.respond import Respondent

SMALL = "vit:size=28,channels=1,classes=10,patch=7,width=24,depth=3,heads=3,hidden=48"


class Nothing:
    def read(self, name: str, /) -> bytes:
        raise GlassworkError(f"nothing was given as {name}", where="")


class Nobody:
    cancelled = threading.Event()
    inputs = Nothing()
    files: Any = None


@pytest.fixture(scope="module")
def respondent() -> Respondent:
    return Respondent(targets=(SMALL,))


def asked(respondent: Respondent, request: Any) -> dict[str, Any]:
    (answer,) = respondent(request, Nobody())
    assert isinstance(answer, bytes)
    return json.loads(answer[4 : 4 + struct.unpack("<I", answer[:4])[0]])


def frame(respondent: Respondent, request: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The answer, and its arrays by the first word of their path."""
    (answer,) = respondent(request, Nobody())
    assert isinstance(answer, bytes)
    at = 4 + struct.unpack("<I", answer[:4])[0]
    header, arrays = json.loads(answer[4:at]), {}
    for entry in header["arrays"]:
        kind = np.dtype(entry["dtype"])
        values = np.frombuffer(answer, kind, int(np.prod(entry["shape"])), at)
        arrays[entry["ref"].partition("#")[2].partition("@")[0].partition("/")[0]] = values
        at += -(-values.nbytes // 8) * 8
    return header, arrays


def test_what_parts_add_is_the_logit_above_the_mean(respondent: Respondent) -> None:
    read = asked(respondent, v.OpenPatches(request=1, network=SMALL))
    assert read["untrained"]  # and the page says so
    logits = torch.tensor([one["logit"]["value"] for one in read["classes"]])
    told = read["sum"]
    parts = [told[name]["value"] for name in ("embedding", "heads_sum", "mlps_sum", "bias")]
    assert sum(parts) == pytest.approx(told["total"]["value"], abs=1e-9)
    network = respondent.networks.load(SMALL)
    trace = respondent.traces.get(read["source"].partition(":")[2])
    all_logits = network.module(trace.value("input").tensor)[0]
    assert told["total"]["value"] == pytest.approx((all_logits.max() - all_logits.mean()).item(), abs=1e-4)
    assert torch.allclose(logits, all_logits.sort(descending=True).values[: len(logits)].detach())
    assert told["error"] <= 1e-6


def test_a_hidden_patch_is_one_whose_embedding_is_nothing(respondent: Respondent) -> None:
    plain = asked(respondent, v.OpenPatches(request=1, network=SMALL))
    hidden = asked(
        respondent,
        v.OpenPatches(
            request=1,
            network=SMALL,
            switched=[v.SwitchedPart("patch", token=6)],
            followed=plain["followed"]["index"],
        ),
    )
    module: Any = respondent.networks.load(SMALL).module
    x = respondent.traces.get(plain["source"].partition(":")[2]).value("input").tensor
    patches = module.conv_proj(x).flatten(2).transpose(1, 2)
    patches[:, 5] = 0  # the class token is the first of all tokens
    tokens = torch.cat([module.class_token, patches], 1)
    wanted = module.heads(module.encoder(tokens)[:, 0]).softmax(-1)[0, plain["followed"]["index"]].item()
    assert hidden["followed"]["probability"]["value"] == pytest.approx(wanted, abs=1e-6)
    assert hidden["before"]["value"] == plain["followed"]["probability"]["value"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (v.OpenPatches(request=1, network="tiny-vgg-fashion"), "can't be shown on this page"),
        (v.OpenPatches(request=1, network=SMALL, token=17), "there is no token 17"),
        (v.OpenPatches(request=1, network=SMALL, followed=-1), "there is no class -1"),
        (v.OpenPatches(request=1, network=SMALL, switched=[v.SwitchedPart("head", 3, 0)]), "no such part"),
        (v.OpenPatches(request=1, network="../vit"), "network"),
        (v.OpenPatchSlopes(request=1, source="patches:0123456789abcdef", followed=0), "not known"),
    ],
)
def test_what_does_not_fit_is_refused(respondent: Respondent, request_: Any, said: str) -> None:
    with pytest.raises(GlassworkError, match=said):
        asked(respondent, request_)


def test_a_head_out_of_bounds_is_refused(respondent: Respondent) -> None:
    source = asked(respondent, v.OpenPatches(request=1, network=SMALL))["source"]
    for layer, head, token, column in ((3, 0, 0, 0), (0, 3, 0, 0), (0, 0, 17, 0), (0, 0, 0, -1)):
        with pytest.raises(GlassworkError, match="there is no head"):
            asked(
                respondent,
                v.OpenPatchHead(
                    request=1, source=source, layer=layer, head=head, token=token, followed=0, column=column
                ),
            )


def test_the_shipped_one_is_better_than_its_bar() -> None:
    card = zoo.load("vit-fashion").card
    assert card is not None
    assert card.scores["accuracy"] >= 0.88
    assert not asked(Respondent(), v.OpenPatches(request=1, network="vit-fashion"))["untrained"]


STRIKES = "vit_saliency:size=32,patch=8,places=3,width=24,depth=3,heads=3,hidden=48,decoded=8"


@pytest.fixture(scope="module")
def looker() -> Respondent:
    return Respondent(targets=(STRIKES,))


def test_one_that_names_no_class_says_what_strikes(looker: Respondent) -> None:
    read = asked(looker, v.OpenPatches(request=1, network=STRIKES, token=3))
    module: Any = looker.networks.load(STRIKES).module
    x = looker.traces.get(read["source"].partition(":")[2]).value("input").tensor
    with torch.no_grad():
        strikes = module(x)[0, 0].sigmoid()
    assert read["map"] == [32, 32]
    assert read["followed"]["index"] == int(strikes.argmax())
    assert read["followed"]["probability"]["value"] == pytest.approx(strikes.max().item(), abs=1e-6)
    assert read["followed"]["logit"]["value"] == pytest.approx(strikes.max().logit().item(), abs=1e-4)
    assert (read["sum"], read["classes"], read["others"]) == (None, [], [])
    head = asked(looker, v.OpenPatchHead(request=2, source=read["source"], layer=1, head=2, token=0, followed=5))
    assert (head["gives"], head["rest"]) == ([], None)


def test_its_lens_ends_with_what_it_answers_and_a_block_that_is_off_changes_nothing(looker: Respondent) -> None:
    off = [v.SwitchedPart("block", 1)]
    answers = [frame(looker, v.OpenPatches(request=1, network=STRIKES, switched=off)) for _ in range(2)]
    read, arrays = answers[0]
    lens = arrays["lens"].reshape(4, 17)
    strikes = arrays["strikes"].reshape(32, 32)
    patches = strikes.reshape(4, 8, 4, 8).mean((1, 3)).flatten()
    np.testing.assert_allclose(lens[-1, 1:], patches, atol=1e-6)
    np.testing.assert_array_equal(lens[1], lens[2])
    assert not np.array_equal(lens[0], lens[1])
    assert lens[-1, 0] == pytest.approx(patches.mean(), abs=1e-6)
    assert read["before"]["value"] != read["followed"]["probability"]["value"]
    np.testing.assert_array_equal(answers[1][1]["lens"], arrays["lens"])


def test_backward_from_a_pixel_is_autograds(looker: Respondent) -> None:
    read = asked(looker, v.OpenPatches(request=1, network=STRIKES))
    followed = 7 * 32 + 11
    _, arrays = frame(looker, v.OpenPatchSlopes(request=2, source=read["source"], followed=followed))
    module: Any = looker.networks.load(STRIKES).module
    x = looker.traces.get(read["source"].partition(":")[2]).value("input").tensor.clone().requires_grad_()
    module(x)[0, 0, 7, 11].backward()
    assert x.grad is not None
    np.testing.assert_allclose(arrays["pixelslope"], x.grad.flatten(), atol=1e-7)


def test_weights_that_are_not_here_are_listed_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSWORK_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    respondent = Respondent()
    (listed,) = respondent(ListSeeing(request=1, page="vit"), Nobody())
    assert isinstance(listed, Seeing)
    assert {one.name: one.here for one in listed.networks} == {"vit-s-focus": False, "vit_b_16": False}
    for one in listed.networks:
        with pytest.raises(GlassworkError, match="not on this machine") as told:
            asked(respondent, v.OpenPatches(request=2, network=one.name))
        assert f"glasswork data fetch {one.name}" in told.value.todo
        assert f"{one.bytes / 1e6:.0f} MB" in told.value.why
