"""Twenty photographs of ImageNet's classes that nothing was trained or chosen on, from their package; not shipped."""

from __future__ import annotations

import zipfile
from pathlib import Path

from glasswork.zoo import fetching

PACKAGE = ("foolbox", "3.3.4", "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb", 1_677_112)


def fetch_photographs(folder: Path) -> Path:
    """Lay them down in ImageNet's layout: the package names each one's class in its file name."""
    package, version, sha256, size = PACKAGE
    wheel = folder / "photos.whl"
    fetching.download(fetching.locate(package, version, sha256), wheel, sha256=sha256, size=size)
    laid = folder / "imagenet"
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            place, _, label = Path(name).stem.rpartition("_")
            if name.startswith("foolbox/data/imagenet_"):
                (laid / label).mkdir(parents=True, exist_ok=True)
                (laid / label / f"{place}.jpg").write_bytes(archive.read(name))
    return laid
