"""Measured scores of a trained network on examples that its training never saw."""

from __future__ import annotations

from collections import Counter
from typing import TypedDict

import torch

from glasswork import data as datasets
from glasswork import generation, measuring, training, zoo
from glasswork.data import cutouts, given, nuclei
from glasswork.data.phrases import load_phrases
from glasswork.data.series import load_series
from glasswork.data.texts import load_text, text_names
from glasswork.data.tokens import Vocabulary
from glasswork.data.utterances import load_utterances
from glasswork.errors import GlassworkError

MOST = 20  # names in an error


class Evaluation(TypedDict):
    """What `glasswork eval --json` prints."""

    recipe: str
    data: str
    n: int
    of: str
    scores: dict[str, float]


def evaluate(target: str, data: str | None = None) -> Evaluation:
    """Score a network on the held-out part of a data set, each example through the network's own preprocessing.

    Args:
        target: any TARGET whose labels are those of the data set.
        data: one of glasswork.data.names(), or one's own (folder:DIR ...); None for what the network was trained for.

    Returns:
        n: how many examples; of: what these are (pictures, rows, characters); scores: see glasswork.measuring.

    Raises:
        GlassworkError: the network or data set can't be loaded, or they don't fit each other.
    """
    network = zoo.load(target)
    data = data or (network.card.data if network.card else None)
    if network.card is not None and data and network.vocabulary is not None:
        return _evaluate_text(network, network.card, network.vocabulary, data)
    if network.card is not None and network.card.diffusion and data in (None, network.card.data):
        return _evaluate_diffusion(target, network, network.card)
    if network.card is not None and data and network.rows is not None:
        return _evaluate_rows(network, network.card, network.rows, data)
    if network.card is not None and data is not None and network.card.data == data:
        if network.makes is not None and network.makes.width:
            scores = training.score_points(network.module, network.makes, data)
            n = network.card.tested_on
            return {"recipe": network.card.recipe, "data": data, "n": n, "of": "points", "scores": scores}
        if network.translation is not None:
            limits = [int(network.card.settings.get(name, 0)) for name in ("longest", "scored")]
            phrases = training.chosen_pairs(load_phrases(data), network.translation, *limits)
            scores = training.score_translation(network.module, network.translation, phrases)
            n = network.card.tested_on
            return {"recipe": network.card.recipe, "data": data, "n": n, "of": "pairs", "scores": scores}
        if network.makes is not None and "judge" in network.card.settings:
            return _evaluate_made(network, network.card, network.makes)
        if network.forecast is not None:
            return _evaluate_forecast(network, network.card, network.forecast)
        if data in (cutouts.NAME, nuclei.NAME):
            own = data == cutouts.NAME
            scores = (
                training.score_masks(network.module, cutouts.load_cutouts("test"))
                if own
                else training.score_tiles(network.module)
            )
            of, n = "cut-outs" if own else "tiles", network.card.tested_on
            return {"recipe": network.card.recipe, "data": data, "n": n, "of": of, "scores": scores}
        if network.utterance is not None:
            scores = training.score_utterances(network.module, network.utterance, load_utterances(data, "test"))
            n = network.card.tested_on
            return {"recipe": network.card.recipe, "data": data, "n": n, "of": "utterances", "scores": scores}
    if data is None or network.preprocess is None:
        raise GlassworkError(
            f"{target} can't be scored",
            why="nothing says what it was trained on" if data is None else "nothing says what pictures it expects",
            todo=f"Name a data set with --data: {', '.join(datasets.names())}.",
        )
    if given.is_given(data):
        return _evaluate_given(target, network, network.preprocess, data)
    examples = datasets.load(data, "test")
    if network.labels != examples.classes:
        raise _no_fit(target, data, network.labels, examples.classes)
    pictures = datasets.on_white(examples.pictures)
    inputs = torch.cat([network.preprocess(picture).inputs[0] for picture in pictures])  # (N, C, H, W)
    logits = measuring.predict(network.module, inputs)
    return {
        "recipe": network.card.recipe if network.card else target,
        "data": data,
        "n": len(examples),
        "of": "pictures",
        "scores": (measuring.classification_scores if network.after else measuring.target_scores)(
            logits, torch.tensor(examples.labels)
        ),
    }


def _evaluate_given(target: str, network: zoo.Network, prepare: zoo.Preprocessing, data: str) -> Evaluation:
    """Scores on one's own pictures: those that were held out, where the network was trained on this data."""
    files = given.read_pictures(data)
    settings = network.card.settings if network.card and network.card.data == data else None
    if settings is not None:
        held_out, aside = float(settings["held_out"]), min(0.1, float(settings["validation"]) / len(files))
        files = training.held_out(files, held_out, aside)
    elif "test" in files.splits:
        files = files.take([i for i, part in enumerate(files.splits) if part == "test"])
    place = places(network.labels, files.classes)
    if place is None:
        raise _no_fit(target, data, network.labels, files.classes)
    scores, count = training.score_files(network.module, files, prepare, place)
    recipe = network.card.recipe if network.card else target
    return {"recipe": recipe, "data": data, "n": count, "of": "pictures", "scores": scores}


def _evaluate_text(network: zoo.Network, card: zoo.Card, vocabulary: Vocabulary, data: str) -> Evaluation:
    """Scores on the end of the text that it was trained on, or on the whole of another."""
    text = load_text(data) if data in text_names() else given.read_text(data)
    window, overlap = int(card.text["window"]), int(card.text.get("overlap", 0))
    if data == card.data:
        scores, count = training.score_text(network.module, vocabulary, text, window, overlap), card.tested_on
    else:
        whole = text.train + text.validation + text.test
        scores, count = measuring.text_scores(network.module, vocabulary, whole, window, overlap=overlap), len(whole)
    return {"recipe": card.recipe, "data": data, "n": count, "of": "characters", "scores": scores}


def _evaluate_forecast(network: zoo.Network, card: zoo.Card, forecast: zoo.Forecast) -> Evaluation:
    """Scores on the end of the series that it was trained on, with what can be told without a network beside them."""
    series = load_series(card.data)
    begin, order = len(series) - int(card.settings["held_out"]), int(card.settings["order"])
    scores = training.score_forecasts(network.module, forecast, series, begin, len(series), order)
    return {"recipe": card.recipe, "data": card.data, "n": card.tested_on, "of": f"{series.step}s", "scores": scores}


def _evaluate_made(network: zoo.Network, card: zoo.Card, makes: zoo.Makes) -> Evaluation:
    """How far what a generator makes is from the held-out pictures, by the classifier that its card names."""
    fresh = training.untrained(card.network, card.sizes)
    scores = training.score_made(network.module, makes, fresh, str(card.settings["judge"]), card.data)
    return {"recipe": card.recipe, "data": card.data, "n": card.tested_on, "of": "pictures", "scores": scores}


def _evaluate_diffusion(target: str, network: zoo.Network, card: zoo.Card) -> Evaluation:
    """Scores of a part of a text-to-image model: how well it draws again, tells captions, or follows them."""
    part, of, n = card.diffusion["part"], "pictures", card.tested_on
    if part == "autoencoder":
        shown = training.pictures_of(card.data, "test", int(card.sizes["size"]))
        scores = training.score_pictures(network.module, training.as_tensor(shown.pictures))
    elif part == "encoders":
        held_out = training.Captioned.of(*training.read_pairs(card.data, "test", int(card.sizes["size"])), 0)
        scores = training.score_pairs(network.module, held_out, generation.tokens_of(network))
    else:
        steps, guidance, copies = (card.settings[name] for name in ("steps_judged", "guidance", "copies"))
        how = training.Judgement(int(steps), float(guidance), copies=int(copies))
        judge = zoo.load(str(card.diffusion["judge"] or "emoji-judge"))
        scores, of, n = training.judge(generation.open_model(target), judge, how), "prompts", how.prompts
    return {"recipe": card.recipe, "data": card.data, "n": n, "of": of, "scores": scores}


def _evaluate_rows(network: zoo.Network, card: zoo.Card, rows: zoo.Rows, data: str) -> Evaluation:
    """Scores on the rows that were held out, or on all of another table."""
    table = given.read_table(data, rows.target)
    missing = [column.name for column in rows.columns if column.name not in table.columns]
    if missing:
        raise _no_fit(card.name, data, tuple(column.name for column in rows.columns), tuple(table.columns))
    for column in rows.columns:
        if bool(column.words) == table.is_number(column.name):
            raise _no_fit(card.name, data, (f"{column.name} as words",), (f"{column.name} as numbers",))
    classes = bool(network.labels)
    true, names = training.target_of(table, "classification" if classes else "regression", network.labels)
    x = rows.encode(table.columns)
    if data == card.data:
        split = training.split_rows(
            table, true, classes, float(card.settings["held_out"]), int(card.settings["validation"])
        )
        x, true = x[split.test], true[split.test]
    if classes and (true < 0).any():
        found = given.read_table(data, rows.target).columns[rows.target]
        raise _no_fit(card.name, data, names, tuple(sorted(set(map(str, found.tolist())))))
    scores = training.scored_rows(network.module, rows, x, true, classes)
    return {"recipe": card.recipe, "data": data, "n": len(true), "of": "rows", "scores": scores}


def places(labels: tuple[str, ...], classes: tuple[str, ...]) -> list[int] | None:
    """Which output stands for each class: that of its name, or for folders named by numbers, that number.

    ImageNet has two cranes and two maillots: where a name stands for several outputs, they are taken in their order.
    """
    if classes and all(name in labels for name in classes):
        outputs = {name: [at for at, label in enumerate(labels) if label == name] for name in set(classes)}
        seen: Counter[str] = Counter()
        places = []
        for name in classes:
            places.append(outputs[name][min(seen[name], len(outputs[name]) - 1)])
            seen[name] += 1
        return places
    if classes and all(name.isdecimal() and int(name) < len(labels) for name in classes):
        return [int(name) for name in classes]
    return None


def _no_fit(target: str, data: str, labels: tuple[str, ...], classes: tuple[str, ...]) -> GlassworkError:
    def few(names: tuple[str, ...]) -> str:
        return ", ".join(names[:MOST]) + (f" and {len(names) - MOST:,} more" if len(names) > MOST else "")

    return GlassworkError(
        f"{target} can't be scored on {data}",
        why=f"it names {few(labels) or 'nothing'}; the data has {few(classes)}",
        todo="Choose the data set that it was trained for.",
    )
