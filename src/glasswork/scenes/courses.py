"""The runs of training that the app can see: their folders, how they go, and how they are begun and steered.

A trainer is a process of its own. The app reads its folder, and writes nothing there but orders; it may end, and be
started again, without a run being touched.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from glasswork import recipes, training, zoo
from glasswork.errors import GlassworkError, unknown
from glasswork.training.course import Drawn, read_course
from glasswork.training.locking import holder
from glasswork.training.replaying import saved_steps
from glasswork.training.steering import order
from glasswork.training.watching import look
from glasswork.zoo.shipping import RUN_CARD

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
MOST_RUNS = 200
MOST_DRAWN = 16  # courses that are held
LOG = "log.txt"
TEXT = "text.txt"
LETTERS = (1_000, 2_000_000)
"""The shortest and the longest text that a page may give a run."""
TAIL = 8000  # bytes that are read of the end of a file
WATCHED = "watched"
BEGINNINGS = ("efficientnet-lite0", "tiny-vgg-emoji", "tiny-vgg-fashion")
"""What a page may begin from on pictures of the reader's own."""
State = Literal["starting", "running", "paused", "stopped", "finished", "failed", "died"]


def waits_for_text(config: training.Config) -> bool:
    """Whether a run needs a text that nobody has named yet."""
    return isinstance(config, training.LanguageConfig) and not config.data


def check_text(text: str) -> None:
    """Whether one can train on a text.

    Raises:
        GlassworkError: it is too short, or too long for a page.
    """
    least, most = LETTERS
    if not least <= len(text.strip()) <= most:
        raise GlassworkError(
            "this text can't be trained on here",
            where="Your text",
            why=f"it has {len(text.strip()):,} characters; from {least:,} to {most:,} fit",
            todo="Paste another; a longer one is trained on by glasswork train text --data text:FILE.",
        )


@dataclass(frozen=True)
class RunView:
    """How a run stands.

    Attributes:
        name: of its folder.
        recipe: what it was begun with; "watched" for a loop of the reader's own.
        title: for people.
        config: its settings; None of a watched loop, whose settings nobody knows.
        state: starting: not a record yet; died: nobody trains it, and it never said that it ended.
        why: of a run that failed or died, what is known.
        drawn: its course.
        saved: the steps that were kept.
        seconds: how long it took so far.
        scores: on held-out examples, when it has finished.
        pid: of the process that trains it, as it wrote it down; "" when none does.
    """

    name: str
    recipe: str
    title: str
    config: training.Config | None
    state: State
    why: str
    drawn: Drawn
    saved: list[int] = field(default_factory=list)
    scores: Mapping[str, float] = field(default_factory=dict)
    pid: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Standing:
    """The same in brief, as lists have it."""

    name: str
    recipe: str
    title: str
    state: State
    step: int
    steps: int


class Courses:
    """The runs below a folder.

    Args:
        root: such as "runs"; it need not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._drawn: OrderedDict[tuple[str, int], tuple[tuple[int, int], Drawn]] = OrderedDict()

    def names(self) -> list[str]:
        """Every run, the newest first."""
        try:
            found = [path for path in self.root.iterdir() if self._is_run(path)]
        except OSError:
            return []
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        return [path.name for path in found[:MOST_RUNS]]

    def folder(self, name: str) -> Path:
        """Where a run is. A page names runs, never paths.

        Raises:
            GlassworkError: there is none of this name.
        """
        path = self.root / name
        if not NAME.fullmatch(name) or not (self._is_run(path) or name in self._started):
            raise unknown("run", name, self.names())
        return path

    def view(self, name: str, points: int) -> RunView:
        """How a run stands now.

        Args:
            name: one of `names()`.
            points: the most parts of each series.

        Raises:
            GlassworkError: there is none of this name, or its settings can't be read.
        """
        folder = self.folder(name)
        if not (folder / training.RUN).is_file():  # its process has only just been started
            return self._starting(name, folder)
        record = self._record(folder)
        recipe = str(record["recipe"])
        title = str(record.get("title", recipe))
        config = None if recipe == WATCHED else self.settings(folder)[1]
        drawn = self._course(folder, points)
        pid = holder(folder)
        state, why = self._state(name, drawn.events, pid, config is None)
        scores: Mapping[str, float] = {}
        if state == "finished" and config is not None:
            scores = zoo.read_card(folder / RUN_CARD).scores
        seconds = drawn.series.get("seconds")
        passed = float(seconds.high[-1]) if seconds is not None and len(seconds.high) else 0.0
        saved = [] if config is None else self.saved(name)
        return RunView(name, recipe, title, config, state, why, drawn, saved, scores, pid, passed)

    def saved(self, name: str) -> list[int]:
        """The steps of a run that can be looked at; before the first one, anybody can make it again.

        Raises:
            GlassworkError: there is none of this name.
        """
        return [0, *saved_steps(self.folder(name))]

    def standings(self) -> list[Standing]:
        """Every run in brief, the newest first; what can't be read is passed over."""
        return [found for name in self.names() if (found := self._standing(name))]

    def look(self, name: str) -> None:
        """Tell a watched loop that somebody looks."""
        look(self.folder(name))

    def log(self, name: str) -> list[str]:
        """The last lines that a run's trainer said, where it was begun here."""
        return _end_of_log(self.folder(name), "").splitlines()

    def settings(self, folder: Path) -> tuple[str, training.Config]:
        """The recipe's name and the settings of a run.

        Raises:
            GlassworkError: they can't be read, or are those of a recipe that isn't here.
        """
        record = self._record(folder)
        recipe = str(record["recipe"])
        if recipe == WATCHED:
            raise GlassworkError(
                "this run is a loop of your own",
                where=folder.name,
                why="its network and its data are in your program alone",
                todo="Look into the network there: glasswork.trace(model, inputs).",
            )
        return recipe, training.from_record(recipes.config(recipe), record)

    def start(self, recipe: str, settings: Mapping[str, str], text: str = "") -> str:
        """Begin a run in a process of its own, which stays when the app ends; its name.

        Args:
            recipe: what is trained.
            settings: other than the recipe's.
            text: what it is trained on, where the recipe waits for a text; it is kept in the run's folder.

        Raises:
            GlassworkError: no such recipe or setting, the text is too short, or the folder can't be made.
        """
        config = recipes.config(recipe).changed(settings)  # what is wrong with them is said here
        if waits_for_text(config):
            check_text(text)
        return self._begin(recipe, settings, lambda folder: _kept_text(folder, text) if waits_for_text(config) else [])

    def start_on_pictures(
        self, recipe: str, settings: Mapping[str, str], begin_from: str, keep: Callable[[Path], Path]
    ) -> str:
        """The same on pictures of the reader's own.

        Args:
            recipe: of a classifier of pictures.
            settings: other than the recipe's.
            begin_from: a network whose weights it begins from; "" for none.
            keep: given the run's folder, the one that its pictures are in.

        Raises:
            GlassworkError: no such recipe, setting or network, or the folder can't be made.
        """
        config = recipes.config(recipe).changed(settings)
        if not isinstance(config, training.ClassifierConfig):
            raise GlassworkError(f"{recipe} tells no pictures apart", todo="Take the recipe classify.")
        if begin_from and begin_from not in BEGINNINGS:
            raise unknown("network that a page may begin from", begin_from, [*BEGINNINGS])
        chosen = ["--from", begin_from] if begin_from else []
        return self._begin(recipe, settings, lambda folder: ["--data", f"folder:{keep(folder)}", *chosen])

    def _begin(self, recipe: str, settings: Mapping[str, str], data: Callable[[Path], list[str]]) -> str:
        """A run in a process of its own; `data` gives the arguments that name what it learns from."""
        with self._lock:
            folder = self._free(recipe)
            try:
                folder.mkdir(parents=True)
                chosen = data(folder)
                log = (folder / LOG).open("ab")
            except OSError as error:
                raise GlassworkError("a run can't be begun here", where=str(self.root), why=str(error)) from error
            chosen += [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
            command = [sys.executable, "-m", "glasswork", "train", recipe, "--out", str(folder), *chosen]
            with log:
                self._started[folder.name] = _begun(command, log)
            return folder.name

    def started(self, name: str) -> subprocess.Popen[bytes]:
        """The process of a run that was begun or resumed here."""
        return self._started[name]

    def resume(self, name: str) -> None:
        """Go on with a run that was stopped or has died, in a process of its own.

        Raises:
            GlassworkError: there is none of this name, or it is being trained.
        """
        folder = self.folder(name)
        recipe, _ = self.settings(folder)
        if pid := holder(folder):
            raise GlassworkError("this run is being trained", where=name, why=pid, todo="Pause or stop it there.")
        with self._lock, (folder / LOG).open("ab") as log:
            command = [sys.executable, "-m", "glasswork", "train", recipe, "--out", str(folder), "--resume"]
            self._started[name] = _begun(command, log)

    def steer(self, name: str, do: str, value: float) -> None:
        """Give an order to a run that goes on.

        Raises:
            GlassworkError: there is no such run or order, or nobody trains it now.
        """
        folder = self.folder(name)
        if not holder(folder):
            raise GlassworkError("nobody trains this run now", where=name, todo="Resume it first.")
        order(folder, do, value)

    def _record(self, folder: Path) -> dict[str, Any]:
        path = folder / training.RUN
        try:
            record = json.loads(path.read_bytes())
            if not isinstance(record, dict) or not isinstance(record.get("recipe"), str):
                raise ValueError("it names no recipe")
        except (OSError, ValueError) as error:
            raise GlassworkError(
                "a run's settings can't be read", where=folder.name, why=str(error), todo="Begin the run again."
            ) from error
        return record

    def _standing(self, name: str) -> Standing | None:
        folder = self.root / name
        try:
            record = self._record(folder)
        except GlassworkError:
            return None
        step, events = _newest(folder / "metrics.jsonl")
        recipe = str(record["recipe"])
        steps = record.get("steps", 0)
        state, _ = self._state(name, events, holder(folder), recipe == WATCHED)
        title = str(record.get("title", recipe))
        return Standing(name, recipe, title, state, step, steps if isinstance(steps, int) else 0)

    def _is_run(self, path: Path) -> bool:
        inside = path.is_dir() and not path.is_symlink()
        return inside and NAME.fullmatch(path.name) is not None and (path / training.RUN).is_file()

    def _free(self, recipe: str) -> Path:
        number = 1
        while (folder := self.root / (recipe if number == 1 else f"{recipe}-{number}")).exists():
            number += 1
        return folder

    def _course(self, folder: Path, points: int) -> Drawn:
        """Read again only when more was written: many pages may watch one run."""
        try:
            now = (folder / "metrics.jsonl").stat()
        except OSError:
            return Drawn({}, (), 0)
        stamp = now.st_mtime_ns, now.st_size
        key = folder.name, points
        known = self._drawn.get(key)
        if known is None or known[0] != stamp:
            known = self._drawn[key] = stamp, read_course(folder, points)
        self._drawn.move_to_end(key)
        while len(self._drawn) > MOST_DRAWN:
            self._drawn.popitem(last=False)
        return known[1]

    def _state(self, name: str, events: Sequence[Mapping[str, Any]], pid: str, watched: bool) -> tuple[State, str]:
        last = next((event for event in reversed(events) if event["event"] in _TURNS), None)
        if pid:
            return ("paused" if last and last["event"] == "paused" else "running"), ""
        process = self._started.get(name)
        code = process.poll() if process else None
        if process and code is None:
            return "starting", ""
        if last and last["event"] in ("finished", "stopped"):
            return last["event"], str(last.get("why", ""))
        if watched:
            return "finished", ""
        if code is not None and code > 0:
            return "failed", _end_of_log(self.root / name)
        if code is not None and code < 0:
            likely = ", likely out of memory" if code == -9 else ""
            return "died", f"ended by signal {-code}{likely}"
        return "died", "its process is gone"

    def _starting(self, name: str, folder: Path) -> RunView:
        process = self._started[name]
        code = process.poll()
        recipe = re.sub(r"-\d+$", "", name) if name not in recipes.names() else name
        state: State = "starting" if code is None else "failed"
        why = "" if code is None else _end_of_log(folder)
        config = recipes.config(recipe)
        return RunView(name, recipe, config.title, config, state, why, Drawn({}, (), 0))


_TURNS = {"paused", "went on", "resumed", "stopped", "finished"}


def _kept_text(folder: Path, text: str) -> list[str]:
    """A text of the reader's, kept with its run, as the command line names it."""
    path = folder / TEXT
    path.write_text(text, encoding="utf-8")
    return ["--data", f"text:{path}"]


def _begun(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """A process that outlives this one; while both live, somebody waits for it, so that none is left as a zombie."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    threading.Thread(target=process.wait, name="glasswork-trainer", daemon=True).start()
    return process


def _end_of_log(folder: Path, silent: str = "it said nothing") -> str:
    """The last lines that a trainer said before it ended."""
    said = _tail(folder / LOG).strip()
    return said.rpartition("\n\n")[2] or silent


def _newest(path: Path) -> tuple[int, list[Mapping[str, Any]]]:
    """The last step that a run has noted, and what happened of late."""
    step, events = 0, []
    for line in _tail(path).split("\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue  # the first one is cut off
        if isinstance(record, dict) and isinstance(record.get("step"), int):
            step = record["step"]
            if "event" in record:
                events.append(record)
    return step, events


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
