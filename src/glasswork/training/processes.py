"""One process, or one of many that train the same network.

Each of N processes works through its N-th of every step's examples; gradients are averaged, so that the same global
batch gives the same course on any number of them, up to the order of summation. With `ddp` every process holds the
whole network (torch.nn.parallel.DistributedDataParallel); with `fsdp` each holds a part of every tensor
(torch.distributed.fsdp.fully_shard), for networks larger than one device.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from glasswork.errors import GlassworkError, unknown

CPU = torch.device("cpu")
TIMEOUT = 20.0  # seconds that a process waits for another before it gives up
WAYS = ("ddp", "fsdp")


@dataclass(frozen=True)
class Processes:
    """This process among those of the run.

    Attributes:
        rank: its number, from 0; number 0 writes the run folder.
        count: how many there are.
        device: where it computes.
        way: ddp or fsdp.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = CPU
    way: str = "ddp"

    @property
    def first(self) -> bool:
        """Whether this one writes."""
        return self.rank == 0

    def share(self, batch: int, accumulate: int) -> list[slice]:
        """Which of a step's examples this process works through, part by part.

        Raises:
            GlassworkError: they can't be divided evenly, and then the mean of means would not be the mean.
        """
        parts = self.count * accumulate
        if batch % parts:
            raise GlassworkError(
                f"a batch of {batch} can't be divided evenly",
                why=f"{self.count} processes x {accumulate} parts make {parts}",
                todo=f"Set a multiple: --set batch={max(1, round(batch / parts)) * parts}.",
            )
        size = batch // parts
        begin = self.rank * accumulate
        return [slice((begin + i) * size, (begin + i + 1) * size) for i in range(accumulate)]

    def mean(self, value: float) -> float:
        """The mean over all processes; of one, the value itself."""
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.double, device=self.device)
        dist.all_reduce(total)
        return (total / self.count).item()

    def any(self, flag: bool) -> bool:
        """Whether it is true on any process; all of them get the same answer."""
        return flag if self.count == 1 else self.mean(float(flag)) > 0

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            dist.barrier()

    def prepare(self, network: nn.Module) -> nn.Module:
        """The network on this process's device; with fsdp, this process's part of it."""
        network.to(self.device)
        if self.count > 1 and self.way == "fsdp":
            from torch.distributed.fsdp import fully_shard

            network.to(memory_format=torch.contiguous_format)  # what is dealt out are rows of a tensor
            for part in network.modules():
                if isinstance(part, nn.ModuleList):
                    for block in part:
                        fully_shard(block)
            fully_shard(network)
        return network

    def wrap(self, network: nn.Module, turns: Mapping[str, Any]) -> _Losses:
        """The network as a function (turn, batch) -> loss, whose backward pass averages over all processes."""
        losses = _Losses(network, turns)
        if self.count > 1 and self.way == "ddp":
            several = len(turns) > 1
            losses.across = nn.parallel.DistributedDataParallel(losses, find_unused_parameters=several)
        return losses


class _Losses(nn.Module):
    """A turn's loss as a module's output, since DistributedDataParallel averages the gradients of what it calls."""

    def __init__(self, network: nn.Module, turns: Mapping[str, Any]) -> None:
        super().__init__()
        self.network = network
        self.turns = turns
        self.__dict__["across"] = None  # no child: it holds this module

    def forward(self, turn: str, batch: Any) -> Tensor:
        return self.turns[turn](self.network, batch)

    def compute(self, turn: str, batch: Any) -> Tensor:
        """The loss; through DistributedDataParallel where there are several processes."""
        across = self.__dict__["across"]
        return (across or self)(turn, batch)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "across":
            self.__dict__["across"] = value
        else:
            super().__setattr__(name, value)

    def apart(self) -> AbstractContextManager[Any]:
        """Inside, gradients are added up here and not yet averaged over the processes."""
        across = self.__dict__["across"]
        if across is not None:
            return across.no_sync()
        return nullcontext()


ALONE = Processes()


@contextmanager
def joined(device: str, way: str) -> Iterator[Processes]:
    """This process among those that torchrun started; alone where it did not.

    Args:
        device: cpu, cuda, mps or auto.
        way: ddp or fsdp.

    Raises:
        GlassworkError: there is no such device or way.
    """
    if way not in WAYS:
        raise unknown("way to train on many processes", way, list(WAYS))
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Processes(device=_device(device, 0), way=way)
        return
    local = int(os.environ["LOCAL_RANK"])
    place = _device(device, local)
    timeout = datetime.timedelta(seconds=float(os.environ.get("GLASSWORK_TIMEOUT", TIMEOUT)))
    store, rank, count = next(rendezvous("env://", timeout=timeout))
    # torchrun's store outlives those that it starts again: they must not read where the dead ones listened
    store = PrefixStore(f"attempt-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    backend = "nccl" if place.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=timeout)
    try:
        yield Processes(dist.get_rank(), dist.get_world_size(), place, way)
    finally:
        dist.destroy_process_group()


def _device(name: str, local: int) -> torch.device:
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if here[kind])
    if name not in here:
        raise unknown("device", name, [*here, "auto"])
    if not here[name]:
        raise GlassworkError(f"there is no {name} here", where="device", todo="Take --set device=auto.")
    if name == "cuda":
        torch.cuda.set_device(local)
        return torch.device("cuda", local)
    return torch.device(name)


def gathered_anew(network: nn.Module) -> None:
    """With fsdp: let go of whole tensors that a forward pass without a backward pass left behind."""
    for part in network.modules():
        if hasattr(part, "reshard"):
            part.reshard()  # type: ignore[operator]


def local(tensor: Tensor) -> Tensor:
    """This process's part of a tensor that is spread over many; others as they are."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor  # type: ignore[attr-defined]


def whole(tensor: Tensor) -> Tensor:
    """A tensor that is spread over many, on each of them; others as they are. All processes must call it."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor  # type: ignore[attr-defined]
