"""Starting many processes: PyTorch's own torchrun, which also starts them again when one of them dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from glasswork.errors import GlassworkError

RESTARTS = 3


def is_one_of_many() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def number() -> int:
    """This process's number among those of the run, 0 where it is alone."""
    return int(os.environ["RANK"]) if is_one_of_many() else 0


def is_restarted() -> bool:
    """Whether the processes had to be started again, since one of them died."""
    return is_one_of_many() and int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def launch(arguments: Sequence[str], devices: int, nodes: int = 1, meet: str = "") -> int:
    """Run `glasswork` with these arguments in many processes, until all are done.

    Ctrl-C and SIGTERM are handed on once: the step is finished, the state saved. A second Ctrl-C ends all at once.

    Args:
        arguments: what the command line of each is given.
        devices: processes on this machine.
        nodes: machines; this is to be called on each of them.
        meet: HOST:PORT of one of the machines, where they find each other; needed when there are several.

    Returns:
        The exit code: 0 when all are done, 130 or 143 when asked to stop.

    Raises:
        GlassworkError: they failed more often than they are started again.
    """
    where = (
        ["--standalone"] if nodes == 1 else ["--rdzv-backend=c10d", f"--rdzv-endpoint={meet}", "--rdzv-id=glasswork"]
    )
    command = [
        *(sys.executable, "-m", "torch.distributed.run", *where),
        *(f"--nnodes={nodes}", f"--nproc-per-node={devices}", f"--max-restarts={RESTARTS}", "--monitor-interval=0.2"),
        *("--module", "glasswork", *arguments),
    ]
    asked: list[int] = []
    environment = {"TORCH_CPP_LOG_LEVEL": "ERROR", "TORCHELASTIC_ERROR_FILE": "", **os.environ}
    # a session of its own: Ctrl-C at a terminal would else reach every process, and again from torchrun
    process = subprocess.Popen(command, start_new_session=True, env=environment)

    def hand_on(received: int, _: object) -> None:
        if asked and received == signal.SIGINT:
            os.killpg(process.pid, signal.SIGKILL)
        elif not asked:
            process.terminate()
        asked.append(received)

    before = {kind: signal.signal(kind, hand_on) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = process.wait()
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    if asked:
        return 128 + asked[0]
    if code:
        raise GlassworkError(
            f"training on {devices * nodes} processes failed",
            why=f"one of them ended with an error or was killed, {RESTARTS + 1} times; what it said stands above",
            todo="Mend that, then go on with --resume.",
        )
    return 0
