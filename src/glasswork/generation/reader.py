"""One way to ask any causal model for what follows: ours, and transformers'."""

from __future__ import annotations

import inspect
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from glasswork.errors import GlassworkError
from glasswork.generation.cache import Cache
from glasswork.zoo import Network, Tokenizer, tokenizer


class Reader(Protocol):
    """A causal model and what it has read.

    Attributes:
        context: the most tokens that it can see; None where nothing says so.
    """

    context: int | None

    def fresh(self) -> Any:
        """The past before anything was read."""
        ...

    def next(self, tokens: Tensor, past: Any) -> Tensor:
        """Logits of what follows the last of the tokens, (T) -> (V); they are added to the past, if there is one."""
        ...


class Ours:
    """A reference network whose forward takes a past: GPT, Llama."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.context: int | None = getattr(module, "context", None)
        self._body = next((getattr(module, name) for name in ("transformer", "model") if hasattr(module, name)), None)
        self._head: nn.Module | None = getattr(module, "lm_head", None)

    def fresh(self) -> Cache:
        """The past before anything was read."""
        return Cache()

    def next(self, tokens: Tensor, past: Cache | None) -> Tensor:
        """Logits of what follows the last token; the others' are not computed."""
        with torch.inference_mode():
            if self._body is None or self._head is None:
                return self._module(tokens[None], past)[0, -1]
            return self._head(self._body(tokens[None], past)[0, -1])


class Theirs:
    """A causal model of transformers."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        config = getattr(module, "config", None)
        self.context: int | None = getattr(config, "max_position_embeddings", None)
        self._last = "logits_to_keep" in inspect.signature(module.forward).parameters

    def fresh(self) -> Any:
        """The past before anything was read."""
        from transformers import DynamicCache

        return DynamicCache()

    def next(self, tokens: Tensor, past: Any) -> Tensor:
        """Logits of what follows the last token."""
        few = {"logits_to_keep": 1} if self._last else {}
        with torch.inference_mode():
            said = self._module(
                input_ids=tokens[None], past_key_values=past, use_cache=past is not None, return_dict=True, **few
            )
        return said.logits[0, -1]


def reader(network: Network) -> tuple[Reader, Tokenizer]:
    """How a network is asked for the next token, and what its tokens stand for.

    Raises:
        GlassworkError: it is no causal language model, or comes with no tokenizer that fits.
    """
    module = network.module
    words = tokenizer(network)
    if network.target.startswith("hf:"):
        if getattr(module, "lm_head", None) is None or getattr(module.config, "is_encoder_decoder", False):
            raise GlassworkError(
                f"{network.title} can't write on",
                where=network.target,
                why="it has no head that tells the next token from those before it",
                todo="Name a causal language model.",
            )
        return Theirs(module), words
    if "past" not in inspect.signature(module.forward).parameters:
        raise GlassworkError(
            f"{network.title} can't write on",
            where=network.target,
            why="it is no Transformer that looks back only",
            todo="Recurrent networks write on their own page, /lstm.",
        )
    return Ours(module), words
