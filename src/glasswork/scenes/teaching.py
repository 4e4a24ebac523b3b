"""Before one's own classes are taught: what is in the pictures, what a run can begin from, and what it would see."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from glasswork import networks, recipes, zoo
from glasswork.data.given import BrokenPictureError, PictureFiles, look_at_pictures, read_pictures
from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.courses import BEGINNINGS
from glasswork.scenes.messages import teaching as t
from glasswork.scenes.sets import OwnPictures
from glasswork.scenes.training import check_settings
from glasswork.training import Classification, ClassifierConfig, Draw, flat
from glasswork.training.augmentation import on_white
from glasswork.training.classification import SHARE_ASIDE
from glasswork.training.pictures import parts
from glasswork.training.sampling import chance
from glasswork.zoo import Preprocessing
from glasswork.zoo.packages import PACKAGED, is_here

RECIPE = "classify"
PHOTOS = BEGINNINGS[0]
SUITED: Mapping[str, Mapping[str, str]] = {
    PHOTOS: {"steps": "40", "batch": "16", "evaluate_every": "10", "save_every": "10", "keep": "0", "freeze": "true"},
    "tiny-vgg-emoji": {"steps": "400", "save_every": "50", "keep": "0", "freeze": "true"},
    "tiny-vgg-fashion": {"steps": "400", "save_every": "50", "keep": "0", "freeze": "true"},
    "": {"save_every": "50", "keep": "0"},
}  # fmt: skip
"""What suits each network that one can begin from, on two cores; "" is none. Every step that is measured is saved, so
that the one which is kept can be looked at."""
SMALL = 48  # pixels a side: what larger networks would only blow up
THUMBNAIL = 56  # pixels a side
SHOWN, MOST_CLASSES = 10, 60  # thumbnails of a class, and of how many classes
MOST_TOLD = 200  # files, groups of files
BATCH_SHOWN = 10
MOST_HELD = 3
EVERY = 0.2  # seconds between two words about how far it has come


class Teaching:
    """Answers about pictures that nothing was learned from yet.

    Args:
        own: what a page may name as pictures.
    """

    def __init__(self, own: OwnPictures) -> None:
        self.own = own
        self._broken: OrderedDict[Path, set[str]] = OrderedDict()
        self._tasks: OrderedDict[tuple[Path, str, int], Classification] = OrderedDict()

    def answer(
        self, request: t.LookAtPictures | t.ShowVaried, cancel: threading.Event
    ) -> Iterator[m.Answer | str | bytes]:
        """What a page asks of them."""
        if isinstance(request, t.ShowVaried):
            yield self._varied(request)
        else:
            yield from self._look(request, cancel)

    def _look(self, request: t.LookAtPictures, cancel: threading.Event) -> Iterator[m.Answer | str | bytes]:
        place = self.own.place(request.pictures)
        files = _read(f"folder:{place}", self.own.refused(request.pictures))
        looking, told = look_at_pictures(files), 0.0
        while True:
            try:
                done, of = next(looking)
            except StopIteration as end:
                found: dict[str, Any] = end.value
                break
            if cancel.is_set():
                return
            if time.monotonic() - told > EVERY:
                told = time.monotonic()
                yield t.Working(request.request, done, of)
        empty = {f"{name}/" for name in found["empty"]}  # they stand among the classes
        problems = [
            *self.own.refused(request.pictures),
            *(one for one in found["problems"] if one["path"] not in empty),
        ]
        broken = {one["path"] for one in found["problems"]}
        usable = files.take([i for i, path in enumerate(files.paths) if path not in broken])
        self._broken[place] = broken
        _forget(self._broken)
        for key in [key for key in self._tasks if key[0] == place]:
            del self._tasks[key]  # the folder may have changed
        config = _config("", {}, f"folder:{place}")
        aside = min(SHARE_ASIDE, config.validation / max(1, len(usable)))
        divided = parts(usable, config.held_out, aside)[0]
        part_of = {path: name for name, part in divided.items() for path in part.paths}
        alike = found["alike"]
        classes, pixels = _thumbnails(usable, found["classes"])
        grey = found["grey"] == found["count"]
        answer = t.LookedAt(
            request=request.request,
            pictures=request.pictures,
            place=place.name if request.pictures.startswith("folder:") else "",
            count=found["count"],
            classes=classes,
            sizes=list(found["sizes"]),
            more_sizes=max(0, len(found["sizes"]) - 3),
            grey=grey,
            problems=[t.Unusable(one["path"], one["why"]) for one in problems[:MOST_TOLD]],
            empty=found["empty"],
            duplicates=[group for group in found["duplicates"] if group not in found["leaks"]][:MOST_TOLD],
            leaks=found["leaks"][:MOST_TOLD],
            across=[group for group in alike if len({part_of[path] == "test" for path in group}) > 1][:MOST_TOLD],
            parts={name: len(part) for name, part in divided.items()},
            beginnings=list(beginnings()),
            suggested=_suggested(found, grey),
            refusal=_refusal(found),
            settings=flat(config),
            arrays=[m.Array(ref=f"data:{request.pictures}#thumbnails@value", shape=list(pixels.shape), dtype="uint8")],
        )
        yield m.encode(answer, [pixels])

    def _varied(self, request: t.ShowVaried) -> str | bytes:
        check_settings(request.settings)
        if request.start not in SUITED:
            raise GlassworkError("this page can't begin from that network", where=request.start[:80])
        task = self._task(self.own.place(request.pictures), request.start, request.settings)
        config = task.config
        index = task.indices(0)
        draw = Draw(0, index, slice(0, len(index)), chance(config.seed, 0, 0))
        shown = index[:BATCH_SHOWN]
        read = picture_bytes(on_white(task.seen.inputs(shown)))
        learned = picture_bytes(_unnormalised(task.batch(draw)[0][:BATCH_SHOWN], task.prepare))
        answer = t.Varied(
            request=request.request,
            names=[task.name(int(i)) for i in shown],
            labels=[task.seen.classes[task.seen.labels[i]] for i in shown],
            batch=len(index),
            arrays=[
                m.Array(ref=f"data:{request.pictures}#{name}@value", shape=list(each.shape), dtype="uint8")
                for name, each in (("read", read), ("learned", learned))
            ],
        )
        return m.encode(answer, [read, learned])

    def _task(self, place: Path, start: str, settings: Mapping[str, str]) -> Classification:
        """What a run would train; the pictures are divided once, and decoded when they are shown."""
        config = _config(start, settings, f"folder:{place}")
        key = place, start, config.validation
        if key not in self._tasks:
            self._tasks[key] = Classification(config, broken=self._broken.get(place))
            _forget(self._tasks)
        task = self._tasks[key]
        task.config = replace(config, network=task.config.network, sizes=task.config.sizes)
        return task


def _forget(held: OrderedDict[Any, Any]) -> None:
    while len(held) > MOST_HELD:
        held.popitem(last=False)


@cache
def _beginning(name: str) -> t.Beginning:
    settings = dict(SUITED[name])
    if not name:
        config = recipes.config(RECIPE)
        title = config.title
        channels, size = int(config.sizes["channels"]), int(config.sizes["size"])
        parameters = sum(p.numel() for p in zoo.build(config.network, config.sizes).parameters())
    elif name in PACKAGED:
        about, title = networks.sizes(name), "EfficientNet-Lite0"
        channels, size = 3, int(about["size"])
        with torch.device("meta"):  # counted without making one
            parameters = sum(p.numel() for p in networks.build(name).parameters())
    else:
        network = zoo.load(name)
        assert network.preprocess is not None
        title, parameters = network.title, network.parameters
        channels, size = network.preprocess.channels, network.preprocess.size
    return t.Beginning(
        name=name, title=title, channels=channels, size=size, parameters=parameters, todo="", settings=settings
    )


def beginnings() -> Iterator[t.Beginning]:
    """What a run on one's own pictures can begin from."""
    for name in (*BEGINNINGS, ""):
        here = name not in PACKAGED or is_here(PACKAGED[name])
        found = _beginning(name)
        yield found if here else msgspec.structs.replace(found, todo=f"glasswork data fetch {name}")


def _config(start: str, settings: Mapping[str, str], spec: str) -> ClassifierConfig:
    config = recipes.config(RECIPE).changed({**settings, "data": spec, "start": start})
    assert isinstance(config, ClassifierConfig)
    return config


def _read(spec: str, refused: list[dict[str, str]]) -> PictureFiles:
    """The pictures of a folder.

    Raises:
        GlassworkError: there is none; of a set that was sent, with what was refused of it.
    """
    try:
        files = read_pictures(spec)
    except GlassworkError as error:
        if not refused:
            raise
        first = refused[0]
        why = f"{len(refused):,} files were refused; {first['path']}: {first['why']}"
        raise GlassworkError(error.what, where="the pictures that were sent", why=why, todo=error.todo) from error
    assert isinstance(files, PictureFiles)
    return files


def _suggested(found: Mapping[str, Any], grey: bool) -> str:
    """What is likely to do best: small pictures gain nothing from a network for photos."""
    side = max((max(map(int, size.split("x"))) for size in found["sizes"]), default=0)
    if grey and side <= SMALL:
        return "tiny-vgg-fashion"
    return PHOTOS if is_here(PACKAGED[PHOTOS]) else "tiny-vgg-emoji"


def _refusal(found: Mapping[str, Any]) -> str:
    present = [name for name, count in found["classes"].items() if count]
    without = [*found["empty"], *(name for name, count in found["classes"].items() if not count)]
    if len(present) > 1:
        return ""
    only = f"only {present[0]} has pictures" if present else "no picture can be read"
    return f"{only}; {', '.join(without)} {'has' if len(without) == 1 else 'have'} none" if without else only


def _thumbnails(files: PictureFiles, counts: Mapping[str, int]) -> tuple[list[t.TaughtClass], np.ndarray]:
    """Some pictures of each class, small, their middle square, on white."""
    of_class: dict[int, list[int]] = defaultdict(list)
    for i, label in enumerate(files.labels.tolist()):
        of_class[label].append(i)
    classes, pixels = list[t.TaughtClass](), list[np.ndarray]()
    for k, (name, count) in enumerate(counts.items()):
        held = of_class[k] if k < MOST_CLASSES else []
        chosen = [held[i] for i in np.unique(np.linspace(0, len(held) - 1, min(SHOWN, len(held))).astype(int))]
        shown = []
        for i in chosen:
            try:
                picture = files.open(i)
            except BrokenPictureError:
                continue  # it was there when it was looked at
            shown.append(len(pixels))
            pixels.append(_small(picture))
        classes.append(t.TaughtClass(name=name, count=count, shown=shown))
    return classes, np.stack(pixels) if pixels else np.zeros((0, THUMBNAIL, THUMBNAIL, 3), np.uint8)


def _small(picture: Image.Image) -> np.ndarray:
    """(S, S, 3) bytes."""
    rgba = picture.convert("RGBA")
    white = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return np.asarray(ImageOps.fit(white, (THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR))


def _unnormalised(x: Tensor, how: Preprocessing) -> Tensor:
    """What a network is given, (B, C, H, W), as 0..1 again."""
    if not how.mean:
        return x
    mean, deviation = (torch.tensor(values).view(-1, 1, 1) for values in (how.mean, how.std))
    return x * deviation + mean


def picture_bytes(x: Tensor) -> np.ndarray:
    """(B, C, H, W), 0..1 -> (B, H, W, 3) bytes."""
    pixels = (x.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return pixels.expand(*pixels.shape[:3], 3).contiguous().numpy()
