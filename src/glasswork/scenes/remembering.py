"""The adding and the copy problem, learned by an RNN and an LSTM while somebody looks."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import torch

from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.messages import remembering as q
from glasswork.scenes.messages.base import Array, Number
from glasswork.training.remembering import BLANK, TEST, Contest, Learner, Remember

MOST_LENGTH, MOST_UNITS, MOST_BATCH, MOST_STEPS = 500, 128, 128, 20_000
MOST_HELD = 4
LONGEST = 8_000.0
"""Milliseconds of one request."""
SENT = 400
"""Costs that are sent at once."""
FAR = 100
"""Times the cost of who remembers nothing, from which on learning has run away."""


class Remembering:
    """Answers about both problems."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[bytes, Contest] = OrderedDict()

    def answer(self, request: q.RememberOn, cancelled: Callable[[], bool]) -> Iterator[m.Answer | str | bytes]:
        """What the page asks.

        Raises:
            GlassworkError: a setting is out of bounds.
        """
        _check(request)
        with self._lock:
            contest = self._contest(request.problem, request.step)
            given = request.milliseconds if math.isfinite(request.milliseconds) else LONGEST
            contest.go(request.step, time.monotonic() + min(max(given, 0.0), LONGEST) / 1000, cancelled)
            yield _shown(request, contest)

    def _contest(self, problem: q.Problem, step: int) -> Contest:
        """That of a problem, if it is not past the step already; those asked for last are kept."""
        key = msgspec.json.encode(problem)
        if key not in self._held or self._held[key].step > step:
            how = Remember(**{name: getattr(problem, name) for name in problem.__struct_fields__})
            self._held[key] = Contest(how)
        self._held.move_to_end(key)
        while len(self._held) > MOST_HELD:
            self._held.popitem(last=False)
        return self._held[key]


def name_of(problem: q.Problem) -> str:
    """All settings in a line."""
    return "/".join(str(getattr(problem, name)) for name in problem.__struct_fields__)


def _shown(request: q.RememberOn, contest: Contest) -> str | bytes:
    source = f"remember:{name_of(request.problem)}@{contest.step}"
    x, y = contest.test
    shown = request.example
    taken = np.unique(np.linspace(1, contest.step, min(contest.step, SENT)).round().astype(int)) if contest.step else []
    steps = [int(one) for one in taken]
    arrays = [Array(ref=f"{source}#example/{shown}@value", shape=list(x.shape[1:]), dtype="float32")]
    values = [x[shown].numpy()]
    learners = []
    for learner in contest.learners:
        learners.append(_learner(learner, source, contest, shown))
        own = {
            "costs": np.array([learner.costs[one - 1] for one in steps]),
            "lengths": np.array([learner.lengths[one - 1] for one in steps]),
            "reach": learner.reach(x, y).astype(np.float64),
        }
        for name, array in own.items():
            arrays.append(Array(ref=f"{source}#{learner.kind}/{name}@value", shape=[len(array)], dtype="float64"))
            values.append(array)
    answer = q.Remembered(
        request=request.request,
        source=source,
        step=contest.step,
        steps=steps,
        blank=BLANK[request.problem.problem],
        wanted=[Number(f"{source}#wanted/{shown}[{k}]@value", float(one)) for k, one in enumerate(y[shown])],
        example=shown,
        examples=TEST,
        learners=learners,
        arrays=arrays,
    )
    return m.encode(answer, values)


def _learner(learner: Learner, source: str, contest: Contest, shown: int) -> q.LearnerOf:
    place = f"{source}#{learner.kind}"
    found, right, said = learner.tested(*contest.test)
    clip = contest.how.clip
    cut = sum(1 for one in learner.lengths if clip and not one <= clip)
    matrices = learner.network.core.get_parameter("weight_hh_l0").detach().double().split(contest.how.units)
    finite = all(bool(torch.isfinite(one).all()) for one in matrices)
    radius = max(float(torch.linalg.eigvals(one).abs().max()) for one in matrices) if finite else math.nan
    return q.LearnerOf(
        kind="rnn" if learner.kind == "rnn" else "lstm",
        parameters=sum(one.numel() for one in learner.network.parameters()),
        cost=Number(f"{place}/cost@value", found),
        right=Number(f"{place}/right@value", right),
        said=[Number(f"{place}/said/{shown}[{k}]@value", float(one)) for k, one in enumerate(said[shown])],
        cut=Number(f"{place}/cut@value", cut) if learner.lengths else None,
        longest=Number(f"{place}/longest@value", max(learner.lengths)) if learner.lengths else None,
        radius=Number(f"{place}/radius@value", radius),
        exploded=not finite or not found <= FAR * BLANK[contest.how.problem],
    )


def _check(request: q.RememberOn) -> None:
    """Whether the settings can be learned with.

    Raises:
        GlassworkError: one of them is out of bounds.
    """
    how, wrong = request.problem, ""
    if not all(math.isfinite(one) and one >= 0 for one in (how.rate, how.clip, how.radius)) or how.rate > 1e4:
        wrong = "rate, clip and radius are numbers from 0"
    elif not 4 <= how.length <= MOST_LENGTH:
        wrong = f"{how.length} steps; 4 to {MOST_LENGTH} can be learned"
    elif not 1 <= how.units <= MOST_UNITS or not 1 <= how.batch <= MOST_BATCH:
        wrong = f"1 to {MOST_UNITS} units and batches of 1 to {MOST_BATCH} can be learned"
    elif how.radius > 10:
        wrong = "the spectral radius is at most 10"
    elif not 0 <= how.seed < 1 << 31:
        wrong = "the seed is a number from 0"
    elif not 0 <= request.step <= MOST_STEPS:
        wrong = f"step {request.step:,}; 0 to {MOST_STEPS:,} can be reached"
    elif not 0 <= request.example < TEST:
        wrong = f"there are {TEST} test examples"
    if wrong:
        raise GlassworkError("this can't be learned here", why=wrong, todo="Choose other settings.")
