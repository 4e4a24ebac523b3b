"""The C library's allocator, asked to keep what one trace frees for the next.

A trace holds activations that the plain run would free and use again. By default glibc gives that memory back to the
system when the trace is dropped, and the next trace pays for every page anew: a tenth of a forward run of ResNet-152.
Asked once, it keeps up to 256 MB. No number of any run depends on it.
"""

from __future__ import annotations

import ctypes
import functools
import platform

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_KEPT = 256 << 20  # bytes
WORTH_KEEPING = 64 << 20
"""Bytes of a trace's values: only after one of so many is anything asked, so small networks' processes stay small."""
_LARGEST = 32 << 20  # bytes; glibc takes no larger threshold


@functools.cache
def keep_freed_memory() -> bool:
    """Ask, the first time; whether the allocator is one that can be asked (glibc's)."""
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST) and mallopt(_M_TRIM_THRESHOLD, _KEPT))


def asked_already() -> bool:
    """Whether it was asked."""
    return keep_freed_memory.cache_info().currsize > 0
