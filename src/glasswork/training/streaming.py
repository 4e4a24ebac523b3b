"""Pictures from archives larger than the memory, or than the disk: read in their order, shuffled in blocks.

The archives are dealt out to lanes. In every epoch each lane goes through its archives in a new order, block after
block of a bounded size, and hands out each block's examples shuffled. A step takes the same number from every lane. So
the order is a pure function of (seed, epoch): a resumed run begins to read at the block's own archive and offset. And
of several processes each reads the lanes of its own share alone, though all see the same steps.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from torch import Tensor

from glasswork.data.given import ShardFiles
from glasswork.errors import GlassworkError
from glasswork.training.pictures import READERS, as_tensor
from glasswork.zoo import Preprocessing

LANES = 8
SHARDS, BLOCKS = 7, 8  # streams of the seed
Block = tuple[int, int, int]  # lane, epoch, number


class Order:
    """Which examples each step sees.

    Args:
        shard: the archive that each example is in, (N,), rising.
        batch: examples in a step.
        buffer: examples in the blocks of all lanes together.
        seed: of the run.

    Raises:
        GlassworkError: there are fewer examples than a batch.
    """

    def __init__(self, shard: np.ndarray, batch: int, buffer: int, seed: int) -> None:
        self.seed = seed
        numbers, begins, counts = np.unique(shard, return_index=True, return_counts=True)
        self._runs = {int(n): np.arange(b, b + c) for n, b, c in zip(numbers, begins, counts, strict=True)}
        for lanes in (n for n in range(min(LANES, len(numbers)), 0, -1) if batch % n == 0):
            self.lanes = _dealt(counts, numbers, lanes)
            self.each = batch // lanes
            self.steps = min(sum(len(self._runs[n]) for n in lane) for lane in self.lanes) // self.each
            if self.steps:
                break
        else:
            why = f"there are {len(shard):,} examples to train on"
            raise GlassworkError(f"a batch of {batch} is larger than the data", why=why, todo="Set a smaller batch.")
        self.block = max(self.each, buffer // len(self.lanes))
        self.unused = 1 - self.steps * batch / len(shard)
        self._in_order = lru_cache(2 * len(self.lanes))(self._read)
        self._shuffled = lru_cache(2 * len(self.lanes))(self._handed_out)

    def _read(self, lane: int, epoch: int) -> np.ndarray:
        """A lane's examples as they are read."""
        random = np.random.default_rng([self.seed, SHARDS, epoch, lane])
        return np.concatenate([self._runs[n] for n in random.permutation(self.lanes[lane]).tolist()])

    def _handed_out(self, lane: int, epoch: int) -> np.ndarray:
        """A lane's examples as steps see them."""
        ids = self._in_order(lane, epoch).copy()
        for number in range(-(-len(ids) // self.block)):
            random = np.random.default_rng([self.seed, BLOCKS, epoch, lane, number])
            random.shuffle(ids[number * self.block : (number + 1) * self.block])
        return ids

    def indices(self, step: int) -> np.ndarray:
        """The examples of a step, lane after lane, (batch,)."""
        epoch, place = divmod(step, self.steps)
        part = slice(place * self.each, (place + 1) * self.each)
        return np.concatenate([self._shuffled(lane, epoch)[part] for lane in range(len(self.lanes))])

    def blocks(self, step: int, part: slice) -> list[Block]:
        """The blocks that these of a step's examples are in."""
        epoch, place = divmod(step, self.steps)
        first, last = part.start // self.each, (part.stop - 1) // self.each
        begin, end = place * self.each // self.block, ((place + 1) * self.each - 1) // self.block
        return [(lane, epoch, number) for lane in range(first, last + 1) for number in range(begin, end + 1)]

    def following(self, block: Block) -> Block:
        """The block that its lane reads next."""
        lane, epoch, number = block
        used = -(-self.steps * self.each // self.block)
        return (lane, epoch, number + 1) if number + 1 < used else (lane, epoch + 1, 0)

    def content(self, block: Block) -> np.ndarray:
        """A block's examples, as they are read."""
        lane, epoch, number = block
        return self._in_order(lane, epoch)[number * self.block : (number + 1) * self.block]


def _dealt(counts: np.ndarray, numbers: np.ndarray, lanes: int) -> list[list[int]]:
    """The archives in lanes of about equal length: the largest first, each to the shortest lane."""
    dealt: list[list[int]] = [[] for _ in range(lanes)]
    lengths = [0] * lanes
    for i in np.argsort(-counts, kind="stable"):
        lane = int(np.argmin(lengths))
        dealt[lane].append(int(numbers[i]))
        lengths[lane] += int(counts[i])
    return dealt


class Streamed:
    """The pictures of a run's archives, a block of each lane at a time; the next block is read meanwhile.

    Args:
        files: those to train on.
        prepare: what the network expects of a picture.
        order: of the run.
    """

    light_on_dark = False

    def __init__(self, files: ShardFiles, prepare: Preprocessing, order: Order) -> None:
        self.files, self.prepare, self.order = files, prepare, order
        self.labels, self.classes, self.names = files.labels, files.classes, files.paths
        self._held: dict[Block, Future[dict[int, bytes]]] = {}
        self._readers = ThreadPoolExecutor(READERS)
        self._decoders = ThreadPoolExecutor(READERS)  # apart: decoding must not wait for what is read ahead

    def __len__(self) -> int:
        return len(self.files)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What is in memory, or being read."""
        return tuple(self._held)

    def inputs(self, index: np.ndarray) -> Tensor:
        """Pictures, (B, C, H, W), 0..1, wherever they lie.

        Raises:
            BrokenPictureError: one of them can't be read.
        """
        return self._decoded(index, {})

    def inputs_of(self, step: int, index: np.ndarray, part: slice) -> Tensor:
        """A step's pictures, (B, C, H, W), 0..1; blocks that are done with are let go.

        Raises:
            BrokenPictureError: one of them can't be read.
        """
        now = self.order.blocks(step, part)
        wanted = [*now, *(self.order.following(block) for block in now)]
        self._held = {block: self._held.get(block) or self._begun(block) for block in dict.fromkeys(wanted)}
        content: dict[int, bytes] = {}
        for block in now:
            content |= self._held[block].result()
        return self._decoded(index, content)

    def _begun(self, block: Block) -> Future[dict[int, bytes]]:
        return self._readers.submit(lambda: dict(self.files.read(self.order.content(block))))

    def _decoded(self, index: np.ndarray, content: dict[int, bytes]) -> Tensor:
        def pixels(i: int) -> np.ndarray:
            picture = self.files.decode(i, content[i]) if i in content else self.files.open(i)
            return self.prepare(picture).picture

        return as_tensor(np.stack(list(self._decoders.map(pixels, index.tolist()))))
