"""What a scene answers, with its arrays by their paths."""

from __future__ import annotations

import json
import struct
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np

from glasswork.scenes.respond import Respondent

SESSION: Any = SimpleNamespace(cancelled=threading.Event(), inputs=SimpleNamespace(read=lambda _: b""), files=None)
KINDS: dict[str, Any] = {"float32": np.float32, "float64": np.float64, "uint8": np.uint8}


def read(sent: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """An answer, and its arrays by their paths."""
    if not isinstance(sent, bytes):
        return sent, {}
    length = struct.unpack("<I", sent[:4])[0]
    header, at = json.loads(sent[4 : 4 + length]), 4 + length
    arrays = {}
    for entry in header["arrays"]:
        kind, count = KINDS[entry["dtype"]], int(np.prod(entry["shape"]))
        array = np.frombuffer(sent, kind, count, at).reshape(entry["shape"])
        arrays[entry["ref"].partition("#")[2].partition("@")[0]] = array
        at += -(-array.nbytes // 8) * 8
    return SimpleNamespace(**header), arrays


def ask(respond: Respondent, request: Any) -> list[tuple[Any, dict[str, np.ndarray]]]:
    return [read(one) for one in respond(request, SESSION)]
