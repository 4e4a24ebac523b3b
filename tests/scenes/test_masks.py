"""The page of U-Nets, asked without a browser."""

from __future__ import annotations

import io
import json
import struct
import threading
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from glasswork.errors import GlassworkError
from glasswork.scenes.mask_scores import read_runs
from glasswork.scenes.messages import masks as k
from glasswork.scenes.pictures import CUTOUTS
from glasswork.scenes.respond import Respondent
from glasswork.training.composing import held_out_examples

ONE = f"cutout:{CUTOUTS[1]}"


class Given:
    """Pictures by their id."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, name: str, /) -> bytes:
        return self.files[name]


class Session:
    cancelled = threading.Event()
    files: Any = None

    def __init__(self) -> None:
        self.inputs = Given()


@pytest.fixture(scope="module")
def respondent() -> Respondent:
    return Respondent()


def asked(respondent: Respondent, request: Any, session: Session | None = None) -> dict[str, Any]:
    (answer,) = respondent(request, session or Session())
    assert isinstance(answer, bytes)
    return json.loads(answer[4 : 4 + struct.unpack("<I", answer[:4])[0]])


def test_the_loss_is_torchs_and_the_counts_are_those_of_a_hand_count(respondent: Respondent) -> None:
    read = asked(respondent, k.OpenMask(request=1, network="unet-cutouts", input=ONE))
    truth = torch.from_numpy(held_out_examples()[CUTOUTS[1]].mask.astype(np.int64))
    network = respondent.networks.load("unet-cutouts")
    x = respondent.traces.inputs(read["told"][0]["trace"].partition(":")[2])[0]
    logits = network.module(x).detach()
    scored = read["told"][0]["scored"]
    entropy = torch.nn.functional.cross_entropy(logits.double(), truth[None]).item()
    assert scored["cross_entropy"]["value"] == pytest.approx(entropy, rel=1e-9)
    told = logits.argmax(1)[0]
    for kind, row in enumerate(scored["classes"]):
        both, either = ((told == kind) & (truth == kind)).sum(), ((told == kind) | (truth == kind)).sum()
        assert row["both"]["value"] == both
        assert row["true"]["value"] == (truth == kind).sum()
        if either:
            iou = float(both / either)
            assert row["iou"]["value"] == pytest.approx(iou)
            assert row["dice"]["value"] == pytest.approx(2 * iou / (1 + iou))  # one follows from the other
        else:
            assert row["iou"] is None
    assert read["truth"] == "known"
    assert [one["skips"] for one in read["told"]] == [True, False]


def test_the_mask_grows_to_the_whole_networks_and_shut_means_zeros(respondent: Respondent) -> None:
    read = asked(respondent, k.OpenMask(request=1, network="unet-cutouts", input=ONE, threshold=None))
    source, kind = read["told"][0]["source"], read["kind"]
    grown = asked(respondent, k.GrowMask(request=2, source=source, kind=kind))
    assert [one["open"] for one in grown["steps"]] == list(range(read["depth"] + 1))
    whole = read["told"][0]["scored"]["classes"][kind]
    assert grown["steps"][-1]["iou"]["value"] == whole["iou"]["value"]
    module: Any = respondent.networks.load("unet-cutouts").module
    x = respondent.traces.inputs(read["told"][0]["trace"].partition(":")[2])[0]
    hooks = [
        up.convolve.register_forward_pre_hook(
            lambda _, given: (torch.cat([0 * given[0][:, : given[0].shape[1] // 2], given[0].chunk(2, 1)[1]], 1),)
        )
        for up in module.up
    ]
    with torch.no_grad():
        bare = module(x).argmax(1)[0]
    for hook in hooks:
        hook.remove()
    assert grown["steps"][0]["count"]["value"] == (bare == kind).sum()


def test_a_mask_of_another_size_or_class_is_refused(respondent: Respondent) -> None:
    assert read_runs("035s", 64, 3).sum() == 0
    assert read_runs("01kw.21kw", 64, 3).tolist() == [[0] * 64] * 32 + [[2] * 64] * 32
    for words, said in (("035r", "another size"), ("435s", "a class that there is not"), ("0", "no mask")):
        with pytest.raises(GlassworkError, match=said):
            read_runs(words, 64, 3)
    session = Session()

    def upload(name: str, picture: np.ndarray) -> None:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        session.inputs.files[name] = file.getvalue()

    upload("picture", np.full((90, 130, 3), 99, np.uint8))
    upload("other", np.zeros((130, 90), np.uint8))
    upload("odd", np.full((90, 130), 77, np.uint8))
    upload("fits", np.pad(np.full((90, 90), 255, np.uint8), ((0, 0), (20, 20))))
    request = k.OpenMask(request=1, network="unet-cutouts", input="upload:picture", kind=2)

    def given(mask: str) -> dict[str, Any]:
        return asked(respondent, msgspec.structs.replace(request, mask=f"upload:{mask}"), session)

    with pytest.raises(GlassworkError, match="another size") as error:
        given("other")
    assert "90 × 130 pixels, the picture 130 × 90" in error.value.why
    with pytest.raises(GlassworkError, match="grey value 77"):
        given("odd")
    read = given("fits")  # its middle, which the network sees, is all of the followed class
    assert read["told"][0]["scored"]["classes"][2]["true"]["value"] == 64 * 64
    assert read["truth"] == "own"
