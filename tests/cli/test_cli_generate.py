"""`glasswork generate`: the contract's fields, the same text for a seed, and clear errors."""

import json
from pathlib import Path

import pytest

from glasswork import recipes
from glasswork.cli import main


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    text = folder / "a.txt"
    text.write_text("the cat sat on the mat.\n" * 300, encoding="utf-8")
    settings = {"observe": False, "window": 16, "sizes.width": 16, "batch": 4}
    for _ in recipes.run("text", data=f"text:{text}", out=folder / "run", steps=3, settings=settings):
        pass
    return folder / "run"


def test_json_has_the_contracts_fields_and_a_seed_repeats(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for seed in ("1", "1", "2"):
        assert main(["generate", "the cat", "--network", str(run), "--tokens", "12", "--seed", seed, "--json"]) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0]["tokens"] == said[1]["tokens"] != said[2]["tokens"]
    first = said[0]
    assert first["prompt"] == "the cat"
    assert first["text"] == "".join(token["text"] for token in first["tokens"])
    assert all(token["logprob"] <= 0 and isinstance(token["id"], int) for token in first["tokens"])
    assert first["seconds_per_token"] > 0


def test_people_get_the_text_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["generate", "the", "--network", str(run), "--tokens", "9", "--temperature", "0"]
    assert main(arguments) == 0
    plain = capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    assert plain == json.loads(capsys.readouterr().out)["text"] + "\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["", "--network", "RUN"], 2, "nothing to write on from"),
        (["x", "--network", "RUN", "--tokens", "0"], 2, "out of range"),
        (["x", "--network", "RUN", "--top-p", "2"], 1, "top-p can't be 2"),
        (["x", "--network", "RUN", "--temperature", "-1"], 1, "temperature can't be -1"),
        (["x", "--network", "lstm-moby"], 1, "/lstm"),
        (["x", "--network", "tiny-vgg-digits"], 1, "reads no text"),
        (["x", "--network", "nothing"], 1, "there is no network called"),
    ],
)
def test_what_can_not_be_done_is_said(
    run: Path, arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", *(str(run) if each == "RUN" else each for each in arguments)]) == code
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
