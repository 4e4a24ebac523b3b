"""The texts and series that ship, from the packages that scripts/build_data.py fetched: one writer for each."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

from emoji_classes import hash_order

CHAPTERS = 135


def write_text(path: Path, text: str) -> None:
    """Write UTF-8, gzipped, with no time stamp inside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed:
        packed.write(text.encode())


def build_moby_dick(package: Path, out: Path) -> None:
    """The chapters in the book's order, and the epilogue; what stands before the first (extracts) is left out."""
    names = [*(f"chapter_{number}" for number in range(1, CHAPTERS + 1)), "epilogue"]
    parts = [(package / "moby-dick" / "data" / f"{name}.txt").read_text(encoding="utf-8").strip() for name in names]
    write_text(out / "moby-dick" / "text.gz", "\n\n\n".join(parts) + "\n")


def build_first_names(package: Path, out: Path) -> None:
    """Every different name once, in an order that no letter decides, so that any part of the list is like the rest."""
    names: set[str] = set()
    for kind in ("female", "male"):
        names |= set((package / f"{kind}-first-names-en" / "data" / "names.txt").read_text(encoding="utf-8").split())
    numbered = sorted(names)
    order = hash_order(range(len(numbered)), salt="first names")
    write_text(out / "first-names" / "names.gz", "\n".join(numbered[i] for i in order) + "\n")


def build_phrases(package: Path, out: Path) -> None:
    """What each emoji is called in English and in French, a pair a line, in an order that no letter decides."""
    told = [json.loads((package / tongue / "data.json").read_text(encoding="utf-8")) for tongue in ("en", "fr")]
    english, french = ({row["hexcode"]: " ".join(row["label"].split()) for row in rows} for rows in told)
    pairs = sorted((english[code], french[code]) for code in english if code in french)
    order = hash_order(range(len(pairs)), salt="phrases")
    write_text(out / "phrases-en-fr" / "phrases.gz", "".join("\t".join(pairs[i]) + "\n" for i in order))


def build_series(package: Path, out: Path) -> None:
    """Two columns, time and value; a week of which nothing was measured has no value."""
    for name in ("sunspots", "co2"):
        with (package / "statsmodels" / "datasets" / name / f"{name}.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
        write_text(out / "series" / f"{name}.gz", "".join(f"{time},{value}\n" for time, value in rows[1:]))


def build_japanese_vowels(package: Path, out: Path) -> None:
    """One utterance a line: the speaker, then each step's twelve numbers."""
    for part in ("TRAIN", "TEST"):
        path = package / "aeon" / "datasets" / "data" / "JapaneseVowels" / f"JapaneseVowels_{part}.ts"
        lines = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line or line[0] in "#@":
                continue
            *channels, label = line.split(":")
            steps = zip(*(channel.split(",") for channel in channels), strict=True)
            lines.append(json.dumps([int(label), [[float(number) for number in step] for step in steps]]))
        write_text(out / "japanese-vowels" / f"{part.lower()}.gz", "\n".join(lines) + "\n")
