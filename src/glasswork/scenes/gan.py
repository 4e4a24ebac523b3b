"""The laboratory of GANs: two players, trained a moment at a time while somebody looks."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import msgspec
import numpy as np
from PIL import Image

from glasswork import zoo
from glasswork.data.distributions import REACH, Distribution, distribution, of_picture, of_points, of_strokes
from glasswork.errors import GlassworkError, unknown
from glasswork.scenes import messages as m
from glasswork.scenes.gan_measures import measured
from glasswork.scenes.gan_settings import check, laboratory, name_of
from glasswork.scenes.gan_steps import slowed
from glasswork.scenes.messages import gan as g
from glasswork.scenes.pictures import ReadInput, read_picture
from glasswork.training.duelling import FOOLING, Numbers, Player
from glasswork.training.laboratory import LOOK, Laboratory

MOST_STEPS = 500_000
MOST_HELD, MOST_GIVEN, MOST_POINTS, MOST_FRAMES = 8, 16, 4_000, 6
LONGEST = 8_000.0  # milliseconds of one request
SHOWN = 300  # points of each kind
PLANE = 1.2 * REACH  # as the networks see it
ROWS, SMALL = 64, 24  # of the plane's picture, and of every unit's
MOST_UNITS = 16  # that are drawn of a layer
THREADS = 21  # lines of the noise's grid
COURSE, LOOKS = 400, 200
DOTS, NOISED = 41, 42  # streams of the seed
LARGEST_PICTURE = 512


@dataclass
class Table:
    """Two players, and what was shown of them last."""

    laboratory: Laboratory
    real: Numbers
    noise: Numbers
    frames: OrderedDict[int, tuple[Numbers, Numbers]]


class Gans:
    """Answers about GANs on points."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[bytes, Table] = OrderedDict()
        self._given: OrderedDict[str, Distribution] = OrderedDict()

    def answer(
        self, request: g.GanRequest, read_input: ReadInput, cancelled: Callable[[], bool]
    ) -> Iterator[m.Answer | str | bytes]:
        """What a page asks of them."""
        if isinstance(request, g.MeasureLab):  # beside the training, on numbers of its own
            yield self._measured(request)
            return
        with self._lock:
            match request:
                case g.LabOn():
                    yield self._shown(request, cancelled)
                case g.SlowLab():
                    table = self._table(request.lab)
                    table.laboratory.go(request.step, time.monotonic() + LONGEST / 1000, cancelled)
                    yield slowed(request, table.laboratory, name_of(request.lab))
                case g.GiveDensity():
                    yield self._give(request, read_input)

    def _give(self, request: g.GiveDensity, read_input: ReadInput) -> g.DensityGiven:
        if request.kind == "picture":
            picture = read_picture(request.input, read_input).pixels.convert("RGBA")
            picture.thumbnail((LARGEST_PICTURE, LARGEST_PICTURE))
            paper = Image.new("RGBA", picture.size, "white")
            grey = np.asarray(Image.alpha_composite(paper, picture).convert("L"))
            made, content = of_picture(grey), grey.tobytes()
        elif request.kind in ("points", "strokes"):
            if len(request.points) > MOST_POINTS or any(len(one) != 2 for one in request.points):
                why = f"it needs rows of two numbers, and at most {MOST_POINTS:,}; there are {len(request.points):,}"
                raise GlassworkError("these points can't be drawn from", why=why, todo="Give x and y of each.")
            points = np.array(request.points, np.float64).reshape(-1, 2)
            made, content = (of_points if request.kind == "points" else of_strokes)(points), points.tobytes()
        else:
            raise unknown("kind of density", request.kind, ["points", "strokes", "picture"])
        id = hashlib.sha256(request.kind.encode() + content).hexdigest()[:16]
        self._given[id] = made
        while len(self._given) > MOST_GIVEN:
            self._given.popitem(last=False)
        return g.DensityGiven(request=request.request, id=id)

    def _shown(self, request: g.LabOn, cancelled: Callable[[], bool]) -> str | bytes:
        if not 0 <= request.step <= MOST_STEPS:
            raise GlassworkError("so many steps can't be taken", why=f"{request.step:,} of at most {MOST_STEPS:,}")
        table = self._table(request.lab)
        lab = table.laboratory
        milliseconds = request.milliseconds if math.isfinite(request.milliseconds) else LONGEST
        began = time.monotonic()
        lab.go(request.step, began + min(max(milliseconds, 0.0), LONGEST) / 1000, cancelled)
        took = time.monotonic() - began
        with np.errstate(all="ignore"):
            return _frame(request, table, took)

    def _measured(self, request: g.MeasureLab) -> m.Answer:
        key = msgspec.json.encode(request.lab)
        table = self._held.get(key)
        rows = table.frames.get(request.step) if table else None
        if table is None or rows is None:
            why = "only what was shown a moment ago is measured"
            raise GlassworkError("these players are not at hand", why=why, todo="Open the step again.")
        with np.errstate(all="ignore"):
            return measured(request, table.laboratory, rows, f"gan:{name_of(request.lab)}@{request.step}")

    def _table(self, lab: g.LabOf) -> Table:
        check(lab)
        key = msgspec.json.encode(lab)
        if key not in self._held:
            made = laboratory(lab, self._distribution(lab.data))
            before = self._held.get(msgspec.json.encode(msgspec.structs.replace(lab, acts=lab.acts[:-1])))
            if before is not None and lab.acts:
                made.take_over(before.laboratory, lab.acts[-1].step)
            real = made.data.seen(made.data.draws(np.random.default_rng([lab.seed, DOTS]), SHOWN))
            noise = made.noise(np.random.default_rng([lab.seed, NOISED]), SHOWN)
            self._held[key] = Table(made, real, noise, OrderedDict())
        self._held.move_to_end(key)
        while len(self._held) > MOST_HELD:
            self._held.popitem(last=False)
        return self._held[key]

    def _distribution(self, data: str) -> Distribution:
        kind, _, id = data.partition(":")
        if kind != "given":
            return distribution(data)
        if id not in self._given:
            raise GlassworkError(
                "this density is not here any more", why="the program was started anew", todo="Give it again."
            )
        return self._given[id]


def _frame(request: g.LabOn, table: Table, took: float) -> str | bytes:
    """What the players are now, and their picture."""
    lab = table.laboratory
    table.frames[lab.step] = (lab.generator.row.copy(), lab.discriminator.row.copy())
    while len(table.frames) > MOST_FRAMES:
        table.frames.popitem(last=False)
    source = f"gan:{name_of(request.lab)}@{lab.step}"
    entries, arrays = list[m.Array](), list[np.ndarray]()

    def add(path: str, values: Numbers, what: str = "value", wide: bool = False) -> None:
        dtype = "float64" if wide else "float32"
        entries.append(m.Array(ref=f"{source}#{path}@{what}", shape=list(values.shape), dtype=dtype))
        arrays.append(np.ascontiguousarray(values, dtype))

    every = LOOK * max(1, -(-len(lab.looks) // LOOKS))
    certain = request.lab.loss not in ("wasserstein", "hinge")
    reach = noise_reach(request.lab.noise)
    add("belief", belief(request.lab.loss, lab.discriminator.forward(plane(PLANE, ROWS))).reshape(1, ROWS, ROWS))
    if request.whole:
        noise = noise_plane(reach, SMALL, lab.numbers)
        for letter, player, x in (("g", lab.generator, noise), ("d", lab.discriminator, plane(PLANE, SMALL))):
            player.forward(x)
            for number, values in enumerate(player.values):
                kept = values[:, : 2 if number == 0 else MOST_UNITS]
                add(f"{letter}.f{number}", kept.T.reshape(-1, SMALL, SMALL))
            for number, (w, b) in enumerate(zip(player.weights, player.biases, strict=True)):
                add(f"{letter}.w{number + 1}", w, wide=True)
                add(f"{letter}.b{number + 1}", b, wide=True)
    made = lab.generator.forward(table.noise)
    add("points", table.real, "real")
    add("points", made, "made")
    slope = FOOLING[request.lab.loss](lab.discriminator.forward(made))[1] * len(made)
    add("points", -lab.discriminator.backward(slope, inputs=True, weights=False), "push")
    add("manifold", manifold(lab.generator, request.lab.noise, lab.numbers))
    judged, fooled = lab.latest
    told = g.LabShown(
        request=request.request,
        source=source,
        step=lab.step,
        wanted=request.step,
        judged=m.Number(f"{source}#loss@discriminator", judged),
        fooled=m.Number(f"{source}#loss@generator", fooled),
        course=[list(one) for one in lab.course(COURSE)] if request.whole else [],
        looks=[g.LookOf(at, lab.looks[at].js) for at in sorted(lab.looks) if at % every == 0],
        findings=[
            g.FindingOf(
                one.name,
                one.since,
                {key: m.Number(f"{source}#finding.{one.name}@{key}", value) for key, value in one.numbers.items()},
            )
            for one in lab.findings()
        ],
        kept=sorted(lab.kept),
        reach=PLANE,
        noise_reach=reach,
        centre=list(lab.data.centre),
        scale=lab.data.scale,
        modes=lab.data.seen(lab.data.modes).tolist() if len(lab.data.modes) else [],
        certain=certain,
        exploded=not lab.finite,
        begun=_begun(request.lab.start),
        seconds=took,
        arrays=entries,
    )
    return m.encode(told, arrays)


@cache
def _begun(start: str) -> g.Begun | None:
    """What the card of trained weights says of them."""
    card = zoo.load(start).card if start else None
    if card is None:
        return None
    js, floor = (m.Number(f"measure:{start}#{name}@value", card.scores[name]) for name in ("js_bits", "js_floor"))
    return g.Begun(start, card.steps, js, floor)


def belief(loss: str, said: Numbers) -> Numbers:
    """What the discriminator's number says, -1 (made) to 1 (real) where it is a belief; else the number itself."""
    if loss in ("non_saturating", "saturating"):
        return np.tanh(said / 2)
    if loss == "least_squares":
        return (2 * said - 1).clip(-1, 1)
    return said


def plane(reach: float, rows: int) -> Numbers:
    """The middles of the places of a square, row by row from its top, (rows^2, 2)."""
    ticks = (np.arange(rows) + 0.5) / rows * 2 * reach - reach
    across, up = np.meshgrid(ticks, -ticks)
    return np.stack([across.ravel(), up.ravel()], 1)


def noise_reach(noise: str) -> float:
    """How far the noise is drawn: 2.5 deviations, or all of it."""
    return 2.5 if noise == "gaussian" else 1.0


def noise_plane(reach: float, rows: int, numbers: int) -> Numbers:
    """Places of the noise's first two numbers, the others 0, (rows^2, Z); of one number every row is the same."""
    first = plane(reach, rows)
    if numbers == 1:
        return first[:, :1]
    return np.concatenate([first, np.zeros((len(first), numbers - 2))], 1)


def manifold(generator: Player, noise: str, numbers: int) -> Numbers:
    """Where the generator puts a grid that holds as much noise in each cell, (rows, THREADS, 2)."""
    share = np.linspace(0.01, 0.99, THREADS)
    even = 2 * share - 1
    ticks = np.array([NormalDist().inv_cdf(float(one)) for one in share]) if noise == "gaussian" else even
    if numbers == 1:
        return generator.forward(ticks[:, None])[None]
    across, up = np.meshgrid(ticks, ticks)
    z = np.concatenate([np.stack([across.ravel(), up.ravel()], 1), np.zeros((THREADS**2, numbers - 2))], 1)
    return generator.forward(z).reshape(THREADS, THREADS, 2)
