"""Which module is running: nn.Module.__call__, watched while a trace runs in this thread.

The patch is on the class, so it is shared by all threads; it is installed once for any number of traces, does nothing
in threads that don't trace, and the original stands again after the last trace, also after an exception.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn


@dataclass(slots=True, eq=False)
class ModuleCall:
    """One call of one module.

    Attributes:
        path: where the module stands in the tree, "" for the root.
        type: its class name.
        number: the how-manieth call of this path, from 1.
        parent: the index, in `trace.calls`, of the call that it happened in; None for the root.
        first: the id of the first op that ran inside it.
        last: one past the id of the last; equal to `first` where none ran (nn.Identity).
        output: the id of the op that made what it returned (its first tensor); None if no op of the trace did.
        seconds: wall time, its children's included.
    """

    path: str
    type: str
    number: int
    parent: int | None
    first: int
    last: int
    output: int | None = None
    seconds: float = 0.0


class Watcher(Protocol):
    """What is told of each module call in its thread."""

    def enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """`module` is about to run on these."""
        ...

    def leave(self, module: nn.Module, output: Any, error: BaseException | None) -> None:
        """`module` returned `output`, or raised `error`."""
        ...

    def run_whole(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run it in torch's place, if the watcher can: what it returned; else None, and it is run as ever."""
        ...


_lock = threading.Lock()
_watching = threading.local()
_users = 0
_original: Any = None
_TORCHS: Any = nn.Module.__call__  # calls `_call_impl`, or what was compiled of it


def _watched_call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    watcher: Watcher | None = getattr(_watching, "watcher", None)
    if watcher is None:
        return _original_call(module, *args, **kwargs)
    output = watcher.run_whole(module, args, kwargs)
    if output is not None:
        return output
    watcher.enter(module, args, kwargs)
    try:
        if _original is _TORCHS or getattr(module, "_compiled_call_impl", None) is not None:
            # module.compile() leaves a compiled call on the instance: what was compiled can't be seen, so run the code
            output = module._call_impl(*args, **kwargs)
        else:
            output = _original_call(module, *args, **kwargs)
    except BaseException as error:
        watcher.leave(module, None, error)
        raise
    watcher.leave(module, output, None)
    return output


def _original_call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    original = _original  # a thread that fetched the patch just before it was lifted still gets the real thing
    return (original or nn.Module.__call__)(module, *args, **kwargs)


@contextmanager
def watch_modules(watcher: Watcher) -> Iterator[None]:
    """Tell `watcher` of every module call in this thread, as long as the block runs; blocks may nest."""
    global _users, _original
    with _lock:
        if _users == 0:
            _original = nn.Module.__call__
            nn.Module.__call__ = _watched_call
        _users += 1
    before = getattr(_watching, "watcher", None)
    _watching.watcher = watcher
    try:
        yield
    finally:
        _watching.watcher = before
        with _lock:
            _users -= 1
            if _users == 0 and nn.Module.__call__ is _watched_call:  # else somebody patched on top: leave theirs alone
                nn.Module.__call__ = _original
