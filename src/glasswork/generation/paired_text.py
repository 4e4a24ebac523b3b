"""The two text encoders of Stable Diffusion XL, side by side.

D. Podell et al., "SDXL: Improving Latent Diffusion Models for High-Resolution Image Synthesis", 2023,
https://arxiv.org/abs/2307.01952, section 2.1: a token's vector is what both encoders make of it before their last
layer; the whole text's is the second encoder's, as it is compared with pictures.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks.clip_text import CLIPText

# B texts in a batch, T tokens, W and V widths of the encoders, P width of the space that is shared with pictures


class PairedText(nn.Module):
    """Two encoders that read the same tokens, which may be filled up with different ones.

    Args:
        first: one without a projection.
        second: one with a projection, and as many tokens.
    """

    def __init__(self, first: CLIPText, second: CLIPText) -> None:
        super().__init__()
        assert second.text_projection is not None
        self.text_encoder, self.text_encoder_2 = first.text_model, second.text_model
        self.text_projection = second.text_projection
        self.readers = first, second  # a tuple: their parts are enrolled above

    def forward(self, tokens: Tensor, tokens_2: Tensor) -> tuple[Tensor, Tensor]:
        """Token numbers, (B, T) each -> the tokens' vectors, (B, T, W + V), and the text's own, (B, P)."""
        *before, _ = self.text_encoder.encoder.layers  # the last one is left out
        x = self.text_encoder.embeddings(tokens)
        for layer in before:
            x = layer(x)  # (B, T, W)
        *before, last = self.text_encoder_2.encoder.layers
        y = self.text_encoder_2.embeddings(tokens_2)
        for layer in before:
            y = layer(y)  # (B, T, V)
        vectors = torch.cat([x, y], dim=-1)  # (B, T, W + V)
        y = last(y)
        y = self.text_encoder_2.final_layer_norm(y)
        end = tokens_2.argmax(dim=-1)  # (B): where the text ends first
        whole = y[torch.arange(len(y), device=y.device), end]  # (B, V)
        whole = self.text_projection(whole)  # (B, P)
        return vectors, whole

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random texts, filled up in the same way for both."""
        first, _ = self.readers
        (tokens,) = first.example(batch)
        return tokens, tokens.clone()
