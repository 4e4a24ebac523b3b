"""The reference networks, one file each; nothing but torch inside."""

from glasswork.networks._fused import fuse
from glasswork.networks._past import Past
from glasswork.networks._published import ours
from glasswork.networks._registry import Reference, Size, build, example, named, names, network, reference, sizes

__all__ = [
    "Past",
    "Reference",
    "Size",
    "build",
    "example",
    "fuse",
    "named",
    "names",
    "network",
    "ours",
    "reference",
    "sizes",
]
