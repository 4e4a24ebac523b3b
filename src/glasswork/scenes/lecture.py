"""The lecture: its lessons, in the reader's language, and questions whose answers the networks compute."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from glasswork.errors import unknown
from glasswork.scenes import messages as m
from glasswork.scenes.lecture_answers import Answers
from glasswork.scenes.lecture_choices import right_choice
from glasswork.scenes.lecture_files import TOUR, LessonFile, read_lesson, read_own, shipped
from glasswork.scenes.lecture_quiz import Quiz, pixels
from glasswork.scenes.messages import lecture as q
from glasswork.scenes.networks import Networks
from glasswork.scenes.traces import Traces


class Lecture:
    """Answers what the lecture's pages ask.

    Args:
        networks: which may be asked.
        traces: where their runs are kept.
        own: lessons of the reader's.
    """

    def __init__(self, networks: Networks, traces: Traces, own: tuple[Path, ...] = ()) -> None:
        self._own = {read_own(path).name: path for path in own}
        self._answers = Answers(networks, traces)
        self._quiz = Quiz(networks, self._answers)
        self._lock = threading.Lock()

    def answer(self, request: q.LectureRequest) -> Iterator[m.Answer | str | bytes]:
        """The answer to a request.

        Raises:
            GlassworkError: there is no such lesson, or no such question.
        """
        match request:
            case q.OpenLecture():
                yield q.Lecture(request.request, [one.card for one in self.lessons(request.language)])
            case q.OpenLectureLesson():
                yield self._lesson(request)
            case q.FindAnswer():
                with self._lock:
                    found = self._answers.find(request.answer)
                yield q.FoundAnswer(
                    request=request.request,
                    right=right_choice(found, request.choices),
                    words=found.words,
                    reads=found.reads,
                    numbers=list(found.numbers),
                )
            case q.DrawQuestion():
                with self._lock:
                    drawn = self._quiz.draw(request.request, request.seed)
                yield m.encode(drawn, pixels(drawn))

    def lessons(self, language: str) -> list[LessonFile]:
        """All: those of the reader first."""
        own = [read_own(path) for path in self._own.values()]  # read anew: they may be being written
        return [*own, *(read_lesson(path, name) for name, path in shipped(language).items())]

    def _lesson(self, request: q.OpenLectureLesson) -> q.LectureLesson:
        if request.name in self._own:
            found, follows = read_own(self._own[request.name]), None
        else:
            files = shipped(request.language)
            if request.name not in files:
                raise unknown("lesson", request.name, [*self._own, *files])
            found = read_lesson(files[request.name], request.name)
            names = [name for name in files if name != TOUR]
            after = names[names.index(request.name) + 1 :][:1] if request.name in names else names[:1]
            follows = read_lesson(files[after[0]], after[0]).card if after else None
        steps = [one.step for one in found.steps]
        return q.LectureLesson(request=request.request, card=found.card, steps=steps, follows=follows)
