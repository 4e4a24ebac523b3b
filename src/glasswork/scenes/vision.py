"""A picture as a Vision Transformer reads it: patches, heads, what each patch would answer, what adds to a class."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.anatomy import positions, vision_anatomy
from glasswork.scenes.class_sums import class_sum
from glasswork.scenes.maps import class_scores
from glasswork.scenes.messages import vision as v
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.networks import Networks, page_of
from glasswork.scenes.patch_runs import ClassRun, PictureRun, SaliencyRun, run_of
from glasswork.scenes.pictures import ReadInput, first_input, prepare, read_picture
from glasswork.scenes.streams import gift_of, gifts_of, slope, switched_off
from glasswork.scenes.traces import Traces

# L blocks, H heads of D, T tokens of which the first is the class token, N = T - 1 patches of P pixels a side, W width

LISTED = 8
"""Classes, and tokens that a head looks at, which are listed."""
FILTERS = 64
"""So many patch filters are drawn."""


class VisionTransformers:
    """Answers what the page of Vision Transformers asks.

    Args:
        networks: which may be opened.
        traces: where runs are kept.
    """

    def __init__(self, networks: Networks, traces: Traces) -> None:
        self._networks, self._traces = networks, traces

    def answer(
        self, request: v.VisionRequest, read_input: ReadInput, cancelled: threading.Event
    ) -> Iterator[str | bytes]:
        """The answer to a request.

        Raises:
            GlassworkError: the network is no Vision Transformer, or what was asked does not fit it.
        """
        match request:
            case v.OpenPatches():
                yield self._open(request, read_input, cancelled)
            case v.OpenPatchHead():
                yield self._head(request, cancelled)
            case v.OpenPatchSlopes():
                yield self._slopes(request, cancelled)

    def _known(self, source: str) -> PictureRun:
        id = source.partition(":")[2]
        trace = self._traces.get(id)
        network = self._networks.vision(self._traces.target(id))
        return run_of(id, trace, network)

    # -- the picture ---------------------------------------------------------------------------------------------------

    def _open(self, request: v.OpenPatches, read_input: ReadInput, cancelled: threading.Event) -> str | bytes:
        network = self._networks.vision(request.network)
        parts = vision_anatomy(network)
        picture = read_picture(request.input or first_input(network), read_input)
        inputs = prepare(network, picture).inputs
        module: Any = network.module
        if inputs[0].shape[1:] != module.shape:
            raise GlassworkError(
                f"{network.title} can't take this picture",
                where=network.target,
                why=f"it was made for pictures of {list(module.shape)}, this one is {list(inputs[0].shape[1:])}",
            )
        if not 0 <= request.token < parts.context:
            raise GlassworkError(f"there is no token {request.token}", where=network.title, why=f"of {parts.context}")
        begun = time.perf_counter()
        id, trace = self._traces.run(network, inputs, None, cancel=cancelled)
        plain = run = run_of(id, trace, network)
        if request.switched:
            edits = [edit for one in request.switched for edit in edits_of(one, plain)]
            id, trace = self._traces.change(id, edits, cancelled)
            run = run_of(id, trace, network)
        followed = int(plain.answers.argmax()) if request.followed is None else request.followed
        if not 0 <= followed < parts.vocabulary:
            what = "class" if isinstance(plain, ClassRun) else "pixel"
            raise GlassworkError(f"there is no {what} {followed}", where=network.title, why=f"of {parts.vocabulary}")
        label = picture.label or ""
        others = [
            self._other(other, picture.id, followed, read_input, cancelled) for other in self._networks.beside(network)
        ]
        told = (picture.id, picture.name, label)
        return self._read(request, run, plain if request.switched else None, followed, told, others, begun)

    def _other(
        self, name: str, input: str, followed: int, read_input: ReadInput, cancelled: threading.Event
    ) -> v.OtherAnswer:
        """What another network of the same classes says of a picture."""
        network = self._networks.load(name)
        inputs = prepare(network, read_picture(input, read_input)).inputs
        id, trace = self._traces.run(network, inputs, None, cancel=cancelled)
        told = class_scores(trace, network, f"trace:{id}")
        scores = [v.ClassShare(i, one.label, one.logit, one.probability) for i, one in enumerate(told)]
        best = max(scores, key=lambda one: one.probability.value)
        return v.OtherAnswer(name, network.title, page_of(network), best, scores[followed])

    def _read(
        self,
        request: v.OpenPatches,
        run: PictureRun,
        plain: PictureRun | None,
        followed: int,
        picture: tuple[str, str, str],
        others: list[v.OtherAnswer],
        begun: float,
    ) -> str | bytes:
        parts, token, network = run.parts, request.token, run.network
        looked = torch.stack([run.attention(i)[:, token] for i in range(parts.layers)])  # (L, H, T)
        flow = run.rollout()[:, token]  # (L, T)
        summed = class_sum(run, followed) if isinstance(run, ClassRun) else None
        seen = looked[..., 1:].amax(-1)  # (L, H)
        layer, head = summed.head if summed else divmod(int(seen.argmax()), parts.heads)
        column = summed.column if summed else int(looked[layer, head, 1:].argmax()) + 1
        shares = run.lensed(followed)  # (L + 1, T)
        module: Any = network.module
        places = positions(network).double()  # (T, W)
        near = F.cosine_similarity(places[token][None], places[1:], dim=1)  # (N)
        weight = module.conv_proj.weight.detach()  # (W, C, P, P)
        chosen = weight.flatten(1).norm(dim=1).argsort(descending=True)[:FILTERS].sort().values
        pixels = shown_pixels(run.trace.value("input").tensor[0])
        address = f"patches:{run.id}"
        values = [
            (f"trace:{run.id}#input@value", pixels),
            (f"{address}#attention/{token}@value", looked.float().numpy()),
            (f"{address}#rollout/{token}@value", flow.float().numpy()),
            (f"{address}#lens/{followed}@value", shares.float().numpy()),
            (f"{address}#position/{token}@value", near.float().numpy()),
            (f"trace:{run.id}#conv_proj.weight@value", weight[chosen].float().numpy()),
            (f"trace:{run.id}#filters@value", chosen.float().numpy()),
        ]
        best: list[int] = []
        if summed:
            best = run.answers.argsort(descending=True, stable=True)[:LISTED].tolist()
            best = best if followed in best else [*best[:-1], followed]
        else:
            values.append((f"{address}#strikes@value", run.answers.sigmoid().view(pixels.shape[:2]).numpy()))
        answer = v.PatchesRead(
            request=request.request,
            source=address,
            base=f"patches:{plain.id}" if plain else "",
            network=request.network,
            title=network.title,
            untrained=network.weights == "random",
            input=picture[0],
            name=picture[1],
            label=picture[2],
            layers=parts.layers,
            heads=parts.heads,
            size=parts.size,
            width=parts.width,
            patch=module.patch,
            grid=[module.shape[1] // module.patch, module.shape[2] // module.patch],
            token=token,
            classes=[run.share(one) for one in best],
            count=parts.vocabulary,
            followed=run.share(followed),
            before=plain.share(followed).probability if plain else None,
            others=others,
            sum=summed.told if summed else None,
            head=[layer, head, column],
            decided=run.decided if isinstance(run, ClassRun) else 0,
            map=list(pixels.shape[:2]) if isinstance(run, SaliencyRun) else [],
            striking=Number(f"{address}#striking@value", (run.answers > 0).double().mean().item())
            if isinstance(run, SaliencyRun)
            else None,
            seconds=time.perf_counter() - begun,
            arrays=[_entry(ref, value) for ref, value in values],
        )
        return m.encode(answer, [value for _, value in values])

    # -- one head ------------------------------------------------------------------------------------------------------

    def _head(self, request: v.OpenPatchHead, cancelled: threading.Event) -> str | bytes:
        run = self._known(request.source)
        parts, layer, head, token, followed = run.parts, request.layer, request.head, request.token, request.followed
        fits = 0 <= layer < parts.layers and 0 <= head < parts.heads and 0 <= token < parts.context
        if not fits or not 0 <= (request.column or 0) < parts.context or not 0 <= followed < parts.vocabulary:
            why = f"there are {parts.layers} blocks of {parts.heads} heads, and {parts.context} tokens"
            raise GlassworkError(f"there is no head {layer}·{head} at token {token}", where=request.source, why=why)
        weights = run.attention(layer)[head, token]  # (T)
        order = weights.argsort(descending=True, stable=True).tolist()
        column = order[0] if request.column is None else request.column
        listed = list(dict.fromkeys([*order[:LISTED], column]))
        query, key = parts.of(layer, parts.query), parts.of(layer, parts.key)
        q = run.trace.value(query).tensor[0, head, token].detach()
        k = run.trace.value(key).tensor[0, head, column].detach()
        read = token == 0 and isinstance(run, ClassRun)  # at the end the class token alone
        given = gifts_of(run, layer, head, followed) if read else torch.zeros(0)
        gives = f"{request.source}#gives/{layer}/{head}/{followed}"
        values = [
            (f"{request.source}#query/{layer}/{head}/{token}@value", q.float().numpy()),
            (f"{request.source}#key/{layer}/{head}/{column}@value", k.float().numpy()),
            (f"{request.source}#products/{layer}/{head}/{token}/{column}@value", (q * k).float().numpy()),
            (f"{gives}@value", given.float().numpy()),
        ]
        before = self._traces.edits(run.id)
        edits = switched_off(parts, "head", layer, head)
        id, trace = self._traces.change(self._traces.base(run.id), [*before, *edits], cancelled)
        off = run_of(id, trace, run.network)
        answer = v.PatchHeadRead(
            request=request.request,
            layer=layer,
            head=head,
            token=token,
            column=column,
            listed=listed,
            weights=[run.number(parts.weights(layer), 0, head, token, at) for at in listed],
            dots=[run.number(parts.of(layer, "matmul"), 0, head, token, at) for at in listed],
            scaled=[run.number(parts.of(layer, parts.scaled), 0, head, token, at) for at in listed],
            gives=[Number(f"{gives}[{at}]@value", given[at].item()) for at in listed] if read else [],
            rest=Number(run.ref(f"head/{layer}/{head}", followed), gift_of(run, layer, head, followed))
            if read
            else None,
            now=run.share(followed).probability,
            off=off.share(followed).probability,
            arrays=[_entry(ref, value) for ref, value in values],
        )
        return m.encode(answer, [value for _, value in values])

    # -- backward ------------------------------------------------------------------------------------------------------

    def _slopes(self, request: v.OpenPatchSlopes, cancelled: threading.Event) -> str | bytes:
        run = self._known(request.source)
        if self._traces.edits(run.id):
            todo = "Undo the changes first."
            raise GlassworkError("Backward is of the unchanged network", where="Backward", why="", todo=todo)
        if not 0 <= request.followed < run.parts.vocabulary:
            raise GlassworkError("there is no such class", where="Backward", why=f"there are {run.parts.vocabulary}")
        inputs = (run.trace.value("input").tensor.detach(),)
        id, trace = self._traces.run(run.network, inputs, run.loss(request.followed), cancel=cancelled)
        slopes = torch.stack([slope(trace, path)[0] for path in run.parts.streams])  # (L + 1, T, W)
        given = (slopes[0].double() * run.streams[0].double()).sum(-1)  # (T)
        values = [
            (f"{request.source}#pixelslope/{request.followed}@value", slope(trace, "input")[0].float().numpy()),
            (f"{request.source}#slope/{request.followed}@value", slopes.double().norm(dim=-1).float().numpy()),
        ]
        answer = v.PatchSlopes(
            request=request.request,
            source=f"trace:{id}",
            patches=[Number(run.ref(f"gradient/{request.followed}", t), one) for t, one in enumerate(given.tolist())],
            arrays=[_entry(ref, value) for ref, value in values],
        )
        return m.encode(answer, [value for _, value in values])


def edits_of(one: v.SwitchedPart, run: PictureRun) -> list[m.Edit]:
    """A change as changes of the run's tensors.

    Raises:
        GlassworkError: there is no such part.
    """
    parts = run.parts
    inside = 0 <= one.layer < parts.layers and 0 <= one.head < parts.heads and 0 <= one.token < parts.context
    if not inside:
        why = f"there are {parts.layers} blocks of {parts.heads} heads, and {parts.context} tokens"
        raise GlassworkError("there is no such part to switch off", where="What if", why=why)
    if one.what == "patch":  # where it is stays known: its position is added later
        return [m.Edit(at=":cat", index=[0, one.token, 0], axis=1, action="off")]
    return switched_off(parts, one.what, one.layer, one.head)


def shown_pixels(picture: Tensor) -> np.ndarray:
    """A picture as the network sees it, (C, rows, columns), as uint8 (rows, columns, C): from its least to its most."""
    low, high = picture.min(), picture.max()
    scaled = (picture - low) / (high - low).clamp(min=1e-12)
    return (255 * scaled).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def _entry(ref: str, value: np.ndarray) -> Array:
    kind = "uint8" if value.dtype == np.uint8 else "float32"
    return Array(ref=ref, shape=list(value.shape), dtype=kind)
