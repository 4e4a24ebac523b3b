"""Run as a process of its own: reads one checkpoint with torch's guarded unpickler, writes its tensors as safetensors.

Arguments: source, target, most bytes of memory, most tensors. What it says last on standard error, when it fails, is
the reason that the reader is told. It imports nothing of Glasswork; nothing is tried a second time without the guard.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net", "weights")


def weights_in(held: Any) -> dict[str, Any]:
    """The tensors by name in what a checkpoint holds, also where they stand beside an optimiser's."""
    import torch

    for _ in range(3):
        if isinstance(held, dict) and not any(isinstance(item, torch.Tensor) for item in held.values()):
            held = next((held[key] for key in WRAPPERS if isinstance(held.get(key), dict)), held)
    if not isinstance(held, dict):
        sys.exit(f"it holds a {type(held).__name__}, not weights by name")
    return {str(k): v.detach().clone().contiguous() for k, v in held.items() if isinstance(v, torch.Tensor)}


def main(source: str, target: str, most_bytes: int, most_tensors: int) -> None:
    """Read, check, write."""
    import safetensors.torch
    import torch

    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # there is none on Windows

        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    try:
        held = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:
        words = " ".join(str(error).split())
        named = max(words.find("Unsupported"), words.find("WeightsUnpickler error"), 0)
        sys.exit(words[named:][:400] or type(error).__name__)
    weights = weights_in(held)
    if not 0 < len(weights) <= most_tensors:
        sys.exit(f"it holds {len(weights):,} tensors by name; expected 1 to {most_tensors:,}")
    safetensors.torch.save_file(weights, target)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
