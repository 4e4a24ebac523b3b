"""The files of weights that Hugging Face keeps for our own networks, fetched and found by its own library.

That library resumes what broke off, compares sizes, and keeps one cache for all programs (HF_HOME). A file there has
its sha256 for a name; it is compared whenever the file is read.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from glasswork.errors import GlassworkError
from glasswork.zoo.fetching import Progress, begins_with
from glasswork.zoo.preprocessing import Preprocessing

REPOSITORIES = {
    "gpt2": "openai-community/gpt2",
    "gpt2-medium": "openai-community/gpt2-medium",
    "gpt2-large": "openai-community/gpt2-large",
    "gpt2-xl": "openai-community/gpt2-xl",
    "smollm2-360m": "HuggingFaceTB/SmolLM2-360M",
    "vit-base-patch16-224": "google/vit-base-patch16-224",
}
"""By the network's name in glasswork.networks.named()."""
LICENCES = {
    "gpt2": "MIT",
    "gpt2-medium": "MIT",
    "gpt2-large": "MIT",
    "gpt2-xl": "MIT",
    "smollm2-360m": "Apache-2.0",
    "vit-base-patch16-224": "Apache-2.0",
}
PREPROCESSING = {
    # the whole picture squeezed into a square, as its authors do, is not what we do: the largest square is cut out
    "vit-base-patch16-224": Preprocessing(224, 3, mean=(0.5,) * 3, std=(0.5,) * 3)
}
FILE = "model.safetensors"
INSTALL = 'pip install "glasswork[hub]"'
_HEX = 64  # digits of a sha256; a small file's name is another hash, and git's
_PARTS = ("*.safetensors", "*.json", "*.txt", "*.model")  # weights, settings and tokenizers; no code, no pickles


def kept_at(name: str) -> Path | None:
    """The file of weights for one of REPOSITORIES, where it is on this machine."""
    try:
        hub = importlib.import_module("huggingface_hub")
    except ImportError:
        return None
    found = hub.try_to_load_from_cache(REPOSITORIES[name], FILE)
    return Path(found) if isinstance(found, str) else None


def verified(name: str, path: Path) -> Path:
    """The same file, its hash compared.

    Raises:
        GlassworkError: it was changed.
    """
    wanted = path.resolve().name
    if len(wanted) == _HEX and not begins_with(path, wanted):
        raise GlassworkError(
            f"the weights of {name} were changed or damaged",
            where=str(path),
            why=f"their sha256 is not {wanted[:16]}..., as their name says",
            todo=f"Delete {path.resolve()}; glasswork data fetch {name} gets it again.",
        )
    return path


def fetch(name: str, progress: Progress = lambda done, total: None) -> Path:
    """Bring the weights of one of REPOSITORIES to the cache; nothing is asked for when they are there.

    Raises:
        GlassworkError: they can't be fetched; says what is missing, and how to bring it here by hand.
    """
    here = kept_at(name)
    if here:
        return verified(name, here)
    hub, place = _library(name), REPOSITORIES[name]
    path = _asked(name, place, lambda: hub.hf_hub_download(place, FILE, tqdm_class=_telling(progress)))
    return verified(name, Path(path))


def fetch_repository(place: str) -> Path:
    """Bring all that transformers needs of a repository to the cache: weights as safetensors, settings, tokenizer.

    Args:
        place: OWNER/NAME.

    Raises:
        GlassworkError: see fetch.
    """
    hub = _library(place)
    return Path(_asked(f"hf:{place}", place, lambda: hub.snapshot_download(place, allow_patterns=list(_PARTS))))


def _asked(name: str, place: str, ask: Any) -> str:
    try:
        return ask()
    except Exception as error:  # of the library, of what it rests on, or of the system: it documents no common one
        said = str(error).strip().splitlines()
        raise GlassworkError(
            f"the weights of {name} are missing",
            where=place,
            why=f"{type(error).__name__}: {said[0][:300] if said else ''}",
            todo=f"Off line: where there is internet, run hf download {place}; bring the folder that HF_HOME names.",
        ) from error


def _telling(progress: Progress) -> type[Any]:
    """A bar for the library that draws nothing and tells how far it is."""
    from tqdm import tqdm

    class Telling(tqdm):
        def __init__(self, *given: Any, **settings: Any) -> None:
            self.done = settings.get("initial") or 0
            settings.pop("name", None)  # of the library's own bars
            super().__init__(*given, **{**settings, "disable": True})
            self.total = settings.get("total")

        def update(self, n: float | None = 1) -> bool | None:
            self.done += n or 0
            progress(int(self.done), int(self.total or 0))

    return Telling


def _library(name: str) -> ModuleType:
    try:
        hub = importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise GlassworkError(
            "huggingface_hub is not installed", where=name, why=str(error), todo=f"{INSTALL} brings it."
        ) from error
    hub.logging.set_verbosity_error()  # that it tries again is no news: an error says what came of it
    return hub
