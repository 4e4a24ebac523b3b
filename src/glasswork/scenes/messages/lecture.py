"""What the lecture's pages ask for and get: lessons, answers that networks gave, and questions drawn from them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from glasswork.scenes.messages.base import Array, Number, Request


class OpenLecture(Request, tag="open_lecture", frozen=True):
    """Which lessons there are."""

    language: str = "en"
    """Lessons that nobody has written in it come in English."""


class OpenLectureLesson(Request, tag="open_lecture_lesson", frozen=True):
    """One lesson, all of it."""

    name: str
    language: str = "en"


class FindAnswer(Request, tag="find_answer", frozen=True):
    """Let the networks say which of the choices is right."""

    answer: str
    """What is to be found, as a lesson's file or a drawn question says it."""
    choices: list[str]


class DrawQuestion(Request, tag="draw_question", frozen=True):
    """A question of the quiz; another seed, another question."""

    seed: int


LectureRequest = OpenLecture | OpenLectureLesson | FindAnswer | DrawQuestion


class Span(Struct, frozen=True):
    """Some words of a text, and how they are set."""

    words: str
    kind: Literal["plain", "strong", "code", "formula", "page", "outside"] = "plain"
    """page: leads to a page of ours; outside: to the internet."""
    href: str = ""


class Place(Struct, frozen=True):
    """A state of a page, as its address has it."""

    page: str
    values: dict[str, str]


class Condition(Struct, frozen=True):
    """One thing that holds once a step is done."""

    how: Literal["has", "is", "begins", "changes", "click"]
    """Of a value in the address: it is there; it is, or begins with, `value`; it is no more what the step began with.
    click: what the selector `value` finds was clicked."""
    name: str
    """Of the value; "page" for the page itself."""
    value: str = ""


Reads = Literal["number", "sure", "against", "sizes", "parts"]
"""number: the answer itself, or what the words say of it. sure: the probability of the words. against: the two numbers
that were compared. sizes: those of a tensor. parts: how many parts of a sentence hold, and how many it has."""


class Ask(Struct, frozen=True, kw_only=True):
    """Something to predict."""

    words: list[Span]
    choices: list[str]
    answer: str
    because: list[Span]
    """Said once it is answered."""


class Outside(Struct, frozen=True):
    """Where to read on."""

    words: str
    href: str


class LectureStep(Struct, frozen=True, kw_only=True):
    """One step of a lesson."""

    sentence: list[Span]
    opens: Place
    stays: bool
    """Whether it goes on from what the step before has come to, so that nothing is opened anew."""
    text: list[list[Span]]
    """By paragraphs."""
    attempt: list[Span]
    """What to do; none: there is only to read."""
    done: list[Condition]
    shows: Place | None
    """The state in which it is done."""
    mark: str
    """A selector: what to press."""
    hide: str
    """A selector: what would tell the answer, and is veiled until somebody has chosen."""
    ask: Ask | None
    command: str
    """What does the same in a terminal; "" where the file names nothing."""
    links: list[Outside]
    sources: list[str]


class LessonCard(Struct, frozen=True, kw_only=True):
    """A lesson as the table of contents has it."""

    name: str
    title: str
    goal: str
    minutes: int
    steps: int
    kind: Literal["lecture", "tour", "own"]
    first: Place
    """Where it begins."""


class Lecture(Struct, tag_field="type", tag="lecture", frozen=True):
    """All lessons, in their order."""

    request: int
    lessons: list[LessonCard]


class LectureLesson(Struct, tag_field="type", tag="lecture_lesson", frozen=True, kw_only=True):
    """A lesson."""

    request: int
    card: LessonCard
    steps: list[LectureStep]
    follows: LessonCard | None
    """What comes after it."""


class FoundAnswer(Struct, tag_field="type", tag="found_answer", frozen=True, kw_only=True):
    """What the networks say."""

    request: int
    right: int
    """Which of the choices."""
    words: str
    """The answer in words; "" where it is a number."""
    reads: Reads
    """How the numbers are read."""
    numbers: list[Number]
    """What the networks gave: the answer itself, or what it was told by."""


class DrawnQuestion(Struct, tag_field="type", tag="drawn_question", frozen=True, kw_only=True):
    """A question, and the page where one could look."""

    request: int
    kind: str
    """Which text asks it."""
    values: dict[str, str]
    """What that is filled with."""
    choices: list[str]
    answer: str
    opens: Place
    arrays: list[Array]
    """The picture that it is about, (height, width, colours), where there is one."""
    rows: list[list[float]]
    """A window of weights that it is about."""
    rows_of: str
    """Its reference, up to row and column: `trace:ID#block1.conv1.weight[2,0`."""


LectureAnswer = Lecture | LectureLesson | FoundAnswer | DrawnQuestion
