"""Tensors beyond the memory budget: written to one temporary file, read back when somebody asks.

The file has no name that others could open (where the system allows it) and is gone with the last value that needs it,
also when the process is killed.
"""

from __future__ import annotations

import math
import tempfile
import threading
from collections.abc import Callable

import torch

from glasswork.tracing.errors import NoRoom


class Spill:
    """A temporary file of tensors; made when the first one is written."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="glasswork-trace-", buffering=0)  # noqa: SIM115 (lives as long as we do)
        self._lock = threading.Lock()
        self._end = 0

    def __del__(self) -> None:
        self._file.close()

    def put(self, tensor: torch.Tensor) -> Callable[[], torch.Tensor]:
        """Write a tensor; the function returned reads it back: same numbers, layout and device.

        Raises:
            NoRoom: if the disk is full.
        """
        tensor = tensor.detach()
        if not torch.ops.aten.is_non_overlapping_and_dense(tensor):
            tensor = tensor.contiguous()
        shape, stride, dtype, device = tuple(tensor.shape), tensor.stride(), tensor.dtype, tensor.device
        count = math.prod(shape)
        flat = tensor.resolve_conj().resolve_neg().as_strided((count,), (1,)).cpu()
        data = _bytes(flat)
        with self._lock:
            start = self._end
            try:
                self._file.seek(start)
                while data:
                    data = data[self._file.write(data) :]
            except OSError as error:
                raise NoRoom(
                    "The values beyond the budget can't be written",
                    where=tempfile.gettempdir(),
                    why=f"{error.strerror}; {start:,} bytes stand there, {count * dtype.itemsize:,} were to follow",
                    todo="give a larger keep=..., free some space, or point TMPDIR to where there is some",
                ) from error
            self._end += count * dtype.itemsize

        def get() -> torch.Tensor:
            read = torch.empty(count, dtype=dtype)
            into = _bytes(read)
            with self._lock:
                self._file.seek(start)
                while into:
                    into = into[self._file.readinto(into) or 0 :]
            return read.as_strided(shape, stride).to(device)

        return get


def _bytes(flat: torch.Tensor) -> memoryview:
    return memoryview(flat.view(torch.uint8).numpy())  # type: ignore[arg-type]  (numpy's arrays are buffers)


def size_of(tensor: torch.Tensor) -> int:
    """Bytes of a tensor of any kind; of a sparse one, of what it stores."""
    if tensor.layout is torch.strided and not tensor.is_nested:
        return tensor.nbytes
    return tensor._nnz() * tensor.element_size() if tensor.is_sparse else tensor.numel() * tensor.element_size()


class Budget:
    """How many bytes may stay in memory, and where the rest goes.

    Args:
        allowed: bytes of tensors; None for all of them.
    """

    def __init__(self, allowed: int | None) -> None:
        self.left = allowed
        self._spill: Spill | None = None

    def admits(self, size: int) -> bool:
        """Whether `size` more bytes may stay; if so they are counted."""
        if self.left is None:
            return True
        if size > self.left:
            return False
        self.left -= size
        return True

    def spill(self, tensor: torch.Tensor) -> Callable[[], torch.Tensor] | None:
        """Write a tensor out; None for kinds that can't be (sparse, nested, quantised, subclasses): those stay."""
        if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or tensor.layout is not torch.strided:
            return None
        if tensor.is_quantized or tensor.is_nested or tensor.is_meta or not tensor.numel():
            return None
        if self._spill is None:
            self._spill = Spill()
        return self._spill.put(tensor)
