"""Pictures from tar archives (made by Python's own tarfile): the same run whole, resumed, and on two processes."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_many_processes import assert_near as assert_curves_near

from glasswork import data, recipes
from glasswork.data import given
from glasswork.training import Classification, ClassifierConfig, Draw, Finished, read_metrics
from glasswork.training.sampling import chance
from glasswork.training.streaming import Order, Streamed

FAST = {
    "batch": 16, "evaluate_every": 25, "sizes.width": 4, "sizes.size": 28, "sizes.channels": 1, "observe": False,
    "buffer": 48, "record_every": 1, "held_out": 0.1, "validation": 30, "average": 0, "optimiser": "SGD",
    "learning_rate": 0.02, "balance": False, "augmentation.rotate": 0,
}  # fmt: skip


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Handwriting in seven archives: a picture, then its class, as WebDataset has them."""
    mnist, folder = data.load("mnist", "train"), tmp_path_factory.mktemp("shards")
    chosen = np.random.default_rng(0).permutation(len(mnist))[:420]
    for number in range(7):
        with tarfile.open(folder / f"d-{number:03d}.tar", "w") as archive:
            for i in chosen[number * 60 : number * 60 + 60]:
                png = io.BytesIO()
                Image.fromarray(mnist.pictures[i, ..., 0]).save(png, "PNG")
                add(archive, f"{i:06d}.png", png.getvalue())
                add(archive, f"{i:06d}.cls", str(mnist.labels[i]).encode())
    return f"shards:{folder}/d-{{000..006}}.tar"


def task(shards: str, **more: object) -> Classification:
    config = recipes.config("classify").changed({"data": shards, "steps": 50, **FAST, **more})
    assert isinstance(config, ClassifierConfig)
    return Classification(config)


def test_pictures_and_labels_are_those_that_were_put_in(shards: str) -> None:
    files = given.read_pictures(shards)
    mnist = data.load("mnist", "train")
    assert isinstance(files, given.ShardFiles)
    assert (len(files), files.classes, files.problems) == (420, tuple("0123456789"), ())
    for i in (0, 61, 419):
        number = int(files.paths[i].rpartition("/")[2].removesuffix(".png"))
        assert np.array_equal(np.asarray(files.open(i)), mnist.pictures[number, ..., 0])
        assert files.labels[i] == mnist.labels[number]
    assert given.look(shards)["count"] == 420


def test_each_epoch_is_a_new_order_from_blocks_that_were_read_in_order() -> None:
    shard = np.repeat(np.arange(10), 24)
    order = Order(shard, batch=16, buffer=64, seed=3)
    assert len(order.lanes) == 8
    epochs = [np.concatenate([order.indices(e * order.steps + i) for i in range(order.steps)]) for e in range(2)]
    for seen in epochs:
        assert len(set(seen.tolist())) == len(seen)
    assert not np.array_equal(epochs[0], epochs[1])
    again = Order(shard, batch=16, buffer=64, seed=3)
    assert all(np.array_equal(again.indices(s), order.indices(s)) for s in (37, 5, 12))
    for step in range(order.steps):
        whole = np.concatenate([order.content(block) for block in order.blocks(step, slice(0, 16))])
        assert set(order.indices(step).tolist()) <= set(whole.tolist())
        assert len(whole) <= 2 * 64
    for block in order.blocks(0, slice(0, 16)):
        content = order.content(block)
        assert all((np.diff(content[shard[content] == n]) == 1).all() for n in np.unique(shard[content]))


def test_of_two_processes_each_reads_its_own_archives_and_both_see_what_one_sees(shards: str) -> None:
    whole, parts = task(shards), [task(shards), task(shards)]
    opened: list[set[Path]] = [set(), set()]
    for part, seen in zip(parts, opened, strict=True):
        assert isinstance(part.seen, Streamed)
        files = part.seen.files
        object.__setattr__(files, "opener", lambda path, seen=seen: seen.add(path) or path.open("rb"))
    for step in range(8):
        index, random = whole.indices(step), chance(0, step)
        everything = whole.batch(Draw(step, index, slice(0, 16), random))[0]
        for part, half in zip(parts, (slice(0, 8), slice(8, 16)), strict=True):
            inputs, labels = part.batch(Draw(step, part.indices(step), half, chance(0, step)))
            assert np.array_equal(inputs, everything[half])
            assert np.array_equal(labels, whole.seen.labels[index[half]])
    assert not opened[0] & opened[1]
    assert isinstance(whole.seen, Streamed)
    held = sum(len(whole.seen.order.content(block)) for block in whole.seen.blocks)
    assert held <= 4 * 48 < len(whole.seen)


@pytest.mark.slow
def test_a_stream_is_resumed_within_an_archive_to_the_bit(shards: str, tmp_path: Path) -> None:
    *_, last = recipes.run("classify", data=shards, out=tmp_path / "whole", steps=50, settings=FAST)
    assert isinstance(last, Finished)
    steps: list[int] = []
    for stop_at in (13, 31, 99):
        list(
            recipes.run("classify", data=shards, out=tmp_path / "cut", steps=50, settings=FAST, resume=True,
                        stop=lambda: steps.append(1) or len(steps) == stop_at)  # noqa: B023
        )  # fmt: skip
    assert read_metrics(tmp_path / "cut").series["loss"] == read_metrics(tmp_path / "whole").series["loss"]
    assert (tmp_path / "cut/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()
    measured = recipes.evaluate(str(tmp_path / "whole"))
    assert measured["scores"] == pytest.approx(dict(last.final), abs=1e-6)
    settings = [word for key, value in FAST.items() for word in ("--set", f"{key}={str(value).lower()}")]
    command = [sys.executable, "-m", "glasswork", "train", "classify", "--data", shards, "--steps", "50", *settings]
    command += ["--out", str(tmp_path / "two"), "--devices", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert_curves_near(tmp_path / "two", tmp_path / "whole")
