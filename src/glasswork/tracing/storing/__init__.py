"""Traces as files: safetensors with a JSON description, opened again with nothing executed."""

from glasswork.tracing.storing.opening import is_trace_file, open_trace
from glasswork.tracing.storing.saving import save

__all__ = ["is_trace_file", "open_trace", "save"]
