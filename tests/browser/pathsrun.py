"""Two runs of text to image on the two directions in which both together vary most."""

from __future__ import annotations

import numpy as np
import torch
from claims import NoNumberError, Number
from picturerun import Picture


class Paths:
    """Two runs on their two principal directions."""

    def __init__(self, one: Picture, other: Picture) -> None:
        self.pictures = one, other
        self.paths = [
            torch.stack([*(s["latent"][0] for s in run.steps.values()), run.steps[max(run.steps)]["next"][0]])
            .flatten(1)
            .double()
            for run in (one, other)
        ]
        points = torch.cat(self.paths)
        centred = (points - points.mean(0)).numpy()
        sizes, directions = np.linalg.eigh(centred.T @ centred)
        order = np.argsort(-sizes)
        self.explained = sizes[order] / sizes.sum()
        chosen = directions[:, order[:2]]
        chosen = chosen * np.sign(chosen[np.abs(chosen).argmax(0), [0, 1]])
        self.points = centred @ chosen
        self.size = float(np.abs(self.points).max())

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        if path == "point":
            row = index[1] + (len(self.paths[0]) if index[0] else 0)
            return Number(float(self.points[row, index[2]]), 100 * self.size)
        if path == "explained":
            return Number(float(self.explained[index[0]]), 1)
        if path == "apart":
            return Number(float((self.paths[0][index[0]] - self.paths[1][index[0]]).norm()), self.size)
        if path == "cosine":
            model = self.pictures[0].model
            ids = torch.tensor([model.tokens.read(run.record["prompt"]).ids for run in self.pictures])
            with torch.inference_mode():
                one, other = model.encoders.text(ids)
            return Number(float(one @ other), 1)
        raise NoNumberError(f"nothing is written down here about {path!r}")
