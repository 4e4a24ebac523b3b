"""What the workshop of convolutions asks for, and what it is told."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from glasswork.scenes.messages.base import Array, Request

Operation = Literal["conv", "transposed", "max", "average", "global"]
Fill = Literal["zeros", "reflect", "circular"]


class OperationOf(Struct, frozen=True, kw_only=True):
    """One operation and its settings, by torch's names."""

    do: Operation = "conv"
    kernel: str = "edges"
    """One of the workshop's, NETWORK/CHANNEL for one of a trained network's first layer, or its own numbers, row by row
    with commas between them, with bars between the planes of several colours."""
    size: int = 3
    stride: int = 1
    padding: int = 1
    fill: Fill = "zeros"
    dilation: int = 1
    groups: int = 1
    bias: float | None = None
    """None for the kernel's own."""


class OpenWorkshop(Request, tag="open_workshop", frozen=True):
    """Do an operation to a picture, and follow a stack of layers."""

    operation: OperationOf
    input: str | None = None
    """photo:NAME, sample:NAME or upload:ID; None for the first photo."""
    side: int = 24
    """The picture is cropped to a square, and scaled to so many pixels."""
    colour: bool = False
    stack: str = ""
    """Layers, such as c3x8p1,m2: see StackLayer.word."""
    samples: bool = False
    """Whether the pictures that ship come along."""
    view: str = "page"

    @property
    def slot(self) -> str:
        """One workshop a view."""
        return f"OpenWorkshop {self.view}"


class WorkshopSample(Struct, frozen=True):
    """A picture that ships."""

    id: str
    name: str
    label: str


class KernelChoice(Struct, frozen=True):
    """A kernel that can be chosen."""

    name: str
    title: str
    """Of the network that it is from; empty for one of the workshop's own."""
    channel: int
    fits: bool
    """Whether it has as many planes as the picture has colours."""


class StackLayer(Struct, frozen=True, kw_only=True):
    """A layer of the stack, and what its numbers see of the picture (Araujo et al. 2019)."""

    word: str
    """Its kind (c, m, a: convolution, maximum, average) and kernel size, then what differs from what is usual: x its
    channels, s its stride, p its padding, d its dilation."""
    kind: Literal["conv", "max", "average"]
    size: int
    channels: int
    stride: int
    padding: int
    dilation: int
    side: int
    """Of its output."""
    left: int
    """Rows and columns at the far edge that no window of its reaches."""
    field: int
    """Pixels along each side that one of its numbers sees."""
    jump: int
    """Pixels between the fields of two neighbours."""
    first: int
    """The first row and column of what its middle number sees; what lies outside of the picture is padding."""
    numbers: int
    """How many are learned."""
    macs: int


class Workshop(Struct, tag_field="type", tag="workshop", frozen=True, kw_only=True):
    """A picture, an operation, its output.

    `arrays`: what the operation reads, with its padding where that is other than zeros, `SOURCE#pad@value`, or
    `SOURCE#input@value`; the weights, if it has any; the output; where samples were asked for, their pixels.
    """

    request: int
    source: str
    picture: str
    """How the input is named."""
    name: str
    channels: int
    side: int
    path: str
    """Of the operation's output."""
    reads: str
    """Of what it reads."""
    planes: list[list[float]]
    """The kernel: one plane for all colours, or one for each."""
    bias: float
    out: list[int]
    """Channels, rows and columns of the output."""
    extent: int
    """Pixels from one end of the window to the other, with the gaps that dilation leaves."""
    left: int
    """Rows and columns of the padded input that no window reaches, since the stride does not come out even."""
    macs: int
    numbers: int
    line: str
    """The line of PyTorch that does the same, with x, weight and bias."""
    python: str
    """The same, with what stands before it."""
    kernels: list[KernelChoice]
    samples: list[WorkshopSample]
    stack: list[StackLayer]
    arrays: list[Array]


WorkshopRequest = OpenWorkshop
WorkshopAnswer = Workshop
