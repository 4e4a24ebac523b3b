"""The way down from a number: through what fused functions hide, and past what was learned."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from glasswork.explaining import explain
from glasswork.scenes.trails import downwards, trail, upwards
from glasswork.tracing import Trace, trace


class Scaled(nn.Module):
    """Its weight stands before the number, as in an RMS norm."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 2.0, -3.0]))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(-(self.weight * x))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


def run_of(module: nn.Module, x: Tensor, index: tuple[int, ...]) -> Trace:
    return trace(module, x, loss=index, backward=True)


def test_a_learned_factor_leads_nowhere_but_the_number_beside_it_does() -> None:
    run = run_of(Scaled(), torch.tensor([[0.5, 1.0, 2.0]]), (0, 2))
    assert [path for path, _ in downwards(run, ":relu", (0, 2))] == [":neg", ":mul", "input"]


def test_a_trail_goes_through_the_cells_of_an_lstm_to_its_input() -> None:
    torch.manual_seed(0)
    run = run_of(Recurrent(), torch.randn(1, 5, 3), (0, 1))
    places = [("head", (0, 1)), *downwards(run, "head", (0, 1))]
    paths = [path for path, _ in places]
    assert paths[:3] == ["head", ":getitem", "lstm"]
    assert any(path.startswith("lstm/step4.layer0.forward.") for path in paths)
    assert paths[-1] == "input"
    for (path, index), (below, at) in pairwise(places):
        ref = f"{below}[{','.join(map(str, at))}]@value"
        terms = explain(run, path, index, limit=None).terms
        assert ref in [term.ref for term in terms] + [term.factor_ref for term in terms]


def test_a_number_inside_an_lstm_has_its_way_up_to_the_score_and_its_slopes() -> None:
    torch.manual_seed(0)
    run = run_of(Recurrent(), torch.randn(1, 5, 3), (0, 1))
    inside = "lstm/step2.layer0.forward.cell"
    assert upwards(run, inside, (0, 3))[-1] == ("head", (0, 1))
    for stop in trail(run, "trace:0", inside, (0, 3), "grad"):
        grad = run.value(stop.path).grad
        assert grad is not None
        assert stop.number.value == grad[tuple(stop.index)].item()
