"""What the page of text to image asks for: steps that add up, layers of the very run, and clear refusals (CHECKS C14,
C24, C28-C31)."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from answered import SESSION, ask, read
from glasswork import zoo
from glasswork.errors import GlassworkError
from glasswork.generation import Plan, open_model
from glasswork.scenes import messages as m
from glasswork.scenes.messages import diffusion as d
from glasswork.scenes.respond import Respondent
from glasswork.training import combinations
from glasswork.zoo.shipping import WEIGHTS
from imagining import small_pipeline

EMOJI = "sample:shaded-cat-face"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> str:
    return small_pipeline(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def respond(target: str) -> Respondent:
    return Respondent(targets=(target,), runs=Path("nowhere"))


def how(**more: Any) -> d.How:
    return d.How(**{"prompt": "red cat", "steps": 4, "seed": 3, **more})


def begun(respond: Respondent, **more: Any) -> list[tuple[Any, dict[str, np.ndarray]]]:
    return ask(respond, d.ImagineOn(request=1, model="tiny", how=how(**more)))


def test_models_are_listed_with_the_readers_first(respond: Respondent) -> None:
    ((told, _),) = ask(respond, d.ListTextToImage(request=1))
    assert [one["name"] for one in told.models] == ["tiny", "emoji-diffusion"]
    assert told.models[0]["bytes"] > 1000
    assert set(told.samplers) == {"ddim", "ddpm", "euler", "euler_ancestral", "dpm_solver"}


def test_scores_are_those_of_the_card_and_a_folder_has_none(respond: Respondent) -> None:
    ((told, _),) = ask(respond, d.OpenPromptScores(request=1, model="emoji-diffusion"))
    ours = json.loads(told)
    card = zoo.read_card(WEIGHTS / "emoji-diffusion.json").scores
    by_guidance = {f"category_at_{one['guidance']:g}": one["right"]["value"] for one in ours["by_guidance"]}
    assert {one["name"]: one["value"]["value"] for one in ours["scores"]} | by_guidance == card
    assert [one["guidance"] for one in ours["by_guidance"]] == [0, 1, 2, 4, 7]
    assert ours["prompts"] == [prompt for prompt, _, _ in combinations(2)]
    assert len(ours["prompts"]) == 40
    ((told, _),) = ask(respond, d.OpenPromptScores(request=1, model="tiny"))
    none = json.loads(told)
    assert [none[name] for name in ("scores", "by_guidance", "prompts")] == [[], [], []]


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "euler", "euler_ancestral", "dpm_solver"])
def test_each_step_is_the_models_own_and_adds_up(respond: Respondent, target: str, sampler: str) -> None:
    (first, vectors), *steps, (ended, last) = begun(respond, sampler=sampler, guidance=2.5)
    model = open_model(target)
    plan = Plan(sampler, 4, 2.5, 3)
    wanted = list(model.run(["red cat"], plan))
    assert [one.index for one, _ in steps] == [0, 1, 2, 3]
    np.testing.assert_array_equal(vectors["text"], model.conditional(["red cat"])[0][0].numpy())
    for (step, arrays), own in zip(steps, wanted, strict=True):
        k = step.index
        for name in ("latent", "guided", "clean", "noise", "next"):
            np.testing.assert_allclose(arrays[f"{name}/{k}"], getattr(own, name)[0].numpy(), atol=1e-6)
        difference = arrays[f"with/{k}"] - arrays[f"without/{k}"]
        np.testing.assert_allclose(arrays[f"without/{k}"] + 2.5 * difference, arrays[f"guided/{k}"], atol=1e-6)
        alpha, sigma = (first.moments[k][name]["value"] for name in ("alpha", "sigma"))
        assert alpha**2 + sigma**2 == pytest.approx(1)
        said = arrays[f"guided/{k}"]
        np.testing.assert_allclose(alpha * arrays[f"latent/{k}"] - sigma * said, arrays[f"clean/{k}"], atol=1e-5)
        total = np.zeros(said.shape)
        for taken in step.takes:
            operand = {"past": f"clean/{k - 1}"}.get(taken["operand"], f"{taken['operand']}/{k}")
            source = steps[k - 1][1] if taken["operand"] == "past" else arrays
            total += taken["times"]["value"] * source[operand]
        scale = max(1, np.abs(arrays[f"next/{k}"]).max())
        np.testing.assert_allclose(total, arrays[f"next/{k}"], atol=2e-6 * scale)
        shown = (model.decode(own.clean)[0] * 255).round().byte().permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(arrays[f"picture/{k}"], shown)
    final = (model.pictures(["red cat"], plan)[0] * 255).round().byte().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(last["picture"], final)
    assert all(-1 <= one["value"] <= 1 for one in ended.likeness)


def test_a_prompt_is_shown_as_it_is_read(respond: Respondent) -> None:
    (first, _), *_ = begun(respond, prompt="red cat", steps=1)
    kinds = [one["kind"] for one in first.tokens]
    assert kinds == ["start", "word", "word", "end", *["padding"] * 4]
    assert [one["text"] for one in first.tokens[1:3]] == ["red", "cat"]
    assert first.cut == 0
    (empty, _), *_ = begun(respond, prompt="", steps=1)
    assert [one["kind"] for one in empty.tokens][:3] == ["start", "end", "padding"]
    (long, _), *_ = begun(respond, prompt="red " * 500, steps=1)
    assert long.cut == 494
    assert [one["kind"] for one in long.tokens] == ["start", *["word"] * 6, "end"]


def test_an_opened_step_is_that_steps_own_run(respond: Respondent, target: str) -> None:
    (first, _), *steps, _ = begun(respond)
    model = open_model(target)
    keep = model.denoiser.get_submodule("up_blocks.1.attentions.1.transformer_blocks.0.attn2")
    q, k = (keep.get_submodule(name) for name in ("to_q", "to_k"))
    seen: dict[str, torch.Tensor] = {}

    def see(name: str) -> Any:
        return lambda _module, _given, made: seen.__setitem__(name, made)

    for name, layer in (("q", q), ("k", k)):
        layer.register_forward_hook(see(name))
    told: tuple[tuple[d.Half, str], ...] = (("with", "red cat"), ("without", ""))
    for half, text in told:
        ((opened, arrays),) = ask(respond, d.OpenMoment(request=2, source=first.source, step=2, half=half))
        latent = torch.from_numpy(steps[2][1]["latent/2"].copy())[None]
        time = torch.tensor([first.moments[2]["time"]["value"]])
        with torch.inference_mode():
            said = model.denoiser(latent, time, *model.conditional([text]))
        np.testing.assert_allclose(said[0].numpy(), steps[2][1][f"{half}/2"], atol=1e-5)
        heads_q, heads_k = (seen[one][0].unflatten(-1, (2, -1)).transpose(0, 1) for one in ("q", "k"))
        weights = (heads_q @ heads_k.transpose(1, 2) / heads_q.shape[-1] ** 0.5).softmax(-1)  # (A, N, T)
        words = 2 if text else 0
        shown = arrays[f"attention/2/{half}/{opened.layer}/-1"].reshape(words + 3, -1)
        mean = weights.mean(0)
        np.testing.assert_allclose(shown[: words + 2], mean[:, : words + 2].T.numpy(), atol=1e-5)
        np.testing.assert_allclose(shown.sum(0), 1, atol=1e-5)
        assert opened.error < 1e-5
        shares = [one["value"] for one in opened.looking[opened.layer]["shares"]]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        kinds = [one["kind"] for one in opened.layers]
        assert kinds[0] == "in"
        assert kinds[-1] == "out"
        assert {"res", "attn", "down", "up"} <= set(kinds)
        assert {one["part"] for one in opened.layers} == {"down", "mid", "up"}
        graph = next(
            iter(respond(m.OpenGraph(request=3, network=opened.network, input=opened.run), SESSION)),
        )
        assert isinstance(graph, m.Graph)
        assert graph.failure is None
        assert graph.network.title.endswith("denoiser")
    ((one, arrays),) = ask(respond, d.OpenMoment(request=2, source=first.source, step=2, layer=0, head=1))
    assert (one.layer, one.head) == (0, 1)
    assert "attention/2/with/0/1" in arrays


def test_the_decoder_is_opened_layer_by_layer(respond: Respondent) -> None:
    (first, _), *_ = begun(respond)
    ((opened, arrays),) = ask(respond, d.OpenDecoder(request=2, source=first.source, step=1))
    sides = [one["rows"] for one in opened.layers]
    assert sides == sorted(sides)
    assert (sides[0], sides[-1]) == (4, 16)
    assert all(
        arrays[f"decoder/1/{one['path']}/{one['channel']}"].shape == (one["rows"], one["columns"])
        for one in opened.layers
    )


def test_two_paths_lie_on_one_plane(respond: Respondent) -> None:
    (one, _), *steps, _ = begun(respond)
    (other, _), *others, _ = begun(respond, prompt="cat")
    assert one.source != other.source
    ((told, arrays),) = ask(respond, d.ComparePaths(request=4, source=one.source, other=other.source))
    points = arrays["point"]
    assert points.shape == (2, 5, 2)
    np.testing.assert_allclose(points[0, 0], points[1, 0], atol=1e-5)  # the same noise
    assert told.apart[0]["value"] == 0
    latents = [[a[f"latent/{s.index}"].ravel() for s, a in path] + [path[-1][1]["next/3"].ravel()]
               for path in (steps, others)]  # fmt: skip
    stacked = np.concatenate([np.stack(path) for path in latents]).astype(np.float64)
    centred = stacked - stacked.mean(0)
    sizes = np.linalg.svd(centred, compute_uv=False) ** 2
    assert [one["value"] for one in told.explained] == pytest.approx((sizes / sizes.sum())[:2], rel=1e-6)
    spread = points.reshape(-1, 2).astype(np.float64)
    np.testing.assert_allclose((spread**2).sum(0), sizes[:2], rtol=1e-5)


def test_a_picture_is_begun_from_and_painted_over(respond: Respondent) -> None:
    (first, arrays), *steps, _ = begun(respond, start=EMOJI, strength=0.5)
    assert first.first == 2
    assert [one.index for one, _ in steps] == [2, 3]
    assert arrays["start"].shape == (16, 16, 3)
    mask = "1100" * 2 + "0000" * 2
    (painted, kept), *steps, _ = begun(respond, start=EMOJI, strength=1.0, mask=mask, sampler="euler")
    places = np.array([int(one) for one in mask]).reshape(4, 4)
    for step, tensors in steps:
        to = painted.moments[step.index + 1]
        untouched = to["alpha"]["value"] * kept["kept"] + to["sigma"]["value"] * kept["first"]
        found = tensors[f"next/{step.index}"]
        np.testing.assert_allclose(found[:, places == 0], untouched[:, places == 0], atol=1e-5)
        assert np.abs(found - untouched)[:, places == 1].max() > 1e-3


def test_a_run_is_made_again_from_its_record(target: str, tmp_path: Path) -> None:
    first = Respondent(tmp_path, targets=(target,), runs=tmp_path)
    (begins, _), *_ = begun(first, sampler="ddpm")
    ((before, one),) = ask(first, d.OpenMoment(request=2, source=begins.source, step=3))
    later = Respondent(tmp_path, targets=(target,), runs=tmp_path)
    ((after, other),) = ask(later, d.OpenMoment(request=2, source=begins.source, step=3))
    assert before.run == after.run
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_cancelled_run_keeps_the_steps_that_it_made(respond: Respondent) -> None:
    answers = respond(d.ImagineOn(request=1, model="tiny", how=how(seed=77, steps=50)), SESSION)
    first, _ = read(next(answers))
    for _ in range(3):
        next(answers)
    answers.close()  # type: ignore[attr-defined]
    ((opened, _),) = ask(respond, d.OpenMoment(request=2, source=first.source, step=1))
    assert opened.step == 1


def test_one_step_of_training_is_the_gradients(respond: Respondent, target: str) -> None:
    request = d.OpenNoising(request=1, model="tiny", picture=EMOJI, prompt="cat", seed=2, time=300)
    ((told, arrays),) = ask(respond, request)
    model = open_model(target)
    alpha, sigma = told.alpha["value"], told.sigma["value"]
    assert alpha**2 == pytest.approx(float(model.schedule.kept[300]), rel=1e-6)
    clean, noise = (torch.from_numpy(arrays[name].copy())[None] for name in ("clean", "noise"))
    noised = alpha * clean + sigma * noise
    np.testing.assert_allclose(arrays["noised"], noised[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(arrays["target"], (alpha * noise - sigma * clean)[0].numpy(), atol=1e-5)
    model.denoiser.requires_grad_(True)
    said = model.denoiser(noised, torch.tensor([300]), *(one.clone() for one in model.conditional(["cat"])))
    loss = ((said - (alpha * noise - sigma * clean)) ** 2).mean()
    assert told.loss["value"] == pytest.approx(loss.item(), rel=1e-4)
    loss.backward()
    total = sum(float(value.grad.square().sum()) for value in model.denoiser.parameters() if value.grad is not None)
    assert sum(one["norm"]["value"] ** 2 for one in told.slopes) == pytest.approx(total, rel=1e-3)
    assert told.after["value"] < told.loss["value"]
    assert len([name for name in arrays if name.startswith("drawn/")]) == 7


REFUSED = {
    "no steps": ({"steps": 0}, "0 steps can't be taken"),
    "ten thousand steps": ({"steps": 10_000}, "10,000 steps"),
    "guidance of a thousand": ({"guidance": 1000.0}, "guidance of 1000"),
    "no number": ({"guidance": float("nan")}, "guidance of nan"),
    "a sampler": ({"sampler": "magic"}, "no sampler"),
    "a seed below zero": ({"seed": -1}, "no seed"),
    "a picture": ({"start": "sample:nothing"}, "nothing"),
    "another kind": ({"start": "/etc/passwd"}, "names no picture"),
    "no strength": ({"start": EMOJI, "strength": 0.0}, "strength of 0"),
    "a mask of another size": ({"start": EMOJI, "mask": "11"}, "does not fit the latent"),
    "an empty mask": ({"start": EMOJI, "mask": "0" * 16}, "nothing is to be made anew"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_made_is_refused_in_words(respond: Respondent, name: str) -> None:
    settings, said = REFUSED[name]
    with pytest.raises(GlassworkError, match=said):
        begun(respond, **settings)


def test_a_guidance_below_zero_leads_away(respond: Respondent) -> None:
    (_, _), (_, arrays), *_ = begun(respond, guidance=-5.0)
    wanted = arrays["without/0"] - 5 * (arrays["with/0"] - arrays["without/0"])
    np.testing.assert_allclose(arrays["guided/0"], wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (d.OpenMoment(request=1, source="imagine:0123456789abcdef", step=0), "not known here"),
        (d.OpenMoment(request=1, source="imagine:../../etc/passwd", step=0), "not known here"),
        (d.ImagineOn(request=1, model="hf:/etc", how=how()), "no text-to-image model"),
        (d.OpenNoising(request=1, model="tiny", picture=EMOJI, time=1000), "there is no time"),
    ],
)
def test_what_is_not_here_is_refused_in_words(respond: Respondent, request_: Any, said: str) -> None:
    with pytest.raises(GlassworkError, match=said):
        list(respond(request_, SESSION))


def test_a_step_layer_or_head_that_is_not_there_is_refused(respond: Respondent) -> None:
    (first, _), *_ = begun(respond)
    for request, said in (
        (d.OpenMoment(request=1, source=first.source, step=4), "there is no step 4"),
        (d.OpenMoment(request=1, source=first.source, step=0, layer=99), "there is no layer 99"),
        (d.OpenMoment(request=1, source=first.source, step=0, head=9), "there is no head 9"),
        (d.FindNear(request=1, source=first.source), "compares no texts with pictures"),
    ):
        with pytest.raises(GlassworkError, match=said):
            list(respond(request, SESSION))


@pytest.mark.parametrize("part", ["unet/config.json", "vae/model.safetensors", "tokenizer/merges.txt"])
def test_a_broken_folder_says_what_is_broken(part: str, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    broken = small_pipeline(folder)
    (folder / part).write_bytes(b"\xff\x00 not what it was")
    respond = Respondent(targets=(broken,), runs=tmp_path)
    with pytest.raises(GlassworkError, match="can't be read") as told:
        list(respond(d.ImagineOn(request=1, model="broken", how=how()), SESSION))
    assert part.partition("/")[0] in told.value.where


CORPUS = (
    "../canary.json", "..%2fcanary.json", "....//canary.json", "/etc/passwd", "file:///etc/passwd", "C:\\canary.json",
    "~/.ssh/id_rsa", "canary.json\0", "hf:/etc", "hf:..", "", ".", "*", "canary", "\x1b[2J", "\u202ecanary",
    "x" * 5_000,
)  # fmt: skip


@pytest.mark.parametrize("name", CORPUS, ids=ascii)
def test_c14_no_name_in_a_message_leads_out_of_what_is_kept(target: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "canary.json").write_text("the canary sings")
    os.utime(tmp_path / "canary.json", (1, 2**31 - 1))  # a read would move the first on
    traces = tmp_path / "traces"
    traces.mkdir()
    respond = Respondent(traces, targets=(target,), runs=tmp_path / "runs")
    source = f"imagine:{name}"
    asked: list[Any] = [
        d.ImagineOn(request=1, model=name, how=how()),
        d.MakePicture(request=1, model=name, how=how()),
        d.ImagineOn(request=1, model="tiny", how=how(start=f"upload:{name}")),
        d.ImagineOn(request=1, model="tiny", how=how(start=f"sample:{name}")),
        d.OpenMoment(request=1, source=source, step=0),
        d.OpenDecoder(request=1, source=name, step=0),
        d.FindNear(request=1, source=source),
        d.ComparePaths(request=1, source=source, other=name),
        d.OpenNoising(request=1, model=name, picture=EMOJI),
        d.OpenNoising(request=1, model="tiny", picture=f"sample:{name}"),
        m.OpenGraph(request=1, network=f"denoiser:{name}"),
        m.OpenGraph(request=1, network="denoiser:tiny", input=f"trace:{name}"),
    ]

    def read_upload(id: str) -> bytes:
        raise GlassworkError("there is no such picture", where=id[:40])

    session: Any = SimpleNamespace(cancelled=threading.Event(), inputs=SimpleNamespace(read=read_upload), files=None)
    for request in asked:
        with pytest.raises(GlassworkError) as told:
            list(respond(request, session))
        assert "canary sings" not in str(told.value)
    assert (tmp_path / "canary.json").stat().st_atime == 1
    assert {path.name for path in tmp_path.iterdir()} == {"canary.json", "traces"}


HOSTILE = ("<script>alert(1)</script>", "\x1b[2J\x07", "\u202egnp.exe", "🦊" * 40, "\udc80", "\0")


@pytest.mark.parametrize("prompt", HOSTILE, ids=ascii)
def test_c31_a_hostile_prompt_is_read_as_text(respond: Respondent, prompt: str) -> None:
    (first, _), *_, (ended, _) = begun(respond, prompt=prompt, negative=prompt, steps=1)
    assert len(first.tokens) == 8
    assert np.isfinite([one["value"] for one in ended.likeness]).all()


def test_c24_ten_thousand_of_anything_is_bounded(respond: Respondent) -> None:
    (first, _), *steps, _ = ask(
        respond, d.ImagineOn(request=1, model="tiny", how=how(prompt="x" * 1_000_000, steps=3), drawn=10**9)
    )
    assert first.draws == [0, 1, 2]
    assert len(steps) == 3


def test_c29_weights_that_changed_since_are_not_taken_for_the_runs_own(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    tiny = small_pipeline(folder)
    (tmp_path / "traces").mkdir()
    before = Respondent(tmp_path / "traces", targets=(tiny,), runs=tmp_path)
    source = read(next(iter(before(d.ImagineOn(request=1, model="model", how=how()), SESSION))))[0].source
    weights = folder / "unet" / "model.safetensors"
    values = safetensors.torch.load_file(weights)
    safetensors.torch.save_file({name: value + 0.01 for name, value in values.items()}, weights)
    after = Respondent(tmp_path / "traces", targets=(tiny,), runs=tmp_path)
    with pytest.raises(GlassworkError, match="other weights"):
        list(after(d.OpenMoment(request=1, source=source, step=0), SESSION))
