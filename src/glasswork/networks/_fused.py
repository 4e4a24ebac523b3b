"""Attention in one kernel, for networks that are run and not looked into."""

from __future__ import annotations

from torch import nn


def fuse(module: nn.Module) -> None:
    """Let all attention of a network of ours run in PyTorch's kernel: faster, but no weights of it can be seen."""
    for part in module.modules():
        if hasattr(part, "fused"):
            part.__dict__["fused"] = True
