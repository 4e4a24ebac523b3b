"""After one's own classes were taught: what the network makes of every picture, the map of them, and files to take."""

from __future__ import annotations

import io
import shlex
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import zoo
from glasswork.data.given import read_pictures
from glasswork.errors import GlassworkError
from glasswork.measuring.embedding import EXTRA, is_installed, neighbour_embedding, principal_components
from glasswork.measuring.features import last_features
from glasswork.scenes import messages as m
from glasswork.scenes.courses import Courses
from glasswork.scenes.messages import teaching as t
from glasswork.scenes.moments import Moments
from glasswork.scenes.networks import page_of
from glasswork.scenes.teaching import EVERY, picture_bytes
from glasswork.training import Classification
from glasswork.training.augmentation import on_white
from glasswork.training.classification import normalised
from glasswork.training.pictures import Decoded, Held
from glasswork.zoo.exporting import EXPORTS
from glasswork.zoo.shipping import RUN_CARD

MOST = 2_000  # pictures that are looked at
AT_ONCE = 64
SIDES = ((500, 48), (MOST, 32))  # up to so many pictures, thumbnails of so many pixels a side
MOST_HELD = 3
PARTS: tuple[t.Part, ...] = ("test", "validation", "train")
LONGEST = 2_048  # pixels a side of a picture that is opened elsewhere


@dataclass(frozen=True)
class Made:
    """What a network made of pictures.

    Attributes:
        pictures: which, in the order of the rows.
        of: how many there are in all.
        thumbnails: bytes, (n, S, S, 3).
        answers: probabilities, (n, K).
        features: what the last layer sees, (n, F).
    """

    pictures: list[t.TaughtPicture]
    of: int
    thumbnails: np.ndarray
    answers: np.ndarray
    features: np.ndarray


class TaughtRuns:
    """Answers about runs on pictures of the reader's own.

    Args:
        courses: the runs.
        moments: their networks.
    """

    def __init__(self, courses: Courses, moments: Moments) -> None:
        self.courses, self.moments = courses, moments
        self._made: OrderedDict[tuple[str, int, str], Made] = OrderedDict()

    def answer(
        self, request: t.OpenTaught | t.FetchPicture | t.ExportRun, cancel: threading.Event
    ) -> Iterator[m.Answer | str | bytes]:
        """What a page asks of them."""
        match request:
            case t.OpenTaught():
                yield from self._open(request, cancel)
            case t.FetchPicture():
                yield self._picture(request)
            case t.ExportRun():
                yield self._export(request)

    def _task(self, run: str) -> Classification:
        _, task = self.moments.task(run)
        if not isinstance(task, Classification):
            raise GlassworkError(
                "this run tells no pictures apart", where=run, todo="Open it on the page of training instead."
            )
        return task

    def _step(self, run: str) -> int:
        """The step whose weights were kept, or the newest that was saved."""
        saved = self.courses.saved(run)
        path = self.courses.folder(run) / RUN_CARD
        kept = zoo.read_card(path).steps if path.is_file() else -1
        return kept if kept in saved else saved[-1]

    def _open(self, request: t.OpenTaught, cancel: threading.Event) -> Iterator[m.Answer | str | bytes]:
        run, task = request.run, self._task(request.run)
        step = self._step(run) if request.step is None else request.step
        network = self.moments.load(f"run:{run}@{step}")
        key = run, step, network.weights_hash
        if key not in self._made:
            found = None
            for each in _make(task, network.module, cancel):
                if isinstance(each, Made):
                    found = each
                else:
                    yield t.Working(request.request, *each)
            if found is None:
                return
            self._made[key] = found
            while len(self._made) > MOST_HELD:
                self._made.popitem(last=False)
        made = self._made[key]
        places, shares, missing = _places(made.features, request.way)
        source = f"taught:{run}@{step}"
        accuracy, counts = dict[str, m.Number](), dict[str, int]()
        for part in PARTS:
            rows = [row for row, one in enumerate(made.pictures) if one.part == part]
            if rows:
                right = made.answers[rows].argmax(1) == [made.pictures[row].label for row in rows]
                accuracy[part], counts[part] = m.Number(f"{source}#accuracy@{part}", float(right.mean())), len(rows)
        answer = t.Taught(
            request=request.request,
            source=source,
            run=run,
            step=step,
            network=network.target,
            page=page_of(network),
            classes=list(network.labels),
            pictures=made.pictures,
            of=made.of,
            accuracy=accuracy,
            counts=counts,
            way=request.way,
            shares=[m.Number(f"{source}#pca[{d}]@share", share) for d, share in enumerate(shares)],
            features=made.features.shape[1],
            missing=missing,
            arrays=[
                m.Array(ref=f"{source}#thumbnails@value", shape=list(made.thumbnails.shape), dtype="uint8"),
                m.Array(ref=f"{source}#answers@value", shape=list(made.answers.shape), dtype="float64"),
                m.Array(ref=f"{source}#{request.way}@value", shape=list(places.shape), dtype="float64"),
            ],
        )
        yield m.encode(answer, [made.thumbnails, made.answers, places])

    def _picture(self, request: t.FetchPicture) -> str | bytes:
        task = self._task(request.run)
        names = sorted(name for _, pictures in _parts(task) for name in pictures.names)
        if not 0 <= request.index < len(names):
            raise GlassworkError("there is no such picture", where=request.run, why=f"there are {len(names):,}")
        name = names[request.index]
        files = read_pictures(task.config.data)
        if name not in files.paths:
            raise GlassworkError("this picture is gone", where=name, why="it was there when the run was begun")
        picture = files.open(files.paths.index(name))
        picture.thumbnail((LONGEST, LONGEST))
        out = io.BytesIO()
        picture.save(out, "PNG", compress_level=1)
        body = np.frombuffer(out.getvalue(), np.uint8)
        entry = m.Array(ref=f"data:{request.run}#picture@value", shape=list(body.shape), dtype="uint8")
        return m.encode(m.File(request.request, f"{Path(name).stem}.png", [entry]), [body])

    def _export(self, request: t.ExportRun) -> str | bytes:
        folder = self.courses.folder(request.run)
        network = zoo.load(str(folder))
        with tempfile.TemporaryDirectory(prefix="glasswork-") as place:
            made = EXPORTS[request.form](network, Path(place) / folder.name)
            body = np.frombuffer(made.path.read_bytes(), np.uint8)
        answer = t.Exported(
            request=request.request,
            name=made.path.name,
            form=request.form,
            about=made.about,
            checked=made.checked,
            error=made.error,
            command=shlex.join(["glasswork", "export", f"runs/{folder.name}", f"--{request.form}", made.path.name]),
            arrays=[m.Array(ref=f"data:{request.run}#{request.form}@value", shape=list(body.shape), dtype="uint8")],
        )
        return m.encode(answer, [body])


def _parts(task: Classification) -> list[tuple[t.Part, Held | Decoded]]:
    parts: list[tuple[t.Part, Held | Decoded]] = []
    for part, pictures in zip(PARTS, (task.held_out, task.aside, task.seen), strict=True):
        if not isinstance(pictures, (Held, Decoded)):
            raise GlassworkError(
                "pictures in archives are not shown one by one", where=task.config.data, todo="Unpack some of them."
            )
        parts.append((part, pictures))
    return parts


def _make(task: Classification, module: nn.Module, cancel: threading.Event) -> Iterator[tuple[int, int] | Made]:
    """Run all pictures through, those first that it did not learn from; how many are done on the way."""
    parts = _parts(task)
    place = {name: i for i, name in enumerate(sorted(name for _, pictures in parts for name in pictures.names))}
    room, told = MOST, time.monotonic()
    most = min(MOST, len(place))
    side = next(side for count, side in SIDES if most <= count)
    found, small = list[t.TaughtPicture](), list[np.ndarray]()
    logits, features = list[Tensor](), list[Tensor]()
    linear = any(isinstance(one, nn.Linear) for one in module.modules())
    for part, pictures in parts:
        index = np.unique(np.linspace(0, len(pictures) - 1, min(room, len(pictures))).astype(int))
        room -= len(index)
        for begin in range(0, len(index), AT_ONCE):
            if cancel.is_set():
                return
            if time.monotonic() - told > EVERY:
                told = time.monotonic()
                yield len(found), most
            chosen = index[begin : begin + AT_ONCE]
            read = on_white(pictures.inputs(chosen))
            x = normalised(read, task.prepare)
            if linear:
                seen, said = last_features(module, x)
            else:  # a convolution gives the answer: the map is made of the answers themselves
                with torch.inference_mode():
                    seen = said = module(x)
            logits.append(said)
            features.append(seen.flatten(1))
            how = "area" if read.shape[-1] > side else "nearest"
            small.append(picture_bytes(F.interpolate(read, (side, side), mode=how)))
            found += [
                t.TaughtPicture(
                    index=place[pictures.names[i]], name=pictures.names[i], label=int(pictures.labels[i]), part=part
                )
                for i in map(int, chosen)
            ]
    yield Made(
        found,
        len(place),
        np.concatenate(small),
        torch.cat(logits).double().softmax(1).numpy(),
        torch.cat(features).double().numpy(),
    )


def _places(features: np.ndarray, way: t.Way) -> tuple[np.ndarray, list[float], str]:
    """Where each picture stands on the map; of principal components also the shares; and what is not installed."""
    if way == "pca":
        places, shares = principal_components(features)
        return places, shares, ""
    if not is_installed():
        return np.zeros((0, 2)), [], EXTRA
    return neighbour_embedding(features), [], ""
