"""A rule that declines is silent; one that crashes is told, and counts as a failure."""

import torch
import torchvision
from torch import nn

from benchmarks.explaining_models import Tally, check_run
from glasswork.explaining import Expansion, NoRule, explain, register
from glasswork.tracing import Op, Trace, trace


@register("special_log_ndtr")
def crashes(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    raise ZeroDivisionError("a slip of ours")


@register("special_ndtri")
def declines(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    raise NoRule(op.name, where=op.path)


class Calls(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.special.log_ndtr(x) + torch.special.ndtri(x)


def test_a_crash_is_told_and_a_refusal_is_not() -> None:
    run = trace(Calls(), torch.tensor([0.2, 0.4]))
    crashed, declined = explain(run, ":special_log_ndtr", (1,)), explain(run, ":special_ndtri", (1,))
    assert crashed.kind == declined.kind == "linearised"  # autodiff's answer stands in for both
    assert "ZeroDivisionError: a slip of ours" in crashed.failed
    assert crashed.failed in crashed.note
    assert not declined.failed
    tally = Tally("calls")
    check_run(run, tally, elements=1)
    assert set(tally.failures) == {"special_log_ndtr value rule crashed"}


class Regions(nn.Module):
    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torchvision.ops.roi_align(maps, torch.tensor([[0, 1.0, 1.0, 3.0, 3.0]]), 2)


def test_maps_without_a_box_learn_nothing() -> None:
    run = trace(Regions(), torch.rand(2, 3, 5, 5), backward=True)
    for example in (0, 1):
        found = explain(run, "input", (example, 1, 2, 2), of="grad")
        assert not found.failed
        assert found.error <= 1e-6
        assert bool(found.count) == (example == 0)
