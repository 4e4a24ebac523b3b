"""`glasswork open`: the app."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import tyro

import glasswork
from glasswork.cli.command import Command, Flag
from glasswork.cli.memory import check_memory
from glasswork.cli.printing import printable
from glasswork.cli.usage import UsageError
from glasswork.errors import GlassworkError

if TYPE_CHECKING:
    from glasswork.scenes.respond import Respondent

CARDS = Path(glasswork.__file__).parent / "weights"
ARRAY_ID = 16
NAMED = ("sample:", "photo:", "upload:")  # inputs that the server knows by themselves


def warm(respondent: Respondent) -> None:
    """The first run of anything in torch takes many times the second."""
    with contextlib.suppress(GlassworkError):  # whoever opens the page is told
        respondent.warm()


@dataclass(kw_only=True)
class Open(Command):
    """Open the app; on a network's own page when TARGET is given."""

    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TARGET", help_behavior_hint="")] = ""
    """A network that ships, torchvision:NAME, timm:NAME, hf:FOLDER, file.py:factory, package.module:factory, a run
    folder, a trace file or a lesson.md."""
    input: Annotated[str, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = ""
    """What the network is given first: a picture file, an array (.npy), sample:NAME, or a text or a row, for networks
    that read such."""
    weights: Annotated[str, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = ""
    """Weights to put into TARGET first: .safetensors, or a checkpoint (.pt, .pth, .ckpt, .bin)."""
    port: Annotated[int, tyro.conf.arg(metavar="N")] = 7860
    """Where to listen; the next free port is taken if this one is not free."""
    host: Annotated[str, tyro.conf.arg(metavar="H")] = "127.0.0.1"
    """The address to listen on; other machines are let in only with a token in GLASSWORK_TOKEN."""
    browser: Flag = True
    """Don't open a browser."""
    runs: Annotated[str, tyro.conf.arg(metavar="DIR")] = "runs"
    """The folder whose runs of training are shown; of a TARGET that is one, the folder that it is in."""

    def run(self) -> None:
        """Serve until Ctrl-C."""
        # Before torch is there: threads that wait for each other sleep. By default they spin, which beside a browser
        # that draws, or any other program, makes a run on two cores take ten times as long.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        if not 0 <= self.port < 65_536:
            why = f"it is {self.port}; expected 0 to 65535"
            raise UsageError(
                "this is no port", where="glasswork open --port", why=why, todo="0 takes any that is free."
            )
        from glasswork.server.run import serve
        from glasswork.server.settings import Settings
        from glasswork.server.store import open_home

        home, notice = open_home()
        if self.target.endswith(".md"):
            self._teach(home, notice)
            return
        if self.target.startswith("hf:"):
            from glasswork.generation import on_disk

            self.target = on_disk(self.target, say=_say)
        saved = bool(self.target) and not self._ships() and is_trace(self.target)
        if saved and (self.input or self.weights):
            raise UsageError(
                f"{self.target} is a run that was made",
                where="glasswork open",
                why="its input and its weights are in it",
                todo="Leave --input and --weights away, or name the network.",
            )
        if self.weights and not self.target:
            raise UsageError("--weights of what?", where="glasswork open", todo="Name a TARGET too.")
        imagines = not saved and _imagines(self.target)
        if imagines and (self.input or self.weights):
            raise UsageError(
                "a text-to-image model is opened without --input and --weights",
                where="glasswork open",
                todo="Its page takes a prompt and pictures.",
            )
        self.arrays: dict[str, tuple[str, Any]] = {}
        if training := self._in_training():
            self.runs, self.target = str(training.parent), ""
        chosen = self._keep_input(home) if self.input else ""
        early = None
        if self.target and (self.weights or not self._ships()):
            early = self._respondent(home, saved)
            chosen = chosen or ("" if saved or imagines else _stand_in(early, self.target))

        def load() -> Respondent:
            respondent = early or self._respondent(home, saved)
            # What is asked first must not wait for what is only being made ready.
            threading.Thread(target=warm, args=(respondent,), name="glasswork-ready", daemon=True).start()
            return respondent

        if notice:
            _say(notice)
        graph = self.target and (bool(self.weights) or chosen.startswith("array:") or not self._ships())
        query = {name: value for name, value in (("network", self._name()), ("input", chosen)) if value}
        path = f"/{'open' if graph else 'cnn'}?{urlencode(query, safe=':/')}" if query else "/"
        if imagines and early:
            path = f"/diffusion?{urlencode({'network': early.text_to_image.name_of(self.target)})}"
        path = f"/train?{urlencode({'run': training.name})}" if training else path
        serve(Settings(host=self.host, port=self.port, home=home), load, path, self.browser, say=_say)

    def _teach(self, home: Path, notice: str) -> None:
        """Open a lesson of the reader's; what is wrong with it is said here."""
        from glasswork.scenes.lecture_files import address, read_own
        from glasswork.server.run import serve
        from glasswork.server.settings import Settings

        if self.input or self.weights:
            todo = "Leave --input and --weights away: the lesson names them."
            raise UsageError(f"{self.target} is a lesson", where="glasswork open", todo=todo)
        lesson, file = read_own(Path(self.target)), Path(self.target)
        self.target, self.arrays = "", {}

        def load() -> Respondent:
            respondent = self._respondent(home, saved=False, lessons=(file,))
            threading.Thread(target=warm, args=(respondent,), name="glasswork-ready", daemon=True).start()
            return respondent

        if notice:
            _say(notice)
        settings = Settings(host=self.host, port=self.port, home=home)
        serve(settings, load, address(lesson.card.first), self.browser, say=_say)

    def _in_training(self) -> Path | None:
        """The folder of a TARGET that is a run without a trained network yet: it is watched instead."""
        folder = Path(self.target or "-").resolve()
        begun = (folder / "run.json").is_file() and not (folder / "card.json").is_file()
        return folder if begun and not (self.input or self.weights) else None

    def _ships(self) -> bool:
        return (CARDS / f"{self.target}.json").is_file()

    def _name(self) -> str:
        """The target as pages name it."""
        if not self.target or self._ships():
            return self.target
        from glasswork.scenes.networks import shown

        return Path(self.target).name if is_trace(self.target) else shown(self.target)

    def _respondent(self, home: Path, saved: bool, lessons: tuple[Path, ...] = ()) -> Respondent:
        """What answers the page. A reader's own TARGET is loaded at once: what is wrong with it is said here."""
        from glasswork.scenes.respond import Respondent
        from glasswork.server.run import is_loopback

        respondent = Respondent(
            traces=home / "traces",
            targets=(self.target,) if self.target and not saved else (),
            weights={self.target: Path(self.weights)} if self.weights else {},
            arrays=self.arrays,
            saved=(Path(self.target),) if saved else (),
            runs=self._runs(),
            sets=home / "sets",
            folders=is_loopback(self.host),
            lessons=lessons,
        )
        if not saved and _imagines(self.target):
            check_memory(self.target)
            respondent.text_to_image.open(respondent.text_to_image.name_of(self.target))
        elif self.target and not saved and (self.weights or not self._ships()):
            respondent.networks.load(self.target)
        return respondent

    def _runs(self) -> Path:
        """The folder of runs: that of a TARGET that is one, else the one that was named."""
        folder = Path(self.target or "-").resolve()
        return folder.parent if (folder / "run.json").is_file() else Path(self.runs)

    def _keep_input(self, home: Path) -> str:
        """The input as the page names it; a file's picture is kept where uploads are, an array in memory."""
        if self.input.startswith(("sample:", "photo:")):
            from glasswork.scenes.pictures import read_picture

            read_picture(self.input, lambda _: b"")
        if self.input.startswith(NAMED):
            return self.input
        if self.input.endswith(".npy"):
            from glasswork.cli.tensors import read_array
            from glasswork.scenes.runs import file_hash

            array = read_array(Path(self.input))
            id = file_hash(Path(self.input))[:ARRAY_ID]
            self.arrays[id] = (Path(self.input).name, array)
            return f"array:{id}"
        if self.target and not self._ships() and not os.path.exists(self.input):
            from glasswork import zoo

            network = zoo.load(self.target)
            if network.rows is not None:
                network.rows.read(self.input)  # what is wrong with it is said here
                return f"text:{self.input}"
            if zoo.takes_text(network):
                zoo.tokens(network, self.input)
                return f"text:{self.input}"
        from glasswork.cli.pictures import decoded
        from glasswork.server.store import open_store

        _, png = decoded(Path(self.input))
        store, _ = open_store(home)
        try:
            return f"upload:{store.add(png)}"
        except OSError as error:
            why = error.strerror or str(error)
            todo = "Free some space, or name another folder by GLASSWORK_HOME."
            raise GlassworkError(
                "this picture could not be kept", where=str(store.folder), why=why, todo=todo
            ) from error


def is_trace(target: str) -> bool:
    """Whether a TARGET is a trace file; torch is only loaded for what is a file and no Python."""
    try:
        if not Path(target).is_file():
            return False
    except (OSError, ValueError):  # no name that a file could have
        return False
    from glasswork.tracing import is_trace_file

    return is_trace_file(target)


def _imagines(target: str) -> bool:
    """Whether a TARGET makes pictures from words; torch is only loaded for what is a folder, or ships."""
    folder = Path(target.removeprefix("hf:"))
    if not target or not ((folder / "model_index.json").is_file() or (folder / "card.json").is_file()):
        return False
    from glasswork.scenes.text_to_image_models import makes_pictures

    return makes_pictures(target)


def _stand_in(respondent: Respondent, target: str) -> str:
    """What a network of the reader's looks at first, which has no samples of its own."""
    from glasswork.scenes.pictures import offered

    network = respondent.networks.load(target)
    ids = () if network.samples else offered(network)
    return ids[0] if ids else ""


def _say(line: str) -> None:
    print(printable(line), flush=True)  # at once, also into a pipe: a program may wait for the address
