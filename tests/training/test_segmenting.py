"""Masks: pictures put together from parts, their scores against counts by hand, and a split without leaks."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from glasswork import recipes, training, zoo
from glasswork.data.cutouts import CLASSES, KINDS, CutOuts, load_cutouts
from glasswork.data.photos import Photo, load_photos
from glasswork.errors import GlassworkError
from glasswork.measuring.segmentation import confusion, segmentation_scores
from glasswork.training.composing import Chance, held_out_pictures
from glasswork.training.segmenting import Segmenting, dice_loss, score_masks
from glasswork.training.segmenting_tiles import score_tiles
from glasswork.training.task import Draw
from photographs import fetch_photographs


@pytest.fixture(scope="module")
def task() -> Segmenting:
    made = recipes.config("unet-cutouts").task()
    assert isinstance(made, Segmenting)
    return made


def test_no_emoji_and_no_photo_is_on_two_sides(task: Segmenting) -> None:
    sides = [task.seen, task.aside, task.test]
    for i, one in enumerate(sides):
        for other in sides[i + 1 :]:
            assert not set(one.emoji.groups) & set(other.emoji.groups)
            assert not {p.tobytes() for p in one.emoji.pictures} & {p.tobytes() for p in other.emoji.pictures}
            assert not {p.pixels.tobytes() for p in one.photos} & {p.pixels.tobytes() for p in other.photos}
    assert len(task.seen.emoji) + len(task.aside.emoji) == len(load_cutouts("train").emoji) == 566
    assert len(task.test.emoji) == 128
    assert load_photos("validation") == task.aside.photos


def test_the_mask_is_the_cut_outs_alpha_and_the_rest_is_photo(task: Segmenting) -> None:
    """On a photo of one colour that no emoji has, what is not that colour is the cut-out."""
    parts = task.test
    magenta = Photo("magenta", np.tile(np.array([255, 0, 255], np.uint8), (200, 200, 1)))
    alone = CutOuts(parts.emoji, (magenta,))
    pictures, masks = held_out_pictures(alone)
    ground = torch.tensor([1.0, 0.0, 1.0]).view(1, 3, 1, 1)
    apart = (pictures - ground).abs().amax(1)
    assert (masks[apart < 1e-6] == 0).all()  # bare ground is never in a mask
    for k, (mask, differs) in enumerate(zip(masks, apart, strict=True)):
        found = set(mask.unique().tolist()) - {0}
        assert int(parts.emoji.labels[k]) + 1 in found, parts.emoji.names[k]
        assert len(found) <= 2
        assert (differs > 0.02)[mask > 0].float().mean() > 0.97


def test_a_held_out_picture_is_always_the_same_and_shows_its_own_emoji(task: Segmenting) -> None:
    one, again = held_out_pictures(task.test), held_out_pictures(task.test)
    assert torch.equal(one[0], again[0])
    assert torch.equal(one[1], again[1])
    assert one[0].shape == (128, 3, 64, 64)
    assert 0 <= one[0].min() <= one[0].max() <= 1
    assert set(one[1].unique().tolist()) == set(range(len(CLASSES)))


def test_what_a_process_draws_is_its_part_of_what_all_draw(task: Segmenting) -> None:
    index = task.indices(3)
    whole = task.batch(Draw(3, index, slice(None), torch.Generator().manual_seed(5)))
    part = task.batch(Draw(3, index, slice(4, 9), torch.Generator().manual_seed(5)))
    assert torch.equal(whole[0][4:9], part[0])
    assert torch.equal(whole[1][4:9], part[1])
    for i, mask in enumerate(whole[1]):
        assert int(task.seen.emoji.labels[index[i]]) + 1 in mask.unique()  # the certain one lies on top


def test_scores_are_those_of_a_count_by_hand() -> None:
    chance = random.Random(1)
    true = [chance.randrange(4) for _ in range(600)]
    told = [one if chance.random() < 0.7 else chance.randrange(4) for one in true]
    scores = segmentation_scores(confusion(torch.tensor(told), torch.tensor(true), 5), ("a", "b", "c", "d", "never"))
    ious, dices = [], []
    for k in range(4):
        first, second = ({i for i, one in enumerate(row) if one == k} for row in (true, told))
        ious.append(len(first & second) / len(first | second))
        dices.append(2 * len(first & second) / (len(first) + len(second)))
        assert scores[f"iou_{'abcd'[k]}"] == pytest.approx(ious[k])
    assert scores["iou"] == pytest.approx(sum(ious) / 4)  # a class that never is counts for nothing
    assert scores["dice"] == pytest.approx(sum(dices) / 4)
    assert scores["pixel_accuracy"] == pytest.approx(sum(a == b for a, b in zip(true, told, strict=True)) / 600)
    assert "iou_never" not in scores


def test_the_dice_loss_of_sure_answers_is_one_minus_dice() -> None:
    generator = torch.Generator().manual_seed(0)
    mask, told = (torch.randint(0, 3, (2, 16, 16), generator=generator) for _ in range(2))
    logits = torch.nn.functional.one_hot(told, 3).permute(0, 3, 1, 2) * 200.0
    dices = [
        (2 * ((mask == k) & (told == k)).sum() + 1) / ((mask == k).sum() + (told == k).sum() + 1) for k in range(3)
    ]
    assert dice_loss(logits, mask).item() == pytest.approx(1 - sum(float(one) for one in dices) / 3, abs=1e-5)
    assert dice_loss(200.0 * torch.nn.functional.one_hot(mask, 3).permute(0, 3, 1, 2), mask).abs() < 1e-5


class Knows(torch.nn.Module):
    """Answers with the masks of the held-out pictures, in their order."""

    def __init__(self, masks: torch.Tensor) -> None:
        super().__init__()
        self.masks, self.at = masks, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The next masks as logits."""
        part = self.masks[self.at : self.at + len(x)]
        self.at += len(x)
        return torch.nn.functional.one_hot(part, len(CLASSES)).permute(0, 3, 1, 2).float()


def test_one_who_knows_the_masks_scores_one_and_who_says_photo_does_not(task: Segmenting) -> None:
    _, masks = held_out_pictures(task.test)
    network = Knows(masks).train()
    assert score_masks(network, task.test)["iou"] == 1
    assert network.training  # its mode is put back
    scores = score_masks(Knows(torch.zeros_like(masks)), task.test)
    photo = (masks == 0).double().mean().item()
    assert scores["pixel_accuracy"] == pytest.approx(photo)
    assert scores["iou"] == pytest.approx(photo / len(CLASSES))


def test_without_skips_the_network_forgets_what_the_way_down_knew(task: Segmenting) -> None:
    sizes = dict(recipes.config("unet-cutouts").sizes)
    plain = dict(recipes.config("unet-cutouts-plain").sizes)
    assert {name for name in sizes if sizes[name] != plain[name]} == {"skips"}
    torch.manual_seed(0)
    for config, sees in ((recipes.config("unet-cutouts"), True), (recipes.config("unet-cutouts-plain"), False)):
        network = config.task().network().eval()
        kept: list[torch.Tensor] = []
        network.get_submodule("down.0").register_forward_hook(lambda module, given, made, kept=kept: kept.append(made))
        output = network(torch.rand(1, 3, 64, 64))
        # the highest level's maps reach the output at their own place only across a skip
        (slope,) = torch.autograd.grad(output[0, 0, 33, 33], kept[0])
        assert (slope[0, :, 33, 33].abs() > 0).float().mean().item() > 0.5 or not sees
        pooled = torch.nn.functional.max_pool2d(kept[0], 2, return_indices=True)[1].flatten(2)
        largest = torch.zeros(kept[0].shape[1:]).flatten(1).scatter(1, pooled[0], 1.0).view_as(kept[0][0])
        beside = (slope[0].abs() * (1 - largest)).sum()  # of what pooling does not let through
        assert bool(beside > 0) is sees


def test_only_data_with_masks_can_be_learned_from() -> None:
    with pytest.raises(GlassworkError, match="data set with masks"):
        recipes.config("unet-cutouts").changed({"data": "mnist"}).task()


@pytest.mark.slow
def test_a_few_steps_lower_the_loss(task: Segmenting) -> None:
    config = recipes.config("unet-cutouts").changed({"sizes.width": 4, "sizes.depth": 2, "learning_rate": "1e-2"})
    small = config.task()
    torch.manual_seed(0)
    network = small.network().train()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2)
    losses = []
    for step in range(22):
        draw = Draw(step, small.indices(step), slice(None), torch.Generator().manual_seed(step))
        loss = small.loss(network, small.batch(draw))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert sum(losses[-4:]) < 0.9 * sum(losses[:4])
    assert isinstance(config, training.SegmenterConfig)
    assert CLASSES[1:] == KINDS
    assert Chance.drawn(2, torch.Generator()).of(slice(1)).layers.shape == (1, 2, 5)


def counted_iou(name: str, parts: CutOuts) -> float:
    """The mean over classes of |A and B| / |A or B| over a picture of each emoji, counted with sets of pixels."""
    network = zoo.load(name)
    pictures, masks = held_out_pictures(parts)
    with torch.no_grad():
        told = torch.cat([network.module(part) for part in pictures.split(32)]).argmax(1)
    ious = []
    for kind in range(len(network.labels)):
        one, other = (set(np.flatnonzero(each == kind)) for each in (told.numpy().ravel(), masks.numpy().ravel()))
        ious.append(len(one & other) / len(one | other))
    return sum(ious) / len(ious)


def test_what_ships_cuts_out_at_nine_tenths_and_worse_without_skips() -> None:
    parts = load_cutouts("test")
    with_skips, without = counted_iou("unet-cutouts", parts), counted_iou("unet-cutouts-plain", parts)
    assert with_skips >= 0.90
    assert without < with_skips - 0.02
    for name, iou in (("unet-cutouts", with_skips), ("unet-cutouts-plain", without)):
        card = zoo.load(name).card
        assert card is not None
        assert card.scores["iou"] == pytest.approx(iou, abs=2e-4)
    card = zoo.load("unet-nuclei").card
    assert card is not None
    assert score_tiles(zoo.load("unet-nuclei").module)["iou"] == pytest.approx(card.scores["iou"], abs=2e-4)


@pytest.mark.slow
def test_so_it_does_over_photographs_that_nobody_chose(tmp_path: Path) -> None:
    """What the classes are, and which weights were kept, was settled with the four held-out photos in sight."""
    photos = []
    for path in sorted(fetch_photographs(tmp_path).rglob("*.jpg")):
        with Image.open(path) as file:
            scale = 192 / min(file.size)
            pixels = file.convert("RGB").resize((round(file.width * scale), round(file.height * scale)))
        photos.append(Photo(path.stem, np.array(pixels)))
    assert len(photos) == 20
    parts = CutOuts(load_cutouts("test").emoji, tuple(photos))
    with_skips, without = counted_iou("unet-cutouts", parts), counted_iou("unet-cutouts-plain", parts)
    print(f"with skips {with_skips:.4f}, without {without:.4f}")
    assert with_skips >= 0.90
    assert without < with_skips - 0.02
