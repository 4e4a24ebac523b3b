"""Any picture becomes an input, and the record of steps is enough to do it again."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from glasswork import data
from glasswork.errors import GlassworkError
from glasswork.zoo import Preprocessed, Preprocessing

RGB = Preprocessing(64, 3)
DIGIT = Preprocessing(28, 1, light_on_dark=True)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def steps(done: Preprocessed) -> list[str]:
    return [step.name for step in done.steps]


@pytest.mark.parametrize("picture", [noise(64, 64, 3), Image.fromarray(noise(64, 64, 3))])
def test_a_picture_of_the_networks_own_form_is_taken_as_it_is(picture: np.ndarray | Image.Image) -> None:
    done = RGB(picture)
    assert done.steps == ()
    assert torch.equal(done.inputs[0][0], torch.tensor(noise(64, 64, 3)).permute(2, 0, 1) / 255)
    assert np.array_equal(done.picture, noise(64, 64, 3))


def test_a_bright_sample_of_the_data_itself_is_not_inverted() -> None:
    bright = np.full((28, 28, 1), 200, np.uint8)
    assert DIGIT(bright).steps == ()


@pytest.mark.parametrize("name", data.names())
def test_held_out_samples_need_no_step(name: str) -> None:
    expected = Preprocessing(64, 3) if name.startswith("emoji") else DIGIT
    for sample in data.samples(name):
        picture = data.sample(sample).picture
        done = expected(picture)
        assert done.steps == ()
        assert torch.equal(done.inputs[0][0], torch.tensor(picture).permute(2, 0, 1) / 255)


def test_a_wide_picture_loses_its_sides_and_the_box_says_which() -> None:
    wide = noise(100, 180, 3)
    done = RGB(wide)
    crop, resize = done.steps
    assert crop.values == {"box": (40, 0, 140, 100), "from": (180, 100)}
    assert resize.values["from"] == (100, 100)
    assert resize.values["to"] == (64, 64)
    again = Image.fromarray(wide).crop((40, 0, 140, 100)).resize((64, 64), Image.Resampling.BILINEAR)
    assert np.array_equal(done.picture, np.asarray(again))


def test_shrinking_averages_what_it_drops() -> None:
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    assert abs(int(RGB(stripes).picture[20:40, 20:40].mean()) - 127) <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_stands_on_white(mode: str) -> None:
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    if mode == "P":
        image = image.convert("P")
        image.info["transparency"] = image.getpixel((0, 0))
    done = RGB(image.convert(mode) if mode == "LA" else image)
    assert steps(done) == ["alpha"]
    assert done.steps[0].values == {"colour": (255, 255, 255)}
    assert done.picture.min() == 255


def test_an_opaque_alpha_channel_is_no_step() -> None:
    opaque = noise(64, 64, 4)
    opaque[..., 3] = 255
    done = RGB(opaque)
    assert done.steps == ()
    assert np.array_equal(done.picture, opaque[..., :3])


def test_a_photo_lying_on_its_side_is_set_upright() -> None:
    upright = noise(80, 60, 3)
    lying = Image.fromarray(np.rot90(upright))  # orientation 6: turn clockwise to see it upright
    exif = lying.getexif()
    exif[274] = 6
    file = io.BytesIO()
    lying.save(file, "PNG", exif=exif)
    done = RGB(Image.open(file))
    assert done.steps[0].name == "orientation"
    assert done.steps[0].values == {"exif": 6}
    assert np.array_equal(done.picture, RGB(upright).picture)


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "lime", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    animation = Image.open(file)
    animation.seek(2)
    done = RGB(animation)
    assert done.steps[0].values == {"index": 0, "of": 3}
    assert done.picture[0, 0].tolist() == [255, 0, 0]


def test_a_dark_digit_on_paper_becomes_white_on_black() -> None:
    paper = np.full((280, 280, 3), 240, np.uint8)
    paper[80:200, 110:170] = 20
    done = DIGIT(paper)
    assert steps(done) == ["grey", "resize", "invert"]
    assert done.steps[-1].values["border"] == pytest.approx(240 / 255, abs=1e-3)
    assert done.picture[0, 0, 0] == 15
    assert done.picture[14, 14, 0] == 235
    assert steps(DIGIT(255 - paper)) == ["grey", "resize"]


def test_grey_is_the_luma_that_the_step_names() -> None:
    picture = noise(28, 28, 3) // 4  # dark, so that nothing is inverted
    done = DIGIT(picture)
    (grey,) = done.steps
    expected = (picture * np.array(grey.values["weights"])).sum(-1)
    assert np.abs(done.picture[..., 0] - expected).max() <= 1


def test_16_bit_grey_is_mapped_to_8() -> None:
    values = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    done = RGB(Image.fromarray(values))
    assert done.steps[0].values == {"low": 0.0, "high": 65535.0}
    assert np.array_equal(done.picture[..., 0], np.rint(values / 257).astype(np.uint8))


def test_pixels_that_are_no_numbers_are_refused() -> None:
    values = np.zeros((8, 8), np.float32)
    values[2, 3] = np.nan
    with pytest.raises(GlassworkError, match=r"no numbers.*1 of 64"):
        RGB(Image.fromarray(values))


@pytest.mark.parametrize(
    "array",
    [np.zeros((8, 8)), np.zeros((0, 8, 3), np.uint8), np.zeros((8, 8, 2), np.uint8), np.zeros((2, 8, 8, 3), np.uint8)],
)
def test_an_array_that_is_no_picture_is_refused_with_what_was_expected(array: np.ndarray) -> None:
    with pytest.raises(GlassworkError, match="expected uint8"):
        RGB(array)


@pytest.mark.parametrize("size", [(1, 1), (30_000, 1), (1, 30_000), (2, 3)])
@pytest.mark.parametrize("expected", [RGB, DIGIT])
def test_extreme_sizes_work(size: tuple[int, int], expected: Preprocessing) -> None:
    done = expected(Image.new("RGB", size, (10, 20, 30)))
    assert done.inputs[0].shape == (1, expected.channels, expected.size, expected.size)
    assert done.picture.std(axis=(0, 1)).max() == 0


def test_a_long_picture_is_cut_before_torchvisions_resize_and_the_box_stays_in_the_middle() -> None:
    done = Preprocessing(224, 3, shorter_side=256)(Image.new("RGB", (30_000, 10), (10, 20, 30)))
    left, top, right, bottom = done.steps[0].values["box"]
    assert (left + right) / 2 == pytest.approx(15_000, abs=0.1)
    assert (top + bottom) / 2 == pytest.approx(5, abs=0.1)
    assert right - left == pytest.approx(10 * 224 / 256, abs=0.02)
    assert done.steps[0].values["from"] == (30_000, 10)
    assert done.picture[100, 100].tolist() == [10, 20, 30]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV", "LAB", "I", "F"])
def test_every_mode_of_a_picture_works(mode: str) -> None:
    image = Image.new(mode, (50, 40))
    assert RGB(image).inputs[0].shape == (1, 3, 64, 64)
    assert DIGIT(image).inputs[0].shape == (1, 1, 28, 28)
