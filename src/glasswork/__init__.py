"""Glasswork trains, runs and shows the inside of deep networks."""

from glasswork.version import __version__

__all__ = ["__version__"]
