"""The text-to-image models that a page may open, and their parts as networks of their own.

denoiser:MODEL   the U-Net
decoder:MODEL    from a scaled latent to a picture
words:MODEL      the text encoder
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from glasswork import networks
from glasswork.errors import GlassworkError, unknown
from glasswork.generation import DEFAULT, INDEX, TextToImage, needed, open_model
from glasswork.networks.autoencoder_kl import AutoencoderKL
from glasswork.randomness import seeded
from glasswork.scenes.memory import check_room
from glasswork.scenes.messages.diffusion import TextToImageModel
from glasswork.zoo import Network
from glasswork.zoo.card import Card, read_card
from glasswork.zoo.shipping import RUN_CARD, WEIGHTS
from glasswork.zoo.storing import weights_hash

PARTS = ("denoiser:", "decoder:", "words:")
MOST = 2
"""So many models are held."""
MOST_RUNS = 200


class Decoding(nn.Module):
    """The second half of an autoencoder, with the scaling of latents undone."""

    def __init__(self, autoencoder: AutoencoderKL) -> None:
        super().__init__()
        self.post_quant_conv, self.decoder = autoencoder.post_quant_conv, autoencoder.decoder
        self.scaling = autoencoder.scaling

    def forward(self, x: Tensor) -> Tensor:
        """A scaled latent (B, L, H, W) -> a picture from -1 to 1, (B, C, 8H, 8W)."""
        x = x / self.scaling
        x = self.post_quant_conv(x)
        return self.decoder(x)


@dataclass(frozen=True)
class Opened:
    """A model as pages name it.

    Attributes:
        name, title: for pages and for people.
        target: what it was opened from.
        model: it.
        weights: the hash of all its weights.
        parts: its networks, those that were asked for.
    """

    name: str
    title: str
    target: str
    model: TextToImage
    weights: str
    parts: dict[str, Network] = field(default_factory=dict[str, Network])

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        parts = (self.model.text, self.model.denoiser, self.model.autoencoder)
        return sum(value.numel() for part in parts for value in part.parameters())


class TextToImageModels:
    """Opens each model once; a page can name what is listed here, never a path.

    Args:
        targets: those that the app was started with, and others, which are no models of this kind and left out.
        runs: the folder of runs, whose finished denoisers are models too.
    """

    def __init__(self, targets: tuple[str, ...] = (), runs: Path | None = None) -> None:
        self._given = tuple(target for target in targets if makes_pictures(target))
        self._runs = runs
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Opened] = OrderedDict()

    def targets(self) -> dict[str, str]:
        """Every model that is here: its name, and what it is opened from."""
        found = {name_of(target): target for target in self._given}
        found.setdefault(DEFAULT, DEFAULT)
        for folder in self._trained():
            name = folder.name if folder.name not in found else f"runs/{folder.name}"
            if str(folder.resolve()) not in {str(Path(target).resolve()) for target in self._given}:
                found[name] = str(folder)
        return found

    def _trained(self) -> Iterator[Path]:
        if self._runs is None or not self._runs.is_dir():
            return
        for folder in sorted(self._runs.iterdir())[:MOST_RUNS]:
            if makes_pictures(str(folder)):
                yield folder

    def name_of(self, target: str) -> str:
        """What a page calls a model, by what it was opened from."""
        return next((name for name, one in self.targets().items() if one == target), name_of(target))

    def cards(self) -> list[TextToImageModel]:
        """Every model."""
        return [
            TextToImageModel(name=name, title=_title(target), bytes=_bytes(target))
            for name, target in self.targets().items()
        ]

    def open(self, name: str) -> Opened:
        """A model by its name.

        Raises:
            GlassworkError: there is none of this name, it is damaged, or larger than the free memory.
        """
        known = self.targets()
        if name not in known and name_of(name) in known:  # as the gallery names a run of the reader's
            name = name_of(name)
        if name not in known:
            raise unknown("text-to-image model", name, list(known))
        target = known[name]
        with self._lock:
            if target not in self._held:
                check_room(name, _bytes(target))
                model = open_model(target)
                parts = {"text": model.text, "denoiser": model.denoiser, "autoencoder": model.autoencoder}
                self._held[target] = Opened(name, _title(target), target, model, weights_hash(nn.ModuleDict(parts)))
                while len(self._held) > MOST:
                    self._held.popitem(last=False)
            self._held.move_to_end(target)
            return self._held[target]

    def of_target(self, target: str) -> Opened:
        """A model by what it was opened from.

        Raises:
            GlassworkError: it is not among those that are here.
        """
        for name, one in self.targets().items():
            if one == target:
                return self.open(name)
        raise GlassworkError("this model is no longer here", where=name_of(target), todo="Choose another one.")

    def part(self, name: str) -> Network:
        """One part of a model as a network: denoiser:MODEL, decoder:MODEL or words:MODEL; of a target, too.

        Raises:
            GlassworkError: as in open.
        """
        kind, _, rest = name.partition(":")
        opened = self.of_target(rest) if rest in self.targets().values() else self.open(rest)
        if kind not in opened.parts:  # once: their hash takes a while
            opened.parts[kind] = self._part(kind, opened)
        return opened.parts[kind]

    def _part(self, kind: str, opened: Opened) -> Network:
        model = opened.model
        module = {
            "denoiser": lambda: model.denoiser,
            "decoder": lambda: Decoding(model.autoencoder).eval(),
            "words": lambda: model.text,
        }[kind]()
        if kind == "decoder":
            example: tuple[Tensor, ...] = (model.noise(1, 0),)
        else:
            with seeded(0):
                example = networks.example(module)
        module.example_input_array = example
        return Network(
            target=f"{kind}:{opened.target}",
            name=f"{kind}:{opened.name}",
            title=f"{opened.title} · {kind}",
            module=module,
            preprocess=None,
            labels=(),
            card=None,
            samples=(),
            after=None,
            weights="run",
        )


def is_pipeline(target: str) -> bool:
    """Whether a TARGET is a folder in the layout of diffusers."""
    try:
        return (Path(target.removeprefix("hf:")) / INDEX).is_file()
    except (OSError, ValueError):  # no name that a file could have
        return False


def makes_pictures(target: str) -> bool:
    """Whether a TARGET is a folder in the layout of diffusers, or a trained denoiser's."""
    if is_pipeline(target):
        return True
    try:
        card = Path(target) / RUN_CARD
        return card.is_file() and read_card(card).diffusion.get("part") == "denoiser"
    except (OSError, ValueError, GlassworkError):
        return False


def name_of(target: str) -> str:
    """A TARGET as pages name it: the folder's name alone."""
    return Path(target.removeprefix("hf:").rstrip("/")).name or target


def card_of(target: str) -> Card | None:
    """The card of a denoiser of ours; None of a folder in the layout of diffusers."""
    path = WEIGHTS / f"{DEFAULT}.json" if target == DEFAULT else Path(target) / RUN_CARD
    return read_card(path) if path.is_file() else None


def _title(target: str) -> str:
    card = card_of(target)
    return card.title if card else name_of(target)


def _bytes(target: str) -> int:
    try:
        return needed(Path(target.removeprefix("hf:"))) if is_pipeline(target) else 0
    except GlassworkError:
        return 0  # what is wrong with it is said when it is opened
