"""Where examples come from: what ships, and what is read from where it is installed."""

from glasswork.data._dataset import Dataset, on_white
from glasswork.data._registry import Entry, all_names, catalogue, fetch, load, names
from glasswork.data._samples import Sample, sample, samples

__all__ = [
    "Dataset",
    "Entry",
    "Sample",
    "all_names",
    "catalogue",
    "fetch",
    "load",
    "names",
    "on_white",
    "sample",
    "samples",
]
