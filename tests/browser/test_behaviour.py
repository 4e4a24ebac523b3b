"""How the pages bear what happens to them: two tabs, a restart, a reload, Back, bad pictures, hostile names."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec
import pytest
from asking import Asking
from judging import judge
from opening import App, go, settle
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Dialog, Page
from sightings import collect
from states import DESK, settings_of
from windows import Complaints, window

from glasswork import zoo
from glasswork.zoo import shipping

pytestmark = pytest.mark.browser

AT = "block1.conv2[0,1,9,12]"
PAPER = "getComputedStyle(document.documentElement).backgroundColor"


@pytest.fixture
def base(networks: list[str]) -> dict[str, str | int]:
    return settings_of(networks[0], zoo.load(networks[0]).samples[0])


def text_of(page: Page) -> str:
    return page.locator("main").inner_text()


def test_a_reload_shows_the_same(page: Page, app: App, base: dict[str, str | int]) -> None:
    go(page, app.address("cnn", **base, at=AT, direction="backward", scale="network", score=2))
    before = text_of(page)
    assert "At row 9, column 12, channel 1" in before or "conv 1·2" in before
    page.reload()
    settle(page)
    assert text_of(page) == before


def test_back_goes_back_and_forward_again(page: Page, app: App, base: dict[str, str | int]) -> None:
    go(page, app.address("cnn", **base))
    shown = [text_of(page)]
    for step in ("b", "f"):
        page.keyboard.press(step)
        settle(page)
        shown.append(text_of(page))
    page.locator("[data-cell='3 2']").click()
    settle(page)
    shown.append(text_of(page))
    assert shown[0] == shown[2]
    assert len(set(shown)) == 3
    for before in (2, 1, 0):
        page.go_back()
        settle(page)
        assert text_of(page) == shown[before]
    page.go_forward()
    settle(page)
    assert text_of(page) == shown[1]


@pytest.mark.slow
def test_two_tabs_go_their_own_ways(
    context: BrowserContext, app: App, networks: list[str], asking: Asking, base: dict[str, str | int]
) -> None:
    one, two = context.new_page(), context.new_page()
    other = settings_of(networks[-1], zoo.load(networks[-1]).samples[1])
    one.goto(app.address("cnn", **base))
    two.goto(app.address("cnn", **other, at="block2.conv1[0,2,3,3]"))
    settle(one)
    settle(two)
    one.keyboard.press("b")
    two.keyboard.press("Escape")
    settle(one)
    settle(two)
    seen = [collect(one, "one tab"), collect(two, "the other tab")]
    assert len(seen[0].sources | seen[1].sources) == 2
    numbers = [line for line in judge(seen, asking).wrong if "stray" not in line]
    assert not numbers, numbers


def test_the_theme_is_kept(page: Page, app: App, base: dict[str, str | int]) -> None:
    def theme() -> str:
        return page.evaluate("document.documentElement.dataset.theme")

    go(page, app.address("cnn", **base))
    assert theme() == "light"
    paper = page.evaluate(PAPER)
    page.get_by_role("button", name="Light or dark").click()
    settle(page)
    assert theme() == "dark"
    assert page.evaluate(PAPER) != paper
    page.reload()
    settle(page)
    assert theme() == "dark"
    go(page, app.address(""))
    assert theme() == "dark"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[App]:
    """A server of its own, for a test that ends it."""
    running = App(tmp_path)
    running.start()
    yield running
    running.stop()


def test_a_restart_of_the_server_is_survived(
    browser: Browser, alone: App, complaints: Complaints, base: dict[str, str | int]
) -> None:
    complaints.expected = ("WebSocket connection", "ERR_CONNECTION_REFUSED")
    with window(browser, alone, complaints) as context:
        page = context.new_page()
        go(page, alone.address("cnn", **base, at=AT))
        before = [one.inner_text() for one in page.locator(".card .num").all()]
        alone.stop()
        strip = page.get_by_text("The server doesn't answer")
        strip.wait_for()
        assert [one.inner_text() for one in page.locator(".card .num").all()] == before
        page.keyboard.press("Escape")  # reading still works
        assert page.locator("[data-cell='1 0']").is_visible()
        alone.start()
        strip.wait_for(state="detached")
        settle(page)
        page.locator("[data-cell='3 2']").click()
        settle(page)
        assert "conv 1·2" in page.locator("h1").inner_text()


def test_a_restart_keeps_addresses(
    browser: Browser, alone: App, complaints: Complaints, base: dict[str, str | int]
) -> None:
    """Tensors are gone with the server; the record brings them back."""
    complaints.expected = ("WebSocket connection", "ERR_CONNECTION_REFUSED")
    with window(browser, alone, complaints) as context:
        page = context.new_page()
        go(page, alone.address("cnn", **base, at=AT))
        before = text_of(page)
        ids = {file.stem for file in alone.traces.glob("*.json")}
        page.goto("about:blank")
        alone.stop()
        alone.start()
        go(page, alone.address("cnn", **base, at=AT))
        assert text_of(page) == before
        assert {file.stem for file in alone.traces.glob("*.json")} == ids


# C31. Markup, scripts, overlong, right to left, invisible, templates, and what breaks paths or JSON.
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)} {score} *bold*",
    "x" * 300,
    "\u202egnp.exe\u202c \u200b\u200d",
    "</title><iframe src=//evil.example>",
    "&lt;b&gt; &amp; 'quotes' \"double\" \\ / \x1b[31m",
)


@pytest.fixture
def hostile(tmp_path: Path, networks: list[str]) -> Iterator[tuple[App, str]]:
    """A run folder whose card has hostile names, opened as TARGET."""
    name = networks[0]
    folder = tmp_path / "run"
    folder.mkdir()
    card = shipping.read_card(shipping.WEIGHTS / f"{name}.json")
    changed = msgspec.structs.replace(
        card, title=HOSTILE[0], labels=HOSTILE, data=card.data, licence=HOSTILE[1], split=HOSTILE[8]
    )
    (folder / shipping.RUN_CARD).write_bytes(zoo.encode_card(changed))
    shutil.copy(shipping.WEIGHTS / f"{name}.safetensors", folder / shipping.RUN_WEIGHTS)
    running = App(tmp_path / "app", targets=(str(folder),))
    running.start()
    yield running, str(folder)
    running.stop()


def test_hostile_names_are_shown_as_they_are(
    browser: Browser, hostile: tuple[App, str], complaints: Complaints
) -> None:
    app, target = hostile
    dialogs: list[str] = []

    def hush(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        page.on("dialog", hush)
        for state in ({}, {"direction": "backward"}, {"at": "output[0,1]"}, {"at": ":softmax[0,2]"}):
            go(page, app.address("cnn", **settings_of(target), **state))
            said = page.evaluate("document.body.textContent")
            for name in HOSTILE[:5] if "at" in state else HOSTILE[:9]:
                assert name in said, f"{name!r} is not shown in {state}"
            assert page.locator("main img, main script, main iframe, main b b").count() == 0
            over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, f"{state} runs {over} px over the side"
        assert HOSTILE[0] in page.title()
        go(page, app.address(""))
        assert HOSTILE[0] in page.evaluate("document.body.textContent")
    assert not dialogs


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def photograph() -> bytes:
    """A JPEG taken with the camera on its side: red above green, as one should see it."""
    upright = Image.new("RGB", (60, 90), "red")
    upright.paste("green", (0, 45, 60, 90))
    exif = Image.Exif()
    exif[274] = 6  # turn by 90 degrees to the right to see it upright
    return encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)


def give(page: Page, name: str, kind: str, content: bytes) -> None:
    page.locator("input[type=file]").first.set_input_files({"name": name, "mimeType": kind, "buffer": content})


@pytest.fixture
def opened(page: Page, app: App, base: dict[str, str | int]) -> Page:
    go(page, app.address("cnn", **base))
    return page


def test_a_photograph_is_turned_upright(opened: Page) -> None:
    give(opened, "photo.jpg", "image/jpeg", photograph())
    opened.wait_for_url(lambda url: "input=upload:" in unquote(url))
    settle(opened)
    opened.locator(".given img").wait_for()
    size = opened.locator(".given img").evaluate("it => [it.naturalWidth, it.naturalHeight]")
    assert size == [60, 90]

    def at(channel: int, y: float) -> float:
        picked = opened.evaluate(
            """([channel, y]) => {
                const box = document.querySelector(`[data-cell='0 ${channel}']`).getBoundingClientRect();
                const map = document.querySelector(".map canvas"), corner = map.getBoundingClientRect();
                return map.pick(box.x - corner.x + box.width / 2, box.y - corner.y + box.height * y).value;
            }""",
            [channel, y],
        )
        return float(picked)

    assert at(0, 0.2) > 0.9 > 0.2 > at(0, 0.8)  # red is above
    assert at(1, 0.2) < 0.2 < 0.4 < at(1, 0.8)  # green below


def test_what_is_drawn_by_hand_is_read(page: Page, app: App, networks: list[str]) -> None:
    draws = next(name for name in networks if zoo.load(name).labels[:2] == ("0", "1"))
    go(page, app.address("cnn", network=draws))
    page.get_by_role("button", name="Draw").click()
    box = page.locator("canvas.pad").bounding_box()
    assert box
    page.mouse.move(box["x"] + 140, box["y"] + 40)  # a one: one stroke, straight down
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 240, steps=8)
    page.mouse.up()
    page.wait_for_url(lambda url: "input=upload:" in unquote(url))
    settle(page)
    assert "1" in page.locator("h1 .name").first.inner_text()


def test_a_single_pixel_and_a_long_line_are_read(opened: Page) -> None:
    for size in ((1, 1), (30_000, 1)):
        before = opened.url
        give(opened, "odd.png", "image/png", encoded(Image.new("RGB", size, (200, 30, 30))))
        opened.wait_for_url(lambda url, before=before: url != before)
        settle(opened)
        assert "input=upload:" in unquote(opened.url)
        assert opened.locator("[data-cell='1 0']").is_visible()
        assert opened.locator(".notice").count() == 0


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("broken.png", "image/png", encoded(Image.new("RGB", (64, 64), "red"))[:90]),
        ("renamed.png", "image/png", b"%PDF-1.7 this is no picture"),
        ("empty.png", "image/png", b""),
        ("text.txt", "text/plain", b"hello"),
    ],
    ids=["broken", "renamed", "empty", "text"],
)
def test_what_is_no_picture_is_refused_in_words(
    name: str, kind: str, content: bytes, opened: Page, complaints: Complaints
) -> None:
    complaints.expected = ("Failed to load resource",)
    before = opened.url
    give(opened, name, kind, content)
    notice = opened.locator(".notice")
    notice.wait_for()
    words = notice.inner_text()
    assert len(words.splitlines()) >= 4, words  # what, why, what to do, where
    assert "Traceback" not in words
    notice.get_by_role("button", name="dismiss").click()
    assert notice.count() == 0
    assert opened.url == before
    opened.locator("[data-cell='1 0']").click()  # the page goes on
    settle(opened)
    assert "conv 1·1" in opened.locator("h1").inner_text()


def test_a_refused_picture_leaves_room_for_the_next(opened: Page, complaints: Complaints) -> None:
    complaints.expected = ("Failed to load resource",)
    give(opened, "broken.png", "image/png", b"broken")
    opened.locator(".notice").wait_for()
    give(opened, "good.png", "image/png", encoded(Image.new("RGB", (80, 50), "blue")))
    opened.wait_for_url(lambda url: "input=upload:" in unquote(url))
    settle(opened)
    assert opened.locator(".notice").count() == 0


def test_nothing_leaves_the_machine(
    context: BrowserContext, app: App, base: dict[str, str | int], networks: list[str]
) -> None:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.on("websocket", lambda socket: asked.append(socket.url))
    go(page, app.address(""))
    go(page, app.address("cnn", **base, at=AT))
    page.keyboard.press("t")
    settle(page)
    own = urlsplit(app.origin).netloc
    foreign = {url for url in asked if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != own}
    assert len(asked) >= 5
    assert not foreign
