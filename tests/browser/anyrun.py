"""Any network's recorded run, run again with plain torch: its functions as they are called, named by their places.

A TorchFunctionMode sees each function that the network calls; hooks of its modules say in which of them, and what each
returned. Slopes come from one backward pass, by hooks on each tensor at the moment when it is made, so that what is
written over later keeps the slope of what it was.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from calls import Call, tensors_of
from claims import NoNumberError, Number, picked, unlisted, whole_size
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map
from unfused import WRITTEN, Inside

from glasswork import zoo
from glasswork.generation import open_model

TURNED = {"T", "mT", "H", "mH"}  # properties that are operations
UNCOUNTED = {"requires_grad_", "register_hook", "size", "dim", "__get__"}
SIDE, LARGE = 56, 256  # the most numbers along a side of a drawn map, and of one that stands alone


class AnyRun(TorchFunctionMode):
    """One recorded run of a network that nobody prepared."""

    def __init__(self, record: dict[str, Any], inputs: dict[str, Tensor], network: zoo.Network | None = None) -> None:
        super().__init__()
        self.record = record
        network = held_to(network or load(record["target"]), record)
        self.module = network.module
        self.values: dict[str, Tensor] = {}
        self.slopes: dict[str, Tensor] = {}
        self.calls: dict[str, Call] = {}
        self.aliases: dict[str, str] = {}
        self.insides: dict[str, Inside] = {}
        self._made: dict[int, tuple[Tensor, str]] = {}  # the tensor too: an id is its own only while it lives
        self._inside: list[str] = [""]
        self._last: dict[str, str] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._entered: Counter[str] = Counter()
        given = [inputs[str(i)] for i in range(len(inputs))]
        for i, tensor in enumerate(given):
            if tensor.is_floating_point():
                tensor.requires_grad_()
            self._see("input" if i == 0 else f"input.{i}", tensor)
        for name, tensor in (*self.module.named_parameters(), *self.module.named_buffers()):
            self._see(name, tensor)
        self._run(network, given)

    def _run(self, network: zoo.Network, given: list[Tensor]) -> None:
        hooks = []
        for path, part in self.module.named_modules():
            hooks.append(part.register_forward_pre_hook(self._enter(path)))
            hooks.append(part.register_forward_hook(self._leave(path)))
        torch.manual_seed(self.record["seed"])  # what is drawn on the way
        try:
            with self:
                output = self.module(*given)
                if network.after is not None:
                    self._inside = [""]
                    network.after(output)
        finally:
            for hook in hooks:
                hook.remove()
        loss, leaf = self.record["loss"], self.record["leaf"]
        self.followed: tuple[str, tuple[int, ...]] | None = None
        if loss is not None:
            score = output if leaf < 0 else tensors_of(output)[leaf]
            self.followed = self._made[id(score)][1], tuple(loss)
            score[tuple(loss)].backward()

    def _enter(self, path: str) -> Any:
        def hook(module: nn.Module, given: Any) -> None:
            self._entered[path] += 1
            self._inside.append(path)

        return hook

    def _leave(self, path: str) -> Any:
        def hook(module: nn.Module, given: Any, made: Any) -> None:
            self._inside.pop()
            tensors = tensors_of(made)
            if tensors and id(tensors[0]) in self._made:
                self.aliases[numbered(path, self._entered[path])] = self._made[id(tensors[0])][1]
            elif not tensors and path in self._last:  # it wraps what it made: its own last call
                self.aliases[numbered(path, self._entered[path])] = self._last[path]

        return hook

    def _see(self, name: str, tensor: Tensor) -> None:
        self.values[name] = tensor.detach().clone()
        self._made[id(tensor)] = tensor, name
        if tensor.requires_grad:
            tensor.register_hook(lambda slope: self._slope(name, slope))

    def _slope(self, name: str, slope: Tensor | None) -> None:
        if slope is not None:  # autograd hands None to what a score reaches by no path
            self.slopes[name] = slope.detach().clone()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = plain(func)
        if name in UNCOUNTED:
            return func(*args, **kwargs)
        tensors = tensors_of((args, kwargs))
        reads = tuple(self._made[id(one)][1] if id(one) in self._made else None for one in tensors)
        copied = tree_map(lambda one: one.detach().clone() if isinstance(one, Tensor) else one, (args, kwargs))
        random = torch.get_rng_state() if name in WRITTEN else None
        output = func(*args, **kwargs)
        made = tensors_of(output)
        if name == "setitem":
            made = tensors[:1]
        if made:
            self._counts[self._inside[-1], name] += 1
            key = numbered(f"{self._inside[-1]}:{name}", self._counts[self._inside[-1], name])
            self._last[self._inside[-1]] = key
            self.calls[key] = Call(func, name, copied[0], copied[1], reads, random)
            for slot, tensor in enumerate(made):
                self._see(key if slot == 0 else f"{key}~{slot}", tensor)
        return output

    # -- what a reference stands for -----------------------------------------------------------------------------------

    def key(self, path: str) -> str:
        """The name of what stands at a path."""
        whole, _, part = path.rpartition("/")
        if whole:
            path = f"{self.inside(self.key(whole)).whole}/{part}"
        found = path if path in self.values else self.aliases.get(path)
        if found is None:
            raise NoNumberError(f"there is no {path!r} in this network")
        return found

    def inside(self, key: str) -> Inside:
        """The parts of a fused call, written out."""
        if key not in self.insides:
            call = self.calls.get(key)
            if call is None or call.name not in WRITTEN:
                raise NoNumberError(f"nothing is written down here about the inside of {key!r}")
            outputs = [key, *(f"{key}~{slot}" for slot in (1, 2))]
            found = Inside(key, call, [self.slopes.get(one) for one in outputs])
            for name, part in (*found.drawn.items(), *found.parts.items()):
                self.values[name] = part.live.detach()
            self.slopes.update(found.slopes)
            self.insides[key] = found
        return self.insides[key]

    def calls_around(self, key: str) -> dict[str, Call]:
        """Every call that may read what a key names: of the network, or of the fused call that it is a part of."""
        return self.insides[key.rpartition("/")[0]].calls if "/" in key else self.calls

    def tensor(self, path: str) -> Tensor:
        return self.values[self.key(path)]

    def grad(self, path: str) -> Tensor:
        """d(followed number)/d(tensor); zeros for what it does not depend on."""
        key = self.key(path)
        return self.slopes.get(key, torch.zeros_like(self.values[key]))

    def number(self, path: str, index: tuple[int, ...], what: str, k: int | None) -> Number:
        if what in ("min", "max"):
            tensor = self.tensor(path)
            return Number(getattr(tensor, what)().item(), whole_size(tensor))
        if what in ("value", "grad"):
            tensor = self.tensor(path) if what == "value" else self.grad(path)
            return Number(picked(tensor, index), whole_size(tensor))
        if k is None:
            raise NoNumberError(f"{what} of what? it needs a number after a colon")
        if what == "share":
            return self.share(path, k)
        if what in ("part", "partremainder"):
            return self.part(path, index, k) if what == "part" else self.other_parts(path, index, k)
        if what in ("term", "remainder"):
            terms, kept = self.terms(path, index)
            if what == "remainder":
                return unlisted(terms[: len(terms) - kept], k - kept)
        elif what in ("gradterm", "gradremainder"):
            terms = self.gradient_terms(path, index)
            if what == "gradremainder":
                return unlisted(terms, k)
        else:
            raise NoNumberError(f"{what!r} is not a thing that a number can be")
        if k >= len(terms):
            raise NoNumberError(f"there are {len(terms)} terms, no number {k}")
        return Number(terms[k].item(), terms.abs().max().item())

    def share(self, path: str, k: int) -> Number:
        """What a channel, or a row where there are none, weighs: value times slope, summed over it. Where nothing has
        a slope: the sizes of its values, their mean over a channel and their sum along a row."""
        key = self.key(path)
        planes = plane(self.values[key]).double()
        sloped = key in self.slopes
        weighed = planes * plane(self.slopes[key]).double() if sloped else planes.abs()
        own = weighed[k].flatten() if len(planes) > 1 else weighed[0, k]
        total = math.fsum(own.tolist())
        return Number(total if sloped or len(planes) == 1 else total / len(own), own.abs().sum().item())

    def channels_of(self, path: str, index: tuple[int, ...]) -> Tensor:
        """The products of a convolution by input channel, (C, products)."""
        call = self.calls[self.key(path)]
        if call.name not in ("conv2d", "conv_transpose2d"):
            raise NoNumberError(f"{path} is no convolution: it has no sums by channel")
        terms, kept = self.terms(path, index)
        channels = call.args[1].shape[1 if call.name == "conv2d" else 0]
        return terms[: len(terms) - kept].reshape(channels, -1)

    def part(self, path: str, index: tuple[int, ...], k: int) -> Number:
        """What one input channel of a convolution gives."""
        products = self.channels_of(path, index)[k]
        return Number(math.fsum(products.tolist()), products.abs().sum().item())

    def other_parts(self, path: str, index: tuple[int, ...], k: int) -> Number:
        """What all input channels give but those k whose sums are largest."""
        products = self.channels_of(path, index)
        others = products[products.sum(1).abs().argsort(descending=True)[k:]]
        return Number(math.fsum(others.flatten().tolist()), others.abs().sum().item())

    def reach(self, path: str, channel: int | None, what: str, mode: str) -> Number:
        """Where a colour scale ends: at the tensor's number of largest size."""
        return Number(whole_size(self.tensor(path) if what == "value" else self.grad(path)), 0)

    def largest_drawn(self, path: str, index: tuple[int, ...], what: str) -> Number:
        """The largest size in a drawn picture, which takes every so-manieth row and column."""
        tensor = self.tensor(path) if what == "value" else self.grad(path)
        planes = plane(tensor)
        rows, columns = (math.ceil(size / SIDE) for size in planes.shape[1:])
        one = planes[index[1] if len(planes) > 1 else 0, ::rows, ::columns]
        return Number(whole_size(one), whole_size(one))

    @cache  # noqa: B019  it lives as long as the process
    def terms(self, path: str, index: tuple[int, ...]) -> tuple[Tensor, int]:
        """What goes into the sum, the maximum or the softmax, in order, fp64; how many of the last are always told."""
        key = self.key(path)
        picked(self.values[key], index)
        call = self.calls_around(key).get(key)
        if call is None:
            raise NoNumberError(f"{path} is given, it has no terms")
        if call.name in WRITTEN:  # its last part that is more than a move
            part, place = self.inside(key).last(index)
            return self.terms(f"{key}/{part}", place)
        args = [one.double() if isinstance(one, Tensor) and one.is_floating_point() else one for one in call.args]
        match call.name:
            case "conv2d":
                return convolution(args, index)
            case "conv_transpose2d":
                return spread(args, index)
            case "max_pool2d" | "avg_pool2d":
                return pooled(args, call.kwargs, index)
            case "adaptive_avg_pool2d" if args[1] == 1:
                return args[0][index[:2]].flatten(), 0
            case "pad" | "cat" | "getitem":  # some number of what it reads
                return self.values[key].double()[index].reshape(1), 0
            case "batch_norm":
                x, mean, variance = args[:3]
                weight, bias = (call.kwargs[part].double() for part in ("weight", "bias"))
                if call.kwargs["training"]:
                    raise NoNumberError("the statistics of a batch are not written down here")
                scale = weight[index[1]] / (variance[index[1]] + call.kwargs["eps"]).sqrt()
                return torch.stack([scale * x[index], -scale * mean[index[1]], bias[index[1]]]), 0
            case "leaky_relu":
                return F.leaky_relu(args[0][index], float(args[1])).reshape(1), 0
            case "linear":
                products = args[0][index[:-1]] * args[1][index[-1]]
                bias = args[2] if len(args) > 2 else None
                return (products, 0) if bias is None else (torch.cat([products, bias[index[-1]].view(1)]), 1)
            case "add" | "add_":
                first, second = torch.broadcast_tensors(*(torch.as_tensor(one).double() for one in args[:2]))
                return torch.stack([first[index], second[index]]), 0
            case "relu" | "relu_":
                return torch.stack([args[0][index], torch.zeros((), dtype=torch.float64)]), 0
            case "embedding":
                return args[1][args[0][index[:-1]], index[-1]].reshape(1), 0
            case "softmax":
                along = call.kwargs.get("dim", args[1] if len(args) > 1 else -1) % len(index)
                row = args[0].movedim(along, -1)
                place = [at for axis, at in enumerate(index) if axis != along]
                return (row[tuple(place)] - row[tuple(place)].max()).exp(), 0
            case "matmul":
                column = args[1].expand(*args[0].shape[:-2], *args[1].shape[-2:])[(*index[:-2], slice(None), index[-1])]
                return args[0][index[:-1]] * column, 0
            case "mul" if isinstance(args[1], Tensor):
                first, second = torch.broadcast_tensors(*args[:2])
                return (first[index] * second[index]).reshape(1), 0
            case "sigmoid" | "tanh":
                return getattr(torch, call.name)(args[0][index]).reshape(1), 0
            case name:
                raise NoNumberError(f"nothing is written down here about the terms of {name}")

    @cache  # noqa: B019
    def gradient_terms(self, path: str, index: tuple[int, ...]) -> Tensor:
        """The chain rule at one number: for each number computed from it, in order, the slope there times how much it
        changes with this one, fp64."""
        key = self.key(path)
        picked(self.values[key], index)
        one = torch.zeros(self.values[key].shape, dtype=torch.float64)
        one[index] = 1
        products = [torch.zeros(0, dtype=torch.float64)]
        for name, call in self.calls_around(key).items():
            if key not in call.reads or name not in self.slopes:
                continue
            change = change_of(call, key, one)
            slope = self.slopes[name].double()
            if call.name == "conv2d":  # in the order of the kernel's numbers, which meet it from behind
                change, slope = change.flip(2, 3), slope.flip(2, 3)
            products.append(change[change != 0] * slope[change != 0])
        if (key, index) == self.followed:
            products.append(torch.ones(1, dtype=torch.float64))
        return torch.cat(products)


def change_of(call: Call, key: str, one: Tensor) -> Tensor:
    """How much each number of a call's result changes with one number of what it reads, by torch's own forward mode."""
    position = iter(range(len(call.reads)))

    def given(item: Any, moving: Tensor | None) -> Any:
        if not isinstance(item, Tensor):
            return item
        if call.reads[next(position)] == key:
            return moving
        return item.double() if item.is_floating_point() else item

    def run(moving: Tensor) -> Tensor:
        nonlocal position
        position = iter(range(len(call.reads)))
        args, kwargs = tree_map(lambda item: given(item, moving), (call.args, call.kwargs))
        output = call.function(*args, **kwargs)
        return tensors_of(output)[0]

    read = tensors_of((call.args, call.kwargs))[call.reads.index(key)]
    return torch.func.jvp(lambda moving: run(moving.clone()), (read.double(),), (one,))[1]


def convolution(args: list[Any], index: tuple[int, ...]) -> tuple[Tensor, int]:
    """Every product of one output position; what lies in the padding is 0."""
    x, weight, bias, stride, padding, dilation, groups = args
    example, out = index[:2]
    each = weight.shape[1]
    first = out // (weight.shape[0] // groups) * each
    x = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    rows, columns = (
        torch.arange(size) * spread + at * step
        for size, spread, at, step in zip(weight.shape[2:], dilation, index[2:], stride, strict=True)
    )
    window = x[example, first : first + each][:, rows][:, :, columns]
    products = (window * weight[out]).flatten()
    return (products, 0) if bias is None else (torch.cat([products, bias[out].view(1)]), 1)


def spread(args: list[Any], index: tuple[int, ...]) -> tuple[Tensor, int]:
    """What each input's kernel puts on one output, in the kernel's order; 0 where a tap would come from no input."""
    x, weight, bias, stride, padding, _, groups, dilation = args
    if groups != 1:
        raise NoNumberError("groups of transposed convolutions are not written down here")
    found = torch.zeros(weight.shape[0], *weight.shape[2:], dtype=torch.float64)
    for row in range(x.shape[2]):
        for column in range(x.shape[3]):
            u, v = (
                at + pad - place * step
                for at, pad, place, step in zip(index[2:], padding, (row, column), stride, strict=True)
            )
            if u % dilation[0] or v % dilation[1]:
                continue
            u, v = u // dilation[0], v // dilation[1]
            if 0 <= u < weight.shape[2] and 0 <= v < weight.shape[3]:
                found[:, u, v] = x[index[0], :, row, column] * weight[:, index[1], u, v]
    if bias is None:
        return found.flatten(), 0
    return torch.cat([found.flatten(), bias[index[1]].view(1)]), 1


def pooled(args: list[Any], kwargs: dict[str, Any], index: tuple[int, ...]) -> tuple[Tensor, int]:
    """The window of a pooling, row by row."""
    x, size = args[:2]
    stride, padding = (kwargs[name] if name in kwargs else args[at] for at, name in ((2, "stride"), (3, "padding")))
    dilation = kwargs.get("dilation", 1)
    lines = [[at * stride - padding + u * dilation for u in range(size)] for at in index[2:]]
    if min(lines[0] + lines[1]) < 0 or max(lines[0]) >= x.shape[2] or max(lines[1]) >= x.shape[3]:
        raise NoNumberError("windows of a pooling that reach into the padding are not written down here")
    return torch.stack([x[(*index[:2], row, column)] for row in lines[0] for column in lines[1]]), 0


def plane(tensor: Tensor) -> Tensor:
    """(channels, rows, columns) as a tensor is drawn: maps where there are two axes of space after the channels; one
    picture of rows where there are three axes; else a strip along the longest. Of all other axes the first, of those
    between channels and space the middle."""
    shape = tensor.shape
    if tensor.dim() >= 4 and shape[-1] * shape[-2] > 1:
        middle = tuple(size // 2 for size in shape[2:-2])
        return tensor[(0, slice(None), *middle)]
    if tensor.dim() == 3 and shape[-2] > 1:
        return tensor[:1]
    if tensor.dim() == 0:
        return tensor.reshape(1, 1, 1)
    longest = max(range(tensor.dim()), key=lambda axis: (shape[axis], -axis))
    return tensor[tuple(slice(None) if axis == longest else 0 for axis in range(tensor.dim()))].reshape(1, -1, 1)


def plain(function: Any) -> str:
    """What a function is called: `__iadd__` is add_, `__getitem__` is getitem."""
    name = str(function.__name__)
    if name == "__get__" and (owner := getattr(function, "__self__", None)) is not None:
        return str(owner.__name__) if owner.__name__ in TURNED else name
    if name == "__iadd__":
        return "add_"
    return {"max_pool2d_with_indices": "max_pool2d"}.get(name, name.strip("_") if name.startswith("__") else name)


def numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}#{number}"


@cache
def load(target: str) -> zoo.Network:
    kind, _, model = target.partition(":")
    return part_of(kind, model) if kind in PARTS else zoo.load(target)


def part_of(kind: str, target: str) -> zoo.Network:
    """One part of a text-to-image model, as a network."""
    module = PARTS[kind](open_model(target))
    return zoo.Network(target, kind, kind, module, None, (), None, (), None, "run")


class Decoder(nn.Module):
    """From a scaled latent to a picture from -1 to 1."""

    def __init__(self, autoencoder: Any) -> None:
        super().__init__()
        self.post_quant_conv, self.decoder = autoencoder.post_quant_conv, autoencoder.decoder
        self.scaling = autoencoder.scaling

    def forward(self, x: Tensor) -> Tensor:
        x = x / self.scaling
        x = self.post_quant_conv(x)
        return self.decoder(x)


PARTS: dict[str, Callable[[Any], nn.Module]] = {
    "denoiser": lambda model: model.denoiser,
    "decoder": lambda model: Decoder(model.autoencoder),
    "words": lambda model: model.text,
}


def held_to(network: zoo.Network, record: dict[str, Any]) -> zoo.Network:
    """The network of a trace, which must have the very weights that the trace names."""
    if network.weights_hash != record["weights"]:
        raise NoNumberError(f"the weights of {record['target']} are not those that the trace was made with")
    return network
