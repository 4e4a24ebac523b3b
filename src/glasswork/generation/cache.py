"""A past whose rooms are larger than what they hold, so that a new position is written and nothing is copied."""

from __future__ import annotations

from torch import Tensor

from glasswork.networks import Past


class Cache(Past):
    """Keys and values of every layer, as Past has them: (B, heads, S, D) each, views of rooms that double."""

    def __init__(self) -> None:
        super().__init__()
        self._rooms: dict[int, tuple[Tensor, Tensor]] = {}

    @property
    def bytes(self) -> int:
        """How many bytes the positions so far take."""
        return sum(part.numel() * part.element_size() for pair in self.layers.values() for part in pair)

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add the newest positions of a layer, (B, heads, T, D); returns all of them, (B, heads, S + T, D)."""
        before = self.length_of(layer)
        length = before + keys.shape[-2]
        rooms = self._rooms.get(layer)
        if rooms is None or rooms[0].shape[-2] < length:
            larger = max(64, 2 * length)
            rooms = _room(keys, larger), _room(values, larger)
            if before:
                for room, part in zip(rooms, self.layers[layer], strict=True):
                    room[:, :, :before] = part
            self._rooms[layer] = rooms
        for room, part in zip(rooms, (keys, values), strict=True):
            room[:, :, before:length] = part
        self.layers[layer] = rooms[0][:, :, :length], rooms[1][:, :, :length]
        return self.layers[layer]


def _room(part: Tensor, length: int) -> Tensor:
    """Room for so many positions, (B, heads, length, D)."""
    return part.new_empty((*part.shape[:2], length, part.shape[-1]))
