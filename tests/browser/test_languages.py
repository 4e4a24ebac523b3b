"""The pages speak more than English: by address, by choice and by the browser, everywhere, and with room for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fitting import clipped, outside
from opening import App, go, settle
from playwright.sync_api import Browser, Page
from states import State, reach
from test_access import FINGER, states_of
from windows import Complaints, window

pytestmark = pytest.mark.browser

# What the program has sent, in the order in which it came: names of networks, operations and classes; and sentences.
HEARD = """(() => {
  window.heard = [];
  const Plain = window.WebSocket;
  const strings = (one) => typeof one === "string" ? window.heard.push(one)
    : one && typeof one === "object" && Object.values(one).forEach(strings);
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        const head = (bytes) => bytes.slice(4, 4 + new DataView(bytes).getUint32(0, true));
        strings(JSON.parse(typeof data === "string" ? data : new TextDecoder().decode(head(data))));
      });
    }
  };
})();"""

# In the language of accents, a word in plain letters is in no file of texts. It may be a name, which the program has
# sent in few words; a sentence of the program's, in more than `most`, is known to the page or is found here. What has a
# typeface of its own is a name, too: a path, a file, code, a formula, a key.
PLAIN = r"""([names, most, free]) => {
  const words = (text) => text.match(/[A-Za-z]{2,}/g) ?? [];
  const known = new Set(names), found = new Set();
  for (const one of window.heard)
    if (words(one).length <= most || !/\s/.test(one)) for (const word of words(one)) known.add(word.toLowerCase());
  const look = (text, where) => {
    for (const word of words(text))
      if (!known.has(word.toLowerCase())) found.add(`${word} in “${text.trim().slice(0, 80)}” (${where})`);
  };
  const named = `code, pre, kbd, textarea, .katex, .path, .file, .code, .formula, [lang]:not(html)${free}`;
  const each = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (each.nextNode()) {
    const { parentElement: one, data } = each.currentNode;
    if (one.checkVisibility() && !one.closest(named)) look(data, one.getAttribute("class") ?? one.tagName);
  }
  for (const name of ["aria-label", "title", "placeholder", "alt"])
    for (const one of document.querySelectorAll(`[${name}]`))
      if (one.checkVisibility() && !one.closest(named)) look(one.getAttribute(name), name);
  return [...found];
}"""
NAMES = (
    *("alexnet", "vgg", "vggnet", "inception", "googlenet", "resnet", "efficientnet", "vit", "torchvision", "torch"),
    *("softmax", "tanh", "relu", "sin", "xy", "ln", "top", "min", "max", "mean", "sum", "sgd"),
    *("npy", "csv", "svg", "png", "ms", "px", "mb"),
    *("stride", "no", "padding", "dilation", "groups"),
)
"""Names by themselves: networks of the race, functions, forms of files, units, and a convolution's line in torch."""
SHORT = 4
"""Words of a name, at most."""
READING = ("lstm", "rnn", "transformer", "diffusion", "lecture")
"""Pages that show texts of the world, or lessons (which have files of their own): every word sent may stand there,
and a name may be put together out of letters."""
FEW = ("gallery", "conv", "lesson", "workshop, refused")


@pytest.fixture
def accents(browser: Browser, app: App, complaints: Complaints) -> Iterator[Page]:
    """A page in the language of accents, which notes what it is told."""
    with window(browser, app, complaints) as context:
        context.add_init_script(HEARD)
        page = context.new_page()
        go(page, app.address(lang="pseudo"))
        yield page


def escaped(page: Page, app: App, states: list[State]) -> dict[str, list[str]]:
    """By state, the words that are in no file of texts."""
    found: dict[str, list[str]] = {}
    for state in states:
        translated = any(click.startswith("text=") for click in state.clicks)  # found by its English words
        reach(page, app, replace(state, clicks=()) if translated else state)
        most, free = (10_000, ", .name") if state.path in READING or "lesson" in state.query else (SHORT, "")
        if words := page.evaluate(PLAIN, [NAMES, most, free]):
            found[state.name] = words
        page.keyboard.press("Escape")
    return found


def test_no_words_escape_the_files_of_texts(accents: Page, app: App, networks: list[str]) -> None:
    found = escaped(accents, app, [state for state in states_of(networks[0]) if state.name in FEW])
    assert not found, found
    accents.evaluate("document.body.append('planted words')")
    assert len(accents.evaluate(PLAIN, [NAMES, SHORT, ""])) == 2


@pytest.mark.slow
def test_no_words_escape_on_any_page(accents: Page, app: App, networks: list[str]) -> None:
    found = escaped(accents, app, states_of(networks[0]))
    assert not found, "\n".join(f"{state}: {word}" for state, words in found.items() for word in words)


def spoken(page: Page) -> tuple[str | None, str]:
    """The language that the document claims, and the first words that it says."""
    return page.get_attribute("html", "lang"), page.locator("h1").inner_text().split()[0]


def test_the_language_is_the_readers(browser: Browser, app: App, complaints: Complaints) -> None:
    german, english = ("de", "Bei"), ("en", "At")
    with window(browser, app, complaints, locale="de-AT") as context:
        page = context.new_page()
        go(page, app.address("race"))
        assert spoken(page) == german, "the browser asks for German"
        page.get_by_role("button", name="English").click()
        settle(page, -1)
        assert spoken(page) == english, "the choice holds at once"
        go(page, app.address("race"))
        assert spoken(page) == english, "and for the next time"
        go(page, app.address("race", lang="de"))
        go(page, app.address("race"))
        assert spoken(page) == german, "what an address asks for holds for the tab"
    with window(browser, app, complaints, locale="fr-FR") as context:
        page = context.new_page()
        go(page, app.address("race", lang="tlh"))
        assert spoken(page) == english, "what is not spoken here is said in English"


@pytest.mark.slow
@pytest.mark.parametrize("given", [FINGER, {"viewport": {"width": 1024, "height": 844}}], ids=["390", "1024"])
def test_german_has_room(
    browser: Browser, app: App, complaints: Complaints, networks: list[str], given: dict[str, object]
) -> None:
    over: list[str] = []
    with window(browser, app, complaints, locale="de-DE", **given) as context:
        page = context.new_page()
        for state in states_of(networks[0]):
            reach(page, app, replace(state, keys=(), clicks=(), hover=""))
            over += [f"{state.name}: {one}" for one in [*outside(page), *clipped(page)]]
    assert not over, "\n".join(over)
