"""Every state that a page can be in, as a reader reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from opening import App, move, settle
from playwright.sync_api import Page

Query = dict[str, str | int]
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}


@dataclass(frozen=True)
class State:
    """An address, and what is then done."""

    name: str
    path: str = "cnn"
    query: Query = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    """Pressed one after another."""
    clicks: tuple[str, ...] = ()
    """What is clicked, one after another."""
    hover: str = ""
    """What the pointer is laid on."""
    folded: bool = False
    """Whether the network has so many layers that its page is a graph."""

    @property
    def mode(self) -> str:
        graph = self.path in ("open", "train", "teach", "convolution", "unet") or self.query.get("view") == "images"
        return "open" if graph or self.folded else str(self.query.get("scale", "module"))


# One number of every kind of operation, by the paths that a Tiny VGG has.
OPENED = {
    "conv": "block1.conv1[0,2,5,7]",
    "second conv": "block2.conv2[0,1,3,4]",
    "corner conv": "block1.conv2[0,0,0,0]",
    "relu": "block1.relu2[0,1,4,4]",
    "pool": "block1.pool[0,3,2,5]",
    "last pool": "block2.pool[0,0,1,1]",
    "flatten": "flatten[0,33]",
    "output": "output[0,3]",
    "softmax": ":softmax[0,1]",
    "pixel": "input[0,0,9,9]",
}


MENUS = {"Network": "Tiny VGG", "Pictures": "Pictures"}
"""The face of each menu."""


def settings_of(network: str, sample: str | None = None) -> Query:
    return {"network": network, **({"input": f"sample:{sample}"} if sample else {})}


def map_states(network: str, sample: str, few: bool = False) -> Iterator[State]:
    """The map, forward and backward, on each scale."""
    base = settings_of(network, sample)
    for direction in ("forward", "backward"):
        for mode in ("module",) if few else ("module", "map", "network"):
            query = {**base, "scale": mode, **({"direction": "backward"} if direction == "backward" else {})}
            yield State(f"{network} {direction} {mode}", query=query)
    yield State(f"{network} another score", query={**base, "score": 4})
    yield State(f"{network} hover", query=base, hover="[data-cell='2 1']")


def opened_states(network: str, sample: str, names: tuple[str, ...] = tuple(OPENED)) -> Iterator[State]:
    """Each kind of operation opened at one number."""
    for name in names:
        yield State(f"{network} {name}", query={**settings_of(network, sample), "at": OPENED[name]})


def slope_states(network: str, sample: str, names: tuple[str, ...] = tuple(OPENED)) -> Iterator[State]:
    """The same numbers, with the slope of the score there."""
    for name in names:
        query = {**settings_of(network, sample), "at": OPENED[name], "direction": "backward"}
        yield State(f"{network} slope at {name}", query=query)


def menu_states(network: str, sample: str) -> Iterator[State]:
    """What the menus of the bar hold."""
    for name in ("Network", "Pictures"):
        yield State(
            f"{name} menu", query=settings_of(network, sample), clicks=(f"button.face:has-text('{MENUS[name]}')",)
        )


def tab_states(network: str, sample: str) -> Iterator[State]:
    """What the tabs at the foot of a small screen show, chosen by a finger."""
    query = {**settings_of(network, sample), "at": OPENED["conv"]}
    for tab in ("Number", "Time", "Code", "More"):
        yield State(f"{network} conv, {tab}", query=query, clicks=(f"[role=tab]:text-is('{tab}')",))


# On a small screen: what differs from kind to kind, and the heights of the sheet that it stands in.
RAISED = ("conv", "relu", "pool", "flatten", "output", "softmax", "pixel")
RAISED_SLOPES = ("second conv", "pool", "output", "pixel")


def sheet_states(network: str, sample: str, few: bool = False) -> Iterator[State]:
    """An opened number on a small screen with its sheet raised: by half, and to the top."""
    base = settings_of(network, sample)
    backward: Query = {"direction": "backward"}
    raised = [(name, {**base, "at": OPENED[name]}) for name in RAISED]
    raised += [(f"slope at {name}", {**base, "at": OPENED[name], **backward}) for name in RAISED_SLOPES]
    for order, (name, query) in enumerate(raised):
        # Few: each kind at one height, one after the other; at full height stands all that stands at half.
        for height in ("half", "full") if not few else (("full", "half")[order % 2],):
            yield State(f"{network} {name}, {height}", query={**query, "tab": "number", "sheet": height})


def table_states(network: str, sample: str) -> Iterator[State]:
    """Every term as a table."""
    for name in ("conv", "output", "softmax"):
        query = {**settings_of(network, sample), "at": OPENED[name]}
        yield State(f"{network} {name}, all terms", query=query, keys=("t",))


def reach(page: Page, app: App, state: State) -> None:
    """Go to a state's address, and do what it asks for besides."""
    page.mouse.move(1, 1)
    move(page, app.address(state.path, **state.query))
    for key in state.keys:
        page.keyboard.press(key)
    for selector in state.clicks:
        page.locator(selector).first.click()
    if state.hover:
        page.locator(state.hover).first.hover()
    if state.keys or state.clicks or state.hover:
        settle(page)
