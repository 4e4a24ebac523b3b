"""What can be asked of the networks that run here, so that no answer of a lesson has to be believed.

A lesson's file names one of these questions with its arguments (`class tiny-vgg-emoji sample:twitter-car`); the answer
is computed when somebody has chosen.
"""

from __future__ import annotations

import inspect
import operator
import shlex

from glasswork.errors import GlassworkError, unknown
from glasswork.scenes.lecture_choices import Found
from glasswork.scenes.lecture_language_questions import LANGUAGE_QUESTIONS
from glasswork.scenes.lecture_network_questions import NETWORK_QUESTIONS
from glasswork.scenes.lecture_record_questions import RECORD_QUESTIONS
from glasswork.scenes.lecture_runs import LessonRuns

LONGEST = 300
COMPARES = {">": operator.gt, "<": operator.lt}
QUESTIONS = {**NETWORK_QUESTIONS, **LANGUAGE_QUESTIONS, **RECORD_QUESTIONS}


class Answers(LessonRuns):
    """Finds the answers, by running networks and in the record of what was measured."""

    def find(self, asked: str) -> Found:
        """The answer to a question.

        Raises:
            GlassworkError: there is no such question, or what it is about is not here.
        """
        parts = check_answer(asked)
        at = compares(parts)
        if at is None:
            return self._find(parts)
        left, right = (self._find(one).number for one in (parts[:at], parts[at + 1 :]))
        if left is None or right is None:
            raise GlassworkError("these can't be compared", where=asked[:80], why="both sides have to be numbers")
        holds = COMPARES[parts[at]](left.value, right.value)
        return Found("yes" if holds else "no", (left, right), "against")

    def _find(self, parts: list[str]) -> Found:
        name, *arguments = parts
        return QUESTIONS[name](self, *arguments)


def compares(parts: list[str]) -> int | None:
    """Where a question has its sign of comparison, if it has one."""
    return next((at for at, part in enumerate(parts) if part in COMPARES), None)


def check_answer(asked: str) -> list[str]:
    """The words of a question, if there is such a one and it has its arguments.

    Raises:
        GlassworkError: it can't be asked.
    """
    try:
        parts = shlex.split(asked[:LONGEST])
    except ValueError as error:
        raise GlassworkError("this question can't be read", where=asked[:80], why=str(error)) from error
    at = compares(parts)
    if at is not None:
        for side in (parts[:at], parts[at + 1 :]):
            check_answer(shlex.join(side))
        return parts
    if not parts or parts[0] not in QUESTIONS:
        raise unknown("question", parts[0] if parts else "", list(QUESTIONS))
    wanted = list(inspect.signature(QUESTIONS[parts[0]]).parameters)[1:]
    if len(parts) - 1 != len(wanted):
        about = (QUESTIONS[parts[0]].__doc__ or "").split(":")[0]
        why = f"it has {len(parts) - 1} arguments; expected: {about}"
        raise GlassworkError(f"`{parts[0]}` can't be asked like this", why=why, todo="Put quotes around spaces.")
    return parts
