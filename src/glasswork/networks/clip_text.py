"""CLIP's text encoder: a text as vectors, one for each token, that lie near those of pictures it fits.

A. Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021,
https://arxiv.org/abs/2103.00020, section 2.4. Stable Diffusion 1.x reads its prompts with the one of ViT-L/14, of which
`clip_vit_l_14_text` has the sizes. Names and shapes of weights are those of transformers' CLIPTextModel, or, with a
projection, of its CLIPTextModelWithProjection, so that their files load as they are.

What differs from the paper: nothing that is known of it. The last token of the vocabulary must be the one that ends a
text.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._clip import Encoder
from glasswork.networks._published import Weights, accept
from glasswork.networks._registry import network

# B texts in a batch, T tokens, W width, P width of the space that texts and pictures share


class Embeddings(nn.Module):
    """A vector for each token, and one for its place."""

    def __init__(self, vocabulary: int, context: int, width: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.position_embedding = nn.Embedding(context, width)
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.position_embedding.weight, std=0.01)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, T, W)."""
        positions = torch.arange(tokens.shape[1], device=tokens.device)  # (T)
        x = self.token_embedding(tokens) + self.position_embedding(positions)  # (B, T, W)
        return x


class Body(nn.Module):
    """From tokens to what each means after those before it."""

    def __init__(
        self,
        vocabulary: int,
        context: int,
        width: int,
        depth: int,
        heads: int,
        hidden: int,
        activation: str,
        fused: bool,
    ) -> None:
        super().__init__()
        self.embeddings = Embeddings(vocabulary, context, width)
        self.encoder = Encoder(width, depth, heads, hidden, activation, causal=True, fused=fused)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, T, W)."""
        x = self.embeddings(tokens)
        x = self.encoder(x)
        x = self.final_layer_norm(x)
        return x


@network(
    paper="https://arxiv.org/abs/2103.00020",
    named={"clip_vit_l_14_text": {}},
    small={"vocabulary": 17, "context": 8, "width": 12, "depth": 2, "heads": 3, "hidden": 24, "projection": 6},
)
class CLIPText(nn.Module):
    """A Transformer that looks back, over tokens that end with the vocabulary's last one.

    Args:
        vocabulary: how many tokens there are.
        context: the most tokens that it can see.
        width: numbers that stand for a token.
        depth: layers.
        heads: of each attention.
        hidden: width inside each MLP.
        projection: width of the space that is shared with pictures; 0 for vectors of tokens alone.
        activation: quick_gelu, x sigmoid(1.702 x), as OpenAI's; or gelu.
        fused: 1 for PyTorch's attention kernel; the same numbers, but no attention weights to see.
    """

    def __init__(
        self,
        *,
        vocabulary: int = 49_408,
        context: int = 77,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        hidden: int = 3072,
        projection: int = 0,
        activation: str = "quick_gelu",
        fused: int = 0,
    ) -> None:
        super().__init__()
        self.vocabulary, self.context = vocabulary, context
        self.text_model = Body(vocabulary, context, width, depth, heads, hidden, activation, bool(fused))
        self.text_projection = nn.Linear(width, projection, bias=False) if projection else None
        accept(self, _published)

    def forward(self, tokens: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Token numbers, (B, T) -> their vectors, (B, T, W); with a projection also the text's own, (B, P)."""
        x = self.text_model(tokens)  # (B, T, W)
        if self.text_projection is None:
            return x
        end = tokens.argmax(dim=-1)  # (B): where the text ends first
        whole = x[torch.arange(len(x), device=x.device), end]  # (B, W)
        whole = self.text_projection(whole)  # (B, P)
        return x, whole

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random texts of four tokens, ended and filled up with the last one."""
        length = min(7, self.context)
        tokens = torch.randint(self.vocabulary - 1, (batch, length))
        tokens[:, min(4, length - 1) :] = self.vocabulary - 1
        return (tokens,)


def _published(weights: Weights) -> dict[str, Tensor]:
    """Without the list of positions that some files hold; with the prefix that some leave out."""
    ours = {name: value for name, value in weights.items() if not name.endswith("position_ids")}
    if "embeddings.token_embedding.weight" in ours:
        ours = {name if name.startswith("text_proj") else f"text_model.{name}": value for name, value in ours.items()}
    return ours
