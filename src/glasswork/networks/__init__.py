"""The reference networks, one file each; nothing but torch inside."""

from glasswork.networks._registry import Reference, build, names, network, reference

__all__ = ["Reference", "build", "names", "network", "reference"]
