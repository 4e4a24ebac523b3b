"""Networks of other libraries: torchvision, timm and transformers, by the names that those give them."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Collection
from dataclasses import replace
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from glasswork.errors import GlassworkError
from glasswork.randomness import seeded
from glasswork.zoo import torchvision_files
from glasswork.zoo.detectors import AS_IT_IS
from glasswork.zoo.network import Network, softmax
from glasswork.zoo.preprocessing import Preprocessing

TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model")
HUB = 'pip install "glasswork[hub]"'


def from_torchvision(target: str) -> Network:
    """torchvision:NAME with its own weights when they are in PyTorch's cache, otherwise random ones (seed 0)."""
    from torchvision import models  # a second of import, for this kind of target only

    name = target.removeprefix("torchvision:")
    _known("torchvision", name, models.list_models(), "torchvision.models.list_models() gives them all.")
    entry = torchvision_files.published(name)
    here = entry is not None and torchvision_files.kept_at(entry).is_file()
    if name in models.list_models(models.detection):
        return _detector(target, name, entry, here)
    module = _seeded(lambda: models.get_model(name, **_without_weights(name, models.get_model_builder(name))))
    if here:
        module.load_state_dict(torchvision_files.read(target, entry))
        if hasattr(module, "transform_input"):
            setattr(module, "transform_input", True)  # noqa: B010  as torchvision sets it when it loads these weights itself
    preprocess, labels = None, ()
    if entry is not None and name in models.list_models(models):
        preprocess, labels = torchvision_files.preprocessing(entry), tuple(entry.meta["categories"])
    return _network(target, name, "torchvision", module, "cache" if here else "random", preprocess, labels)


def _detector(target: str, name: str, entry: Any, here: bool) -> Network:
    """One of torchvision's detectors. With its weights it is built by torchvision too, which freezes the statistics of
    batches and takes another epsilon for some of them."""
    from torchvision import models

    if here:
        torchvision_files.read(target, entry)  # for its hash
        module = models.get_model(name, weights=entry)
    else:
        module = _seeded(lambda: models.get_model(name, **_without_weights(name, models.get_model_builder(name))))
    labels = () if entry is None else tuple(entry.meta["categories"])
    made = _network(target, name, "torchvision", module, "cache" if here else "random", AS_IT_IS, labels)
    return replace(made, after=None)  # its scores are probabilities already


def from_timm(target: str) -> Network:
    """timm:NAME with random weights (seed 0), and the preprocessing that timm names for it."""
    timm = library("timm", target)
    name = target.removeprefix("timm:")
    _known("timm", name, timm.list_models(), "timm.list_models() gives them all.")
    module = _seeded(lambda: timm.create_model(name, pretrained=False))
    settings = timm.data.resolve_model_data_config(module)
    channels, height, _ = settings["input_size"]
    preprocess = None
    if channels in (1, 3):
        preprocess = Preprocessing(
            size=height,
            channels=channels,
            shorter_side=round(height / settings["crop_pct"]),
            filter=settings["interpolation"] if settings["interpolation"] in ("bilinear", "bicubic") else "bilinear",
            mean=tuple(settings["mean"]),
            std=tuple(settings["std"]),
        )
    return _network(target, name, "timm", module, "random", preprocess, ())


def build_from_library(target: str, classes: int) -> nn.Module:
    """torchvision:NAME or timm:NAME with random weights and so many outputs.

    Raises:
        GlassworkError: the library isn't here, or has no such network.
    """
    kind, _, name = target.partition(":")
    if kind == "timm":
        timm = library("timm", target)
        _known("timm", name, timm.list_models(), "timm.list_models() gives them all.")
        return timm.create_model(name, pretrained=False, num_classes=classes)
    from torchvision import models

    _known("torchvision", name, models.list_models(), "torchvision.models.list_models() gives them all.")
    return models.get_model(name, num_classes=classes, **_without_weights(name, models.get_model_builder(name)))


def library_call(target: str, classes: int) -> tuple[str, str]:
    """The same as lines of Python: what is to be imported, and a function `build` that makes it."""
    kind, _, name = target.partition(":")
    if kind == "timm":
        return (
            "import timm",
            f"def build() -> nn.Module:\n    return timm.create_model({name!r}, num_classes={classes})",
        )
    from torchvision import models

    others = _without_weights(name, models.get_model_builder(name))
    given = "".join(f", {key}={value!r}" for key, value in others.items())
    call = f"models.get_model({name!r}, num_classes={classes}{given})"
    return "from torchvision import models", f"def build() -> nn.Module:\n    return {call}"


def from_transformers(target: str) -> Network:
    """hf:FOLDER or hf:REPOSITORY, as transformers loads it: safetensors only, and no code but its own."""
    transformers = library("transformers", target)
    transformers.utils.logging.disable_progress_bar()  # an error is one line
    place = target.removeprefix("hf:")
    where = Path(place).expanduser()
    folder = str(where) if where.is_dir() else place
    try:
        config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
        kind = _architecture(transformers, config)
        module = kind.from_pretrained(folder, config=config, trust_remote_code=False, use_safetensors=True)
    except GlassworkError:
        raise
    except Exception as error:
        raise GlassworkError(
            f"transformers can't load {place!r}",
            where=target,
            why=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            todo="Name a folder with config.json and *.safetensors, or a repository that this machine can reach.",
        ) from error
    module.config.use_cache = False  # a first run fills no cache that a second would read
    return _network(target, Path(place).name, "transformers", module, "file" if where.is_dir() else "hub", None, ())


def tokens(network: Network, text: str) -> torch.Tensor:
    """The ids (1, T) that a network's tokenizer makes of a text; of a long one, the last that it can see.

    Raises:
        GlassworkError: it comes with no tokenizer, or with one that needs code of its own.
    """
    try:
        if network.vocabulary is not None:
            ids = torch.from_numpy(network.vocabulary.encode(text))[None]
            window = network.card.text["window"] if network.card else ids.shape[1]
            ids = ids[:, -window:]
        else:
            ids = _tokenizer(network.target)(text, return_tensors="pt")["input_ids"]
    except Exception as error:
        raise GlassworkError(
            f"{text[:40]!r} can't be made into tokens",
            where=network.target,
            why=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            todo="Name a file, or put the tokenizer's files beside the weights.",
        ) from error
    if not ids.numel():
        why = "the text is empty, or the tokenizer knows no word"
        todo = "Give a text; or put the tokenizer's files beside the weights."
        raise GlassworkError(f"{text[:40]!r} makes no token", where=network.target, why=why, todo=todo)
    return ids.long()


def token_texts(network: Network, ids: torch.Tensor) -> list[str]:
    """Each id (T,) as the text that it stands for, by the network's tokenizer; a translator's words go on after "-"."""
    if network.translation is not None:
        return network.translation.pieces(ids.tolist())
    if network.vocabulary is not None:
        return network.vocabulary.texts(ids.tolist())
    tokenizer = _tokenizer(network.target)
    return [tokenizer.decode([number]) for number in ids.tolist()]


def reads_text(network: Network) -> bool:
    """Whether a network comes with a tokenizer: ours, an hf: folder that holds one, or any repository of hf:."""
    if not network.target.startswith("hf:"):
        return network.vocabulary is not None
    where = Path(network.target.removeprefix("hf:")).expanduser()
    return not where.is_dir() or any((where / name).is_file() for name in TOKENIZERS)


def takes_text(network: Network) -> bool:
    """Whether to try: an hf: network without a tokenizer says itself what is missing."""
    return network.vocabulary is not None or network.target.startswith("hf:")


def _tokenizer(target: str) -> Any:
    transformers = library("transformers", target)
    place = target.removeprefix("hf:")
    where = Path(place).expanduser()
    folder = str(where) if where.is_dir() else place
    return transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def _architecture(transformers: ModuleType, config: Any) -> Any:
    """The class that the configuration names, if it is one of the library's own; else the library's choice."""
    for name in getattr(config, "architectures", None) or ():
        kind = getattr(transformers, str(name), None)
        if isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel):
            return kind
    return transformers.AutoModel


def _network(
    target: str,
    name: str,
    library: str,
    module: nn.Module,
    weights: str,
    preprocess: Preprocessing | None,
    labels: tuple[str, ...],
) -> Network:
    return Network(
        target=target,
        name=name,
        title=f"{name} · {library}",
        module=module.eval(),
        preprocess=preprocess,
        labels=labels,
        card=None,
        samples=(),
        after=softmax if labels else None,
        weights=weights,
    )


def _seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """Random weights, the same ones each time that the target is loaded."""
    with seeded(0):
        return make()


def _without_weights(name: str, builder: Callable[..., nn.Module]) -> dict[str, Any]:
    """What keeps a builder of torchvision from fetching weights: some have a backbone with weights of its own."""
    nothing = dict.fromkeys(key for key in ("weights", "weights_backbone") if key in signature(builder).parameters)
    return {**nothing, "init_weights": True} if name in ("googlenet", "inception_v3") else nothing  # else it warns


def _known(library: str, name: str, known: Collection[str], todo: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, list(known), n=5, cutoff=0.4)
    raise GlassworkError(
        f"{library} has no network called {name!r}",
        why=f"{'the nearest are ' + ', '.join(near) if near else 'no name is near it'}; it has {len(known)}",
        todo=todo,
    )


def library(name: str, target: str, why: str = "") -> ModuleType:
    """A library of the extra `hub`.

    Args:
        name: what it is imported by.
        target: what it is needed for.
        why: what is needed of it.

    Raises:
        GlassworkError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise GlassworkError(
            f"{name} is not installed", where=target, why=why or str(error), todo=f"{HUB} brings it."
        ) from error
