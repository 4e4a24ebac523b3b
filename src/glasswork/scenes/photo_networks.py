"""Networks that were trained on photos, whose weights somebody keeps: which are here, and how the others get here."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from glasswork import networks, zoo
from glasswork.errors import GlassworkError
from glasswork.scenes.messages.seeing import SeeingNetwork

PHOTO_NETWORKS = {
    "efficientnet-lite0": "EfficientNet-Lite0",
    "alexnet": "AlexNet",
    "vgg16": "VGG-16",
    "googlenet": "GoogLeNet",
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "resnet152": "ResNet-152",
}
PATCH_NETWORKS = {"vit-s-focus": "ViT-S/14, what strikes", "vit_b_16": "ViT-B/16"}
"""Those that cut a picture into patches, and have a page of their own."""
KEPT = {**PHOTO_NETWORKS, **PATCH_NETWORKS}
"""By their names in glasswork.networks.named(). Nothing of theirs is code."""
ABOUT = {"vit-s-focus": "what strikes in a picture"}


def missing(name: str) -> GlassworkError | None:
    """Why a network can't be shown; None where its weights are here."""
    source = zoo.source_of(name)
    if source is not None and source.here:
        return None
    why = "nobody keeps them" if source is None else f"they are {source.bytes / 1e6:.0f} MB, kept by {source.keeper}"
    return GlassworkError(
        f"the weights of {KEPT[name]} are not on this machine",
        where=name,
        why=why,
        todo=f"glasswork data fetch {name} gets them, as does the button of this page.",
    )


@dataclass
class _Fetching:
    """One that is on its way, or was."""

    done: int = 0
    failed: str = ""
    todo: str = ""
    ended: bool = False


class WeightsFetcher:
    """Brings weights here in threads of its own, so that no page waits for them."""

    def __init__(self) -> None:
        self._fetching: dict[str, _Fetching] = {}
        self._lock = threading.Lock()

    def begin(self, name: str) -> None:
        """Begin to fetch the weights of a network; nothing happens when that is under way.

        Raises:
            GlassworkError: it is none of KEPT.
        """
        if name not in KEPT:
            why = f"those of {', '.join(KEPT.values())} can be"
            raise GlassworkError("these weights can't be fetched from here", where=name[:80], why=why)
        with self._lock:
            known = self._fetching.get(name)
            if known is not None and not known.ended:
                return
            state = self._fetching[name] = _Fetching()
        threading.Thread(target=self._fetch, args=(name, state), name=f"fetch-{name}", daemon=True).start()

    def _fetch(self, name: str, state: _Fetching) -> None:
        def progress(done: int, total: int) -> None:
            state.done = done

        try:
            zoo.fetch(name, progress)
        except GlassworkError as error:
            state.failed, state.todo = ". ".join(filter(None, (error.what, error.why))), error.todo
        except Exception as error:  # whatever a library raises off line
            state.failed = f"{type(error).__name__}: {error}"[:300]
        state.ended = True

    def listed(self, page: str) -> list[SeeingNetwork]:
        """All that a page shows."""
        return [self._row(name) for name in (PATCH_NETWORKS if page == "vit" else PHOTO_NETWORKS)]

    def _row(self, name: str) -> SeeingNetwork:
        source = zoo.source_of(name)
        state = self._fetching.get(name)
        going = state is not None and not state.ended
        return SeeingNetwork(
            name=name,
            title=KEPT[name],
            classes=int(networks.sizes(name).get("classes", 0)),
            about=ABOUT.get(name, "ImageNet"),
            folded=True,
            here=source is not None and source.here and not going,
            keeper="" if source is None else source.keeper,
            bytes=0 if source is None else source.bytes,
            fetched=state.done if state is not None and going else -1,
            failed="" if state is None else state.failed,
            todo="" if state is None else state.todo,
        )
