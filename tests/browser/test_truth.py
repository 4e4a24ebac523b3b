"""The truth test: every number, cell, line and pixel on the pages is the network's own, computed again elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asking import Asking
from judging import Verdict, judge
from opening import App
from playwright.sync_api import Browser, Page
from sightings import WITHOUT_REFERENCE
from states import State, settings_of
from touring import long_tour, look, samples_of, short_tour
from windows import Complaints

pytestmark = pytest.mark.browser

ENOUGH = 200
TWENTY = 20  # of each kind; but of measures there is one a network
ALWAYS = {"value", "grad", "term", "gradterm", "remainder", "gradremainder", "part", "edge", "slope"}


@pytest.fixture(scope="module")
def complaints() -> Iterator[Complaints]:
    heard = Complaints()
    yield heard
    heard.raise_any()


@pytest.fixture(scope="module")
def verdict(browser: Browser, app: App, networks: list[str], complaints: Complaints, asking: Asking) -> Verdict:
    return judge(short_tour(browser, app, networks, complaints), asking)


def test_every_number_is_the_networks_own(verdict: Verdict) -> None:
    print(verdict)
    assert not verdict.wrong, str(verdict)


def test_enough_of_every_kind_was_checked(verdict: Verdict, networks: list[str]) -> None:
    counts = {kind: len(refs) for kind, refs in verdict.checked.items()}
    assert sum(counts.values()) >= ENOUGH
    kinds = ALWAYS | counts.keys() - {"measure"}
    assert {kind: counts.get(kind, 0) for kind in kinds if counts.get(kind, 0) < TWENTY} == {}
    assert {ref.removeprefix("measure:").partition("#")[0] for ref in verdict.checked["measure"]} >= set(networks)


def test_the_resolver_shares_no_arithmetic(verdict: Verdict, asking: Asking) -> None:
    assert verdict.checked
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


@pytest.mark.slow
def test_every_number_in_every_state(
    browser: Browser, app: App, networks: list[str], complaints: Complaints, asking: Asking
) -> None:
    wrong: list[str] = []
    for seen in long_tour(browser, app, networks, complaints):
        wrong += judge(seen, asking).wrong
    assert not wrong, str(Verdict(wrong=wrong))
