"""The trainings of a text-to-image model, in miniature, on a made-up folder of captioned pictures."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from glasswork import recipes, training, zoo
from glasswork.data import captions, emoji_captions
from glasswork.data.given import read_captioned
from glasswork.errors import GlassworkError
from glasswork.generation import Plan, open_model
from glasswork.training import Draw, Finished, as_record, from_record

COLOURS = {"red": (220, 30, 30), "green": (30, 160, 60), "blue": (40, 60, 220), "yellow": (240, 220, 40)}
SHAPES = ("square", "bar", "frame")
SIZE = 16


def drawn(colour: tuple[int, int, int], shape: str, shift: int) -> Image.Image:
    pixels = np.full((SIZE, SIZE, 3), 255, np.uint8)
    top, left = 3 + shift, 3
    pixels[top : top + (4 if shape == "bar" else 9), left : left + 10] = colour
    if shape == "frame":
        pixels[top + 3 : top + 6, left + 3 : left + 7] = 255
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("captioned")
    for name, colour in COLOURS.items():
        for shape in SHAPES:
            for shift in range(3):
                stem = f"{name}-{shape}-{shift}"
                drawn(colour, shape, shift).save(folder / f"{stem}.png")
                (folder / f"{stem}.txt").write_text(f"a {name} {shape}\n{shape}, {name}\n")
    (folder / "silent.png").write_bytes((folder / "red-bar-0.png").read_bytes())
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "broken.txt").write_text("broken")
    return folder


def trained(recipe: str, out: Path, folder: Path, **settings: object) -> dict[str, float]:
    """A run's final scores; its weights are in the folder."""
    usual = {"validation": 6, "precision": "float32", "evaluate_every": 1_000, "save_every": 1_000, "warmup": 0.0}
    *_, last = recipes.run(recipe, data=f"captioned:{folder}", out=out, settings={**usual, **settings})
    assert isinstance(last, Finished)
    return dict(last.final)


AUTOENCODER = {"sizes.size": SIZE, "sizes.latent": 4, "sizes.widths": "8,16", "sizes.groups": 4, "shift": 0, "batch": 8}
CLIP = {
    "sizes.size": SIZE, "sizes.text_width": 16, "sizes.text_depth": 1, "sizes.image_width": 16, "sizes.image_depth": 1,
    "sizes.projection": 8, "batch": 16,
}  # fmt: skip
DENOISER = {
    "sizes.channels": 4, "sizes.size": 8, "sizes.widths": "16,16", "sizes.attention": "1,1", "sizes.groups": 4,
    "captions": 2, "batch": 8,
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> tuple[Path, dict[str, dict[str, float]]]:
    """The three runs, one upon the other, and their scores."""
    out = tmp_path_factory.mktemp("runs")
    scores = {
        "autoencoder": trained("emoji-autoencoder", out / "autoencoder", folder, steps=60, **AUTOENCODER),
        "clip": trained("emoji-clip", out / "clip", folder, steps=60, **CLIP),
    }
    parts = {"autoencoder": str(out / "autoencoder"), "encoders": str(out / "clip")}
    scores["denoiser"] = trained("emoji-diffusion", out / "denoiser", folder, steps=40, **DENOISER, **parts)
    return out, scores


def test_one_s_own_folder_is_read_and_what_can_not_be_used_is_told(folder: Path) -> None:
    files = read_captioned(f"captioned:{folder}")
    assert len(files.paths) == 37
    assert 3 <= sum(files.held_out) <= 5
    config = recipes.config("emoji-autoencoder").changed({**AUTOENCODER, "data": f"captioned:{folder}"})
    told = " ".join(config.task().notices())
    assert "silent.png (there is no silent.txt beside it)" in told
    assert "broken.png" in told


def test_the_runs_learn_and_make_pictures_from_words(runs: tuple[Path, dict[str, dict[str, float]]]) -> None:
    out, scores = runs
    assert scores["autoencoder"]["psnr_db"] > 14  # a white picture has 7
    assert scores["clip"]["found"] > 0.2
    assert scores["denoiser"]["mse"] < 1.1
    card = zoo.load(str(out / "autoencoder")).card
    assert card is not None
    model = open_model(str(out / "denoiser"))
    assert model.autoencoder.scaling == card.sizes["scaling"] != 1.0
    assert model.read("a red square").tokens == ("a", "red", "square")
    pictures = model.pictures(["a red square", "a blue bar"], Plan(steps=3))
    assert pictures.shape == (2, 3, SIZE, SIZE)
    assert 0 <= float(pictures.min()) < float(pictures.max()) <= 1


def test_latents_have_a_deviation_of_one(runs: tuple[Path, Any], folder: Path) -> None:
    model = open_model(str(runs[0] / "denoiser"))
    shown = torch.stack([
        torch.from_numpy(np.array(Image.open(folder / f"{name}-{shape}-1.png"))).permute(2, 0, 1) / 255
        for name in COLOURS for shape in SHAPES
    ])  # fmt: skip
    assert 0.7 < float(model.encode(shown).std()) < 1.3


def test_eval_says_what_the_card_says(runs: tuple[Path, Any]) -> None:
    for part in ("autoencoder", "clip"):
        measured = recipes.evaluate(str(runs[0] / part))["scores"]
        card = zoo.load(str(runs[0] / part)).card
        assert card is not None
        for name, value in measured.items():
            assert card.scores[name] == pytest.approx(value, abs=2e-3)


def denoising(runs: Path, folder: Path) -> training.Denoising:
    parts = {"autoencoder": str(runs / "autoencoder"), "encoders": str(runs / "clip")}
    given = {**DENOISER, **parts, "data": f"captioned:{folder}", "validation": 6}
    task = recipes.config("emoji-diffusion").changed(given).task()
    assert isinstance(task, training.Denoising)
    return task


def test_a_denoiser_goes_on_from_a_trained_one(runs: tuple[Path, Any], folder: Path) -> None:
    first = denoising(runs[0], folder)
    first.config = replace(first.config, start=str(runs[0] / "denoiser"))
    task = first.config.task()
    trained = zoo.load(str(runs[0] / "denoiser")).module.state_dict()
    for name, value in task.network().state_dict().items():
        assert torch.equal(value, trained[name]), name
    assert f"from the weights of {runs[0] / 'denoiser'} on" in task.about().split


def test_what_is_no_denoiser_is_no_beginning_of_one(runs: tuple[Path, Any], folder: Path) -> None:
    config = denoising(runs[0], folder).config
    with pytest.raises(GlassworkError, match="no trained denoiser"):
        replace(config, start=str(runs[0] / "autoencoder")).task()
    with pytest.raises(GlassworkError, match="other encoders"):
        replace(config, start="emoji-diffusion").task().network()


def draw(step: int, part: slice = slice(None)) -> Draw:
    return Draw(step, np.arange(8), part, torch.Generator().manual_seed(step))


def test_what_is_to_be_told_is_the_noise_that_was_put_in(runs: tuple[Path, Any], folder: Path) -> None:
    task = denoising(runs[0], folder)
    noisy, times, text, target = task.batch(draw(1))
    assert text.shape == (8, 32, 16)
    alpha, sigma = task.schedule.shares(times, noisy)
    clean = alpha * noisy - sigma * target  # of v-prediction
    for i, latent in enumerate(clean):
        both = [task.latents[i], task.mirrored[i]]
        assert min(float((latent - one).abs().max()) for one in both) < 1e-3


def test_the_parts_of_a_step_make_the_whole_of_it(runs: tuple[Path, Any], folder: Path) -> None:
    task = denoising(runs[0], folder)
    whole = task.batch(draw(2))
    for k, tensors in enumerate(zip(task.batch(draw(2, slice(0, 3))), task.batch(draw(2, slice(3, 8))), strict=True)):
        assert torch.equal(torch.cat(tensors), whole[k])


def test_now_and_then_a_caption_is_left_out(runs: tuple[Path, Any], folder: Path) -> None:
    task = denoising(runs[0], folder)
    task.config = replace(task.config, unsaid=0.5)
    left_out = sum(int((task.batch(draw(step))[2] == task.empty.float()).flatten(1).all(1).sum()) for step in range(20))
    assert 50 <= left_out <= 110  # of 160


def test_the_loss_of_captions_is_the_cross_entropy_of_the_paper(folder: Path) -> None:
    """Radford et al., 2021, figure 3, where no two pictures of the batch are of one kind."""
    config = recipes.config("emoji-clip").changed({**CLIP, "data": f"captioned:{folder}", "validation": 6})
    task = config.task()
    assert isinstance(task, training.Contrasting)
    torch.manual_seed(0)
    network = task.network()
    x, tokens, kinds = task.batch(draw(3))
    assert len(set(kinds.tolist())) == len(kinds)
    images, texts = network(x, tokens)
    logits, place = images @ texts.T, torch.arange(len(x))
    wanted = (F.cross_entropy(logits, place) + F.cross_entropy(logits.T, place)) / 2
    torch.testing.assert_close(task.loss(network, (x, tokens, kinds)), wanted)


@pytest.mark.parametrize("name", ["emoji-autoencoder", "emoji-clip", "emoji-diffusion", "emoji-judge"])
def test_a_recipe_is_the_same_when_it_is_read_back(name: str) -> None:
    config = recipes.config(name)
    assert from_record(config, as_record(config)) == config


def test_a_folder_without_captions_says_so(tmp_path: Path) -> None:
    drawn((1, 2, 3), "bar", 0).save(tmp_path / "a.png")
    config = recipes.config("emoji-clip").changed({**CLIP, "data": f"captioned:{tmp_path}"})
    with pytest.raises(GlassworkError, match=r"nothing to learn from.*no a\.txt"):
        config.task()


def test_a_denoiser_on_the_wrong_parts_says_which(tmp_path: Path) -> None:
    config = recipes.config("emoji-diffusion").changed({"autoencoder": "tiny-vgg-emoji", "encoders": "emoji-clip"})
    with pytest.raises(GlassworkError, match=r"expected AutoencoderKL, found TinyVGG"):
        config.task()


def test_held_out_emoji_share_nothing_with_those_trained_on() -> None:
    trained_on, held_out = emoji_captions.emoji("train"), emoji_captions.emoji("test")
    assert not {one.group for one in trained_on} & {one.group for one in held_out}
    assert not {one.name for one in trained_on} & {one.name for one in held_out}
    assert len(trained_on) + len(held_out) == 2 * 1_906
    aside = training.aside_groups(trained_on, 96, 0)
    judged = {one.group for one in trained_on if one.judged}
    assert not aside & judged
    assert len(emoji_captions.emoji("judged")) == 400


def test_the_prompts_that_are_judged_are_of_all_categories_and_of_both_styles() -> None:
    told, pictures = training.judged_prompts()
    assert (len(told), len({one.code for one in told}), pictures.shape) == (200, 200, (200, 3, 64, 64))
    assert Counter(one.style for one in told) == {"flat": 100, "shaded": 100}
    held_out = training.held_out_prompts()
    assert (len(held_out), len({one.code for one in held_out})) == (100, 100)
    assert {one.category for one in told} == {one.category for one in held_out} == set(range(9))
    every = {one.name + one.style: i for i, one in enumerate(emoji_captions.emoji("judged"))}
    shown = emoji_captions.pictures("judged")[every[told[0].name + told[0].style]]
    white = np.rint(shown[..., :3] * (shown[..., 3:] / 255) + 255 * (1 - shown[..., 3:] / 255)) / 255
    torch.testing.assert_close(pictures[0].permute(1, 2, 0).double(), torch.from_numpy(white), atol=1e-6, rtol=0)


def test_a_copy_has_the_colour_that_is_said() -> None:
    told, pictures = emoji_captions.emoji("judged"), emoji_captions.pictures("judged")
    copies = captions.recoloured(pictures, told, 2)
    assert len(copies) > 60
    degrees, _ = captions.hue(np.stack([copy for _, _, copy in copies]))
    right = [captions.colour_of(h) == word for h, (_, word, _) in zip(degrees, copies, strict=True)]
    assert np.mean(right) > 0.95
    for i, word, copy in copies[:20]:
        assert np.array_equal(copy[..., 3], pictures[i][..., 3])
        assert captions.KEPT.count(emoji_captions.CATEGORIES[told[i].category]) == 0
        assert word in captions.variants(told[i], 1, np.random.default_rng(0), word)[0]


def test_some_captions_are_as_the_judged_ones() -> None:
    one = emoji_captions.emoji("judged")[0]
    for share, least, most in ((0.0, 0, 30), (0.25, 200, 330), (1.0, 1000, 1000)):
        made = captions.variants(one, 1000, np.random.default_rng(0), as_spoken=share)
        assert least <= made.count(captions.spoken(one)) <= most


def test_combinations_are_forty_fixed_prompts_that_training_never_joined() -> None:
    told, pictures = emoji_captions.emoji("judged"), emoji_captions.pictures("judged")
    seen = {(told[i].code, told[i].style, word) for i, word, _ in captions.recoloured(pictures, told, 2)}
    found = training.combinations(2)
    assert len(found) == len({prompt for prompt, _, _ in found}) == 40
    assert Counter(one.style for _, _, one in found) == {"flat": 20, "shaded": 20}
    for prompt, word, one in found:
        assert (one.code, one.style, word) not in seen
        assert prompt.startswith(f"{word} ")
        assert prompt.endswith(one.style)


@pytest.mark.parametrize(("shift", "median"), [(1.0, 500), (3.0, 750)])
def test_times_are_drawn_nearer_to_noise(shift: float, median: int, runs: tuple[Path, Any], folder: Path) -> None:
    task = denoising(runs[0], folder)
    task.config = replace(task.config, shift=shift)
    times = torch.cat([task.batch(draw(step))[1] for step in range(100)])
    assert 0 <= times.min() <= times.max() < 1000
    assert (times >= median).float().mean() == pytest.approx(0.5, abs=0.06)  # of 800: three deviations are .053
