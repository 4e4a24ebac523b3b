"""Run any nn.Module once and keep what happened: every op, forward and backward, where it was written, what it cost."""

from glasswork.tracing.comparing import Comparison, Difference, compare
from glasswork.tracing.deviations import Deviation
from glasswork.tracing.errors import (
    BadEdit,
    BadFile,
    Cancelled,
    NotKept,
    NotRebuilt,
    NotTraceable,
    TraceFailed,
    UnknownAddress,
)
from glasswork.tracing.graph import Failure, Trace
from glasswork.tracing.modules import ModuleCall
from glasswork.tracing.ops import Op
from glasswork.tracing.profile import Cost, ModuleCost, profile
from glasswork.tracing.record import Runs, record
from glasswork.tracing.rerun import rerun
from glasswork.tracing.run import Begun, begin_trace, trace
from glasswork.tracing.source import Source
from glasswork.tracing.storing import is_trace_file, open_trace
from glasswork.tracing.values import Stats, Value, replace_values

__all__ = [
    "BadEdit",
    "BadFile",
    "Begun",
    "Cancelled",
    "Comparison",
    "Cost",
    "Deviation",
    "Difference",
    "Failure",
    "ModuleCall",
    "ModuleCost",
    "NotKept",
    "NotRebuilt",
    "NotTraceable",
    "Op",
    "Runs",
    "Source",
    "Stats",
    "Trace",
    "TraceFailed",
    "UnknownAddress",
    "Value",
    "begin_trace",
    "compare",
    "is_trace_file",
    "open_trace",
    "profile",
    "record",
    "replace_values",
    "rerun",
    "trace",
]
