"""The truth test: every number, cell, line and pixel on the pages is the network's own, computed again elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asking import Asking
from conftest import Complaints, window
from judging import Verdict, judge
from opening import App, go, move, settle
from playwright.sync_api import Browser, Page
from sightings import WITHOUT_REFERENCE, Sighting, collect
from states import DESK, PHONE, State, enact, map_states, opened_states, settings_of, slope_states, table_states

from glasswork import zoo

pytestmark = pytest.mark.browser

ENOUGH = 200
OF_EACH = {"value", "grad", "term", "remainder", "part", "edge", "slope"}
TWENTY = 20


def look(page: Page, app: App, state: State) -> Sighting:
    """Reach a state and see all that it shows."""
    move(page, app.address(state.path, **state.query))
    enact(page, state)
    settle(page)
    return collect(page, state.name, state.mode)


def wander(page: Page, app: App, network: str, sample: str, at: str, steps: int) -> Iterator[Sighting]:
    """Open a number, and move over its picture by the arrow keys: each step is another sum."""
    go(page, app.address("cnn", **settings_of(network, sample), at=at))
    page.locator(".vitrine [role=application]").first.focus()
    for step in range(steps):
        page.keyboard.press(("ArrowRight", "ArrowDown")[step % 2])
        settle(page)
        yield collect(page, f"{network} {at}, step {step}")


def samples_of(network: str) -> tuple[str, ...]:
    return zoo.load(network).samples


@pytest.fixture(scope="module")
def complaints() -> Iterator[Complaints]:
    heard = Complaints()
    yield heard
    heard.raise_any()


@pytest.fixture(scope="module")
def seen(browser: Browser, app: App, networks: list[str], complaints: Complaints) -> list[Sighting]:
    """All states of both pages."""
    found: list[Sighting] = []
    first, *others = networks
    sample, second = samples_of(first)[:2]
    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        found.append(look(page, app, State("gallery", "")))
        for state in (*map_states(first, sample), *opened_states(first, sample), *table_states(first, second)):
            found.append(look(page, app, state))
        found += [look(page, app, state) for state in slope_states(first, second)]
        found += wander(page, app, first, sample, "block1.conv2[0,1,6,6]", 4)
        found += wander(page, app, first, second, "block2.conv1[0,4,2,2]", 4)
        for other in others:
            sample = samples_of(other)[0]
            few = ("conv", "second conv", "corner conv", "pool", "output", "softmax")
            for state in (*map_states(other, sample, few=True), *opened_states(other, sample, few)):
                found.append(look(page, app, state))
    sample = samples_of(first)[2]
    with window(browser, app, complaints, viewport=DESK, color_scheme="dark") as context:
        page = context.new_page()
        dark = (*map_states(first, sample, few=True), *opened_states(first, sample, ("conv", "relu", "output")))
        found += [look(page, app, State("gallery dark", ""))]
        found += [look(page, app, state) for state in dark]
    with window(browser, app, complaints, viewport=PHONE, device_scale_factor=2, has_touch=True) as context:
        page = context.new_page()
        small = (*map_states(first, sample, few=True), *opened_states(first, sample, ("conv", "pool", "output")))
        found += [look(page, app, State("gallery phone", ""))]
        found += [look(page, app, state) for state in small]
    return found


@pytest.fixture(scope="module")
def verdict(seen: list[Sighting], asking: Asking) -> Verdict:
    return judge(seen, asking)


def test_every_number_is_the_networks_own(verdict: Verdict) -> None:
    print(verdict)
    assert not verdict.wrong, str(verdict)


def test_enough_of_every_kind_was_checked(verdict: Verdict) -> None:
    counts = {kind: len(refs) for kind, refs in verdict.checked.items()}
    assert sum(counts.values()) >= ENOUGH
    assert {kind: counts.get(kind, 0) for kind in OF_EACH if counts.get(kind, 0) < TWENTY} == {}
    assert counts.get("measure", 0) >= 1


def test_the_resolver_shares_no_arithmetic(verdict: Verdict, asking: Asking) -> None:
    assert asking.known
    assert asking.foreign == []


def test_few_things_go_without_a_reference() -> None:
    assert len(WITHOUT_REFERENCE) <= 15


def test_the_runs_are_those_that_the_address_names(page: Page, app: App, networks: list[str], asking: Asking) -> None:
    for network in networks:
        for sample, score in zip(samples_of(network)[3:5], (0, 7), strict=True):
            seen = look(page, app, State("", query={**settings_of(network, sample), "score": score}))
            (source,) = seen.sources
            same, made = ("same_picture", source, sample), ("made_for", source, network, score)
            answers = asking([same, made])
            assert answers[same].value == 0, answers[same].why
            assert answers[made].value == 0, answers[made].why
