"""What a run's network makes of a folder of grey pictures of its own size, and their map, by torch and numpy."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import torch
from claims import NoNumberError, Number
from courserun import CourseRun, CourseRuns
from PIL import Image
from torch import Tensor, nn

MOMENT = re.compile(r"(?P<run>[A-Za-z0-9._-]+)@(?P<step>\d+)")


class TaughtRun:
    """A run at one step, and all pictures of its folder, by their paths."""

    def __init__(self, course: CourseRun, step: int) -> None:
        settings = course.settings
        self.root = Path(settings["data"].removeprefix("folder:"))
        self.paths = sorted(str(path.relative_to(self.root)) for path in self.root.glob("*/*.png"))
        kinds = sorted({path.split("/")[0] for path in self.paths})
        self.labels = [kinds.index(path.split("/")[0]) for path in self.paths]
        self.parts = divided(self.root, self.paths, settings["held_out"], settings["validation"])
        pixels = np.stack([np.asarray(Image.open(self.root / path).convert("L")) for path in self.paths])
        x = torch.from_numpy(pixels.astype(np.float32))[:, None] / 255
        network = course.network(step).eval()
        last = [part for part in network.modules() if isinstance(part, nn.Linear)][-1]
        seen: list[Tensor] = []
        hook = last.register_forward_hook(lambda _, given, made: seen.append(given[0]))
        with torch.no_grad():
            self.likely = network(x).double().softmax(1)
        hook.remove()
        self.features = seen[0].double().numpy()

    @cache  # noqa: B019  it lives as long as the process
    def components(self) -> tuple[np.ndarray, np.ndarray]:
        """Places by the singular value decomposition of the centred features, and each direction's share."""
        left, size, _ = np.linalg.svd(self.features - self.features.mean(0), full_matrices=False)
        places = left * size
        signs = np.sign(np.take_along_axis(places, np.abs(places).argmax(0)[None], 0))
        return places * signs, size**2 / (size**2).sum()

    def number(self, path: str, index: tuple[int, ...], what: str) -> Number:
        if path == "accuracy":
            rows = [row for row, one in enumerate(self.paths) if self.parts[one] == what]
            right = [int(self.likely[row].argmax()) == self.labels[row] for row in rows]
            return Number(sum(right) / len(right), 1)
        if path == "pca" and what == "share":
            return Number(float(self.components()[1][index[0]]), 1)
        if what != "value":
            raise NoNumberError(f"nothing is written down here about @{what}")
        if path == "answers":
            return Number(float(self.likely[index]), 1)
        if path == "pca":
            places = self.components()[0]
            return Number(float(places[index]), float(np.abs(places[:, :2]).max()))
        raise NoNumberError(f"nothing is written down here about {path!r}")


def divided(root: Path, paths: list[str], share: float, aside: int) -> dict[str, str]:
    """Of each class the same share, whole groups of one content, in the order of the contents' hashes."""
    parts = dict.fromkeys(paths, "train")
    for name, part in (("test", share), ("validation", min(0.1, aside / len(paths)))):
        left = [path for path in paths if parts[path] == "train"]
        alike: dict[str, list[str]] = defaultdict(list)
        for path in left:
            alike[hashlib.sha256((root / path).read_bytes()).hexdigest()].append(path)
        wanted = {kind: round(part * n) for kind, n in Counter(path.split("/")[0] for path in left).items()}
        for _, group in sorted(alike.items()):
            kind = group[0].split("/")[0]
            if wanted[kind] > 0:
                wanted[kind] -= len(group)
                parts.update(dict.fromkeys(group, name))
    return parts


known: dict[str, TaughtRun] = {}


def taught(courses: CourseRuns, name: str, path: str, index: tuple[int, ...], what: str) -> Number:
    """A number of RUN@STEP."""
    found = MOMENT.fullmatch(name)
    if found is None:
        raise NoNumberError(f"{name!r} names no moment of a run")
    if name not in known:
        known[name] = TaughtRun(courses.run(found["run"]), int(found["step"]))
    return known[name].number(path, index, what)
