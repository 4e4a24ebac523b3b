"""`glasswork imagine`: a picture from words, or from words and a picture."""

from __future__ import annotations

import math
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from glasswork.cli.command import Report
from glasswork.cli.memory import check_memory
from glasswork.cli.printing import printable, say
from glasswork.cli.usage import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from glasswork.generation import Plan, TextToImage

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
MOST_FILES = 10_000
MOST_SEED = 2**63
STRENGTH = 0.6
MOST_NAME = 60  # characters of a file's name that is made of a prompt


@dataclass(kw_only=True)
class Imagine(Report):
    """Make a picture from words; with --from, from words and a picture, or every picture of a folder."""

    prompt: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PROMPT")]
    """What it shows, such as "a red heart"; may be empty."""
    negative: Annotated[str, tyro.conf.arg(metavar="TEXT", help_behavior_hint="")] = ""
    """What guidance leads away from, instead of from no words at all."""
    seed: Annotated[int, tyro.conf.arg(metavar="S")] = 0
    """Of the noise that it begins with: the same seed, the same picture."""
    steps: Annotated[int, tyro.conf.arg(metavar="N")] = 50
    """From 1 to as many as there are times in training."""
    guidance: Annotated[float, tyro.conf.arg(metavar="G")] = 3.0
    """How much more than its words say: 0 for no words, 1 for the words alone."""
    sampler: Annotated[str, tyro.conf.arg(metavar="NAME")] = "ddim"
    """ddim, ddpm, euler, euler_ancestral or dpm_solver."""
    start: Annotated[str, tyro.conf.arg(name="from", metavar="FILE|FOLDER", help_behavior_hint="")] = ""
    """Begin with a picture and noise on it; of a folder, with each picture in it."""
    strength: Annotated[float | None, tyro.conf.arg(metavar="X", help_behavior_hint=f"(default: {STRENGTH})")] = None
    """How much of the way is gone from there: near 0 hardly any, 1 all of it."""
    network: Annotated[str, tyro.conf.arg(metavar="TARGET", help_behavior_hint="(default: emoji-diffusion)")] = ""
    """Another model: a denoiser's run folder, one of diffusers (Stable Diffusion 1.x, 2.x, XL), hf:OWNER/NAME."""
    output: Annotated[
        str, tyro.conf.arg(aliases=("-o",), metavar="FILE.png|FOLDER", help_behavior_hint="(default: PROMPT-SEED.png)")
    ] = ""
    """Where it goes; a folder when there are several."""

    def __post_init__(self) -> None:
        where = "glasswork imagine"
        if not 0 <= self.seed < MOST_SEED:
            raise UsageError(f"--seed is a whole number from 0 ({self.seed})", where=where)
        if not math.isfinite(self.guidance):
            raise UsageError(f"--guidance is a number ({self.guidance})", where=where)
        if self.strength is not None and not self.start:
            raise UsageError("--strength says how far from a picture: it needs --from", where=where)
        if self.strength is not None and not 0 < self.strength <= 1:
            raise UsageError(f"--strength is more than 0 and at most 1 ({self.strength:g})", where=where)
        if self.output and Path(self.output).suffix.lower() not in ("", ".png"):
            raise UsageError(f"pictures are written as .png ({self.output})", where=where)

    def result(self) -> dict[str, Any]:
        """The files, and how they were made."""
        from glasswork.generation import DEFAULT, Plan, on_disk, open_model

        plan = Plan(
            self.sampler, self.steps, self.guidance, self.seed, self.strength or (STRENGTH if self.start else 1)
        )
        plan.check()
        target = on_disk(self.network or DEFAULT, say=lambda line: print(printable(line), file=sys.stderr))
        check_memory(target)
        model = open_model(target)
        plan_steps(model, plan)
        reading = model.read(self.prompt)
        begins = _pictures(self.start)
        started = time.perf_counter()
        files, skipped = self._make(model, plan, begins)
        return {
            "prompt": self.prompt,
            "negative": self.negative,
            "network": target,
            "files": files,
            "skipped": skipped,
            "tokens": [{"id": i, "text": text} for i, text in zip(reading.ids[1:], reading.tokens, strict=False)],
            "cut": reading.cut,
            **asdict(plan),
            "seconds": round(time.perf_counter() - started, 3),
        }

    def _make(self, model: TextToImage, plan: Plan, begins: list[Path]) -> tuple[list[str], list[dict[str, str]]]:
        """One picture, or one for each that it begins from: their files, and what could not be used."""
        from glasswork.errors import GlassworkError

        if not begins:
            return [_written(model.pictures([self.prompt], plan, negative=self.negative)[0], self._file())], []
        folder = Path(self.output) if self.output else Path(f"{_slug(self.prompt)}-{self.seed}")
        several = Path(self.start).is_dir()
        files, skipped = [], []
        for path in begins:
            target = folder / f"{path.stem}.png" if several else self._file()
            try:
                start = _read(path, model.autoencoder.shape)[None]
            except GlassworkError as error:
                if not several:
                    raise
                skipped.append({"file": str(path), "why": f"{error.what}: {error.why}"})
                continue
            made = model.pictures([self.prompt], plan, negative=self.negative, start=start)
            files.append(_written(made[0], target))
            print(printable(f"{len(files)} of {len(begins)}: {target}"), file=sys.stderr)
        if not files:
            why = f"{skipped[0]['file']}: {skipped[0]['why']}"
            raise GlassworkError("none of these pictures can be begun from", where=self.start, why=why)
        return files, skipped

    def _file(self) -> Path:
        """Where a single picture goes; a name that was not asked for overwrites nothing."""
        if self.output:
            given = Path(self.output)
            return given if given.suffix else given / f"{_slug(self.prompt)}-{self.seed}.png"
        first = Path(f"{_slug(self.prompt)}-{self.seed}.png")
        names = (first.with_stem(f"{first.stem}-{i}") for i in range(2, 1_000_000))
        return first if not first.exists() else next(name for name in names if not name.exists())

    def show(self, result: dict[str, Any]) -> None:
        """What was read, and where the pictures are."""
        words = " ".join(token["text"] for token in result["tokens"])
        cut = f"; the last {result['cut']:,} did not fit" if result["cut"] else ""
        say(f"read as {len(result['tokens'])} tokens: {words or 'none'}{cut}")
        for one in result["skipped"]:
            say(f"not used: {one['file']} ({one['why']})")
        for file in result["files"]:
            say(file)
        say(f"{result['steps']} steps of {result['sampler']}, guidance {result['guidance']:g}, {result['seconds']} s")


def plan_steps(model: TextToImage, plan: Plan) -> None:
    """Whether a model can take a plan's steps, before anything else is read; errors as in generation.planned."""
    from glasswork.generation import planned

    planned(model.schedule, plan)


def _pictures(start: str) -> list[Path]:
    """The pictures to begin from: none, one, or those of a folder, by name."""
    from glasswork.errors import GlassworkError

    if not start:
        return []
    path = Path(start)
    if not path.is_dir():
        return [path]
    found = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES)
    if not found or len(found) > MOST_FILES:
        why = f"it holds {len(found):,} with the endings {', '.join(SUFFIXES)}; at most {MOST_FILES:,} are taken"
        raise GlassworkError("there are no pictures to begin from here", where=start, why=why)
    return found


def _read(path: Path, shape: tuple[int, ...]) -> Tensor:
    """A picture of any size, cropped and scaled to the model's, 0 to 1, (C, H, W)."""
    import io

    from PIL import Image

    from glasswork.cli.pictures import decoded
    from glasswork.zoo import Preprocessing

    _, png = decoded(path)
    with Image.open(io.BytesIO(png)) as picture:
        return Preprocessing(shape[1], shape[0])(picture).inputs[0][0]


def _written(picture: Tensor, path: Path) -> str:
    """A picture, 0 to 1, (3, H, W), in a file."""
    import io

    from PIL import Image

    from glasswork.errors import GlassworkError
    from glasswork.zoo import write_atomically

    pixels = (picture * 255).round().byte().permute(1, 2, 0).numpy()
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    try:
        write_atomically(path, held.getvalue())
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        why = getattr(error, "strerror", None) or str(error)
        raise GlassworkError(
            "the picture can't be written", where=str(path), why=why, todo="Name another with -o."
        ) from error
    return str(path)


def _slug(prompt: str) -> str:
    """A prompt as a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:MOST_NAME] or "no-words"
