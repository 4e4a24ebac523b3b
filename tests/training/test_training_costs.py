"""The cost model against cases computed by hand, and ViT-L/16 on 512 devices as docs/scale.md tells it."""

import pytest

from glasswork.training.costs import Machine, Plan, cost

MACHINE = Machine(speed=100.0, link=10.0, disk=5.0, hashing=20.0)


def test_a_case_by_hand() -> None:
    """100 weights of 4 bytes, 3 multiply-adds an example, 8 examples, 4 processes."""
    alone, four = (cost(Plan(100, 3, 8, n, copies=2), MACHINE) for n in (1, 4))
    assert (alone.operations, alone.sent, alone.checkpoint) == (144, 0, 800)
    assert (alone.least, alone.most) == (1.44, 1.44)
    assert alone.saving == pytest.approx(800 / 5 + 1600 / 20)
    assert (four.operations, four.sent, four.held) == (36, 600, 2400)
    assert (four.least, four.most) == (60, 60.36)
    shared = cost(Plan(100, 3, 8, 4, sharded=True, copies=2), MACHINE)
    assert (shared.sent, shared.held, shared.checkpoint) == (900, 600, 200)


def test_what_does_not_grow_with_the_network_is_added() -> None:
    machine = Machine(speed=100.0, link=10.0, disk=5.0, hashing=20.0, fixed=2, latency=0.5, copying=40.0, flush=0.25)
    alone, four = (cost(Plan(100, 3, 8, n, copies=2), machine) for n in (1, 4))
    assert alone.most == 1.44 + 2  # alone there is nobody to agree with
    assert (four.least, four.most) == (60 + 2 + 1.5, 60.36 + 2 + 1.5)
    assert alone.saving == pytest.approx(800 / 5 + 1600 / 20 + 1600 / 40 + 1.5)


def test_imagenet_on_512_devices() -> None:
    devices = Machine(speed=120e12, link=25e9, disk=2e9, hashing=2e9)
    found = cost(Plan(304_000_000, 61_600_000_000, 16_384, 512), devices)
    assert found.operations == pytest.approx(11.8e12, rel=0.01)
    assert found.arithmetic == pytest.approx(0.10, abs=0.005)
    assert found.sending == pytest.approx(0.10, abs=0.005)
    assert found.held == pytest.approx(7.3e9, rel=0.01)
    assert found.checkpoint == pytest.approx(6.1e9, rel=0.01)
