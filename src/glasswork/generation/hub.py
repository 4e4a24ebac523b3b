"""A text-to-image model in a repository of the Hugging Face hub: its files are fetched once, then it is a folder.

Only what a folder in the layout of diffusers is read from is fetched: settings, tokenizers, and of each part its
weights as safetensors. Without a network what was fetched before is found in the hub's own cache.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from glasswork.errors import GlassworkError
from glasswork.generation.part_files import SHARD, STEMS
from glasswork.generation.pipeline_folders import CLASSES, INDEX
from glasswork.zoo.libraries import library

REPOSITORY = re.compile(r"hf:([\w.-]+/[\w.-]+)")
SETTINGS = (".json", ".txt")


def on_disk(target: str, say: Callable[[str], None] = lambda _: None) -> str:
    """A TARGET whose files are here: hf:OWNER/NAME becomes the folder that its files were fetched to.

    Args:
        target: any; what is no repository, or one without INDEX (a language model's), comes back as it is.
        say: is told how much will be fetched.

    Raises:
        GlassworkError: huggingface_hub is not installed, or the files can't be fetched.
    """
    found = REPOSITORY.fullmatch(target)
    if not found or Path(target.removeprefix("hf:")).expanduser().is_dir():
        return target
    repository = found[1]
    hub = library("huggingface_hub", target)
    try:
        index = Path(hub.hf_hub_download(repository, INDEX))
    except (OSError, ValueError, hub.errors.EntryNotFoundError):  # no such thing, or no way to it
        return target
    try:
        about = hub.HfApi().model_info(repository, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in about.siblings or ()}
        names = wanted(list(sizes))
        say(f"{target}: {sum(sizes[name] for name in names) / 1e9:.1f} GB in {len(names)} files, fetched once")
        return f"hf:{hub.snapshot_download(repository, revision=about.sha, allow_patterns=names)}"
    except OSError as error:
        if any(index.parent.glob("unet/*.safetensors")):  # fetched before, and there is no network now
            return f"hf:{index.parent}"
        why = str(error).splitlines()[0]
        todo = "Try again when the hub can be reached, or name a folder."
        raise GlassworkError("a repository can't be fetched", where=target, why=why, todo=todo) from error


def wanted(names: Sequence[str]) -> list[str]:
    """Of a repository's files those that a pipeline is read from; of several forms of weights the first of STEMS."""
    chosen = [INDEX] if INDEX in names else []
    for part in (*CLASSES, "scheduler"):
        own = [name for name in names if name.startswith(f"{part}/") and name.count("/") == 1]
        chosen += [name for name in own if name.endswith(SETTINGS)]
        for stem in STEMS:
            start = f"{part}/{stem}"
            weights = [
                name
                for name in own
                if name == f"{start}.safetensors" or (name.startswith(start) and SHARD.fullmatch(name, len(start)))
            ]
            if weights:
                chosen += weights
                break
    return chosen
