"""Which emoji make the ten classes of the emoji data set, and which of them are held out.

The classes are unions of emoji.json's subcategories, less what does not look like its class (an anchor is no vehicle).
Held out are whole *groups*: an emoji in both styles, all its skin tones, its man, woman and person, and its mirror
image fall on one side of the split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

Item = TypeVar("Item")

CLASSES: dict[str, tuple[str, ...]] = {
    "face": (
        *("face-smiling", "face-affection", "face-tongue", "face-hand", "face-neutral-skeptical", "face-sleepy"),
        *("face-unwell", "face-hat", "face-glasses", "face-concerned", "face-negative"),
    ),
    "person": ("person", "person-gesture", "person-role"),
    "hand": ("hand-fingers-open", "hand-fingers-partial", "hand-single-finger", "hand-fingers-closed", "hands"),
    "animal": (
        *("animal-mammal", "animal-bird", "animal-amphibian", "animal-reptile", "animal-marine", "animal-bug"),
        *("cat-face", "monkey-face"),
    ),
    "plant": ("plant-flower", "plant-other", "food-fruit", "food-vegetable"),
    "dish": ("food-prepared", "food-asian", "food-sweet"),
    "vehicle": ("transport-ground", "transport-water", "transport-air"),
    "clothing": ("clothing",),
    "flag": ("flag", "country-flag", "subdivision-flag"),
    "sign": ("transport-sign", "warning", "arrow", "av-symbol", "religion", "zodiac", "keycap", "alphanum"),
}
NOT_OF_ITS_CLASS = {
    "skull_and_crossbones", "dotted_line_face",
    "paw_prints", "feather", "wing", "shell", "spider_web", "microbe",
    "empty_nest", "nest_with_eggs",
    "busstop", "motorway", "railway_track", "oil_drum", "fuelpump", "wheel", "rotating_light", "traffic_light",
    "vertical_traffic_light",
    "octagonal_sign", "construction", "anchor", "ring_buoy", "seat", "parachute", "bellhop_bell", "luggage",
    "gem", "ring", "lipstick", "prayer_beads",
    "crossed_flags",
    "handshake",
}  # fmt: skip
MOST_PER_CLASS = 120  # emoji, before skin tones: keeps flags and people from outnumbering the others
TONED = {"hand": 5, "person": 1}  # how many of the five skin tones of each emoji are taken
HELD_OUT = 0.18  # of each class's emoji
PERSONS = {"1F468", "1F469", "1F9D1"}  # man, woman, person
TONES = {"1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF"}
JOINERS = {"200D", "FE0F", "2640", "2642", "27A1"}  # joiner, colour variant, woman's and man's sign, facing right
MIRRORED = {"1F449": "1F448", "1F91C": "1F91B", "1FAF1": "1FAF2", "1FAF8": "1FAF7"}  # right -> left


@dataclass(frozen=True)
class Emoji:
    """One emoji, in one skin tone."""

    name: str
    code: str
    category: str
    group: str
    image: str
    styles: dict[str, bool]
    held_out: bool = False


def hash_order(items: Iterable[Item], salt: str) -> list[Item]:
    """The items in an order that looks random and is the same everywhere."""
    return sorted(items, key=lambda item: hashlib.sha256(f"{salt} {item}".encode()).digest())


def group_of(code: str) -> str:
    """What an emoji has in common with its skin tones, genders and mirror image, as code points."""
    points = [point for point in code.split("-") if point not in TONES | JOINERS]
    if len(points) > 1:
        points = [point for point in points if point not in PERSONS] or points
    return "-".join(MIRRORED.get(point, point) for point in points)


def _group(category: str, entry: dict[str, Any]) -> str:
    return f"{category} {group_of(entry['unified'])}"  # an airplane and its pilot are not one group


def _variants(entry: dict[str, Any], category: str) -> list[Emoji]:
    """The emoji itself and the skin tones that are taken of it."""

    def emoji(image: dict[str, Any], name: str) -> Emoji:
        styles = {style: image[f"has_img_{style}"] for style in ("twitter", "google")}
        return Emoji(name, image["unified"], category, _group(category, entry), image["image"], styles)

    name = entry["short_name"].replace("_", "-")
    tones = {tone: image for tone, image in entry.get("skin_variations", {}).items() if "-" not in tone}
    taken = hash_order(sorted(tones), salt=entry["unified"])[: TONED.get(category, 0)]
    return [emoji(entry, name)] + [emoji(tones[tone], f"{name}-{tone.lower()}") for tone in sorted(taken)]


def choose_emoji(entries: list[dict[str, Any]]) -> list[Emoji]:
    """The emoji of the ten classes, in Unicode's order, each marked as held out or not.

    Args:
        entries: emoji.json of npm `emoji-datasource-twitter`.
    """
    chosen: list[Emoji] = []
    for category, subcategories in CLASSES.items():
        fitting = [
            entry
            for entry in sorted(entries, key=lambda entry: entry["sort_order"])
            if entry["subcategory"] in subcategories and entry["short_name"] not in NOT_OF_ITS_CLASS
        ]
        kept = set(hash_order([e["unified"] for e in fitting], salt="kept")[:MOST_PER_CLASS])
        fitting = [entry for entry in fitting if entry["unified"] in kept]
        groups = [_group(category, entry) for entry in fitting]
        held_out: set[str] = set()
        for group in hash_order(sorted(set(groups)), salt="held out"):
            if sum(g in held_out for g in groups) >= HELD_OUT * len(groups):
                break
            held_out.add(group)
        for entry in fitting:
            chosen += [replace(v, held_out=v.group in held_out) for v in _variants(entry, category)]
    return chosen
