"""The logit lens of every token of a text. What a network that looks back only makes of a token does not depend on what
follows it: so it is kept, and when a text grows by a token only that one is read.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glasswork.explaining.residual_stream import lens
from glasswork.scenes.anatomy import last_norm, unembedding
from glasswork.scenes.messages import speaking as s
from glasswork.scenes.messages.base import Array
from glasswork.scenes.spoke import Spoke, written
from glasswork.tracing.errors import Cancelled

# L blocks, V tokens of the vocabulary, W width, P positions

KEPT = 4096
"""Tokens whose answers are kept."""
ROWS = 96
"""Vectors that are read at once, a row of the whole vocabulary each: one pass over the matrix serves all of them."""
AT_ONCE = 100_000
"""So many logits are had in no time."""


@dataclass(frozen=True)
class Told:
    """The likeliest token of each stream at a token, (L + 1) each.

    Attributes:
        ids: which.
        words: as they are shown.
        sure: their probabilities.
    """

    ids: list[int]
    words: list[str]
    sure: Tensor


class Lenses:
    """Reads streams, and remembers what they would answer."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Told] = OrderedDict()

    def read(
        self,
        spoke: Spoke,
        positions: Sequence[int],
        changes: str,
        request: int,
        *,
        whole: bool,
        cancelled: threading.Event | None = None,
    ) -> tuple[s.Lens, list[np.ndarray]]:
        """What each stream would answer at some positions.

        Args:
            spoke: the run.
            positions: which; that of the run among them is read in any case.
            changes: what is changed in it, in words.
            request: whose answer it is.
            whole: whether what takes long is read as well, or left out.
            cancelled: when set, nobody waits for it.

        Raises:
            Cancelled: nobody waits for it.
        """
        names = self._names(spoke, changes)
        missing = [t for t in positions if names[t] not in self._kept]
        if spoke.at in missing:
            self._keep(names[spoke.at], spoke, spoke.lens)
            missing.remove(spoke.at)
        if whole or len(missing) * spoke.lens.numel() <= AT_ONCE:
            self._read(spoke, missing, names, cancelled)
        told = {t: self._kept[names[t]] for t in positions if names[t] in self._kept}
        for t in told:
            self._kept.move_to_end(names[t])
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        streams = range(spoke.parts.layers + 1)
        answer = s.Lens(
            request=request,
            positions=list(told),
            words=[[one.words[i] for one in told.values()] for i in streams],
            ids=[[one.ids[i] for one in told.values()] for i in streams],
            arrays=[Array(ref=f"text:{spoke.id}#lens@value", shape=[len(streams), len(told)], dtype="float32")],
        )
        sure = torch.stack([one.sure for one in told.values()], 1) if told else torch.zeros(len(streams), 0)
        return answer, [sure.float().numpy()]

    def _read(self, spoke: Spoke, positions: list[int], names: list[bytes], cancelled: threading.Event | None) -> None:
        norm, matrix = last_norm(spoke.network), unembedding(spoke.network)
        at_once = max(1, ROWS // (spoke.parts.layers + 1))
        for first in range(0, len(positions), at_once):
            if cancelled is not None and cancelled.is_set():
                raise Cancelled("the lens was cancelled", where=spoke.id, why="nobody waits for it")
            some = positions[first : first + at_once]
            for t, logits in zip(some, lens(spoke.streams[:, some].transpose(0, 1), norm, matrix), strict=True):
                self._keep(names[t], spoke, logits)

    def _keep(self, name: bytes, spoke: Spoke, logits: Tensor) -> None:
        """Of one token's streams, (L + 1, V)."""
        top = torch.softmax(logits, -1).max(-1)
        ids = top.indices.tolist()
        self._kept[name] = Told(ids, [written(spoke.words, token) for token in ids], top.values)

    def _names(self, spoke: Spoke, changes: str) -> list[bytes]:
        """What each token with all before it goes by, in this network, changed like this."""
        running = hashlib.blake2b(f"{spoke.network.target} {spoke.network.weights_hash} {changes}".encode())
        found = []
        for token in spoke.tokens:
            running.update(token.to_bytes(4, "big"))
            found.append(running.digest())
        return found
