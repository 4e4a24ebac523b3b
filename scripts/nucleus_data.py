"""The one real microscopy picture, and which nucleus each of its pixels belongs to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

STARDIST = ("pip", "stardist", "0.9.2", "stardist/data/images/img2d.tif, mask2d.tif")
FILES = ["nuclei/picture.webp", "nuclei/labels.webp"]
LICENCE = "BSD-3-Clause"


def build_nuclei(package: Path, out: Path) -> None:
    """Write the picture and its labels, which need no more than eight bits, as they are."""
    (out / "nuclei").mkdir(parents=True)
    for file, name in zip(FILES, ("img2d", "mask2d"), strict=True):
        with Image.open(package / "stardist" / "data" / "images" / f"{name}.tif") as picture:
            values = np.array(picture)
        assert values.max() < 256, name
        grey = Image.fromarray(values.astype(np.uint8)).convert("RGB")
        grey.save(out / file, "WEBP", lossless=True, quality=100, method=6)


def nucleus_notice(package: Path) -> list[str]:
    """What its licence asks for."""
    (licence,) = package.glob("*.dist-info/licenses/LICENSE.txt")
    quoted = "\n".join(f"> {line}".rstrip() for line in licence.read_text().strip().splitlines())
    return [
        "## nuclei",
        "A fluorescence micrograph of nuclei, each of them labelled, from the 2018 Data Science Bowl (J. Caicedo et "
        "al. 2019, Nucleus segmentation across imaging experiments, Nature Methods 16), as packaged in `stardist`. "
        "Changed: stored with eight bits as lossless WebP, which holds the same values.",
        quoted,
    ]
