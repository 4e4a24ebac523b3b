"""Ways through the states of the pages: a short one for every run of the tests, and one through all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from opening import App, go, settle
from playwright.sync_api import Browser, Page
from sightings import Sighting, collect
from states import (
    DESK,
    PHONE,
    State,
    map_states,
    menu_states,
    opened_states,
    reach,
    settings_of,
    sheet_states,
    slope_states,
    tab_states,
    table_states,
)
from windows import Complaints, window

from glasswork import zoo

DARK: dict[str, Any] = {"viewport": DESK, "color_scheme": "dark"}
SMALL: dict[str, Any] = {"viewport": PHONE, "device_scale_factor": 2, "has_touch": True}


def samples_of(network: str) -> tuple[str, ...]:
    return zoo.load(network).samples


def look(page: Page, app: App, state: State) -> Sighting:
    """Reach a state and see all that it shows."""
    reach(page, app, state)
    seen = collect(page, state.name, state.mode)
    if state.keys or state.clicks:
        page.keyboard.press("Escape")
    return seen


def wander(page: Page, app: App, state: State, steps: int) -> Iterator[Sighting]:
    """Open a number, and move over its picture by the arrow keys: each step is another sum."""
    go(page, app.address(state.path, **state.query))
    page.locator(".vitrine [role=application]").first.focus()
    for step in range(steps):
        page.keyboard.press(("ArrowRight", "ArrowDown")[step % 2])
        settle(page)
        yield collect(page, f"{state.name}, step {step}", state.mode, lean=step > 0)


def at(network: str, sample: str, number: str, **more: str | int) -> State:
    return State(f"{network} {number}", query={**settings_of(network, sample), "at": number, **more})


def short_tour(browser: Browser, app: App, networks: list[str], complaints: Complaints) -> list[Sighting]:
    """Every kind of state of both pages, most of them with one network."""
    found: list[Sighting] = []
    first, *others = networks
    one, two, three = samples_of(first)[:3]

    def tour(page: Page, states: Iterable[State]) -> None:
        found.extend(look(page, app, state) for state in states)

    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        tour(page, [State("gallery", ""), *map_states(first, one), *opened_states(first, one)])
        tour(page, [*table_states(first, two), *slope_states(first, two), *menu_states(first, two)])
        found += wander(page, app, at(first, one, "block1.conv2[0,1,6,6]"), 6)
        found += wander(page, app, at(first, two, "block2.conv1[0,4,9,9]"), 2)
        found += wander(page, app, at(first, two, "block1.pool[0,7,9,12]", direction="backward"), 16)
        for other in others:
            sample = samples_of(other)[0]
            tour(page, map_states(other, sample, few=True))
            tour(page, opened_states(other, sample, ("second conv", "last pool", "output")))
    with window(browser, app, complaints, **DARK) as context:
        page = context.new_page()
        tour(page, [*map_states(first, three, few=True), *opened_states(first, three, ("conv", "relu", "last pool"))])
    with window(browser, app, complaints, **SMALL) as context:
        page = context.new_page()
        tour(page, [State("gallery, small", ""), *map_states(first, three, few=True)])
        tour(page, tab_states(first, three))
        tour(page, sheet_states(first, three, few=True))
    return found


def small_states(network: str, sample: str) -> Iterator[State]:
    """What only a small screen has."""
    yield from tab_states(network, sample)
    yield from sheet_states(network, sample)


def long_tour(browser: Browser, app: App, networks: list[str], complaints: Complaints) -> Iterator[list[Sighting]]:
    """Every state with every network, on every screen, in both themes; a list for each."""
    for theme in ("light", "dark"):
        for screen in ({"viewport": DESK}, {"viewport": {"width": 1024, "height": 768}}, SMALL):
            with window(browser, app, complaints, **{**screen, "color_scheme": theme}) as context:
                page = context.new_page()
                yield [look(page, app, State(f"gallery {theme}", ""))]
                for network in networks:
                    sample, other = samples_of(network)[3:5]
                    states = [
                        *map_states(network, sample),
                        *opened_states(network, sample),
                        *slope_states(network, other),
                        *table_states(network, other),
                        *(small_states(network, sample) if screen is SMALL else menu_states(network, sample)),
                    ]
                    yield [look(page, app, state) for state in states]
