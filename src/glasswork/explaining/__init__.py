"""From one number to its formula, its terms and where they come from; pure functions over a trace."""

from glasswork.explaining import (  # noqa: F401  (each enrols its rules)
    arithmetic,
    attention,
    convolution,
    creating,
    dropout,
    einsum,
    fused,
    losses,
    moving,
    normalization,
    pointwise,
    pooling,
    probabilities,
    products,
    rectifiers,
    reductions,
    regions,
    weighted,
)
from glasswork.explaining.answers import explain, explain_value, terms
from glasswork.explaining.channels import ChannelParts, channel_parts, maps_before
from glasswork.explaining.edges import edges, slopes
from glasswork.explaining.errors import BadIndex, NoGradient, NoOrigin, NoRule
from glasswork.explaining.expansion import Expansion, real
from glasswork.explaining.explanation import Explanation, Operand, Term
from glasswork.explaining.origins import Origin, Source, origin
from glasswork.explaining.rules import register, rule_for

__all__ = [
    "BadIndex",
    "ChannelParts",
    "Expansion",
    "Explanation",
    "NoGradient",
    "NoOrigin",
    "NoRule",
    "Operand",
    "Origin",
    "Source",
    "Term",
    "channel_parts",
    "edges",
    "explain",
    "explain_value",
    "maps_before",
    "origin",
    "real",
    "register",
    "rule_for",
    "slopes",
    "terms",
]
