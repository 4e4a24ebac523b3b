"""Lessons as files: Markdown with a head, read strictly (docs/lecture.md has the form).

Nothing in a lesson is run, and none of its text becomes HTML. All that it can open are pages of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import glasswork
from glasswork.errors import GlassworkError, unknown
from glasswork.scenes.lecture_answers import check_answer
from glasswork.scenes.messages import lecture as m
from glasswork.scenes.spans import spans

FOLDER = Path(glasswork.__file__).parent / "lessons"
FIRST_LANGUAGE = "en"
PAGES = (
    *("", "cnn", "convolution", "diffusion", "gan", "lecture", "lstm", "open", "perceptron", "race", "rnn", "teach"),
    *("train", "transformer", "unet", "vit"),
)
"""All that a lesson can open."""
LARGEST = 200_000
HEAD = ("title", "goal", "minutes")
ONCE = ("open", "try", "show", "mark", "hide", "predict", "choices", "answer", "because")
OFTEN = ("done", "link", "source", "topic", "command")
FIELD = re.compile(r"([a-z]+):\s*(.*)")
NAME = re.compile(r"[a-z][a-z0-9_]*")
TOUR = "tour"
OWN = "own-"


@dataclass(frozen=True)
class Written:
    """A step as its file has it.

    Attributes:
        step: what a page gets.
        topics: those of the lecture that it is about.
        commands: the command or the line of Python that does the same.
        line: of its heading.
    """

    step: m.LectureStep
    topics: tuple[str, ...]
    commands: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class LessonFile:
    """A lesson that was read."""

    name: str
    title: str
    goal: str
    minutes: int
    steps: tuple[Written, ...]

    @property
    def card(self) -> m.LessonCard:
        """As the table of contents has it."""
        first = self.steps[0].step.opens
        return m.LessonCard(
            name=self.name,
            title=self.title,
            goal=self.goal,
            minutes=self.minutes,
            steps=len(self.steps),
            kind="own" if self.name.startswith(OWN) else "tour" if self.name == TOUR else "lecture",
            first=m.Place(first.page, {**first.values, "lesson": f"{self.name}.1"}),
        )


def address(place: m.Place) -> str:
    """A state of a page as an address below the app's: `/cnn?network=...`."""
    query = urlencode(place.values, safe=":,[]/")
    return f"/{place.page}{f'?{query}' if query else ''}"


@cache
def shipped(language: str = FIRST_LANGUAGE) -> dict[str, Path]:
    """The files of our lessons by name, in the lecture's order; those that a language lacks are in English."""
    folder = FOLDER / language if re.fullmatch(r"[a-z]{2}", language) else FOLDER / FIRST_LANGUAGE
    found = {name_of(path): path for path in sorted((FOLDER / FIRST_LANGUAGE).glob("*.md"))}
    return found | {name_of(path): path for path in folder.glob("*.md") if name_of(path) in found}


def name_of(path: Path) -> str:
    """`03-backpropagation.md` is called backpropagation."""
    return re.sub(r"^\d+-", "", path.stem)


def read_own(path: Path) -> LessonFile:
    """A reader's own lesson."""
    plain = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "lesson"
    return read_lesson(path, f"{OWN}{plain}")


def read_lesson(path: Path, name: str) -> LessonFile:
    """Read a file.

    Raises:
        GlassworkError: it can't be read, or has not the form of a lesson; with file and line.
    """
    try:
        content = path.read_bytes()
        if len(content) > LARGEST:
            why = f"it has {len(content):,} bytes; a lesson has at most {LARGEST:,}"
            raise GlassworkError("this is too long for a lesson", where=str(path), why=why)
        text = content.decode()
    except UnicodeDecodeError as error:
        todo = "Save it as UTF-8."
        raise GlassworkError("this lesson is no text", where=str(path), why=str(error), todo=todo) from error
    except OSError as error:
        why = error.strerror or str(error)
        raise GlassworkError("this lesson can't be read", where=str(path), why=why) from error
    return _Reading(path, name, text.splitlines()).lesson()


@dataclass
class _Part:
    """A heading and what stands below it."""

    line: int
    heading: str
    once: dict[str, str] = field(default_factory=dict[str, str])
    often: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in OFTEN})
    lines: dict[str, int] = field(default_factory=dict[str, int])
    text: list[str] = field(default_factory=list[str])


class _Reading:
    def __init__(self, path: Path, name: str, lines: list[str]) -> None:
        self.path = path
        self.name = name
        self.lines = lines

    def refusal(self, line: int, what: str, why: str = "", todo: str = "") -> GlassworkError:
        return GlassworkError(what, where=f"{self.path}:{line}", why=why, todo=todo)

    def lesson(self) -> LessonFile:
        head, begin = self.head()
        parts = self.parts(begin)
        if not parts:
            raise self.refusal(
                len(self.lines), "this lesson has no steps", todo="Begin each by a line `## What it says`."
            )
        steps = list[Written]()
        for part in parts:
            steps.append(self.step(part, steps[-1].step if steps else None))
        minutes = head["minutes"]
        if not re.fullmatch(r"[1-9]\d{0,2}", minutes):
            raise self.refusal(1, "`minutes` is no number", f"it is {minutes!r}", "Write a whole number, such as 6.")
        return LessonFile(self.name, head["title"], head["goal"], int(minutes), tuple(steps))

    def head(self) -> tuple[dict[str, str], int]:
        if not self.lines or self.lines[0].strip() != "---":
            todo = "Begin with a line ---, then title:, goal: and minutes:, then another ---."
            raise self.refusal(1, "this lesson has no head", todo=todo)
        found = dict[str, str]()
        for at, line in enumerate(self.lines[1:], 2):
            if line.strip() == "---":
                for name in HEAD:
                    if not found.get(name):
                        raise self.refusal(at, f"the head has no `{name}`", todo=f"Write a line `{name}: ...` into it.")
                return found, at
            name, value = self.field(at, line, HEAD)
            if name in found:
                raise self.refusal(at, f"`{name}` stands twice in the head", todo="Take one of them away.")
            found[name] = value
        raise self.refusal(len(self.lines), "the head has no end", todo="Close it by a line ---.")

    def field(self, at: int, line: str, names: tuple[str, ...]) -> tuple[str, str]:
        found = FIELD.fullmatch(line.strip())
        if not found:
            todo = "Write `name: value`; a text begins after an empty line."
            raise self.refusal(at, "this line is no field", f"it is {line.strip()[:60]!r}", todo)
        name, value = found.groups()
        if name not in names:
            raise self.refusal(
                at, f"there is no field called {name!r}", f"known: {', '.join(names)}", "Use one of these."
            )
        return name, value.strip()

    def parts(self, begin: int) -> list[_Part]:
        parts = list[_Part]()
        inside = False  # among the fields below a heading
        for at, line in enumerate(self.lines[begin:], begin + 1):
            if line.startswith("## "):
                parts.append(_Part(at, line[3:].strip()))
                inside = True
            elif inside and line.strip():
                name, value = self.field(at, line, (*ONCE, *OFTEN))
                part = parts[-1]
                if name in part.once:
                    raise self.refusal(at, f"`{name}` stands twice in this step", todo="Take one of them away.")
                part.lines[name] = at
                if name in ONCE:
                    part.once[name] = value
                else:
                    part.often[name].append(value)
            elif parts:
                inside = False
                parts[-1].text.append(line.strip())
            elif line.strip():
                raise self.refusal(at, "this text is in no step", todo="Begin a step by a line `## What it says`.")
        return parts

    def step(self, part: _Part, before: m.LectureStep | None) -> Written:
        once = part.once
        if "open" in once:
            opens = self.place(part, "open", once["open"], None)
        elif before is None:
            todo = "Write `open: /cnn?network=...` into it: the address of a page."
            raise self.refusal(part.line, "the first step opens nothing", todo=todo)
        else:
            opens = before.shows or before.opens
        shows = self.place(part, "show", once["show"], opens) if "show" in once else None
        done = [self.condition(part, one) for one in part.often["done"]]
        if shows and not done:
            done = changes(opens, shows)
        if ("try" in once) != bool(done):
            lacks, has = ("done", "try") if "try" in once else ("try", "done")
            todo = f"Write `{lacks}: ...` into this step too."
            raise self.refusal(part.line, f"this step has `{has}` and no `{lacks}`", todo=todo)
        step = m.LectureStep(
            sentence=self.spans(part.line, part.heading),
            opens=opens,
            stays="open" not in once,
            text=[self.spans(part.line, one) for one in paragraphs(part.text)],
            attempt=self.spans(part.lines.get("try", part.line), once.get("try", "")),
            done=done,
            shows=shows,
            mark=once.get("mark", ""),
            hide=once.get("hide", ""),
            ask=self.ask(part),
            command=next(iter(part.often["command"]), ""),
            links=[self.link(part, one) for one in part.often["link"]],
            sources=part.often["source"],
        )
        return Written(step, tuple(part.often["topic"]), tuple(part.often["command"]), part.line)

    def ask(self, part: _Part) -> m.Ask | None:
        names = ("predict", "choices", "answer")
        given = [name for name in names if name in part.once]
        if not given:
            return None
        for name in names:
            if name not in given:
                raise self.refusal(
                    part.line, f"this step asks and has no `{name}`", todo=f"Write `{name}: ...` into it."
                )
        choices = [one.strip() for one in part.once["choices"].split("|")]
        if not 2 <= len(choices) <= 8 or len(set(choices)) < len(choices) or "" in choices:
            why = "expected two to eight, each another, with | between them"
            raise self.refusal(part.lines["choices"], "these choices can't be offered", why)
        answer = part.once["answer"]
        self.told(part.lines["answer"], lambda: check_answer(answer))
        return m.Ask(
            words=self.spans(part.lines["predict"], part.once["predict"]),
            choices=choices,
            answer=answer,
            because=self.spans(part.lines.get("because", part.line), part.once.get("because", "")),
        )

    def told(self, line: int, check: Callable[[], object]) -> None:
        """Say of what is refused in which line it stands."""
        try:
            check()
        except GlassworkError as error:
            raise self.refusal(line, error.what, error.why, error.todo) from error

    def place(self, part: _Part, name: str, words: str, opens: m.Place | None) -> m.Place:
        """`/page?name=value`, or of the page that is open, `name=value&name=`: nothing takes a value away."""
        at = part.lines[name]
        try:
            split = urlsplit(words if words.startswith("/") else f"?{words}")
        except ValueError as error:
            raise self.refusal(at, f"`{name}` is no address", str(error)) from error
        values = dict(parse_qsl(split.query, keep_blank_values=True))
        if not words.startswith("/"):
            if opens is None or not values:
                todo = "Begin with a /, as in /cnn?network=tiny-vgg-emoji."
                raise self.refusal(at, f"`{name}` is no page of ours", f"it is {words[:80]!r}", todo)
            merged = {**opens.values, **values}
            return m.Place(opens.page, {key: value for key, value in merged.items() if value})
        page = split.path.strip("/")
        if page not in PAGES or split.netloc:
            error = unknown("page", page or words, [one for one in PAGES if one])
            raise self.refusal(at, error.what, error.why, error.todo)
        for key in ("lesson", "projector"):
            if key in values:
                raise self.refusal(at, f"an address in a lesson can't set `{key}`", todo="Take it away.")
        return m.Place(page, values)

    def condition(self, part: _Part, words: str) -> m.Condition:
        """`click SELECTOR`, `name=value`, `name~beginning`, `name!` (it changed), or `name` (it is there)."""
        if words.startswith("click "):
            return m.Condition("click", "", words.removeprefix("click ").strip())
        found = re.fullmatch(r"([a-z][a-z0-9_]*)(?:(=|~)(.*)|(!))?", words)
        if not found:
            todo = "Write name, name=value, name~beginning, name! or click SELECTOR."
            raise self.refusal(part.lines["done"], "`done` can't be read", f"it is {words[:80]!r}", todo)
        name, sign, value, changed = found.groups()
        how = {"=": "is", "~": "begins", None: "changes" if changed else "has"}[sign]
        return m.Condition(cast(Literal["is", "begins", "changes", "has"], how), name, value or "")

    def link(self, part: _Part, words: str) -> m.Outside:
        title, _, href = (one.strip() for one in words.rpartition("|"))
        if not title or not href.startswith("https://"):
            todo = "Write `link: What it is | https://...`."
            raise self.refusal(part.lines["link"], "this link leads nowhere", f"it is {words[:80]!r}", todo)
        return m.Outside(title, href)

    def spans(self, line: int, words: str) -> list[m.Span]:
        found = spans(words)
        for one in found:
            if one.kind == "page" and urlsplit(one.href).path.strip("/") not in PAGES:
                error = unknown("page", one.href, [page for page in PAGES if page])
                raise self.refusal(line, error.what, error.why, error.todo)
        return found


def changes(opens: m.Place, shows: m.Place) -> list[m.Condition]:
    """That one state has become another one."""
    if opens.page != shows.page:
        return [m.Condition("is", "page", shows.page)]
    names = sorted({*opens.values, *shows.values})
    return [
        m.Condition("is", name, shows.values.get(name, ""))
        for name in names
        if opens.values.get(name, "") != shows.values.get(name, "")
    ]


def paragraphs(lines: list[str]) -> list[str]:
    """Lines joined, parted where one is empty."""
    blocks = re.split(r"\n\s*\n", "\n".join(lines))
    return [" ".join(block.split()) for block in blocks if block.strip()]
