"""Where a run was made: what is needed to make it again. No variable of the environment is looked at."""

from __future__ import annotations

import platform
from typing import Any

import torch

from glasswork.training.processes import Processes
from glasswork.version import __version__


def environment(processes: Processes) -> dict[str, Any]:
    """Versions, machine and processes."""
    return {
        "glasswork": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "processes": processes.count,
        "device": str(processes.device),
        "way": processes.way if processes.count > 1 else "alone",
    }
