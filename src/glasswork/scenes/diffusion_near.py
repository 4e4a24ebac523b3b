"""Where a prompt lies among captions and pictures; and the paths of two runs on one plane."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from glasswork.data import captions, emoji_captions, on_white
from glasswork.errors import GlassworkError
from glasswork.networks.clip import CLIP
from glasswork.scenes.diffusion_runs import Imagining
from glasswork.scenes.messages import diffusion as d
from glasswork.scenes.messages.base import Array, Number

LISTED, SHOWN = 4, 6
AT_ONCE = 64
SPLITS = ("judged", "test")
"""Of the pictures that ship."""


class Neighbours:
    """Finds what lies near a prompt. Captions and pictures are read once for each model."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Tensor, Tensor]] = {}

    def near(self, request: d.FindNear, made: Imagining, other: Imagining | None) -> tuple[d.Near, list[np.ndarray]]:
        """The nearest captions and pictures.

        Raises:
            GlassworkError: the model's encoders compare no texts with pictures.
        """
        encoders = made.model.encoders
        if encoders is None:
            why = "its text encoder comes without one of pictures"
            raise GlassworkError("this model compares no texts with pictures", where=made.opened.title, why=why)
        if made.opened.weights not in self._known:
            self._known = {made.opened.weights: self._read(made, encoders)}
        texts, pictures = self._known[made.opened.weights]
        (own,) = self._texts(made, encoders, [made.record.prompt])
        said, seen = texts @ own, pictures @ own
        order = said.argsort(descending=True).tolist()
        best = seen.argsort(descending=True)[:SHOWN].tolist()
        told, shown = caption_texts(), shown_pictures()
        chosen = shown[1][best]
        cosine = None
        if other is not None:
            (theirs,) = self._texts(made, encoders, [other.record.prompt])
            cosine = Number(f"paths:{made.id},{other.id}#cosine@value", float(own @ theirs))
        answer = d.Near(
            request=request.request,
            captions=[
                d.NearOf(told[i], made.number("caption", float(said[i]), i)) for i in (*order[:LISTED], order[-1])
            ],
            count=len(told),
            pictures=[d.NearOf(shown[0][i], made.number("seen", float(seen[i]), i)) for i in best],
            shown=len(shown[0]),
            other=cosine,
            arrays=[Array(ref="data:emoji-captions#near@value", shape=list(chosen.shape), dtype="uint8")],
        )
        return answer, [chosen]

    def _read(self, made: Imagining, encoders: CLIP) -> tuple[Tensor, Tensor]:
        pixels = torch.from_numpy(shown_pictures()[1]).permute(0, 3, 1, 2).float() / 127.5 - 1
        if tuple(pixels.shape[1:]) != encoders.shape:
            raise GlassworkError("the emoji that ship have another size than this model's pictures")
        with torch.inference_mode():
            seen = torch.cat([encoders.image(part) for part in pixels.split(AT_ONCE)])
        return self._texts(made, encoders, caption_texts()), seen

    def _texts(self, made: Imagining, encoders: CLIP, texts: list[str]) -> Tensor:
        tokens = torch.tensor([made.model.read(text).ids for text in texts])
        with torch.inference_mode():
            return torch.cat([encoders.text(part) for part in tokens.split(AT_ONCE)])


def caption_texts() -> list[str]:
    """The caption of each emoji of one style, those of training first."""
    told = (*emoji_captions.emoji("train"), *emoji_captions.emoji("test"))
    return [captions.spoken(one) for one in told if one.style == "flat"]


def shown_pictures() -> tuple[list[str], np.ndarray]:
    """The pictures that ship, and their captions: on white, uint8, (N, 64, 64, 3)."""
    told = [captions.spoken(one) for split in SPLITS for one in emoji_captions.emoji(split)]
    return told, np.concatenate([on_white(emoji_captions.pictures(split)) for split in SPLITS])


def compared(request: d.ComparePaths, one: Imagining, other: Imagining) -> tuple[d.PathsCompared, list[np.ndarray]]:
    """Both runs' latents on the two directions in which all of them together vary most.

    Raises:
        GlassworkError: their latents have different shapes.
    """
    paths = path_of(one), path_of(other)
    if paths[0].shape[1] != paths[1].shape[1]:
        raise GlassworkError("these latents can't be compared", where=request.other, why="they have different sizes")
    points, explained = projected(torch.cat(paths))
    length = max(len(path) for path in paths)
    source = f"paths:{one.id},{other.id}"
    drawn = np.full((2, length, 2), np.nan, np.float32)  # the shorter one ends with nothing
    drawn[0, : len(paths[0])] = points[: len(paths[0])]
    drawn[1, : len(paths[1])] = points[len(paths[0]) :]
    both = min(len(path) for path in paths)
    apart = (paths[0][:both] - paths[1][:both]).norm(dim=1).tolist()
    answer = d.PathsCompared(
        request=request.request,
        source=source,
        explained=[Number(f"{source}#explained[{i}]@value", float(explained[i])) for i in range(2)],
        apart=[Number(f"{source}#apart[{i}]@value", value) for i, value in enumerate(apart)],
        arrays=[Array(ref=f"{source}#point@value", shape=list(drawn.shape), dtype="float32")],
    )
    return answer, [drawn]


def path_of(made: Imagining) -> Tensor:
    """A run's latents, the last one among them, (K + 1, L H W), fp64."""
    return torch.stack([*(step.latent[0] for step in made.done), made.done[-1].next[0]]).flatten(1).double()


def projected(points: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, D) on their two principal directions, (N, 2), and the share of the variance that each shows.

    A direction points to where its largest part is positive.
    """
    centred = points - points.mean(0)
    _, sizes, directions = torch.linalg.svd(centred, full_matrices=False)
    signs = directions[:2].gather(1, directions[:2].abs().argmax(1, keepdim=True)).sign()
    shares = sizes.square() / sizes.square().sum().clamp(min=1e-30)
    return (centred @ (directions[:2] * signs).T).float().numpy(), shares[:2].numpy()
