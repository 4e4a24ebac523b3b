"""What a reference stands for, computed again in a process of its own with plain torch.

`python resolver.py SOCKET` loads torch once and has a child for each connection there. Its first line is a JSON list of
two folders, one of the records of traces and one of those of training, or null. Each further one is a list of
references, answered by one JSON list: for each, its value and a scale for rounding errors, or why it has none. Of
Glasswork it uses only what loads a network and a data set; how a number is made is written down here a second time,
from the papers and torch's documentation. It is meant to be slow, short and plainly right.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import socketserver
import sys
from functools import cache
from pathlib import Path
from typing import Any

import imagerun
import imaginerun
import maskrun
import pairrun
import patchrun
import race_figures
import readings
import safetensors.torch
import speakings
import torch
import torch.nn.functional as F
import whyrun
import workshoprun
from answerrun import asked
from anyrun import AnyRun
from changed import ChangedRun
from claims import NoNumberError, Number, picked, recorded, unlisted, whole_size
from courserun import CourseRuns
from ganrun import fought
from lessonrun import lesson
from playrun import played
from rememberrun import remembered
from teachrun import taught
from torch import Tensor, nn
from usesrun import used

from glasswork import data, zoo
from glasswork.zoo import shipping

FORBIDDEN = ("glasswork.explaining", "glasswork.scenes", "glasswork.tracing", "glasswork.measuring", "glasswork.server")
OURS = {row.name for row in zoo.shipped() if row.data in data.names() and "accuracy" in row.scores}
"""Those that tell pictures; others are run as any network is."""
REFERENCE = re.compile(
    r"(?P<source>[a-z]+:[^#]+)#(?P<path>[^\[\]@]+)(?:\[(?P<index>[\d,]+)\])?@(?P<what>[a-z]+)"
    r"(?:(?P<line>\d+)|\.(?P<name>\w+))?(?::(?P<k>\d+))?"
)


class Rerun:
    """One recorded run of a network of ours, run again: its tensors are seen by module hooks."""

    def __init__(self, record: dict[str, Any], inputs: dict[str, Tensor]) -> None:
        self.record = record
        self.network = load(self.record["target"], self.record["weights"])
        self.input = inputs["0"].requires_grad_()
        self.outputs: dict[str, Tensor] = {}
        self.reads: dict[str, Tensor] = {}
        self._run()

    def _run(self) -> None:
        def see(path: str) -> Any:
            def hook(module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
                calls = sum(name.split("#")[0] == path for name in self.outputs)
                name = path if calls == 0 else f"{path}#{calls + 1}"
                self.reads[name], self.outputs[name] = given[0], made

            return hook

        leaves = {path: part for path, part in self.network.module.named_modules() if not list(part.children())}
        hooks = [part.register_forward_hook(see(path)) for path, part in leaves.items()]
        self.logits = self.network.module(self.input)
        for hook in hooks:
            hook.remove()
        self.modules = leaves
        self.outputs[":softmax"] = F.softmax(self.logits, dim=-1)
        self.reads[":softmax"] = self.logits
        self.score = self.logits[tuple(self.record["loss"])]

    def tensor(self, path: str) -> Tensor:
        if path == "input":
            return self.input
        if path in self.outputs:
            return self.outputs[path]
        found = dict(self.network.module.named_parameters()) | dict(self.network.module.named_buffers())
        if path not in found:
            raise NoNumberError(f"there is no {path!r} in this network")
        return found[path]

    @cache  # noqa: B019  it lives as long as the process
    def grad(self, path: str) -> Tensor:
        """d(score)/d(tensor); zeros for what the score does not depend on."""
        tensor = self.tensor(path)
        (found,) = torch.autograd.grad(self.score, tensor, retain_graph=True, allow_unused=True)
        return torch.zeros_like(tensor) if found is None else found

    def module(self, path: str) -> nn.Module:
        name = path.split("#")[0]
        if name not in self.modules:
            raise NoNumberError(f"{path!r} is no module")
        return self.modules[name]

    def maps_shape(self, path: str) -> tuple[int, ...]:
        """(C, H, W) of what a vector was flattened from; (features,) when it was none."""
        read = self.reads[path]
        for name, made in self.outputs.items():
            if made is read and isinstance(self.modules.get(name.split("#")[0]), nn.Flatten):
                return tuple(self.reads[name].shape[1:])
        return tuple(read.shape[1:])

    @cache  # noqa: B019
    def terms(self, path: str, index: tuple[int, ...]) -> Tensor:
        """What goes into the sum, the maximum or the softmax, in order, fp64; the bias comes last."""
        made, read = self.tensor(path), self.reads.get(path)
        picked(made, index)
        if read is None:
            raise NoNumberError(f"{path} is given, it has no terms")
        x = read.detach().double()
        if path == ":softmax":
            return (x[0] - x[0].max()).exp()
        part = self.module(path)
        if isinstance(part, nn.Conv2d):
            return convolution_terms(part, x, index)
        if isinstance(part, nn.Linear):
            products = x[index[:-1]] * part.weight.detach().double()[index[-1]]
            return (
                products if part.bias is None else torch.cat([products, part.bias.detach().double()[index[-1]].view(1)])
            )
        if isinstance(part, nn.ReLU):
            return torch.stack([x[index], torch.zeros((), dtype=torch.float64)])
        if isinstance(part, (nn.MaxPool2d, nn.AvgPool2d)):
            return pooling_terms(part, x, index)
        if isinstance(part, nn.Flatten):
            return x.reshape(made.shape)[index].reshape(1)
        raise NoNumberError(f"nothing is written down here about the terms of {type(part).__name__}")

    @cache  # noqa: B019
    def gradient_terms(self, path: str, index: tuple[int, ...]) -> Tensor:
        """The chain rule at one number: for each number computed from it, in order, the score's slope there times how
        much it changes with this one, fp64."""
        tensor = self.tensor(path)
        picked(tensor, index)
        one = torch.zeros(tensor.shape, dtype=torch.float64)
        one[index] = 1
        products = [torch.zeros(0, dtype=torch.float64)]
        for name, read in self.reads.items():
            if read is not tensor or name.startswith(":"):
                continue
            part, x = self.module(name), tensor.detach().double()
            if isinstance(part, nn.Conv2d):
                weight = part.weight.detach().double()
                change = F.conv2d(one, weight, None, part.stride, part.padding, part.dilation, part.groups)
            elif isinstance(part, nn.Linear):
                change = F.linear(one, part.weight.detach().double())
            elif isinstance(part, nn.ReLU):
                change = one * (x > 0)
            elif isinstance(part, nn.MaxPool2d):
                _, chosen = F.max_pool2d(x, part.kernel_size, part.stride, part.padding, return_indices=True)
                flat = index[2] * x.shape[3] + index[3]
                change = torch.zeros(chosen.shape, dtype=torch.float64)
                change[:, index[1]] = (chosen[:, index[1]] == flat).double()
            elif isinstance(part, nn.Flatten):
                change = one.reshape(self.outputs[name].shape)
            else:
                raise NoNumberError(f"nothing is written down here about the slope of {type(part).__name__}")
            slope = self.grad(name).double()
            if isinstance(part, nn.Conv2d):  # in the order of the kernel's numbers, which meet it from behind
                change, slope = change.flip(2, 3), slope.flip(2, 3)
            products.append(change[change != 0] * slope[change != 0])
        if tensor is self.logits and index == tuple(self.record["loss"]):
            products.append(torch.ones(1, dtype=torch.float64))
        return torch.cat(products)

    def remainder(self, path: str, index: tuple[int, ...], listed: int) -> Number:
        """The sum of the products that are not among the `listed`: the largest by size, and always the bias."""
        terms = self.terms(path, index)
        has_bias = getattr(self.module(path), "bias", None) is not None
        products = terms[:-1] if has_bias else terms
        return unlisted(products, listed - has_bias)

    def part(self, path: str, index: tuple[int, ...], channel: int) -> Number:
        """The sum of the products of one input channel."""
        part, terms = self.module(path), self.terms(path, index)
        products = terms[:-1] if getattr(part, "bias", None) is not None else terms
        each = part.weight[0, 0].numel() if isinstance(part, nn.Conv2d) else math.prod(self.maps_shape(path)[1:])
        own = products[channel * each : (channel + 1) * each]
        if not len(own):
            raise NoNumberError(f"{path} has no input channel {channel}")
        return Number(math.fsum(own.tolist()), own.abs().sum().item())

    @cache  # noqa: B019
    def lines(self, path: str, channel: int, of: str) -> Tensor:
        """What passes from one input channel to each output, at each position, fp64; (outputs, positions).

        `edge`: the part of an output that comes from the channel alone, times the score's slope at that output.
        `slope`: the slope that goes from an output back to the channel's numbers.
        """
        part = self.module(path)
        x, slope = self.reads[path].detach().double(), self.grad(path).double()
        weight = part.get_parameter("weight").detach().double()
        if isinstance(part, nn.Conv2d):
            if part.groups != 1:
                raise NoNumberError("groups are not written down here")
            own, x = weight[:, channel : channel + 1], x[:, channel : channel + 1]
            how: dict[str, Any] = {"stride": part.stride, "padding": part.padding, "dilation": part.dilation}
            if of == "edge":
                given = F.conv2d(x, own, **how) * slope
            else:
                back = F.conv_transpose2d(slope, own, groups=len(own), **how)  # one output a group
                given = F.pad(back, (0, x.shape[3] - back.shape[3], 0, x.shape[2] - back.shape[2]))
            return given[0].flatten(1)
        if isinstance(part, nn.Linear):
            shape = self.maps_shape(path)
            own = weight.reshape(-1, *shape)[:, channel].flatten(1)
            read = x.reshape(shape)[channel].flatten() if of == "edge" else torch.ones_like(own[0])
            return own * read * slope[0, :, None]
        raise NoNumberError(f"no lines go into {type(part).__name__}")

    def line(self, path: str, out: int, channel: int, of: str) -> Number:
        given = self.lines(path, channel, of)[out]
        return Number(given.sum().item(), given.abs().sum().item())

    def number(self, path: str, index: tuple[int, ...], what: str, k: int | None) -> Number:
        if what in ("min", "max"):
            tensor = self.tensor(path).detach()
            return Number(getattr(tensor, what)().item(), whole_size(tensor))
        if what == "terms":
            return Number(len(self.terms(path, index)), 0)
        if what == "shape" and k is not None:
            return Number(self.tensor(path).shape[k], 0)
        if what == "zeros":
            return Number((self.tensor(path) == 0).double().mean().item(), 1)
        if what in ("value", "grad"):
            tensor = (self.tensor(path) if what == "value" else self.grad(path)).detach()
            return Number(picked(tensor, index), whole_size(tensor))
        if k is None:
            raise NoNumberError(f"{what} of what? it needs a number after a colon")
        if what == "gradremainder":
            return unlisted(self.gradient_terms(path, index), k)
        if what in ("term", "gradterm"):
            terms = self.terms(path, index) if what == "term" else self.gradient_terms(path, index)
            if k >= len(terms):
                raise NoNumberError(f"there are {len(terms)} terms, no number {k}")
            return Number(terms[k].item(), terms.abs().max().item())
        if what == "remainder":
            return self.remainder(path, index, k)
        if what == "part":
            return self.part(path, index, k)
        if what in ("edge", "slope"):
            picked(
                self.tensor(path)[0:1].flatten(2).sum(-1) if self.tensor(path).dim() > 2 else self.tensor(path), index
            )
            return self.line(path, index[1], k, what)
        raise NoNumberError(f"{what!r} is not a thing that a number can be")

    def sharing(self, path: str, channel: int | None, what: str, mode: str) -> Tensor:
        """The sizes, in order, of what shares a colour scale with a tensor: its own channel, its set's, or all.

        A set begins at each convolution and ends before the next; the input has one scale for all its channels.
        """
        sets: list[list[str]] = []
        for name in self.outputs:
            if isinstance(self.modules.get(name.split("#")[0]), (nn.Conv2d, nn.Linear)):
                sets.append([])
            if self.outputs[name].dim() == 4:
                sets[-1].append(name)
        if path == "input" or mode in ("map", "channel"):
            together = [path]
        else:
            together = [name for names in sets for name in names if mode == "network" or path in names]
        alone = mode == "channel" or (mode == "map" and path != "input")
        return self.sizes(tuple(together), channel if alone else None, what)

    @cache  # noqa: B019
    def sizes(self, names: tuple[str, ...], channel: int | None, what: str) -> Tensor:
        """The sizes of all numbers of some tensors, or of one channel of each, in order, fp64."""
        tensors = [(self.tensor(name) if what == "value" else self.grad(name)).detach() for name in names]
        chosen = [tensor if channel is None else tensor[:, channel] for tensor in tensors]
        return torch.cat([tensor.abs().flatten() for tensor in chosen]).double().sort().values

    def reach(self, path: str, channel: int | None, what: str, mode: str) -> Number:
        """Where a colour scale ends (STYLE_GUIDE, "Scales"): at the largest number; at the 97th percentile of what is
        not zero, when the largest is more than 1.5 times that; for slopes, at the largest within .55 of the largest.

        The percentile is the upper edge of its bin among 2048.
        """
        sizes = self.sharing(path, channel, what, mode)
        most = sizes[-1].item()
        nonzero = sizes[sizes > 0]
        if not len(nonzero):
            return Number(0, 0)
        if what == "grad":
            end = 0.55 * most
        else:
            percentile = nonzero[math.ceil(0.97 * len(nonzero)) - 1].item()
            end = (min(2047, math.floor(percentile / most * 2048)) + 1) / 2048 * most
            end = end if most > 1.5 * end else most
        within = nonzero[nonzero <= end * (1 + 1e-9)]
        return Number(within[-1].item() if len(within) else most, 0)


def convolution_terms(part: nn.Conv2d, x: Tensor, index: tuple[int, ...]) -> Tensor:
    """Every product of one output position; what lies in the padding is 0."""
    batch, out, row, column = index
    weight = part.weight.detach().double()[out]  # (C, kh, kw)
    channels, rows, columns = weight.shape
    first = out // (part.out_channels // part.groups) * channels
    products = []
    for c in range(channels):
        for u in range(rows):
            for v in range(columns):
                r = row * part.stride[0] - int(part.padding[0]) + u * part.dilation[0]
                q = column * part.stride[1] - int(part.padding[1]) + v * part.dilation[1]
                inside = 0 <= r < x.shape[2] and 0 <= q < x.shape[3]
                products.append(x[batch, first + c, r, q].item() * weight[c, u, v].item() if inside else 0.0)
    if part.bias is not None:
        products.append(part.bias[out].item())
    return torch.tensor(products, dtype=torch.float64)


def pooling_terms(part: nn.MaxPool2d | nn.AvgPool2d, x: Tensor, index: tuple[int, ...]) -> Tensor:
    """The window, row by row."""
    size, step = (s if isinstance(s, tuple) else (s, s) for s in (part.kernel_size, part.stride))
    if part.padding not in (0, (0, 0)):
        raise NoNumberError("padded pooling is not written down here")
    batch, channel, row, column = index
    top, left = row * int(step[0]), column * int(step[1])
    return x[batch, channel, top : top + int(size[0]), left : left + int(size[1])].flatten()


@cache
def load(target: str, weights: str) -> zoo.Network:
    """The network of a trace, whose weight file and parameters are those that the trace names."""
    network = zoo.load(target)
    folder = Path(target)
    file = folder / shipping.RUN_WEIGHTS if folder.is_dir() else shipping.WEIGHTS / f"{target}.safetensors"
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != weights:
        raise NoNumberError(f"the weights of {target} are not those that the trace was made with")
    stored = safetensors.torch.load(content)
    loaded = network.module.state_dict()
    if stored.keys() != loaded.keys() or not all(
        torch.equal(stored[name].to(loaded[name].dtype), loaded[name]) for name in stored
    ):
        raise NoNumberError(f"the network {target} does not hold what is in its weight file")
    return network


@cache
def measured(target: str) -> dict[str, float]:
    """The scores on pictures that training never saw."""
    network = zoo.load(target)
    assert network.card
    if network.card.network == "unet":
        return dict(network.card.scores)  # counted again by tests/training/test_segmenting.py
    if network.vocabulary is not None:
        return {
            "nats_per_char": readings.nats_per_character(target),
            "nats_unigram": readings.nats_by_frequency(target),
        }
    if any((network.forecast, network.utterance, network.makes, network.translation, network.card.diffusion)):
        return dict(network.card.scores)  # held to their meaning by tests/measuring and tests/recipes
    assert network.preprocess
    held_out = data.load(network.card.data, "test")
    inputs = torch.cat([network.preprocess(picture).inputs[0] for picture in data.on_white(held_out.pictures)])
    with torch.no_grad():
        logits = torch.cat([network.module(batch) for batch in inputs.split(500)]).double()
    labels = torch.tensor(held_out.labels)
    right = logits.argmax(dim=1) == labels
    probabilities = F.softmax(logits, dim=1)
    return {
        "accuracy": right.double().mean().item(),
        "balanced_accuracy": sum(right[labels == k].double().mean().item() for k in labels.unique())
        / len(labels.unique()),
        "nats": -probabilities[torch.arange(len(labels)), labels].log().mean().item(),
        "calibration_error": miscalibration(probabilities.amax(dim=1).tolist(), right.tolist()),
    }


def miscalibration(sure: list[float], right: list[bool]) -> float:
    """Guo et al. 2017, eq. 3: how far, in fifteen equal classes of sureness, being sure is from being right."""
    classes: dict[int, list[float]] = {}
    for one, hit in zip(sure, right, strict=True):
        classes.setdefault(min(math.ceil(15 * one), 15), []).append(hit - one)
    return sum(abs(sum(each)) for each in classes.values()) / len(sure)


class Resolver:
    """Resolves references; each run is run again once."""

    def __init__(self, folder: Path, courses: Path | None = None) -> None:
        self.folder = folder
        self.courses = CourseRuns(courses)
        self.runs: dict[str, Rerun | AnyRun] = {}
        self.readings: dict[str, readings.Reading] = {}
        self.speakings: dict[str, speakings.Speaking] = {}
        self.patches: dict[str, patchrun.Patches] = {}
        self.whys: dict[str, whyrun.Why] = {}
        self.masks: dict[str, maskrun.Mask] = {}
        self.graphs: dict[str, AnyRun] = {}
        self.pairs: dict[str, pairrun.Pairs] = {}
        self.refused: dict[str, NoNumberError] = {}

    def rerun(self, source: str) -> Rerun | AnyRun:
        id = source.partition(":")[2]
        if not re.fullmatch(r"[0-9a-f]{16}", id):
            raise NoNumberError(f"{id!r} is no trace's id")
        if id in self.refused:
            raise self.refused[id]
        if id not in self.runs:
            try:
                record, inputs = recorded(self.folder, id)
                if record["target"].startswith(workshoprun.PREFIX):
                    self.runs[id] = AnyRun(record, inputs, workshoprun.network(record["target"]))
                    return self.runs[id]
                taken = {edit["other"] for edit in map(json.loads, record["edits"]) if edit.get("other")}
                record["others"] = {other: self.rerun(f"trace:{other}") for other in taken}
                ours = record["target"] in OURS or Path(record["target"]).is_dir()
                ours = ours and record["loss"] is not None  # without a score it has no slopes
                kind = ChangedRun if record["edits"] else Rerun if ours else AnyRun
                if record["target"].startswith("run:"):
                    self.runs[id] = AnyRun(record, inputs, self.courses.loaded(record["target"]))
                else:
                    self.runs[id] = kind(record, inputs)
            except FileNotFoundError as error:
                raise NoNumberError(f"trace:{id} has no record: {error}") from error
            except NoNumberError as error:
                self.refused[id] = error
                raise
        return self.runs[id]

    def prepared(self, source: str) -> Rerun:
        """The run of a network of ours."""
        found = self.rerun(source)
        if isinstance(found, AnyRun):
            raise NoNumberError("this is no network of ours")
        return found

    def number(self, ref: str) -> Number:
        match = REFERENCE.fullmatch(ref)
        if match is None:
            raise NoNumberError("this has not the form of a reference")
        source, path, what = match["source"], match["path"], match["what"]
        index = tuple(int(at) for at in (match["index"] or "").split(",") if at)
        kind, _, name = source.partition(":")
        if kind == "measure" and what == "value":
            scores = measured(name)
            if path not in scores:
                raise NoNumberError(f"nothing is written down here about {path!r}")
            return Number(scores[path], scores[path])
        if kind in ("run", "step"):
            return self.courses.number(source, path, index, what, match["line"] or match["name"] or "")
        if kind == "taught":
            return taught(self.courses, name, path, index, what)
        if kind == "lesson":
            return lesson(name).number(path, index, what, match["line"] or match["name"] or "")
        if kind == "play":
            return played(name).number(path, index, what)
        if kind == "gan":
            return fought(name).number(path, index, what)
        if kind in ("noise", "scores"):
            return imagerun.shown(kind, name, path, index, what)
        if kind in ("imagine", "paths", "noising") and what == "value":
            return imaginerun.resolve(kind, name, self.folder, path, index)
        if kind in ("network", "augmentation"):
            return asked(kind, name, path, index, what)
        if kind == "race" and what == "value":
            return race_figures.resolve(name, path, index)
        if kind == "forgetting":
            return readings.forgetting(name).number(path, index)
        if kind == "corpus":
            return readings.in_the_book(name, path, index)
        if kind == "remember":
            return remembered(name).number(path, index)
        if kind in ("series", "forecast", "utterance"):
            return used(kind, name, path, index)
        if kind == "reading":
            return readings.resolve(self.rerun(f"trace:{name}"), self.readings, name, path, index)
        if kind == "text":
            return speakings.resolve(self.rerun(f"trace:{name}"), self.speakings, name, path, index)
        if kind == "patches":
            return patchrun.resolve(self.rerun(f"trace:{name}"), self.patches, name, path, index)
        if kind == "mask" and what == "value":
            return maskrun.resolve(self, self.masks, name, path, index)
        if kind == "why":
            return whyrun.resolve(self.rerun(f"trace:{name}"), self.whys, name, path, index)
        if kind == "pair":
            return pairrun.resolve(self.rerun(f"trace:{name}"), self.pairs, name, path, index)
        if kind == "trace":
            k = int(match["k"]) if match["k"] else None
            try:
                return self.rerun(source).number(path, index, what, k)
            except NoNumberError:
                if type(self.runs.get(name)) is not Rerun:
                    raise
                return self.graph(source).number(path, index, what, k)
        raise NoNumberError(f"nothing is written down here about {kind!r}")

    def graph(self, source: str) -> AnyRun:
        """A run as any network's, also of a network of ours that is drawn as a graph."""
        found = self.rerun(source)
        if isinstance(found, AnyRun):
            return found
        id = source.partition(":")[2]
        if id not in self.graphs:
            self.graphs[id] = AnyRun(*recorded(self.folder, id))
        return self.graphs[id]

    def reach(self, source: str, *of: Any) -> Number:
        if source.startswith("mask:"):
            return maskrun.reach(self.masks[source.removeprefix("mask:")])
        return (self.graph(source) if of[-1] == "open" else self.rerun(source)).reach(*of)

    def largest_drawn(self, source: str, path: str, index: list[int], what: str) -> Number:
        return self.graph(source).largest_drawn(path, tuple(index), what)

    def largest(self, source: str, *of: Any) -> Number:
        most = self.prepared(source).sharing(*of).max().item()
        return Number(most, most)

    def same_picture(self, source: str, sample: str) -> Number:
        """How far the input of a trace is from the sample that the page names: 0 where it is that very picture."""
        rerun = self.prepared(source)
        picture = torch.from_numpy(data.sample(sample).picture.copy()).permute(2, 0, 1)[None].float() / 255
        if picture.shape != rerun.input.shape:
            raise NoNumberError("this sample has not the network's size")
        return Number((picture - rerun.input).abs().max().item(), 1)

    def made_for(self, source: str, target: str, score: int) -> Number:
        """0 where a trace is of this network and this score."""
        record = self.rerun(source).record
        if (record["target"], record["loss"]) != (target, [0, score]):
            raise NoNumberError(f"it is of {record['target']} and {record['loss']}")
        return Number(0, 0)

    def answer(self, question: Any) -> dict[str, Any]:
        try:
            named = ["number", question] if isinstance(question, str) else question
            found: Number = getattr(self, named[0])(*named[1:])
        except NoNumberError as error:
            return {"why": str(error)}
        return {"value": found.value, "scale": found.scale}


class Answering(socketserver.StreamRequestHandler):
    """One connection, in a process of its own."""

    def handle(self) -> None:
        """Answer line by line, and name what of Glasswork is loaded besides."""
        traces, courses = json.loads(self.rfile.readline())
        resolver = Resolver(Path(traces), Path(courses) if courses else None)
        for line in self.rfile:
            answers = [resolver.answer(question) for question in json.loads(line)]
            foreign = sorted(name for name in sys.modules if name.startswith(FORBIDDEN))
            self.wfile.write((json.dumps({"answers": answers, "foreign": foreign}) + "\n").encode())


class Resolvers(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """The parent of those processes; it ends when the tests have."""

    tests = os.getppid()

    def service_actions(self) -> None:
        """Between two connections."""
        super().service_actions()
        if os.getppid() != self.tests:
            sys.exit()


if __name__ == "__main__":
    torch.set_num_threads(1)  # the machine runs a browser and a server beside this
    with Resolvers(sys.argv[1], Answering) as resolvers:
        print("ready", flush=True)
        resolvers.serve_forever()
