"""Answers what a page asks. No HTTP here: a request goes in, answers come out, whoever carries them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.changes import Differences
from glasswork.scenes.courses import Courses
from glasswork.scenes.diffusion import Diffusions
from glasswork.scenes.files import tensor_file
from glasswork.scenes.forecasts import forecasts
from glasswork.scenes.forgetting import forgetting
from glasswork.scenes.gan import Gans
from glasswork.scenes.gan_images import GanImages
from glasswork.scenes.given import TraceFiles, from_file
from glasswork.scenes.graphs import graph
from glasswork.scenes.language_models import LanguageModels
from glasswork.scenes.lecture import Lecture
from glasswork.scenes.lessons import Lessons
from glasswork.scenes.maps import class_scores, columns, map_tensors, pushes, whole_tensor
from glasswork.scenes.masks import Masks
from glasswork.scenes.messages import diffusion as d
from glasswork.scenes.messages import forgetting as f
from glasswork.scenes.messages import gan as n
from glasswork.scenes.messages import gan_images as i
from glasswork.scenes.messages import lecture as course
from glasswork.scenes.messages import lessons as q
from glasswork.scenes.messages import masks as k
from glasswork.scenes.messages import playground as p
from glasswork.scenes.messages import reading as r
from glasswork.scenes.messages import remembering as memory
from glasswork.scenes.messages import seeing as e
from glasswork.scenes.messages import speaking as s
from glasswork.scenes.messages import teaching as teach
from glasswork.scenes.messages import training as t
from glasswork.scenes.messages import translating as x
from glasswork.scenes.messages import unrolled as u
from glasswork.scenes.messages import uses
from glasswork.scenes.messages import vision as v
from glasswork.scenes.messages import workshop as w
from glasswork.scenes.moments import Moments
from glasswork.scenes.networks import Networks, network_card
from glasswork.scenes.numbers import explained
from glasswork.scenes.opening import Arrays
from glasswork.scenes.pictured import axes_around, placed, size_of, whole
from glasswork.scenes.pictures import (
    first_input,
    input_card,
    offered,
    prepare,
    read_picture,
    thumbnails,
)
from glasswork.scenes.playground import Playground
from glasswork.scenes.race import race
from glasswork.scenes.reading import Readings
from glasswork.scenes.records import Records
from glasswork.scenes.remembering import Remembering
from glasswork.scenes.runs import Run, Runs
from glasswork.scenes.scores import chosen_score
from glasswork.scenes.seeing import Seers
from glasswork.scenes.sets import OwnPictures, PictureSets
from glasswork.scenes.speakers import Speakers
from glasswork.scenes.taught import TaughtRuns
from glasswork.scenes.teaching import Teaching
from glasswork.scenes.text_to_image_models import TextToImageModels, is_pipeline
from glasswork.scenes.traces import Traces
from glasswork.scenes.training import Training
from glasswork.scenes.translations import Translations
from glasswork.scenes.troubles import notes, trouble
from glasswork.scenes.unrolled import Unrollings
from glasswork.scenes.vision import VisionTransformers
from glasswork.scenes.workshop import answer as workshop

REFERENCE = re.compile(r"trace:([0-9a-f]{16})#([^\[\]@]+)(?:\[(\d+(?:,\d+)*)\])?@([a-z]+)")
LONGEST_REFERENCE = 400
MOST_TERMS = 5000
MOST_TENSORS = 1000


class Inputs(Protocol):
    """The pictures that people gave."""

    def read(self, name: str, /) -> bytes:
        """The PNG of one."""
        ...


class Session(Protocol):
    """What work for one request may know of the page that asked."""

    @property
    def inputs(self) -> Inputs:
        """The pictures that people gave."""
        ...

    @property
    def files(self) -> TraceFiles:
        """The trace files that people gave."""
        ...

    @property
    def cancelled(self) -> threading.Event:
        """Set when nobody waits for this request any more."""
        ...


class Respondent:
    """Everything that a page can ask for.

    Args:
        traces: the folder where runs are recorded; None keeps them in memory.
        targets: networks that may be opened besides those that ship.
        weights: files of weights to put into some of these.
        arrays: inputs of the reader's by id, each with its file's name.
        saved: trace files that may be opened.
        runs: the folder of the runs of training.
        sets: the folder of the sets of pictures that pages sent; None where none can be sent.
        folders: whether pages may name folders of this machine.
        lessons: files of the reader's own lessons.
    """

    def __init__(
        self,
        traces: Path | None = None,
        targets: tuple[str, ...] = (),
        weights: Mapping[str, Path] | None = None,
        arrays: Arrays | None = None,
        saved: tuple[Path, ...] = (),
        runs: Path = Path("runs"),
        sets: Path | None = None,
        folders: bool = False,
        lessons: tuple[Path, ...] = (),
    ) -> None:
        courses = Courses(runs)
        moments = Moments(courses)
        self.text_to_image = TextToImageModels(targets, runs)
        plain = tuple(target for target in targets if not is_pipeline(target))
        self.networks = Networks(plain, weights, moments, self.text_to_image)
        own = OwnPictures(PictureSets(sets) if sets else None, folders)
        self.training = Training(courses, moments, own)
        self.teaching = Teaching(own)
        self.taught = TaughtRuns(courses, moments)
        self.lessons = Lessons()
        self.playground = Playground()
        self.gans = Gans()
        self.gan_images = GanImages(self.networks.load)
        self.traces = Traces(traces, self.networks.load)
        self.readings = Readings(self.networks, self.traces, arrays)
        self.unrollings = Unrollings(self.networks, self.traces, arrays)
        self.remembering = Remembering()
        self.speakers = Speakers(self.networks.load)
        self.language = LanguageModels(self.networks, self.traces)
        self.translations = Translations(self.networks, self.traces)
        self.vision = VisionTransformers(self.networks, self.traces)
        self.masks = Masks(self.networks, self.traces, Records(traces))
        self.seers = Seers(self.networks, self.traces)
        self.diffusions = Diffusions(self.text_to_image, self.networks, self.traces, Records(traces))
        self.lecture = Lecture(self.networks, self.traces, lessons)
        self.runs = Runs(self.networks, self.traces, arrays or {}, saved)

    def warm(self) -> None:
        """Do once what the first page will ask for: the first run of anything in torch takes many times the second."""
        for target in self.networks.targets[:1]:
            network = self.networks.load(target)
            if network.samples:
                prepared = prepare(network, read_picture(f"sample:{network.samples[0]}", lambda _: b""))
                id, trace = self.traces.run(network, prepared.inputs, (0, 0))
                map_tensors(trace, f"trace:{id}", backward=True)
                explained(trace, f"trace:{id}", "input", (0, 0, 0, 0), "value", 4, 0)

    def __call__(self, request: m.Request, session: Session) -> Iterator[m.Answer | str | bytes]:
        """The answers to a request, as they become ready. Who carries them says when there are no more."""
        match request:
            case m.ListNetworks():
                yield m.Networks(request.request, self.runs.cards(session.files))
            case m.ListSamples():
                yield self._samples(request)
            case m.OpenScene():
                yield from self._scene(request, session)
            case m.OpenGraph():
                yield from self._graph(request, session)
            case m.OpenRace():
                yield race(request.request)
            case m.FetchTensors():
                yield self._tensors(request)
            case m.FetchPlane():
                yield self._plane(request)
            case m.ExplainNumber():
                yield self._number(request)
            case m.SaveTensor():
                yield self._file(request)
            case (
                t.ListRuns()
                | t.OpenCourse()
                | t.SteerRun()
                | t.StartRun()
                | t.ResumeRun()
                | t.SlowStep()
                | t.FollowWeight()
                | t.FollowAnswer()
            ):
                yield from self.training.answer(request, session.inputs.read)
            case course.OpenLecture() | course.OpenLectureLesson() | course.FindAnswer() | course.DrawQuestion():
                yield from self.lecture.answer(request)
            case q.OpenLesson() | q.OpenLandscape():
                yield from self.lessons.answer(request, session.inputs.read, session.cancelled.is_set)
            case p.PlayOn() | p.GivePoints():
                yield from self.playground.answer(request, session.cancelled.is_set)
            case n.LabOn() | n.MeasureLab() | n.SlowLab() | n.GiveDensity():
                yield from self.gans.answer(request, session.inputs.read, session.cancelled.is_set)
            case i.DrawPlaces() | i.OpenScores():
                yield from self.gan_images.answer(request)
            case r.OpenReading() | r.OpenStep() | r.FindUnits() | r.FindPlaces() | r.WriteOn():
                yield from self.readings.answer(request, session.inputs.read, session.cancelled)
            case u.OpenUnrolled() | u.OpenRecurrence():
                yield from self.unrollings.answer(request, session.inputs.read, session.cancelled)
            case uses.OpenForecast():
                yield forecasts(request, self.networks.load)
            case uses.OpenUtterance():
                yield self.speakers.answer(request)
            case memory.RememberOn():
                yield from self.remembering.answer(request, session.cancelled.is_set)
            case (
                s.ListSpoken()
                | s.OpenText()
                | s.OpenHead()
                | s.ReadLens()
                | s.NextTokens()
                | s.Continue()
                | s.OpenSlopes()
            ):
                yield from self.language.answer(request, session.cancelled)
            case x.Translate() | x.TranslateBeside() | x.OpenPair() | x.OpenPairHead() | x.OpenPairSlopes():
                yield from self.translations.answer(request, session.cancelled)
            case v.OpenPatches() | v.OpenPatchHead() | v.OpenPatchSlopes():
                yield from self.vision.answer(request, session.inputs.read, session.cancelled)
            case k.OpenMask() | k.GrowMask():
                yield from self.masks.answer(request, session.inputs.read, session.cancelled)
            case e.ListSeeing() | e.FetchWeights() | e.OpenWhy() | e.FindExciting() | e.ClimbOn():
                yield from self.seers.answer(request, session.inputs.read, session.cancelled)
            case w.OpenWorkshop():
                yield from workshop(request, self.traces, self.networks.load, session.inputs.read, session.cancelled)
            case teach.LookAtPictures() | teach.ShowVaried():
                yield from self.teaching.answer(request, session.cancelled)
            case teach.OpenTaught() | teach.FetchPicture() | teach.ExportRun():
                yield from self.taught.answer(request, session.cancelled)
            case f.OpenForgetting():
                yield from forgetting(request)
            case (
                d.ListTextToImage()
                | d.ImagineOn()
                | d.MakePicture()
                | d.OpenMoment()
                | d.OpenDecoder()
                | d.FindNear()
                | d.ComparePaths()
                | d.OpenNoising()
                | d.OpenPromptScores()
            ):
                yield from self.diffusions.answer(request, session.inputs.read, session.cancelled)
            case m.Cancel():
                return

    def _samples(self, request: m.ListSamples) -> str | bytes:
        if self.runs.is_saved(request.network):
            return m.encode(m.Samples(request.request, [], []))
        network = self.networks.load(request.network)
        ids = offered(network)
        pixels = thumbnails(ids)
        pictures = [read_picture(id, lambda _: b"") for id in ids]
        samples = [m.Sample(id=one.id, name=one.name, label=one.label or one.name) for one in pictures]
        entry = m.Array(ref=f"data:{request.network}#samples@value", shape=list(pixels.shape), dtype="uint8")
        return m.encode(m.Samples(request.request, samples, [entry]), [pixels])

    def _scene(self, request: m.OpenScene, session: Session) -> Iterator[m.Answer | str | bytes]:
        network = self.networks.load(request.network)
        picture = read_picture(request.input or first_input(network), session.inputs.read)
        prepared = prepare(network, picture)
        chosen = chosen_score(network, prepared.inputs, request.score)
        id, trace = self.traces.run(network, prepared.inputs, (0, chosen), cancel=session.cancelled)
        source = f"trace:{id}"
        stages, found = columns(trace, source)
        last, given = pushes(trace, source, chosen)
        yield m.Scene(
            request=request.request,
            source=source,
            network=network_card(network),
            input=input_card(picture, prepared),
            stages=stages,
            columns=found,
            classes=class_scores(trace, network, source),
            chosen=chosen,
            last=last,
            pushes=given,
            macs=trace.macs,
        )
        arrays, values = map_tensors(trace, source, request.backward)
        yield m.encode(m.Maps(request.request, arrays), values)

    def _graph(self, request: m.OpenGraph, session: Session) -> Iterator[m.Answer | str | bytes]:
        for run in self.runs.open(request, session.inputs.read, session.files, session.cancelled):
            with from_file(run.trace):
                answer, arrays, values = self._drawn(request, run)
            yield answer
            yield m.encode(m.Maps(request.request, arrays), values)

    def _drawn(self, request: m.OpenGraph, run: Run) -> tuple[m.Graph, list[m.Array], list[np.ndarray]]:
        """A run as columns, and the numbers that are drawn of them."""
        trace, source = run.trace, run.source
        apart = Differences(run.base[1], trace) if run.base else None
        stages, found, arrays, values = graph(trace, source, request.level, request.opened, request.shut, apart)
        answer = m.Graph(
            request=request.request,
            source=source,
            network=run.card,
            input=run.given.card,
            given=run.given.about,
            level=request.level,
            stages=stages,
            columns=found,
            answers=run.scores[0],
            outputs=run.scores[1],
            detections=run.detections,
            followed=run.followed,
            before=run.before,
            backward=trace.backward and trace.failure is None,
            pending=run.pending,
            notes=notes(trace),
            failure=trouble(trace),
            edits=request.edits,
            base=run.base_source,
            tokens=list(run.given.tokens),
            paths=[op.path for op in trace.ops],
            macs=trace.macs,
            seconds=trace.seconds,
        )
        if run.given.pixels is not None:
            picture = m.Array(ref=f"{source}#picture@value", shape=list(run.given.pixels.shape), dtype="uint8")
            arrays, values = [*arrays, picture], [*values, run.given.pixels]
        return answer, arrays, values

    def _tensors(self, request: m.FetchTensors) -> str | bytes:
        pairs = []
        for ref in request.refs[:MOST_TENSORS]:
            id, path, _, what = parse(ref)
            trace = self.traces.get(id)
            with from_file(trace):
                pairs.append(whole_tensor(trace, f"trace:{id}", path, what))
        return m.encode(m.Maps(request.request, [array for array, _ in pairs]), [values for _, values in pairs])

    def _plane(self, request: m.FetchPlane) -> str | bytes:
        id, path, index, what = parse(request.ref)
        trace = self.traces.get(id)
        value = trace.value(path)
        if value.dtype.is_complex:
            return m.encode(m.Plane(request.request, None, 0, [], 0.0, []))
        if index and len(index) != len(value.shape):
            raise GlassworkError("this index has another length", where=path, why=f"its shape is {list(value.shape)}")
        with from_file(trace):
            tensor = value.grad if what == "grad" else value.data
            axes = axes_around(value.shape, index)
            if tensor is None or axes is None:
                return m.encode(m.Plane(request.request, None, 0, [], 0.0, []))
            channel, row, column = placed(axes, index)
            array = whole(tensor, axes, channel).float().numpy()
            reach = size_of(tensor)
        entry = m.Array(ref=f"trace:{id}#{path}@{what}", shape=list(array.shape), dtype="float32")
        return m.encode(m.Plane(request.request, axes, channel, [row, column], reach, [entry]), [array])

    def _number(self, request: m.ExplainNumber) -> str | bytes:
        id, path, index, what = parse(request.ref)
        limit = min(max(1, request.limit), MOST_TERMS)
        trace = self.traces.get(id)
        with self.traces.still, from_file(trace):
            answer, values = explained(trace, f"trace:{id}", path, index, what, limit, request.request)
        return m.encode(answer, values)

    def _file(self, request: m.SaveTensor) -> str | bytes:
        id, path, _, what = parse(request.ref)
        trace = self.traces.get(id)
        with from_file(trace):
            name, content = tensor_file(trace, path, what, request.form)
        entry = m.Array(ref=request.ref, shape=[len(content)], dtype="uint8")
        return m.encode(m.File(request.request, name, [entry]), [np.frombuffer(content, np.uint8)])


def parse(ref: str) -> tuple[str, str, tuple[int, ...], str]:
    """Trace id, path, index and what of a reference.

    Raises:
        GlassworkError: it has not the form of one.
    """
    match = REFERENCE.fullmatch(ref[:LONGEST_REFERENCE])
    if match is None:
        raise GlassworkError(
            "this is no reference to a number",
            where=ref[:80],
            why="a reference is trace:ID#path[index]@what",
            todo="Open the number from the map.",
        )
    id, path, index, what = match.groups()
    return id, path, tuple(int(at) for at in (index or "").split(",") if at), what
