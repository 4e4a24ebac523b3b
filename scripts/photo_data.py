"""The photos that ship: small copies of those in scikit-image and scikit-learn, whole pictures divided by name."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

SIDE = 192  # of the shorter side
QUALITY = 90
SPLITS = {
    "train": {
        "astronaut": "skimage/data/astronaut.png",
        "coins": "skimage/data/coins.png",
        "coffee": "skimage/data/coffee.png",
        "grass": "skimage/data/grass.png",
        "gravel": "skimage/data/gravel.png",
        "hubble": "skimage/data/hubble_deep_field.jpg",
        "retina": "skimage/data/retina.jpg",
        "rocket": "skimage/data/rocket.jpg",
        "tissue": "skimage/data/ihc.png",
    },
    "validation": {"camera": "skimage/data/camera.png"},
    "test": {
        "brick": "skimage/data/brick.png",
        "cat": "skimage/data/chelsea.png",
        "flower": "sklearn/datasets/images/flower.jpg",
        "temple": "sklearn/datasets/images/china.jpg",
    },
}
FILES = [f"photos/{split}-{name}.webp" for split, photos in SPLITS.items() for name in photos]
SKIMAGE = ("pip", "scikit-image", "0.26.0", "skimage/data/*")
SKLEARN = ("pip", "scikit-learn", "1.9.1", "sklearn/datasets/images/*.jpg")
LICENCE = "public domain and CC0-1.0; coins, tissue: no known restrictions; flower, temple: CC-BY-2.0"
NOTICE = [
    "## photos",
    "From `scikit-image`: astronaut (Eileen Collins, NASA), hubble (deep field, NASA and ESA) and rocket (SpaceX), in "
    "the public domain; camera (Lav Varshney), cat (Chelsea, by Stefan van der Walt), coffee (Rachel Michetti, "
    "courtesy of Pikolo Espresso Bar), retina (M. Häggström), brick, grass and gravel (CC0Textures), all CC0 1.0: "
    "https://creativecommons.org/publicdomain/zero/1.0/; coins (Brooklyn Museum) and tissue, without known copyright "
    "restrictions.",
    "From `scikit-learn`: temple (china.jpg, by danielbuechele, "
    "https://www.flickr.com/photos/danielbuechele/6061409035) and flower (flower.jpg, by vultilion, "
    "https://www.flickr.com/photos/vultilion/6056698931), licensed under CC-BY 2.0: "
    "https://creativecommons.org/licenses/by/2.0/",
    f"Changed, all of them: reduced to {SIDE} pixels on the shorter side, stored as WebP of quality {QUALITY}.",
    "## cutouts",
    "Made of emoji and photos when they are read; see these two.",
]


def build_photos(packages: dict[str, Path], out: Path) -> None:
    """Write each photo, RGB, its shorter side SIDE pixels."""
    (out / "photos").mkdir(parents=True)
    for split, photos in SPLITS.items():
        for name, path in photos.items():
            with Image.open(packages[path.partition("/")[0]] / path) as file:
                picture = file.convert("RGB")
            scale = SIDE / min(picture.size)
            small = picture.resize(
                (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS
            )
            small.save(out / "photos" / f"{split}-{name}.webp", "WEBP", quality=QUALITY, method=6)
