"""What the page of training is told: which runs there are, how one goes, and one of its steps in slow motion."""

from __future__ import annotations

import math
import re
import shlex
from collections import OrderedDict
from collections.abc import Iterator, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glasswork import data, recipes
from glasswork.errors import GlassworkError, unknown
from glasswork.scenes import messages as m
from glasswork.scenes.courses import WATCHED, Courses, RunView, Standing, waits_for_text
from glasswork.scenes.labels import name_of
from glasswork.scenes.messages import training as t
from glasswork.scenes.moments import Moments
from glasswork.scenes.pictures import ReadInput, first_input, prepare, read_picture
from glasswork.scenes.sets import OwnPictures
from glasswork.scenes.updates import update_of
from glasswork.training import flat
from glasswork.training.course import Drawn, read_part
from glasswork.training.retaking import Taken
from glasswork.training.summary import Series

WEIGHT = re.compile(r"([A-Za-z0-9_.]{1,200})\[(\d+(?:,\d+)*)?\]")
MOST_POINTS = 2000
MOST_LAID = 8
EXAMPLES = 8
MOST_HAPPENED = 400
MOST_STEPS = 400  # saved steps that an answer is followed over
OPEN = {
    "steps", "batch", "accumulate", "optimiser", "learning_rate", "schedule", "warmup", "weight_decay", "clip",
    "seed", "precision", "average", "validation", "evaluate_every", "patience", "save_every", "keep",
    "record_every", "observe", "choose_by", "label_smoothing", "balance", "freeze",
}  # fmt: skip
"""Settings that a page may change, beside all of the optimiser, the schedule, the sizes and the augmentation; none that
names a file."""
OPEN_GROUPS = ("optimiser_settings.", "schedule_settings.", "sizes.", "augmentation.")
_Laid = tuple[list[list[str]], list[m.Array], list[np.ndarray]]


class Training:
    """Answers about runs.

    Args:
        courses: the runs.
        moments: their networks.
        own: what a page may name as pictures.
    """

    def __init__(self, courses: Courses, moments: Moments, own: OwnPictures) -> None:
        self.courses, self.moments, self.own = courses, moments, own
        self._laid: OrderedDict[int, tuple[Drawn, _Laid]] = OrderedDict()

    def answer(self, request: t.TrainingRequest, read_input: ReadInput) -> Iterator[m.Answer | str | bytes]:
        """What a page asks of it."""
        match request:
            case t.ListRuns():
                yield self._list(request)
            case t.OpenCourse():
                yield self._course(request)
            case t.SteerRun():
                self.courses.steer(request.run, request.do, request.value)
                yield t.Steered(request=request.request, run=request.run)
            case t.StartRun():
                yield t.Steered(request=request.request, run=self._start(request))
            case t.ResumeRun():
                self.courses.resume(request.run)
                yield t.Steered(request=request.request, run=request.run)
            case t.SlowStep():
                yield self._slow(request)
            case t.FollowWeight():
                yield self._weight(request)
            case t.FollowAnswer():
                yield self._answers(request, read_input)

    def _list(self, request: t.ListRuns) -> m.Answer:
        return t.RunList(
            request=request.request,
            folder=self.courses.root.name,
            runs=[_card(one) for one in self.courses.standings()],
            recipes=[_recipe(name) for name in recipes.names()],
        )

    def _start(self, request: t.StartRun) -> str:
        check_settings(request.settings)
        if not request.pictures:
            return self.courses.start(request.recipe, request.settings, request.text)
        self.own.place(request.pictures)  # what is wrong with it is said before a folder is made
        return self.courses.start_on_pictures(
            request.recipe, request.settings, request.start, lambda run: self.own.kept(request.pictures, run)
        )

    def _course(self, request: t.OpenCourse) -> str | bytes:
        view = self.courses.view(request.run, min(max(2, request.points), MOST_POINTS))
        if view.recipe == WATCHED and view.pid:
            self.courses.look(request.run)
        stamp = _stamp(view)
        unchanged = stamp == request.known
        groups, entries, arrays = ([], [], []) if unchanged else self._lay(request.run, view.drawn)
        steps = view.config.steps if view.config else 0
        standing = Standing(view.name, view.recipe, view.title, view.state, view.drawn.last, steps)
        settings = flat(view.config) if view.config else {}
        answer = t.Course(
            request=request.request,
            stamp=stamp,
            run=_card(standing),
            why=view.why,
            pid=view.pid,
            settings=[t.Setting(name, value) for name, value in settings.items()],
            named={path: name_of(path) for name in view.drawn.series for path in name.split("/")[1:2]},
            groups=groups,
            unchanged=unchanged,
            happened=[_happening(event) for event in view.drawn.events[-MOST_HAPPENED:]],
            saved=view.saved,
            skipped=view.drawn.skipped,
            scores=[t.FinalScore(k, m.Number(f"run:{view.name}#{k}@score", v)) for k, v in view.scores.items()],
            seconds=view.seconds,
            network=f"run:{view.name}@",
            command=_command(view),
            log=self.courses.log(request.run)[-40:] if view.config else [],
            arrays=entries,
        )
        return m.encode(answer, arrays)

    def _lay(self, run: str, drawn: Drawn) -> _Laid:
        """The series as they go over the wire, once for all pages that watch."""
        if id(drawn) not in self._laid:
            self._laid[id(drawn)] = drawn, _grouped(run, drawn.series)
            while len(self._laid) > MOST_LAID:
                self._laid.popitem(last=False)
        return self._laid[id(drawn)][1]

    def _slow(self, request: t.SlowStep) -> str | bytes:
        taken = self.moments.taken(request.run, request.step)
        source = f"step:{request.run}@{request.step}"
        parameter, index = _chosen(taken, request.weight)
        examples, pictures = self._examples(request.run, taken, source)
        kernels = _kernels(taken)
        arrays, entries = list[np.ndarray](), list[m.Array]()
        if pictures is not None:
            arrays.append(pictures)
            entries.append(m.Array(ref=f"{source}#examples@value", shape=list(pictures.shape), dtype="uint8"))
        for what, tensor in (("value", taken.updated[kernels].before), ("grad", taken.updated[kernels].gradient)):
            arrays.append(tensor.float().contiguous().numpy())
            entries.append(m.Array(ref=f"{source}#{kernels}@{what}", shape=list(tensor.shape), dtype="float32"))
        recorded = self._recorded(request.run, request.step + 1)
        answer = t.SlowMotion(
            request=request.request,
            run=request.run,
            step=request.step,
            batch=len(taken.index),
            examples=examples,
            loss=m.Number(f"{source}#loss@value", taken.loss),
            after=m.Number(f"{source}#loss@after", taken.after),
            layers=[
                t.LayerGradient(
                    path=layer, label=name_of(layer), size=m.Number(f"{source}#gradient/{layer}@norm", size)
                )
                for layer, size in _gradients(taken)
            ],
            update=update_of(taken.updated[parameter], parameter, index, source),
            parameter=kernels,
            map=source,
            recorded=recorded,
            arrays=entries,
        )
        return m.encode(answer, arrays)

    def _recorded(self, run: str, step: int) -> float | None:
        try:
            series = read_part(self.courses.folder(run), step, step, MOST_POINTS).series.get("loss")
        except OSError:
            return None
        if series is None:
            return None
        at = int(np.searchsorted(series.steps, step))
        exact = at < len(series.steps) and series.first[at] == series.steps[at] == step and series.count[at] == 1
        return float(series.low[at]) if exact else None

    def _examples(self, run: str, taken: Taken, source: str) -> tuple[list[t.Example], np.ndarray | None]:
        """The first examples of a classifier's batch, and their pictures."""
        batch, logits = taken.batch, taken.output
        if not (isinstance(batch, tuple) and len(batch) == 2 and all(isinstance(one, Tensor) for one in batch)):
            return [], None
        inputs, labels = batch
        if logits is None or logits.dim() != 2 or labels.dim() != 1 or labels.is_floating_point():
            return [], None
        count = min(EXAMPLES, len(labels))
        sure = torch.softmax(logits[:count].double(), 1).gather(1, labels[:count, None])[:, 0]
        losses = F.cross_entropy(logits[:count].double(), labels[:count], reduction="none")
        names = self.moments.task(run)[1].about().labels
        examples = [
            t.Example(
                name=self.moments.example_name(run, int(taken.index[i])),
                label=names[int(labels[i])] if int(labels[i]) < len(names) else str(int(labels[i])),
                probability=m.Number(f"{source}#examples[{i}]@probability", float(sure[i])),
                loss=m.Number(f"{source}#examples[{i}]@loss", float(losses[i])),
            )
            for i in range(count)
        ]
        return examples, _pixels(inputs[:count]) if inputs.dim() == 4 and inputs.shape[1] in (1, 3) else None

    def _weight(self, request: t.FollowWeight) -> str | bytes:
        parameter, index = _parsed(request.weight)
        steps, values = self.moments.weights_over(request.run, parameter, index)
        return m.encode(
            t.Followed(
                request=request.request,
                run=request.run,
                steps=steps,
                names=[request.weight],
                sources=[f"step:{request.run}@{step}" for step in steps],
                arrays=[m.Array(ref=f"run:{request.run}#{parameter}@weights", shape=[len(steps), 1], dtype="float64")],
            ),
            [np.array(values)[:, None]],
        )

    def _answers(self, request: t.FollowAnswer, read_input: ReadInput) -> str | bytes:
        """Probabilities of every class at every saved step."""
        saved = self.courses.saved(request.run)
        chosen = saved[:: -(-len(saved) // MOST_STEPS) or 1]
        rows, names = list[np.ndarray](), tuple[str, ...]()
        for step in chosen:
            network = self.moments.load(f"run:{request.run}@{step}")
            picture = read_picture(request.input or first_input(network), read_input)
            with torch.inference_mode():
                logits = network.module(*prepare(network, picture).inputs)
            rows.append(torch.softmax(logits[0].double(), 0).numpy())
            names = network.labels
        if not rows:
            raise GlassworkError("no step was saved yet", where=request.run, todo="Wait for the first checkpoint.")
        values = np.stack(rows)
        return m.encode(
            t.Followed(
                request=request.request,
                run=request.run,
                steps=chosen,
                names=list(names),
                sources=[f"run:{request.run}@{step}" for step in chosen],
                arrays=[m.Array(ref=f"run:{request.run}#answers@value", shape=list(values.shape), dtype="float64")],
            ),
            [values],
        )


def check_settings(settings: Mapping[str, str]) -> None:
    """Whether a page may change these.

    Raises:
        GlassworkError: one names a file, or is none.
    """
    for name in settings:
        if name not in OPEN and not name.startswith(OPEN_GROUPS):
            raise unknown("setting that a page may change", name, sorted(OPEN))


def _gradients(taken: Taken) -> list[tuple[str, float]]:
    return [
        (name.removeprefix("gradient/"), size) for name, size in taken.norms.items() if name.startswith("gradient/")
    ]


def _card(one: Standing) -> t.RunCard:
    return t.RunCard(name=one.name, title=one.title, recipe=one.recipe, state=one.state, step=one.step, steps=one.steps)


def _recipe(name: str) -> t.RecipeCard:
    config = recipes.config(name)
    return t.RecipeCard(
        name=name,
        title=config.title,
        about=recipes.about(name),
        data=config.data,
        ready=config.data in data.all_names(),
        reads="text" if waits_for_text(config) else "",
        settings=[t.Setting(key, value) for key, value in flat(config).items()],
    )


def _stamp(view: RunView) -> str:
    drawn = view.drawn
    counts = (drawn.last, len(drawn.series), len(drawn.events), drawn.skipped, len(view.saved))
    return f"{view.state} {' '.join(map(str, counts))} {view.pid}"


def _grouped(run: str, series: Mapping[str, Series]) -> _Laid:
    """Series that were recorded at the same steps stand together, and name them once."""
    together: dict[bytes, list[str]] = {}
    for name, each in series.items():
        together.setdefault(each.first.tobytes() + each.steps.tobytes(), []).append(name)
    entries, arrays = list[m.Array](), list[np.ndarray]()
    for number, names in enumerate(together.values()):
        each = [series[name] for name in names]
        columns = {
            "steps": np.stack([each[0].first, each[0].steps]),
            "mean": np.stack([one.total / one.count for one in each]),
            "low": np.stack([one.low for one in each]),
            "high": np.stack([one.high for one in each]),
            "count": np.stack([one.count for one in each]),
        }
        for what, column in columns.items():
            dtype = "float64" if what == "steps" else "float32"
            entries.append(m.Array(ref=f"run:{run}#{number}@{what}", shape=list(column.shape), dtype=dtype))
            arrays.append(column.astype(dtype))
    return list(together.values()), entries, arrays


def _happening(event: Mapping[str, object]) -> t.Happening:
    value = event.get("value", event.get("learning_rate"))
    step = event.get("step")
    return t.Happening(
        step=step if isinstance(step, int) else 0,
        event=str(event.get("event", "")),
        text=str(event.get("text") or event.get("why") or ""),
        value=float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None,
    )


def _command(view: RunView) -> str:
    """The line that trains the same run again."""
    if view.config is None:
        return "gw.watch(model, optimizer)"
    known = flat(recipes.config(view.recipe))
    other = [
        word
        for key, value in flat(view.config).items()
        if known.get(key) != value
        for word in ("--set", f"{key}={value}")
    ]
    return shlex.join(["glasswork", "train", view.recipe, *other])


def _parsed(weight: str) -> tuple[str, tuple[int, ...]]:
    """Parameter and index.

    Raises:
        GlassworkError: it has not the form of a weight.
    """
    match = WEIGHT.fullmatch(weight[:300])
    if match is None:
        raise GlassworkError("this names no weight", where=weight[:80], why="a weight is PARAMETER[index]")
    return match.group(1), tuple(int(at) for at in (match.group(2) or "").split(",") if at)


def _kernels(taken: Taken) -> str:
    """The parameter whose values are drawn: the first with more than one axis."""
    return next((name for name, one in taken.updated.items() if one.before.dim() > 1), next(iter(taken.updated)))


def _chosen(taken: Taken, weight: str) -> tuple[str, tuple[int, ...]]:
    """The weight that is asked for, or the steepest of those that are drawn."""
    if weight:
        name, index = _parsed(weight)
        if name not in taken.updated:
            raise unknown("trained parameter", name, list(taken.updated))
        shape = taken.updated[name].before.shape
        if len(index) != len(shape) or any(at >= size for at, size in zip(index, shape, strict=True)):
            raise GlassworkError("there is no such weight", where=weight, why=f"its shape is {list(shape)}")
        return name, index
    name = _kernels(taken)
    gradient = taken.updated[name].gradient
    place = torch.unravel_index(gradient.abs().argmax(), gradient.shape)
    return name, tuple(int(at) for at in place)


def _pixels(inputs: Tensor) -> np.ndarray:
    """(n, C, H, W) -> (n, H, W, 3) bytes; what isn't 0..1 is stretched to it."""
    x = inputs.detach().float()
    if x.min() < 0 or x.max() > 1:
        low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
        x = (x - low) / (high - low).clamp_min(1e-12)
    x = (x * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return x.expand(*x.shape[:3], 3).contiguous().numpy()
