"""Language models: how soon, after a key, every view of the page in a real Chromium is of the longer text; how fluently
it moves on a text as long as it reads; and how fast texts are written, beside transformers.

python -m benchmarks.language
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import torch
from playwright.sync_api import Page, sync_playwright

from benchmarks.figures import Figure
from benchmarks.page import AT_REST, app
from glasswork import networks, zoo
from glasswork.generation import Sampling, decode
from glasswork.generation.reader import Ours
from scripts.chromium import FLAGS, find_browser

MODEL, WRITTEN, ROUNDS = "smollm2-135m", 40, 7
TEXTS = {  # network: the text that is gone on with, and the bar in seconds
    "gpt-moby": ("The whale was ", 0.1),
    MODEL: ("The capital of France is Paris, and the capital of Spain is Madrid; the", 0.5),
}
KEYS = 20
"""Presses of N, which goes on with one more token; the first wakes the page up and is not counted."""

# Milliseconds from a key until no number of the run before stands on the page, the last token's stream has its lens
# (the lowest; that of the others follows), and two frames have been painted.
PRESSED = """key => new Promise(done => {
  const id = document.querySelector('main [data-ref^="text:"]').dataset.ref.slice(5, 21);
  const before = `:is(main, footer) [data-ref*="${id}"]`;
  const low = selector => Math.max(...[...document.querySelectorAll(selector)].map(one => one.y.baseVal.value), 0);
  const start = performance.now();
  dispatchEvent(new KeyboardEvent('keydown', { key }));
  const look = () => {
    const waits = document.querySelector(before) || low('.ribbons .bare') > low('.ribbons rect') - 12;
    if (waits) requestAnimationFrame(look);
    else requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
  };
  look();
})"""


LONG = " whale" * 1030
"""More than the 1,024 tokens that are read; the page says which are cut."""
MOVING = 3
"""Seconds of each movement."""
OPENED = 600_000
"""Milliseconds in which a long text is read: all of its attention at once is four gigabytes, all of them made here."""

# Counts frames for so many milliseconds: the mean number in a second.
FRAMES = """most => new Promise(done => {
  const times = [];
  const look = now => {
    times.push(now);
    if (now - times[0] < most) requestAnimationFrame(look);
    else done(1000 * (times.length - 1) / (now - times[0]));
  };
  requestAnimationFrame(look);
})"""
READ = (
    "() => document.querySelectorAll('.ribbons .token').length >= 40 && !document.querySelector('.old, .ribbons .bare')"
)


def measure() -> list[Figure]:
    """All of it."""
    here = [name for name in TEXTS if zoo.load(name).weights != "random"]  # one of them has to be fetched
    return [*map(keystroke, here), *(moving() if MODEL in here else []), writing()]


def writing() -> Figure:
    """Seconds for a token: `glasswork generate`'s loop over transformers' `generate`; SmolLM2-135M's sizes, fp32."""
    import transformers as typed

    transformers: Any = typed  # its types are not those that it takes and gives
    torch.manual_seed(0)
    sizes = networks.reference(networks.named()[MODEL]).named[MODEL]
    config = transformers.LlamaConfig(
        vocab_size=sizes["vocabulary"],
        hidden_size=sizes["width"],
        num_hidden_layers=sizes["depth"],
        num_attention_heads=sizes["heads"],
        num_key_value_heads=sizes["groups"],
        intermediate_size=sizes["hidden"],
        rope_parameters={"rope_type": "default", "rope_theta": sizes["theta"]},
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        eos_token_id=None,
    )
    theirs = transformers.LlamaForCausalLM(config).eval()
    ours = networks.build(MODEL).eval()
    ours.load_state_dict(theirs.state_dict())
    networks.fuse(ours)
    prompt = torch.randint(sizes["vocabulary"], (1, 16))

    def write_ours() -> list[int]:
        return [one.token for one in decode(Ours(ours), prompt[0].tolist(), WRITTEN, Sampling(temperature=0))]

    def write_theirs() -> list[int]:
        with torch.inference_mode():
            told = theirs.generate(prompt, max_new_tokens=WRITTEN, min_new_tokens=WRITTEN, do_sample=False)
        return told[0, prompt.shape[1] :].tolist()

    assert write_ours() == write_theirs()
    taken: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        write_ours()
        between = time.perf_counter()
        write_theirs()
        taken.append((between - begun, time.perf_counter() - between))
    mine, other = (statistics.median(each) for each in zip(*taken, strict=True))
    return Figure(f"{MODEL}'s sizes, seconds for a token, ours over transformers'", mine / other, 1.0, "x")


@contextmanager
def opened(network: str, text: str | None) -> Iterator[Page]:
    """The page in a browser of its own, once the text is read."""
    with app() as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)  # lets the browser in; the server wakes up
        page.wait_for_selector("canvas", timeout=120_000)
        split = urlsplit(address)
        query = urlencode({"network": network} | ({"text": text} if text else {}))
        page.goto(f"{split.scheme}://{split.netloc}/transformer?{query}")
        page.wait_for_selector(".ribbons rect[data-ref]", state="attached", timeout=120_000)
        yield page
        browser.close()


def keystroke(network: str) -> Figure:
    """A key's way to every view."""
    text, bar = TEXTS[network]
    taken = []
    with opened(network, text) as page:
        for _ in range(KEYS):
            page.wait_for_timeout(AT_REST)
            taken.append(page.evaluate(PRESSED, "n"))
    what = f"/transformer, {network}: a key to every view of {len(text)} characters and more, median of {KEYS - 1}"
    return Figure(what, statistics.median(taken[1:]) / 1e3, bar, "s")


def moving() -> list[Figure]:
    """Seconds for a frame on a text of 1,024 tokens, while one scrolls, hovers, and goes from head to head."""
    with opened(MODEL, None) as page:
        page.fill("input.prompt", LONG)
        page.press("input.prompt", "Enter")
        page.wait_for_function(READ, timeout=OPENED)
        heads = page.locator("[role=application]")

        def hover(step: int) -> None:
            page.mouse.move(160 + 17 * step % 800, 150 + 29 * step % 600)

        def scrub(step: int) -> None:
            page.keyboard.press(("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown")[step % 4])
            if step % 4 == 3:
                page.keyboard.press("Enter")

        page.mouse.move(600, 400)
        found = [_frames(page, "scrolling", lambda step: page.mouse.wheel(0, 40 if step // 20 % 2 == 0 else -40))]
        page.evaluate("scrollTo(0, 0)")
        found.append(_frames(page, "hovering", hover))
        heads.focus()
        found.append(_frames(page, "from head to head, every fourth opened", scrub))
    return found


def _frames(page: Page, what: str, move: Callable[[int], None]) -> Figure:
    page.evaluate(f"most => {{ window.frames_seen = ({FRAMES})(most); }}", 1000 * MOVING)
    until, step = time.perf_counter() + MOVING, 0
    while time.perf_counter() < until:
        move(step)
        step += 1
    rate = page.evaluate("() => window.frames_seen")
    return Figure(f"/transformer, {MODEL}, 1,024 tokens: {what}, a frame", 1 / rate, 1 / 30, "s")


if __name__ == "__main__":
    for figure in measure():
        print(f"{figure.what}: {figure.measured:.3g} {figure.unit} (bar {figure.bar:.3g})")
