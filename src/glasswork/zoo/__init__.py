"""Networks with their weights, preprocessing and labels; resolves every TARGET."""

from glasswork.zoo.card import Card, encode_card, read_card
from glasswork.zoo.checkpoints import load_weights, read_checkpoint
from glasswork.zoo.converting import as_reference
from glasswork.zoo.libraries import reads_text, takes_text, token_texts, tokens
from glasswork.zoo.makes import NOISES, Makes, to_record
from glasswork.zoo.network import Network, count_macs, softmax, softmax_of_maps
from glasswork.zoo.preprocessing import Preprocessed, Preprocessing, Step
from glasswork.zoo.references import Counted, counted, is_reference
from glasswork.zoo.rows import Column, Rows, fit_rows
from glasswork.zoo.sequences import Forecast, Utterance
from glasswork.zoo.shipping import Shipped, build, described, expected_picture, shipped, shipped_cards, shipped_names
from glasswork.zoo.sources import Source, fetch, source_of, sources
from glasswork.zoo.storing import fill, read_weights, save_weights, write_atomically
from glasswork.zoo.targets import load
from glasswork.zoo.tokenizers import Tokenizer, tokenizer
from glasswork.zoo.translating import Translation

__all__ = [
    "NOISES",
    "Card",
    "Column",
    "Counted",
    "Forecast",
    "Makes",
    "Network",
    "Preprocessed",
    "Preprocessing",
    "Rows",
    "Shipped",
    "Source",
    "Step",
    "Tokenizer",
    "Translation",
    "Utterance",
    "as_reference",
    "build",
    "count_macs",
    "counted",
    "described",
    "encode_card",
    "expected_picture",
    "fetch",
    "fill",
    "fit_rows",
    "is_reference",
    "load",
    "load_weights",
    "read_card",
    "read_checkpoint",
    "read_weights",
    "reads_text",
    "save_weights",
    "shipped",
    "shipped_cards",
    "shipped_names",
    "softmax",
    "softmax_of_maps",
    "source_of",
    "sources",
    "takes_text",
    "to_record",
    "token_texts",
    "tokenizer",
    "tokens",
    "write_atomically",
]
