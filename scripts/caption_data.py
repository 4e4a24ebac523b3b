"""Which emoji have captions, what they are called, and which of them no training ever sees.

Names and tags are those of npm `emojibase-data`, categories those of `emoji.json`. Held out are whole groups, as in
emoji_classes.py: an emoji in both styles, and its man, woman and person, fall on one side of the split. What ships is
all words, and the pictures that are held out or judged by; the others are fetched (`glasswork data fetch`).
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from emoji_classes import group_of, hash_order
from glasswork.data.clip_tokens import learn_merges

STYLES = ("twitter", "google")
CATEGORIES = (
    *("Smileys & Emotion", "People & Body", "Animals & Nature", "Food & Drink", "Travel & Places"),
    *("Activities", "Objects", "Symbols", "Flags"),
)
HELD_OUT = 0.08  # of each category's emoji
JUDGED = 200  # emoji of those trained on, whose prompts are judged
MERGES = 3_000  # pairs of the tokenizer
FOLDER = "emoji-captions"


def choose(entries: list[dict[str, Any]], words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each emoji, in Unicode's order.

    Args:
        entries: emoji.json of npm `emoji-datasource-twitter`.
        words: en/data.json of npm `emojibase-data`.
    """
    named = {word["hexcode"].replace("-FE0F", ""): word for word in words}
    rows: list[dict[str, Any]] = []
    for entry in sorted(entries, key=lambda entry: entry["sort_order"]):
        if entry["category"] not in CATEGORIES or not all(entry[f"has_img_{style}"] for style in STYLES):
            continue
        word = named[entry["unified"].replace("-FE0F", "")]
        category = CATEGORIES.index(entry["category"])
        rows.append(
            {
                "name": word["label"].lower(),
                "tags": sorted({tag.lower() for tag in word.get("tags", [])} - {word["label"].lower()}),
                "category": category,
                "code": entry["unified"],
                "group": f"{category} {group_of(entry['unified'])}",
                "image": entry["image"],
                "split": "train",
                "judged": False,
            }
        )
    for category in range(len(CATEGORIES)):
        mine = [row for row in rows if row["category"] == category]
        groups = hash_order(sorted({row["group"] for row in mine}), salt="captions held out")
        held_out: set[str] = set()
        while sum(row["group"] in held_out for row in mine) < HELD_OUT * len(mine):
            held_out.add(groups[len(held_out)])
        for row in mine:
            row["split"] = "test" if row["group"] in held_out else "train"
    trained = [row for row in rows if row["split"] == "train"]
    by_code = {row["code"]: row for row in trained}
    for code in hash_order(sorted(by_code), salt="captions judged")[:JUDGED]:
        by_code[code]["judged"] = True
    return rows


def build_captions(
    packages: dict[str, Path],
    out: Path,
    picture: Callable[[dict[str, Path], str, str], np.ndarray],
    write_sheet: Callable[[Path, list[np.ndarray]], None],
) -> None:
    """Write the words, with the hash of all pictures, and sheets of those that ship."""
    rows = choose(
        json.loads((packages["twitter"] / "emoji.json").read_text(encoding="utf-8")),
        json.loads((packages["emojibase"] / "en" / "data.json").read_text(encoding="utf-8")),
    )
    (out / FOLDER).mkdir(parents=True)
    digest = hashlib.sha256()
    for style in STYLES:
        sheets: dict[str, list[np.ndarray]] = {"test": [], "judged": []}
        for row in rows:
            pixels = picture(packages, style, row["image"])
            digest.update(pixels.tobytes())
            if row["split"] == "test" or row["judged"]:
                sheets["judged" if row["judged"] else "test"].append(pixels)
        for name, cells in sheets.items():
            write_sheet(out / FOLDER / f"{style}-{name}.webp", cells)
    write_packed(out / FOLDER / "captions.gz", {"sha256": digest.hexdigest(), "emoji": rows})
    trained = [row for row in rows if row["split"] == "train"]
    texts = [" ".join([row["name"], *row["tags"]]) for row in trained]
    texts += [
        "flat shaded a an red orange yellow green blue purple pink",
        *CATEGORIES,
    ] * MERGES  # words of all captions
    write_packed(out / FOLDER / "merges.gz", learn_merges(texts, MERGES))


def write_packed(path: Path, value: Any) -> None:
    """JSON, gzipped, without a time stamp."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed:
        packed.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
