"""What the pages of recurrent networks say of a reading beside its own numbers, computed again with plain torch."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from anyrun import AnyRun
from claims import NoNumberError, Number
from torch import Tensor

from glasswork import zoo
from glasswork.data.texts import load_text

WINDOW = 1_000


class Reading:
    """A run of an LSTM or an RNN of ours on a text."""

    def __init__(self, run: AnyRun) -> None:
        self.run = run
        network = zoo.load(run.record["target"])
        assert network.vocabulary is not None
        self.tokens = run.values["input"][0].tolist()
        self.texts = network.vocabulary.texts(self.tokens)
        weights = dict(run.module.named_parameters())
        width, hidden = weights["core.weight_ih_l0"].shape[1], weights["core.weight_hh_l0"].shape[1]
        gated = len(weights["core.weight_ih_l0"]) > hidden
        part: Any = (torch.nn.LSTM if gated else torch.nn.RNN)(width, hidden)
        part.load_state_dict({name[5:]: value.detach() for name, value in weights.items() if name.startswith("core.")})
        self.hidden = part.hidden_size
        x = weights["embedding.weight"].detach()[self.tokens]
        states, forgets = [], []
        state: Any = None
        with torch.no_grad():
            for row in x:
                if not gated:
                    _, state = part(row[None], state)
                    states.append(state[0])
                    continue
                before = torch.zeros(1, self.hidden) if state is None else state[0]
                sums = row @ part.weight_ih_l0.T + part.bias_ih_l0 + before[0] @ part.weight_hh_l0.T + part.bias_hh_l0
                forgets.append(torch.sigmoid(sums[self.hidden : 2 * self.hidden]))
                _, state = part(row[None], state)
                states.append(state[0][0])
            self.states = torch.stack(states).double()
            self.forgets = torch.stack(forgets).double() if gated else torch.zeros(0)
            self.logits = self.states.float() @ weights["output.weight"].T + weights["output.bias"]

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        kind, *rest = path.split("/")
        if kind == "forget":
            chosen = torch.tensor([one.isspace() if rest == ["space"] else one.isalpha() for one in self.texts])
            return Number(self.forgets[chosen, index[0]].mean().item(), 1)
        if kind == "nats":
            shares = torch.log_softmax(self.logits.double(), 1)[range(len(self.tokens) - 1), self.tokens[1:]]
            return Number(-shares.mean().item(), 10)
        if kind == "lift":
            inside = torch.zeros(len(self.tokens), dtype=torch.bool)
            inside[int(rest[0]) : int(rest[1])] = True
            unit = self.states[:, index[0]]
            apart = unit[inside].mean() - unit[~inside].mean()
            return Number((apart / unit.std(correction=0)).item(), 10)
        if kind == "pattern":
            return Number(pattern(self.states, path, index[0]), 10)
        if kind == "share":
            shares = torch.softmax(self.logits[-1].double() / float(rest[0]), 0)
            shares[0] = 0
            return Number((shares / shares.sum())[index[0]].item(), 1)
        raise NoNumberError(f"nothing is written down here about {path!r}")


@cache
def corpus(name: str) -> Tensor:
    """The hidden states of the held-out part's beginning, each window from zero."""
    network = zoo.load(name)
    assert network.vocabulary is not None
    assert network.card is not None
    ids = torch.from_numpy(network.vocabulary.encode(load_text(network.card.data).test[: 16 * WINDOW])).long()
    module: Any = network.module
    part = torch.nn.LSTM(64, module.core.hidden, batch_first=True)
    part.load_state_dict(module.core.state_dict())
    with torch.no_grad():
        return part(module.embedding(ids.view(16, WINDOW)))[0].flatten(0, 1)


def nats_per_character(name: str) -> float:
    """On the end of its book, read in stretches as long as the card says that begin with the character before."""
    network = zoo.load(name)
    assert network.vocabulary is not None
    assert network.card is not None
    ids = torch.from_numpy(network.vocabulary.encode(load_text(network.card.data).test)).long()
    reach = int(network.card.text["window"])
    module: Any = network.module
    kind = torch.nn.LSTM if network.card.network == "lstm" else torch.nn.RNN
    part = kind(module.embedding.weight.shape[1], module.core.hidden, batch_first=True)
    part.load_state_dict(module.core.state_dict())
    whole = (len(ids) - 1) // reach * reach
    pairs = [
        (ids[:whole].view(-1, reach), ids[1 : whole + 1].view(-1, reach)),
        (ids[None, whole:-1], ids[None, whole + 1 :]),
    ]
    total = 0.0
    with torch.no_grad():
        for x, y in pairs:
            logits = module.output(part(module.embedding(x))[0])
            total += torch.nn.functional.cross_entropy(
                logits.flatten(0, 1).double(), y.flatten(), reduction="sum"
            ).item()
    return total / (len(ids) - 1)


def pattern(states: Tensor, path: str, at: int) -> float:
    """`pattern/LENGTH/UNITS`, such as 467+.68-: by how many of their deviations units are on or off at a place."""
    _, length, units = path.split("/")
    apart = []
    for one in units.split("."):
        unit = states[:, int(one[:-1])].double()
        sign = 1 if one[-1] == "+" else -1
        apart.append(sign * (unit[at : at + int(length)].mean() - unit.mean()) / unit.std(correction=0))
    return torch.stack(apart).mean().item()


def in_the_book(name: str, path: str, index: tuple[int, ...]) -> Number:
    """`corpus:NAME#pattern/LENGTH/UNITS[PLACE]`."""
    if not path.startswith("pattern/"):
        raise NoNumberError(f"nothing is written down here about {path!r}")
    return Number(pattern(corpus(name), path, index[0]), 1)


class Forgetting:
    """The comparison of an RNN and an LSTM of one size: gradients by autograd, in double precision."""

    def __init__(self, text: str, radius: str) -> None:
        self.text = text
        own = self._core("rnn", 1.0)[1].weight_hh_l0.detach()
        self.own = torch.linalg.eigvals(own).abs().max().item()
        self.scale = 1.0 if radius == "own" else float(radius) / self.own
        self.norm = torch.linalg.svdvals(own * self.scale)[0].item()
        self.radius = self.own * self.scale

    @staticmethod
    @cache
    def _core(kind: str, scale: float) -> tuple[zoo.Network, Any]:
        network = zoo.load(f"{kind}-forgets")
        part: Any = (torch.nn.RNN if kind == "rnn" else torch.nn.LSTM)(32, 48, batch_first=True).double()
        module: Any = network.module
        part.load_state_dict(module.core.state_dict())
        with torch.no_grad():
            part.weight_hh_l0.mul_(scale)
        return network, part

    def pulls(self, kind: str, text: str, at: int) -> tuple[Tensor, float]:
        """How long the gradient of -ln p(the character after step `at`) is to each step's vector; and that p."""
        network, part = self._core(kind, self.scale if kind == "rnn" else 1.0)
        assert network.vocabulary is not None
        ids = torch.from_numpy(network.vocabulary.encode(text)).long()
        module: Any = network.module
        x = module.embedding.weight.detach().double()[ids][None].requires_grad_()
        logits = part(x)[0][0] @ module.output.weight.double().T + module.output.bias.double()
        told = -torch.log_softmax(logits[at], 0)[ids[at + 1]]
        (slope,) = torch.autograd.grad(told, x)
        return slope[0].norm(dim=1), torch.exp(-told).item()

    @cache  # noqa: B019  it lives as long as the process
    def course(self, kind: str) -> Tensor:
        part = load_text("moby-dick").test
        rows = []
        for k in range(24):
            back = self.pulls(kind, part[89 * k : 89 * k + 62], 60)[0][:61].flip(0)
            rows.append(back / back[0])
        return torch.quantile(torch.stack(rows), torch.tensor([0.1, 0.5, 0.9]).double(), dim=0)

    @cache  # noqa: B019
    def bound(self) -> Tensor:
        network, part = self._core("rnn", self.scale)
        assert network.vocabulary is not None
        module: Any = network.module
        ids = torch.from_numpy(network.vocabulary.encode(self.text)).long()
        with torch.no_grad():
            states = part(module.embedding.weight.double()[ids][None])[0][0]
        whole, limit, rows = torch.eye(48).double(), 1.0, [[1.0, 1.0]]
        for h in reversed(states[1:]):
            step = torch.diag(1 - h**2) @ part.weight_hh_l0.detach()
            whole, limit = whole @ step, limit * torch.linalg.svdvals(step)[0].item()
            rows.append([torch.linalg.svdvals(whole)[0].item(), limit])
        return torch.tensor(rows).double().T

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        if path in ("radius", "norm"):
            return Number(getattr(self, path), 1)
        if path == "ratio":
            value = (self.course("lstm")[1, index[0]] / self.course("rnn")[1, index[0]]).item()
            return Number(value, value)
        kind, _, what = path.partition("/")
        if what == "gradient":
            value = self.pulls(kind, self.text, index[0])[0][index[1]].item()
        elif what == "chance":
            value = self.pulls(kind, self.text, index[0])[1]
        elif what == "course":
            value = self.course(kind)[index].item()
        elif what == "bound":
            value = self.bound()[index].item()
        else:
            raise NoNumberError(f"nothing is written down here about {path!r}")
        return Number(value, value)


def nats_by_frequency(name: str) -> float:
    """What is paid for each character of the end, knowing only how frequent each was before (counted once more)."""
    network = zoo.load(name)
    assert network.vocabulary is not None
    assert network.card is not None
    text = load_text(network.card.data)
    seen, wanted = (torch.from_numpy(network.vocabulary.encode(part)).long() for part in (text.train, text.test))
    counts = torch.bincount(seen, minlength=network.vocabulary.size).double() + 1
    return -(counts / counts.sum()).log()[wanted[1:]].mean().item()


FORGETTING_TEXT = "The captain, who had been silent all the morning, now spoke."


@cache
def forgetting(radius: str) -> Forgetting:
    return Forgetting(FORGETTING_TEXT, radius)


def resolve(run: Any, readings: dict[str, Reading], id: str, path: str, index: tuple[int, ...]) -> Number:
    """`reading:TRACE#...`."""
    if not isinstance(run, AnyRun):
        raise NoNumberError("this is no network that reads text")
    if id not in readings:
        readings[id] = Reading(run)
    return readings[id].number(path, index)
