"""Modules of the SWORD project with a few verses, as a test writes them."""

from __future__ import annotations

import struct
from pathlib import Path

from glasswork.data import verses

MATTHEW = (25, 23, 17, 25, 48, 34, 29, 34, 38, 42, 30)
"""Verses of its first chapters, in the King James Bible's numbering."""
CHAPTERS, WRITTEN = 11, 3
BEFORE = 3
"""Entries before the first chapter: of the module, of the testament, of the book."""


def write_module(folder: Path, name: str, texts: dict[tuple[int, int], str]) -> None:
    """A module of Matthew, uncompressed: where each verse begins, and how long it is, six bytes each."""
    (folder / "mods.d").mkdir(parents=True, exist_ok=True)
    place = folder / "modules" / name
    place.mkdir(parents=True)
    about = (
        f"[{name}]\nDataPath=./modules/{name}/\nModDrv=RawText\nSourceType=OSIS\nEncoding=UTF-8\nVersification=KJV\n"
    )
    (folder / "mods.d" / f"{name}.conf").write_text(about)
    written, records = b"", [(0, 0)] * BEFORE
    for chapter, length in enumerate(MATTHEW, 1):
        records.append((0, 0))  # the chapter's heading
        for verse in range(1, length + 1):
            text = texts.get((chapter, verse), "").encode()
            records.append((len(written), len(text)))
            written += text
    (place / "nt").write_bytes(written)
    (place / "nt.vss").write_bytes(b"".join(struct.pack("<IH", *record) for record in records))


def write_verses(folder: Path) -> None:
    """Three verses of each chapter in both languages; of the third chapter's second verse there is no Spanish."""
    places = [(chapter, verse) for chapter in range(1, CHAPTERS + 1) for verse in range(1, WRITTEN + 1)]
    note = '<note placement="foot">a <hi>footnote</hi></note>'
    english = {at: f'<w lemma="a">Verse</w> {at[1]} of{note}<w>chapter</w> {at[0]} &amp; more .' for at in places}
    spanish = {at: f"Versículo {at[1]} del capítulo {at[0]}" for at in places if at != (3, 2)}
    for name, texts in zip(verses.MODULES, (english, spanish), strict=True):
        write_module(folder, name, texts)
