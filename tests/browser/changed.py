"""A recorded run with changes ("what if"), run again with plain torch, and how far it is from the run without them."""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from typing import Any

import torch
from anyrun import AnyRun, numbered, plain, plane, tensors_of
from claims import Number, picked, whole_size
from torch import Tensor

DIFFERENCES = ("difference", "slopedifference")


def changed(tensor: Tensor, edits: list[dict[str, Any]], others: dict[str, Any] | None = None) -> Tensor:
    """A tensor with its changes, one after the other, without writing on the one that was given."""
    for edit in edits:
        if edit["action"] == "patch":
            there = (others or {})[edit["other"]].tensor(edit["at"])
            tensor = tensor.clone()
            tensor.select(edit["axis"], edit["index"][edit["axis"]]).copy_(
                there.select(edit["axis"], edit["other_index"][edit["axis"]])
            )
            continue
        hit = torch.zeros(tensor.shape, dtype=torch.bool)
        axis = edit["axis"]
        hit[tuple(at if axis in (None, i) else slice(None) for i, at in enumerate(edit["index"]))] = True
        new = {"off": 0.0 * tensor.detach(), "scale": tensor * edit["value"]}.get(edit["action"])
        tensor = torch.where(hit, torch.full_like(tensor, edit["value"]) if new is None else new, tensor)
    return tensor


class ChangedRun(AnyRun):
    """The run of a record that names changes; `base` is that of the same record without them."""

    def __init__(self, record: dict[str, Any], inputs: dict[str, Tensor]) -> None:
        self.base = AnyRun({**record, "edits": []}, {name: tensor.clone() for name, tensor in inputs.items()})
        self.edits: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for edit in map(json.loads, record["edits"]):
            self.edits[self.base.key(edit["at"])].append(edit)
        first = changed(inputs["0"], self.edits.get("input", []))
        super().__init__(record, {**inputs, "0": first})

    def _run(self, network: Any, given: list[Tensor]) -> None:
        self.module = copy.deepcopy(network.module)
        with torch.no_grad():
            for name, parameter in self.module.named_parameters():
                if name in self.edits:
                    parameter.copy_(changed(parameter, self.edits[name]))
        for name, tensor in (*self.module.named_parameters(), *self.module.named_buffers()):
            self._see(name, tensor)
        super()._run(network, given)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = super().__torch_function__(func, types, args, kwargs)
        where = self._inside[-1], plain(func)
        key = numbered(f"{where[0]}:{where[1]}", self._counts[where])
        if key not in self.edits or not any(self._made.get(id(one), ("", ""))[1] == key for one in tensors_of(output)):
            return output
        output = changed(output, self.edits[key], self.record.get("others"))
        self._see(key, output)
        return output

    def difference(self, path: str, what: str) -> tuple[Tensor, float]:
        """New - old, of values or of slopes, and the size of what was subtracted."""
        if what == "difference":
            return self.tensor(path).double() - self.base.tensor(path).double(), whole_size(self.tensor(path))
        return self.grad(path).double() - self.base.grad(path).double(), whole_size(self.grad(path))

    def number(self, path: str, index: tuple[int, ...], what: str, k: int | None) -> Number:
        if what not in DIFFERENCES:
            return super().number(path, index, what, k)
        difference, size = self.difference(path, what)
        return Number(picked(difference, index), size)

    def reach(self, path: str, channel: int | None, what: str, mode: str) -> Number:
        if what not in DIFFERENCES:
            return super().reach(path, channel, what, mode)
        difference, size = self.difference(path, what)
        return Number(whole_size(difference), size)

    def largest_drawn(self, path: str, index: tuple[int, ...], what: str) -> Number:
        if what not in DIFFERENCES:
            return super().largest_drawn(path, index, what)
        difference, size = self.difference(path, what)
        planes = plane(difference)
        rows, columns = (-(-size // 56) for size in planes.shape[1:])
        one = planes[index[1] if len(planes) > 1 else 0, ::rows, ::columns]
        return Number(whole_size(one), size)
