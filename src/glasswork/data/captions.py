"""What is said of an emoji, in many ways, and copies of it in other colours, of which the colour is said.

A caption is made of the name, tags, the style and the category; training draws from its variants, judging uses one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from glasswork.data.emoji_captions import CATEGORIES, Shown

COLOURS = {"red": 0, "orange": 28, "yellow": 52, "green": 120, "blue": 215, "purple": 275, "pink": 328}
"""Hues in degrees."""
SAID = {*COLOURS, "brown", "black", "white", "grey", "gray"}
KEPT = ("people & body", "flags")  # categories whose colours are part of what they are
WIDTH = 30  # degrees on either side of a hue that count as it
STEP, BINS = 10, 36  # degrees that are counted together
SHARE = 0.45  # of what is drawn, that must be of one hue for a colour to be told


def spoken(one: Shown, tags: int = 3) -> str:
    """The caption that a model is judged by: name, style and the first tags."""
    if one.texts:
        return one.texts[0]
    more = [tag for tag in one.tags if tag not in one.name][:tags]
    return ", ".join([one.name, *more, one.style])


def variants(
    one: Shown, count: int, random: np.random.Generator, colour: str = "", as_spoken: float = 0.0
) -> list[str]:
    """Captions of an emoji, drawn at random: the name is always there but in one of six.

    Args:
        one: what it shows.
        count: how many.
        random: for the choice.
        colour: of a copy in another colour, or its own.
        as_spoken: the part of them that are `spoken`, where no colour is said.
    """
    if one.texts:
        return random.choice(one.texts, count).tolist()
    name = without_colour(one.name) or one.name if colour else one.name
    named = f"{colour} {name}" if colour else name
    tags = [tag for tag in one.tags if tag not in SAID]
    found = []
    for _ in range(count):
        if as_spoken and not colour and random.random() < as_spoken:
            found.append(spoken(one))
            continue
        parts = [f"{article(named)} {named}" if random.random() < 0.25 else named]
        if tags and random.random() < 0.5:
            chosen = random.choice(tags, min(len(tags), int(random.integers(1, 4))), replace=False).tolist()
            parts = chosen if random.random() < 1 / 3 and not colour else [*parts, *chosen]
        if random.random() < 0.15:
            parts.append(CATEGORIES[one.category])
        if random.random() < 0.5:
            parts.append(one.style)
        found.append(", ".join(parts))
    return found


def may_be_mirrored(one: Shown) -> bool:
    """Whether its mirror image shows the same: no flag, no sign, nothing with a side in its name."""
    sided = any(word in one.name for word in ("left", "right", "clock"))
    if one.texts:
        return True
    return CATEGORIES[one.category] not in ("flags", "symbols") and not sided


def article(name: str) -> str:
    """A or an."""
    return "an" if name[:1] in "aeiou" else "a"


def without_colour(name: str) -> str:
    """A name without its words for colours."""
    return " ".join(word for word in name.split() if word.strip(":,") not in SAID)


def hue(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The hue that most of each picture has, and which share of what is drawn has it.

    Args:
        pictures: uint8, (N, H, W, 4).

    Returns:
        Degrees, (N,), and shares, (N,); greys and dark places have no hue.
    """
    degrees, saturation, value = to_hsv(pictures[..., :3].astype(np.float32) / 255)
    drawn = pictures[..., 3] > 127
    told = drawn & (saturation > 0.35) & (value > 0.3)
    nearest = np.rint(degrees / STEP).astype(int) % BINS  # (N, H, W)
    row = np.arange(len(pictures))[:, None, None]
    each = np.bincount((row * BINS + nearest)[told], minlength=len(pictures) * BINS).reshape(-1, BINS)
    reach = range(-(WIDTH // STEP), WIDTH // STEP + 1)
    counted = np.sum([np.roll(each, k, axis=1) for k in reach], axis=0)  # (N, BINS)
    best = counted.argmax(1)[:, None, None]
    chosen = told & (np.abs((nearest - best + BINS // 2) % BINS - BINS // 2) <= WIDTH // STEP)
    angle = np.deg2rad(degrees)
    x, y = ((f(angle) * chosen).sum((1, 2)) for f in (np.cos, np.sin))
    return np.rad2deg(np.arctan2(y, x)) % 360, counted.max(1) / np.maximum(drawn.sum((1, 2)), 1)


def colour_of(degrees: float) -> str:
    """The word for a hue."""
    return min(COLOURS, key=lambda word: abs((degrees - COLOURS[word] + 180) % 360 - 180))


def turned(picture: np.ndarray, degrees: float) -> np.ndarray:
    """A picture, uint8 (H, W, 4), with all hues turned by so many degrees."""
    h, s, v = to_hsv(picture[..., :3].astype(np.float32) / 255)
    colour = from_hsv((h + degrees) % 360, s, v)
    return np.concatenate([np.rint(colour * 255).astype(np.uint8), picture[..., 3:]], axis=-1)


def recoloured(pictures: np.ndarray, told: Sequence[Shown], copies: int) -> list[tuple[int, str, np.ndarray]]:
    """Copies in other colours of those pictures that are mostly of one: index, the colour's name, and the copy.

    Which colours is fixed by rule: a hash of the emoji. The picture's own colour comes first, as it is.
    """
    found = []
    for i, own, others, degrees in _palettes(pictures, told):
        found.append((i, own, pictures[i]))
        for word in others[:copies]:
            found.append((i, word, turned(pictures[i], COLOURS[word] - degrees)))
    return found


def unseen(pictures: np.ndarray, told: Sequence[Shown], copies: int) -> list[tuple[int, str]]:
    """For each picture that has copies in other colours, a colour that neither it nor a copy has: index and word."""
    return [(i, others[copies]) for i, _, others, _ in _palettes(pictures, told)]


def _palettes(pictures: np.ndarray, told: Sequence[Shown]) -> Iterator[tuple[int, str, list[str], float]]:
    """Of each picture that is mostly of one colour: index, that colour, the others in the order of copies, its hue."""
    degrees, share = hue(pictures)
    for i, one in enumerate(told):
        if share[i] < SHARE or one.texts or CATEGORIES[one.category] in KEPT or not without_colour(one.name):
            continue
        own = colour_of(degrees[i])
        digests = {word: hashlib.sha256(f"{one.code} {word}".encode()).digest() for word in COLOURS}
        yield i, own, sorted(set(COLOURS) - {own}, key=lambda word: digests[word]), float(degrees[i])


def to_hsv(colour: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colours from 0 to 1, (..., 3) -> hue in degrees, saturation and value, (...)."""
    value, least = colour.max(-1), colour.min(-1)
    spread = value - least
    safe = np.where(spread == 0, 1, spread)
    r, g, b = np.moveaxis((value[..., None] - colour) / safe[..., None], -1, 0)
    hues = np.where(colour[..., 0] == value, b - g, np.where(colour[..., 1] == value, 2 + r - b, 4 + g - r))
    return np.where(spread == 0, 0, hues * 60 % 360), spread / np.where(value == 0, 1, value), value


def from_hsv(degrees: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The opposite: (...) each -> (..., 3)."""
    k = (np.array([5, 3, 1]) + degrees[..., None] / 60) % 6
    return value[..., None] * (1 - saturation[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1))
