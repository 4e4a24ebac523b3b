"""Lessons as files: ours are right and short, what is wrong is said with its line, nothing of a file is trusted."""

from __future__ import annotations

import json
import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from glasswork import zoo
from glasswork.cli import main
from glasswork.data import sample
from glasswork.errors import GlassworkError
from glasswork.scenes.lecture import Lecture
from glasswork.scenes.lecture_answers import Answers, check_answer
from glasswork.scenes.lecture_choices import right_choice
from glasswork.scenes.lecture_files import FOLDER, PAGES, TOUR, LessonFile, read_lesson, read_own, shipped
from glasswork.scenes.lecture_language_questions import said
from glasswork.scenes.messages import lecture as m
from glasswork.scenes.networks import Networks
from glasswork.scenes.spans import plain, spans
from glasswork.scenes.traces import Traces
from glasswork.server.settings import Settings

LONGEST = 60
HEAD = "---\ntitle: A\ngoal: B\nminutes: 3\n---\n"
STEP = "## Says this.\nopen: /cnn?network=tiny-vgg-emoji\n"
ROOT = Path(__file__).parents[2]
TABLE = runpy.run_path(str(ROOT / "scripts" / "build_lecture_table.py"))


@pytest.fixture(scope="module")
def lessons() -> dict[str, LessonFile]:
    return {name: read_lesson(path, name) for name, path in shipped().items()}


@pytest.fixture(scope="module")
def answers() -> Answers:
    networks = Networks()
    return Answers(networks, Traces(None, networks.load))


def test_steps_are_short_and_every_one_names_its_source(lessons: dict[str, LessonFile]) -> None:
    assert len(lessons) >= 16
    for name, lesson in lessons.items():
        for at, written in enumerate(lesson.steps, 1):
            words = sum(len(plain(paragraph).split()) for paragraph in written.step.text)
            assert words <= LONGEST, f"{name}, step {at}: {words} words"
            assert written.step.sources, f"{name}, step {at}"


def test_lessons_say_the_same_in_every_language(lessons: dict[str, LessonFile]) -> None:
    """Other words; but the same steps, at the same places, with the same questions, answers and sources."""

    def bare(step: m.LectureStep) -> m.LectureStep:
        ask = step.ask and msgspec.structs.replace(step.ask, words=[], because=[])
        links = [msgspec.structs.replace(link, words="") for link in step.links]
        return msgspec.structs.replace(step, sentence=[], text=[], attempt=[], ask=ask, links=links)

    for language in (folder.name for folder in FOLDER.iterdir() if folder.is_dir()):
        for name, path in shipped(language).items():
            told, first = read_lesson(path, name), lessons[name]
            assert [bare(one.step) for one in told.steps] == [bare(one.step) for one in first.steps], (language, name)
            assert [one.commands for one in told.steps] == [one.commands for one in first.steps], (language, name)
            for at, one in enumerate(told.steps, 1):
                words = sum(len(plain(paragraph).split()) for paragraph in one.step.text)
                assert words <= LONGEST, f"{language}, {name}, step {at}: {words} words"
            assert path == shipped()[name] or told.steps[0].step.sentence != first.steps[0].step.sentence, (
                language,
                name,
            )


def test_every_lesson_lets_one_predict_try_and_explain(lessons: dict[str, LessonFile]) -> None:
    for name, lesson in lessons.items():
        if name in (TOUR, "references"):
            continue
        steps = [one.step for one in lesson.steps]
        asks = [step.ask for step in steps if step.ask]
        assert asks or name == "summary", f"{name}: nothing to predict"
        assert all(plain(ask.because) for ask in asks), f"{name}: an answer that explains nothing"
        assert asks or any(step.done for step in steps), f"{name}: nothing to do"


def test_the_lecture_is_whole_and_its_table_is_fresh(lessons: dict[str, LessonFile]) -> None:
    rows = TABLE["rows"]()
    assert {row[0] for row in rows} == set(TABLE["TOPICS"])
    assert all(all(row) for row in rows), "an empty place"
    assert TABLE["DOCUMENT"].read_text(encoding="utf-8") == TABLE["document"](), "docs/lecture.md is stale"


def test_commands_that_explain_a_number_find_it(
    lessons: dict[str, LessonFile], capsys: pytest.CaptureFixture[str]
) -> None:
    commands = {one for lesson in lessons.values() for step in lesson.steps for one in step.commands}
    explains = [shlex.split(one) for one in commands if one.startswith("glasswork explain ")]
    assert len(explains) > 10
    for _, *arguments in explains:
        assert main(arguments) == 0, f"{arguments}: {capsys.readouterr().err}"


def test_fixed_answers_are_known_in_other_languages(lessons: dict[str, LessonFile]) -> None:
    """Yes, holds, above zero: the program's own words. Classes, tokens and translations stay as they are."""
    fixed = ("verdict", "sign", "slope")
    asks = [one.step.ask for lesson in lessons.values() for one in lesson.steps if one.step.ask]
    words = {choice for ask in asks if ask.answer.split()[0] in fixed or " > " in ask.answer for choice in ask.choices}
    assert {"yes", "no", "holds in part", "above zero"} <= words
    known = json.loads((ROOT / "frontend" / "src" / "texts" / "de.said.json").read_text(encoding="utf-8"))
    assert words | {said(" "), said("\n")} <= set(known)


def test_pages_of_lessons_are_pages_of_the_server() -> None:
    assert {f"/{page}" for page in PAGES} == set(Settings().pages)


def asked_in_lessons() -> list[Any]:
    return [
        pytest.param(written.step.ask, id=f"{name}.{at}")
        for name, path in shipped().items()
        for at, written in enumerate(read_lesson(path, name).steps, 1)
        if written.step.ask
    ]


@pytest.mark.parametrize("ask", asked_in_lessons())
def test_the_networks_answer_what_lessons_ask(ask: m.Ask, answers: Answers) -> None:
    """One of the choices is the answer, and of numbers the nearest is near."""
    found = answers.find(ask.answer)
    right = ask.choices[right_choice(found, ask.choices)]
    assert found.numbers, "words that nothing can be asked about"
    assert all(one.ref for one in found.numbers)
    if not found.words:
        assert found.number is not None
        offered = float(re.sub(r"[,\s]|about|%", "", right.replace("−", "-")))
        assert offered == pytest.approx(found.number.value, rel=0.12, abs=0.02), (right, found.number.value)


def test_answers_agree_with_the_bare_networks(answers: Answers) -> None:
    """Against plain torch: the class, the share of zeros, the sum of a window, the number of a sum's terms."""
    network = zoo.load("tiny-vgg-fashion")
    assert network.preprocess is not None
    (x,) = network.preprocess(sample("fashion-test-1").picture).inputs
    kept: dict[str, torch.Tensor] = {}
    relu = network.module.get_submodule("block1.relu1")
    hook = relu.register_forward_hook(lambda _, __, y: kept.update(relu=y.detach().clone()))
    with torch.no_grad():
        scores = network.module(x)[0]
    hook.remove()
    picture = "tiny-vgg-fashion sample:fashion-test-1"
    found = answers.find(f"class {picture}")
    assert found.words == network.labels[int(scores.argmax())]
    assert found.number is not None
    assert found.number.value == pytest.approx(float(scores.softmax(0).max()), rel=1e-5)
    zeros = answers.find(f"zeros {picture} block1.relu1").number
    assert zeros is not None
    assert zeros.value == pytest.approx(float((kept["relu"] == 0).double().mean()))
    window = answers.find("window_sum tiny-vgg-fashion block1.conv1.weight[3,0]").number
    assert window is not None
    assert window.value == pytest.approx(
        float(network.module.get_parameter("block1.conv1.weight").detach()[3, 0].sum())
    )
    terms = answers.find(f"terms {picture} block1.conv1[0,2,9,9]").number
    assert terms is not None
    assert terms.value == 3 * 3 + 1
    compared = answers.find("parameters tiny-vgg-fashion > parameters tiny-vgg-emoji")
    assert compared.words == "no"
    assert [one.value for one in compared.numbers] == [7740, 24550]
    assert answers.find("parameters tiny-vgg-fashion < parameters tiny-vgg-emoji").words == "yes"
    off = answers.find(f"without {picture} block1.relu1")
    network.module.get_submodule("block1").register_module("relu1", torch.nn.Threshold(float("inf"), 0.0))
    with torch.no_grad():
        left = network.module(x)[0].softmax(0)
    assert off.words == network.labels[int(left.argmax())]
    assert [one.value for one in off.numbers] == pytest.approx([float(left.max())], rel=1e-4)


def test_the_quiz_asks_other_things_each_time_and_offers_the_right_answer(answers: Answers) -> None:
    lecture = Lecture(answers.networks, answers.traces)
    asked = set[str]()
    for seed in range(18):
        drawn = lecture._quiz.draw(1, seed)
        again = lecture._quiz.draw(1, seed)
        assert drawn == again, "one seed, two questions"
        assert len(set(drawn.choices)) == len(drawn.choices) >= 2
        right_choice(answers.find(drawn.answer), drawn.choices)
        asked.add(drawn.answer)
    assert len(asked) == 18


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("title: A\n", 1, "no head"),
        ("---\ntitle: A\ngoal: B\n---\n", 4, "no `minutes`"),
        ("---\ntitle: A\nauthor: B\n---\n", 3, "no field called 'author'"),
        ("---\ntitle: A\ngoal: B\nminutes: many\n---\n" + STEP, 1, "no number"),
        (HEAD, 5, "no steps"),
        (HEAD + "Hello.\n", 6, "in no step"),
        (HEAD + "## A\n", 6, "opens nothing"),
        (HEAD + "## A\nopen: /nowhere\n", 7, "no page called"),
        (HEAD + "## A\nopen: https://example.org/cnn\n", 7, "no page of ours"),
        (HEAD + "## A\nopen: //example.org/cnn\n", 7, "no page called"),
        (HEAD + STEP + "try: this\n", 6, "`try` and no `done`"),
        (HEAD + STEP + "predict: what?\n", 6, "no `choices`"),
        (HEAD + STEP + "predict: what?\nchoices: a | b\nanswer: exec tiny\n", 10, "no question called 'exec'"),
        (HEAD + STEP + "predict: what?\nchoices: a | a\nanswer: parameters x\n", 9, "can't be offered"),
        (HEAD + STEP + "link: here | http://example.org\n", 8, "leads nowhere"),
        (HEAD + STEP + "\nGo [there](/nowhere).\n", 6, "no page called"),
        (HEAD + STEP + "open: /race\n", 8, "stands twice"),
    ],
)
def test_what_is_wrong_in_a_lesson_is_said_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = tmp_path / "lesson.md"
    path.write_text(text)
    with pytest.raises(GlassworkError) as error:
        read_own(path)
    assert error.value.where == f"{path}:{line}"
    assert says in error.value.what
    assert error.value.todo or error.value.why


def test_text_of_a_lesson_stays_text() -> None:
    found = spans("<script>alert(1)</script> **so** [x](javascript:alert(1)) [y](https://a.org/b) $a_1$ `c`")
    assert [one.kind for one in found if one.kind != "plain"] == ["strong", "outside", "formula", "code"]
    assert found[0].words == "<script>alert(1)</script> "
    assert all(one.href.startswith("https://") for one in found if one.href)


def test_a_step_goes_on_from_what_the_one_before_shows(tmp_path: Path) -> None:
    path = tmp_path / "My first!.md"
    tried = "try: t\nshow: at=block1.conv1[0,1,2,3]&direction=\n\n"
    path.write_text(f"{HEAD}{STEP}{tried}## B\n\nText\nover two lines.\n")
    lesson = read_own(path)
    first, second = (one.step for one in lesson.steps)
    assert lesson.name == "own-my-first"
    assert lesson.card.first == m.Place("cnn", {"network": "tiny-vgg-emoji", "lesson": "own-my-first.1"})
    assert first.done == [m.Condition("is", "at", "block1.conv1[0,1,2,3]")]
    assert second.opens == first.shows
    assert second.stays
    assert plain(second.text[0]) == "Text over two lines."


def test_a_question_is_only_asked_with_its_arguments() -> None:
    assert check_answer("next gpt-moby 'Call me'") == ["next", "gpt-moby", "Call me"]
    with pytest.raises(GlassworkError, match="argument"):
        check_answer("next gpt-moby Call me")
    with pytest.raises(GlassworkError, match="can't be read"):
        check_answer("next gpt-moby 'Call me")
