"""A picture made from words, step by step: what the page of text to image asks for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from glasswork import data
from glasswork.data import emoji_captions
from glasswork.data.clip_tokens import Reading
from glasswork.generation import OPERANDS, SAMPLERS, Step, coefficients, planned
from glasswork.scenes import messages as m
from glasswork.scenes.diffusion_inside import decoder_opened, moment_opened
from glasswork.scenes.diffusion_near import Neighbours, compared
from glasswork.scenes.diffusion_noising import noising
from glasswork.scenes.diffusion_runs import Imagining, Imaginings, bytes_of
from glasswork.scenes.diffusion_scores import scored
from glasswork.scenes.messages import diffusion as d
from glasswork.scenes.messages.base import Array
from glasswork.scenes.networks import Networks
from glasswork.scenes.pictures import ReadInput, thumbnails
from glasswork.scenes.records import Records
from glasswork.scenes.text_to_image_models import TextToImageModels
from glasswork.scenes.traces import Traces

MOST_DRAWN = 64
LARGE = 128
"""Pixels of a side, up to which pictures are decoded on the way: larger ones take longer than their step."""
KEPT: tuple[str, ...] = ("latent", "without", "with", "guided", "clean", "noise", "next")


class Diffusions:
    """Answers what the page of text to image asks.

    Args:
        models: the models.
        networks: loads their parts, as networks of their own.
        traces: where runs of these are kept.
        records: where it is kept what a picture was made of.
    """

    def __init__(self, models: TextToImageModels, networks: Networks, traces: Traces, records: Records) -> None:
        self._models, self._networks, self._traces = models, networks, traces
        self._imaginings = Imaginings(models, records)
        self._neighbours = Neighbours()

    def answer(
        self, request: d.DiffusionRequest, read_input: ReadInput, cancelled: threading.Event
    ) -> Iterator[m.Answer | str | bytes]:
        """The answers to a request.

        Raises:
            GlassworkError: the model can't be opened, or what was asked for does not fit it.
        """
        match request:
            case d.ListTextToImage():
                names = tuple(data.samples(emoji_captions.NAME))
                pixels = thumbnails(tuple(names))
                entry = Array(ref="data:emoji-captions#samples@value", shape=list(pixels.shape), dtype="uint8")
                ids = [f"sample:{name}" for name in names]
                cards = self._models.cards()
                yield m.encode(d.TextToImageModels(request.request, cards, list(SAMPLERS), ids, [entry]), [pixels])
            case d.ImagineOn():
                yield from self._imagine(request, read_input)
            case d.MakePicture():
                yield self._picture(request, read_input, cancelled)
            case d.OpenMoment():
                made = self._imaginings.get(request.source, request.step + 1)
                yield m.encode(*moment_opened(request, made, self._networks, self._traces, cancelled))
            case d.OpenDecoder():
                made = self._imaginings.get(request.source, request.step + 1)
                yield m.encode(*decoder_opened(request, made, self._networks, self._traces, cancelled))
            case d.FindNear():
                made = self._imaginings.get(request.source, 0)
                other = self._imaginings.get(request.other, 0) if request.other else None
                yield m.encode(*self._neighbours.near(request, made, other))
            case d.ComparePaths():
                pair = self._imaginings.get(request.source), self._imaginings.get(request.other)
                yield m.encode(*compared(request, *pair))
            case d.OpenNoising():
                yield m.encode(*noising(request, self._models.open(request.model), self._imaginings, read_input))
            case d.OpenPromptScores():
                yield m.encode(scored(request, self._models.open(request.model)))

    def _imagine(self, request: d.ImagineOn, read_input: ReadInput) -> Iterator[m.Answer | str | bytes]:
        made = self._imaginings.begin(request.model, request.how, read_input)
        begun = time.perf_counter()
        draws = drawn_steps(made, request.drawn)
        yield m.encode(*_begins(request, made, draws))
        pictures: dict[int, Tensor] = {}
        try:
            for step in made.go():
                if step.index in draws:
                    pictures[step.index] = made.model.decode(step.clean)[0]
                yield m.encode(*_stepped(request, made, step, pictures.get(step.index), time.perf_counter() - begun))
        finally:  # also of a run that was cancelled, the steps that were made can be opened
            self._imaginings.hold(made)
        last = made.model.decode(made.done[-1].next)[0]
        yield m.encode(
            d.ImagineEnded(
                request=request.request,
                likeness=[made.number("likeness", likeness(pictures[k], last), k) for k in draws if k in pictures],
                steps=[k for k in draws if k in pictures],
                seconds=time.perf_counter() - begun,
                arrays=[made.array("picture", bytes_of(last))],
            ),
            [bytes_of(last)],
        )

    def _picture(self, request: d.MakePicture, read_input: ReadInput, cancelled: threading.Event) -> str | bytes:
        begun = time.perf_counter()
        made = self._imaginings.begin(request.model, request.how, read_input)
        for _ in made.go():
            if cancelled.is_set():
                return m.encode(d.PictureMade(request=request.request, source="", seconds=0.0, arrays=[]))
        self._imaginings.hold(made)
        picture = bytes_of(made.model.decode(made.done[-1].next)[0])
        answer = d.PictureMade(
            request=request.request,
            source=made.source,
            seconds=time.perf_counter() - begun,
            arrays=[made.array("picture", picture)],
        )
        return m.encode(answer, [picture])


def drawn_steps(made: Imagining, most: int) -> list[int]:
    """Evenly spread steps whose pictures are decoded on the way; the first and the last are among them."""
    if made.model.autoencoder.shape[1] > LARGE:
        return []
    count = min(max(2, min(most, MOST_DRAWN)), made.record.steps - made.first)
    return sorted({round(float(k)) for k in np.linspace(made.first, made.record.steps - 1, count)})


def _begins(request: d.ImagineOn, made: Imagining, draws: Sequence[int]) -> tuple[d.Imagined, list[np.ndarray]]:
    model, record = made.model, made.record
    reading, other = model.read(record.prompt), model.read(record.negative)
    moments, _ = planned(model.schedule, record.plan)
    (text,), (unsaid,) = model.conditional([record.prompt])[0], model.unconditional(record.negative)[0]
    values = {"text": text.float().numpy(), "unsaid": unsaid.float().numpy()}
    if made.start is not None:
        values["start"] = bytes_of(made.start)
    if made.start is not None and made.mask is not None:
        values["kept"] = model.encode(made.start[None])[0].float().numpy()
        values["first"] = model.noise(1, record.seed)[0].float().numpy()
    answer = d.Imagined(
        request=request.request,
        source=made.source,
        model=made.opened.name,
        title=made.opened.title,
        parameters=made.opened.parameters,
        tokens=tokens_of(reading),
        other=tokens_of(other),
        cut=reading.cut,
        first=made.first,
        moments=[
            d.MomentOf(
                made.number("time", one.timestep, i),
                made.number("alpha", one.alpha, i),
                made.number("sigma", one.sigma, i),
            )
            for i, one in enumerate(moments)
        ],
        prediction=model.schedule.prediction,
        draws=list(draws),
        times=model.schedule.times,
        latent=list(model.latent),
        side=model.autoencoder.shape[1],
        compares=model.encoders is not None,
        arrays=[made.array(path, array) for path, array in values.items()],
    )
    return answer, list(values.values())


def _stepped(
    request: d.ImagineOn, made: Imagining, step: Step, picture: Tensor | None, seconds: float
) -> tuple[d.ImagineStep, list[np.ndarray]]:
    tensors: dict[str, Tensor] = dict(zip(KEPT, tensors_of(step), strict=True))
    if step.fresh is not None:
        tensors["fresh"] = step.fresh
    k = step.index
    values = {f"{name}/{k}": tensor[0].float().numpy() for name, tensor in tensors.items()}
    if picture is not None:
        values[f"picture/{k}"] = bytes_of(picture)
    last = k == step.steps - 1
    takes = coefficients(made.record.sampler, step.at, step.to, last, step.past.at if step.past else None)
    answer = d.ImagineStep(
        request=request.request,
        index=k,
        takes=[d.Taken(one, made.number(f"takes/{k}/{one}", takes[one])) for one in OPERANDS if takes[one]],
        seconds=seconds,
        arrays=[made.array(path, array) for path, array in values.items()],
    )
    return answer, list(values.values())


def tensors_of(step: Step) -> tuple[Tensor, ...]:
    """A step's tensors in the order of KEPT."""
    return step.latent, step.without, step.with_prompt, step.guided, step.clean, step.noise, step.next


def tokens_of(reading: Reading) -> list[d.PromptToken]:
    """The tokens that the text encoder reads."""
    words = len(reading.tokens)
    found = [d.PromptToken("", reading.ids[0], "start")]
    found += [d.PromptToken(text, id, "word") for text, id in zip(reading.tokens, reading.ids[1:], strict=False)]
    for place in range(words + 1, len(reading.ids)):
        found.append(d.PromptToken("", reading.ids[place], "end" if place == words + 1 else "padding"))
    return found


def likeness(picture: Tensor, last: Tensor) -> float:
    """The correlation of two pictures' numbers; 0 where one of them is of one colour."""
    pair = torch.stack([picture.flatten(), last.flatten()]).double()
    return float(torch.corrcoef(pair)[0, 1].nan_to_num(0.0))
