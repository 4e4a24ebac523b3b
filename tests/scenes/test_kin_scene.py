"""Stable Diffusion XL on the page of text to image, through the U-Net of diffusers: its steps, its layers, and where it
looks at words; each held to what diffusers' own modules say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers as typed
import numpy as np
import pytest
import torch

from answered import SESSION, ask
from glasswork.generation import open_folder
from glasswork.scenes import messages as m
from glasswork.scenes.messages import diffusion as d
from glasswork.scenes.respond import Respondent
from kin_pipelines import saved_kin

diffusers: Any = typed  # its types are not those that it takes and gives

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
PROMPT = "a red heart"
STEP = 2
EMOJI = "sample:shaded-cat-face"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_kin(tmp_path_factory.mktemp("kin"), "xl")


@pytest.fixture(scope="module")
def respond(folder: Path) -> Respondent:
    return Respondent(targets=(f"hf:{folder}",), runs=Path("nowhere"))


@pytest.fixture(scope="module")
def made(respond: Respondent) -> list[Any]:
    how = d.How(prompt=PROMPT, steps=4, seed=3, guidance=2.0, sampler="euler")
    return ask(respond, d.ImagineOn(request=1, model="saved", how=how))


def test_a_run_begins_with_what_the_network_is_told(made: list[Any], folder: Path) -> None:
    (first, vectors), *_ = made
    model = open_folder(folder)
    assert vectors["text"].shape == (16, 24 + 32)
    np.testing.assert_array_equal(vectors["text"], model.conditional([PROMPT])[0][0].numpy())
    assert not vectors["unsaid"].any(), "of XL no words are told as zeros"
    assert first.parameters == sum(
        value.numel() for part in (model.text, model.denoiser, model.autoencoder) for value in part.parameters()
    )


def told_by_diffusers(folder: Path, latent: np.ndarray, time: float, half: str) -> dict[str, torch.Tensor]:
    """What the modules of diffusers' own U-Net make of a step, by their paths; "" for the whole."""
    unet = diffusers.UNet2DConditionModel.from_pretrained(folder / "unet")
    model = open_folder(folder)
    text, pooled = model.conditional([PROMPT]) if half == "with" else model.unconditional("")
    seen: dict[str, torch.Tensor] = {}

    def see(path: str) -> Any:
        return lambda _module, _given, out: seen.__setitem__(path, out[0] if isinstance(out, tuple) else out)

    for path, module in unet.named_modules():
        module.register_forward_hook(see(path))
    more = {"text_embeds": pooled, "time_ids": torch.tensor([[32.0, 32, 0, 0, 32, 32]])}
    with torch.inference_mode():
        noisy = torch.from_numpy(latent.copy())[None]
        unet(noisy, torch.tensor([time]), text, added_cond_kwargs=more, return_dict=False)
    return seen


@pytest.mark.parametrize("half", ["with", "without"])
def test_an_opened_step_shows_what_diffusers_modules_make(
    respond: Respondent, made: list[Any], folder: Path, half: d.Half
) -> None:
    (first, _), *steps, _ = made
    arrays = steps[STEP][1]
    their = told_by_diffusers(folder, arrays[f"latent/{STEP}"], first.moments[STEP]["time"]["value"], half)
    np.testing.assert_allclose(arrays[f"{half}/{STEP}"], their[""][0].numpy(), atol=1e-5)
    ((opened, shown),) = ask(respond, d.OpenMoment(request=2, source=first.source, step=STEP, half=half))
    kinds = [one["kind"] for one in opened.layers]
    assert kinds[0] == "in"
    assert kinds[-1] == "out"
    assert {name: kinds.count(name) for name in set(kinds)} == {
        "in": 1, "out": 1, "res": 2 + 2 + 4, "attn": 1 + 1 + 2, "down": 1, "up": 1,
    }  # fmt: skip
    for one in opened.layers:
        plane = shown[f"unet/{STEP}/{half}/{one['path']}/{one['channel']}"]
        wanted = their[one["path"].removeprefix("unet.")][0, one["channel"]].numpy()
        np.testing.assert_allclose(plane, wanted, atol=1e-4 * max(1, np.abs(wanted).max()))
    looking = [path for path in their if path.endswith(".attn2")]  # in the order in which they ran
    assert [one["path"] for one in opened.looking] == [f"unet.{path}" for path in looking]
    assert opened.layer == len(looking) - 1 == 2 * 4 - 1
    assert opened.error < 1e-5
    path, heads = opened.looking[opened.layer]["path"].removeprefix("unet."), opened.looking[opened.layer]["heads"]
    q, k = (their[f"{path}.{name}"][0].unflatten(-1, (heads, -1)).transpose(0, 1) for name in ("to_q", "to_k"))
    weights = (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).softmax(-1).mean(0)  # (N, T)
    words = 2 + (len(PROMPT.split()) if half == "with" else 0)
    map_ = shown[f"attention/{STEP}/{half}/{opened.layer}/-1"].reshape(words + 1, -1)
    np.testing.assert_allclose(map_[:words], weights[:, :words].T.numpy(), atol=1e-5)
    np.testing.assert_allclose(map_.sum(0), 1, atol=1e-5)


def test_a_picture_is_begun_from_and_painted_over(respond: Respondent) -> None:
    mask = "11110000" * 4 + "00000000" * 4
    how = d.How(prompt=PROMPT, steps=4, start=EMOJI, strength=0.75, mask=mask, sampler="dpm_solver")
    (first, kept), *steps, _ = ask(respond, d.ImagineOn(request=1, model="saved", how=how))
    places = np.array([int(one) for one in mask]).reshape(8, 8)
    assert [one.index for one, _ in steps] == [1, 2, 3]
    for step, arrays in steps:
        to = first.moments[step.index + 1]
        untouched = to["alpha"]["value"] * kept["kept"] + to["sigma"]["value"] * kept["first"]
        moved = np.abs(arrays[f"next/{step.index}"] - untouched)
        assert moved[:, places == 0].max() < 1e-5
        assert moved[:, places == 1].max() > 1e-3


@pytest.mark.parametrize("part", ["denoiser", "decoder", "words"])
def test_each_part_opens_as_a_graph(respond: Respondent, made: list[Any], part: str) -> None:
    given = ""
    if part == "denoiser":
        source = made[0][0].source
        ((opened, _),) = ask(respond, d.OpenMoment(request=2, source=source, step=STEP))
        given = opened.run
    graph = next(iter(respond(m.OpenGraph(request=3, network=f"{part}:saved", input=given), SESSION)))
    assert isinstance(graph, m.Graph)
    assert graph.failure is None
    assert graph.network.title == f"saved · {part}"


def test_one_step_of_training_lessens_the_loss(respond: Respondent) -> None:
    request = d.OpenNoising(request=1, model="saved", picture=EMOJI, prompt=PROMPT, seed=2, time=300)
    ((told, _),) = ask(respond, request)
    assert 0 < told.after["value"] < told.loss["value"]
    assert told.slopes[0]["norm"]["value"] > 0
