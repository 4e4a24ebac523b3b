"""The variational autoencoder of Stable Diffusion: a picture as a small latent, and back.

R. Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2022, https://arxiv.org/abs/2112.10752,
section 3.1 and table 8; variational: D. Kingma, M. Welling, "Auto-Encoding Variational Bayes", 2013,
https://arxiv.org/abs/1312.6114, equation 10 (its divergence from the unit Gaussian). Names and shapes of weights are
those of diffusers' AutoencoderKL, so that files of Stable Diffusion 1.x load as they are.

The latent is a Gaussian at each position: the encoder says its mean and the logarithm of its variance. Diffusion
works on means (or draws) times `scaling`, so that their deviation is about one.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork.networks._diffusion import Downsampler, Resnet, Upsampler, attend
from glasswork.networks._published import Weights, accept
from glasswork.networks._registry import network

EPS = 1e-6

# B pictures in a batch, C channels, H rows, W columns, L channels of the latent, N = H W positions


class Attention(nn.Module):
    """Each position asks all others, and adds what it gets; one head."""

    def __init__(self, channels: int, groups: int, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        self.group_norm = nn.GroupNorm(groups, channels, eps=EPS)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        y = self.group_norm(x)
        y = y.flatten(2).transpose(1, 2)  # (B, N, C)
        y = attend(self.to_q(y), self.to_k(y), self.to_v(y), heads=1, fused=self.fused)  # (B, N, C)
        y = self.to_out[0](y)
        y = y.transpose(1, 2).unflatten(2, x.shape[2:])  # (B, C, H, W)
        y = x + y
        return y


class Middle(nn.Module):
    """At the smallest size: convolutions, attention, convolutions."""

    def __init__(self, channels: int, groups: int, fused: bool) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([Attention(channels, groups, fused)])
        self.resnets = nn.ModuleList([Resnet(channels, channels, groups, EPS) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        x = self.resnets[0](x)
        x = self.attentions[0](x)
        x = self.resnets[1](x)
        return x


class Level(nn.Module):
    """Residual blocks at one size, then a step to the next size: down in the encoder, up in the decoder."""

    def __init__(self, channels: int, width: int, layers: int, groups: int, step: str) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(Resnet(width if i else channels, width, groups, EPS) for i in range(layers))
        self.downsamplers = nn.ModuleList([Downsampler(width, padding=0)] if step == "down" else [])
        self.upsamplers = nn.ModuleList([Upsampler(width)] if step == "up" else [])

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, width, H', W')."""
        for resnet in self.resnets:
            x = resnet(x)  # (B, width, H, W)
        for downsampler in self.downsamplers:
            x = downsampler(x)  # (B, width, H/2, W/2)
        for upsampler in self.upsamplers:
            x = upsampler(x)  # (B, width, 2H, 2W)
        return x


class Encoder(nn.Module):
    """From a picture to a mean and a log-variance at each position of the latent."""

    def __init__(
        self, channels: int, latent: int, widths: tuple[int, ...], layers: int, groups: int, fused: bool
    ) -> None:
        super().__init__()
        last = len(widths) - 1
        self.conv_in = nn.Conv2d(channels, widths[0], kernel_size=3, padding=1)
        self.down_blocks = nn.ModuleList(
            Level(widths[max(i - 1, 0)], width, layers, groups, "down" if i < last else "")
            for i, width in enumerate(widths)
        )
        self.mid_block = Middle(widths[-1], groups, fused)
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=EPS)
        self.conv_out = nn.Conv2d(widths[-1], 2 * latent, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 2L, H/8, W/8)."""
        x = self.conv_in(x)  # (B, 128, 512, 512)
        for level in self.down_blocks:
            x = level(x)  # (B, 128, 256, 256), (B, 256, 128, 128), (B, 512, 64, 64), (B, 512, 64, 64)
        x = self.mid_block(x)
        x = self.conv_norm_out(x)
        x = F.silu(x)
        x = self.conv_out(x)  # (B, 8, 64, 64)
        return x


class Decoder(nn.Module):
    """From a latent to a picture."""

    def __init__(
        self, channels: int, latent: int, widths: tuple[int, ...], layers: int, groups: int, fused: bool
    ) -> None:
        super().__init__()
        wide = widths[::-1]
        last = len(widths) - 1
        self.conv_in = nn.Conv2d(latent, wide[0], kernel_size=3, padding=1)
        self.up_blocks = nn.ModuleList(
            Level(wide[max(i - 1, 0)], width, layers + 1, groups, "up" if i < last else "")
            for i, width in enumerate(wide)
        )
        self.mid_block = Middle(wide[0], groups, fused)
        self.conv_norm_out = nn.GroupNorm(groups, wide[-1], eps=EPS)
        self.conv_out = nn.Conv2d(wide[-1], channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, H, W) -> (B, C, 8H, 8W)."""
        x = self.conv_in(x)  # (B, 512, 64, 64)
        x = self.mid_block(x)
        for level in self.up_blocks:
            x = level(x)  # (B, 512, 128, 128), (B, 512, 256, 256), (B, 256, 512, 512), (B, 128, 512, 512)
        x = self.conv_norm_out(x)
        x = F.silu(x)
        x = self.conv_out(x)  # (B, 3, 512, 512)
        return x


@network(
    paper="https://arxiv.org/abs/2112.10752",
    named={"sd1_vae": {}},
    small={"size": 8, "latent": 16, "widths": "8,16", "layers": 1, "groups": 4},
)
class AutoencoderKL(nn.Module):
    """An encoder and a decoder, with a 1x1 convolution on each side of the latent.

    Args:
        channels: of the picture.
        size: its height and width in pixels; others that can be halved as often run too.
        latent: channels of the latent.
        widths: channels at each size, the picture's own first, with commas; it is halved between them.
        layers: residual blocks at each size; the decoder has one more.
        groups: of each group normalisation.
        scaling: what a latent is multiplied by before diffusion.
        fused: 1 for PyTorch's attention kernel; the same numbers, but no attention weights to see.
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        size: int = 512,
        latent: int = 4,
        widths: str = "128,256,512,512",
        layers: int = 2,
        groups: int = 32,
        scaling: float = 0.18215,
        fused: int = 0,
    ) -> None:
        super().__init__()
        wide = tuple(int(width) for width in widths.split(","))
        if any(width % groups for width in wide):
            raise ValueError(f"widths {widths} can't be divided into {groups} groups")
        if size % 2 ** (len(wide) - 1):
            raise ValueError(f"a side of {size} pixels can't be halved {len(wide) - 1} times")
        self.shape, self.scaling = (channels, size, size), scaling
        self.encoder = Encoder(channels, latent, wide, layers, groups, bool(fused))
        self.decoder = Decoder(channels, latent, wide, layers, groups, bool(fused))
        self.quant_conv = nn.Conv2d(2 * latent, 2 * latent, kernel_size=1)
        self.post_quant_conv = nn.Conv2d(latent, latent, kernel_size=1)
        accept(self, _published)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """A picture of values from -1 to 1, (B, C, H, W) -> mean and log-variance of its latent, (B, L, H/8, W/8)."""
        x = self.encoder(x)
        x = self.quant_conv(x)
        mean, log_variance = x.chunk(2, dim=1)
        log_variance = log_variance.clamp(-30.0, 20.0)
        return mean, log_variance

    def decode(self, latent: Tensor) -> Tensor:
        """A latent that is not scaled, (B, L, H, W) -> a picture, (B, C, 8H, 8W)."""
        x = self.post_quant_conv(latent)
        x = self.decoder(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """A picture, (B, C, H, W) -> the picture of its mean latent, (B, C, H, W)."""
        mean, _ = self.encode(x)
        x = self.decode(mean)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random pictures."""
        return (torch.rand(batch, *self.shape) * 2 - 1,)


def _published(weights: Weights) -> dict[str, Tensor]:
    """Attention under the names that the first files of Stable Diffusion have, some as 1x1 convolutions."""
    old = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
    ours = {}
    for name, value in weights.items():
        head, found, tail = name.partition("attentions.0.")
        part, dot, kind = tail.rpartition(".")
        if found and part in old:
            value = value.flatten(1) if kind == "weight" else value
            name = f"{head}{found}{old[part]}{dot}{kind}"
        ours[name] = value
    return ours
