"""The truth test of the page of language models: streams, heads, what is added, the next token, what if, backward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch
import transformers
from asking import Asking
from judging import Verdict, judge
from opening import App, go, settle
from planting import text
from playwright.sync_api import Browser, Page
from sightings import collect
from states import DESK, PHONE, State
from tokenizers import models, pre_tokenizers, trainers
from touring import look
from windows import Complaints, window

pytestmark = pytest.mark.browser

TEXT = "Call me Ishmael."
OTHER = ".branch:not(.won)"
STATES = (
    State("read", "transformer"),
    State("a head", "transformer", {"text": TEXT, "head": "2.1", "key": 3}),
    State("earlier", "transformer", {"text": TEXT, "position": 6, "head": "0.0", "temperature": "1.3", "k": 0, "p": 1}),
    State("backward", "transformer", {"text": TEXT, "direction": "backward"}),
    State("off", "transformer", {"text": TEXT, "off": "head-2-1 mlp-3", "head": "4.0"}),
    State("a weight", "transformer", {"text": TEXT, "off": "weight-1-2-9-3-0.75", "followed": 20}),
    State("patched", "transformer", {"text": TEXT, "off": "stream-2-15", "other": "Moby Dick, or the Whale"}),
    State("greedy", "transformer", {"text": "Ω the", "temperature": 0, "minp": "0.1"}),
    State("long", "transformer", {"text": "It was a damp, drizzly November in my soul. " * 2}),
)
PAIR = {"network": "translate-en-fr"}
PATCHED: dict[str, Any] = {"other": "blue heart", "patched": "encoder-2-0 decoder-1-1", "position": 1}
BACKWARD: dict[str, Any] = {"text": "red heart", "beams": 1, "direction": "backward"}
TRANSLATED = (
    State("translated", "transformer", {**PAIR, "head": "cross.1.0", "position": 2}),
    State("a branch", "transformer", {**PAIR, "text": "red cat", "beams": 2, "penalty": "0.5"}, clicks=(OTHER,)),
    State("off", "transformer", {**PAIR, "text": "a quixotry", "beams": 1, "off": "cross-1-0", "head": "encoder.0.1"}),
    State("backward", "transformer", {**PAIR, **BACKWARD, "position": 1, "beside": "translate-en-fr-rnn"}),
    State("patched", "transformer", {**PAIR, "text": "red heart", "beams": 1, **PATCHED}),
)


def small_llama(folder: Path) -> str:
    """A network of another library, with grouped heads, rotations and byte pairs; its weights are random."""
    made: Any = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer: Any = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(["the capital of France is Paris and the capital of Spain is Madrid"] * 9, trainer)
    config = transformers.LlamaConfig(
        vocab_size=made.get_vocab_size(), hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=48, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config)
    for value in model.parameters():
        torch.nn.init.normal_(value, std=0.25)
    model.save_pretrained(folder)
    made.save(str(folder / "tokenizer.json"))
    return f"hf:{folder}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("app"), targets=(small_llama(tmp_path_factory.mktemp("llama") / "tiny"),))
    app.start()
    yield app
    app.stop()


@pytest.fixture(scope="module")
def answers(served: App) -> Iterator[Asking]:
    asks = Asking(served.traces)
    yield asks
    asks.close()


@pytest.fixture(scope="module")
def verdict(browser: Browser, served: App, answers: Asking) -> Verdict:
    complaints, seen = Complaints(), []
    other = {"network": "hf:tiny", "text": "the capital of France is 🦊"}
    with window(browser, served, complaints, viewport=DESK) as context:
        page = context.new_page()
        ours = [State(one.name, one.path, {"network": "gpt-moby", **one.query}) for one in STATES]
        theirs = [
            State("llama", "transformer", {**other, "head": "1.3"}),
            State("llama, backward", "transformer", {**other, "direction": "backward"}),
            State("llama, off", "transformer", {**other, "off": "block-1 heads-0"}),
        ]
        seen += [look(page, served, state) for state in (*ours, *theirs, *TRANSLATED)]
        go(page, served.address("transformer", network="gpt-moby", text=TEXT))
        page.keyboard.press("n")
        settle(page)
        page.get_by_role("button", name="Write on", exact=True).click()
        settle(page)
        page.locator("ol .token").nth(5).hover()
        seen.append(collect(page, "written on", "transformer"))
    with window(browser, served, complaints, viewport=PHONE, has_touch=True, color_scheme="dark") as context:
        state = State("small", "transformer", {"network": "gpt-moby", "text": TEXT, "head": "1.1"})
        seen.append(look(context.new_page(), served, state))
    complaints.raise_any()
    return judge(seen, answers)


def test_every_number_of_a_text_is_true(verdict: Verdict) -> None:
    assert not verdict.wrong, str(verdict)


def test_enough_of_a_text_was_checked(verdict: Verdict, answers: Asking) -> None:
    kinds = Counter(ref.partition("#")[2].partition("/")[0].partition("[")[0] for ref in verdict.checked["value"])
    least = {"lens": 300, "attention": 100, "rank": 20, "heads": 20, "mlp": 20, "share": 20, "drawn": 20, "scaled": 20}
    few = {"gives": 20, "written": 1, "gradient": 20, "slope": 5, "query": 5, "products": 5, "embedding": 5, "total": 5}
    pairs = {
        "after": 60,
        "total": 5,
        "worth": 5,
        "cross": 6,
        "allcross": 3,
        "logprob": 16,
        "weightslope": 4,
        "patched": 1,
    }
    wanted = least | few | pairs | {"weightslope": 12, "outsideslope": 2, "patched": 2}
    assert not {kind: kinds[kind] for kind, count in wanted.items() if kinds[kind] < count}, kinds
    assert answers.foreign == []


PLANTS = {
    "share": text("td [data-ref*='#drawn/']", "'.555'"),
    "adds": text(".told [data-ref*='#mlp/']", "'+9.99'"),
    "rank": text(".told [data-ref*='#rank/']", "'77'"),
    "attention": text(".card [data-ref*=':softmax']", "'.123'"),
}
PAIR_PLANTS = {
    "branch": text(".branch [data-ref*='#after/']", "'−9.99'"),
    "cross adds": text(".told [data-ref*='#cross/']", "'+9.99'"),
}


@pytest.mark.parametrize("name", [*PLANTS, *PAIR_PLANTS])
def test_an_error_planted_in_a_text_is_found(name: str, browser: Browser, served: App, answers: Asking) -> None:
    ours: dict[str, str] = {"network": "gpt-moby", "text": TEXT, "head": "2.1"}
    query = ours if name in PLANTS else {**PAIR, "head": "cross.1.0"}
    with window(browser, served, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        go(page, served.address("transformer", **query))
        page.evaluate(f"() => {{ window.undo = ({(PLANTS | PAIR_PLANTS)[name]})(); }}")
        wrong = judge([collect(page, "planted", "transformer", lean=True)], answers).wrong
    assert any(one.startswith("[planted] text: ") for one in wrong), wrong


@pytest.fixture
def sheet(browser: Browser, served: App) -> Iterator[Page]:
    with window(browser, served, Complaints(), viewport=DESK) as context:
        yield context.new_page()


def test_a_text_goes_on_by_keyboard_alone(sheet: Page, served: App) -> None:
    go(sheet, served.address("transformer", network="gpt-moby", text=TEXT))
    field = sheet.locator("input.prompt")
    for _ in range(2):
        sheet.keyboard.press("n")
        settle(sheet)
    assert len(field.input_value()) == len(TEXT) + 2
    sheet.keyboard.press("z")
    settle(sheet)
    assert len(field.input_value()) == len(TEXT) + 1
    sheet.keyboard.press("h")
    settle(sheet)
    assert sheet.locator(".card h2").is_visible()
    sheet.keyboard.press("Escape")
    sheet.locator("[role=application]").focus()
    sheet.keyboard.press("ArrowLeft")
    sheet.keyboard.press("Enter")
    settle(sheet)
    assert sheet.locator(".card h2").is_visible()
    sheet.keyboard.press(",")
    sheet.wait_for_url("**position=*")  # small steps are written when they pause
    settle(sheet)
    sheet.keyboard.press("b")
    settle(sheet)
    assert sheet.locator(".backward li").count() > 5


def test_patching_every_token_before_the_first_block_gives_the_other_texts_answer(sheet: Page, served: App) -> None:
    go(sheet, served.address("transformer", network="gpt-moby", text="the white whale"))
    sheet.locator("input.other").fill("the black horse")
    sheet.get_by_role("button", name="patch all tokens").click()
    settle(sheet)
    patched = sheet.locator("h1 [data-ref]").nth(1).inner_text()
    token = int(sheet.url.split("followed=")[1].split("&")[0])
    go(sheet, served.address("transformer", network="gpt-moby", text="the black horse", followed=token))
    assert sheet.locator("footer [data-ref]").inner_text() == patched


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "there is nothing to read"),
        ("w" * 10_000, "tokens before"),
        ("مرحبا 🦊", "one unknown character"),
        ("<img src=x onerror=alert(1)>\x1b[2J", "Not in its alphabet"),
    ],
)
def test_a_text_that_can_not_be_read_whole_says_so(given: str, said: str, sheet: Page, served: App) -> None:
    go(sheet, served.address("transformer", network="gpt-moby"))
    field = sheet.locator("input.prompt")
    field.fill(given)
    field.press("Enter")
    settle(sheet)
    assert said in sheet.locator("main").inner_text()


def test_a_network_that_is_not_here_says_how_to_get_it(sheet: Page, served: App, monkeypatch: Any) -> None:
    monkeypatch.setenv("GLASSWORK_HOME", str(served.home / "nowhere"))
    go(sheet, served.address("transformer", network="smollm2-135m"))
    assert "glasswork data fetch smollm2-135m" in sheet.locator("main").inner_text()
    go(sheet, served.address("transformer", network="lstm-moby"))
    assert "/open" in sheet.locator("main").inner_text()


def test_a_phrase_is_translated_by_keyboard_alone_and_what_is_none_is_refused(sheet: Page, served: App) -> None:
    go(sheet, served.address("transformer", **PAIR, text="quixotry 🦊"))
    assert "Never seen in training: quixotry" in sheet.locator("main").inner_text()
    field = sheet.locator("input.prompt")
    field.fill("red heart")
    field.press("Enter")
    settle(sheet)
    assert "cœur rouge" in sheet.locator("h1").inner_text()
    assert "trained on this phrase" in sheet.locator("main").inner_text()
    sheet.locator("h1").click()
    sheet.keyboard.press("-")
    settle(sheet)
    sheet.wait_for_url("**beams=3*")
    sheet.locator(".branch[tabindex='0']").focus()
    sheet.keyboard.press("ArrowDown")
    sheet.keyboard.press("Enter")
    settle(sheet)
    other = sheet.locator(".branch.inside .name").inner_text()
    assert sheet.locator("tr.followed .name").inner_text() == other
    assert sheet.locator(".branch.inside").evaluate("one => !one.classList.contains('won')")
    sheet.keyboard.press("h")
    settle(sheet)
    assert sheet.locator(".card h2").is_visible()
    sheet.get_by_role("button", name="switch it off").press("Enter")
    settle(sheet)
    assert "off: decoder to encoder" in sheet.locator("main").inner_text()
    sheet.keyboard.press("Escape")
    sheet.keyboard.press("Escape")
    sheet.wait_for_url(lambda url: "off=" not in url)
    field.fill("  ")
    field.press("Enter")
    settle(sheet)
    assert "there is nothing to translate" in sheet.locator("main").inner_text()
