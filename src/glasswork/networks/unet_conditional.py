"""The denoiser of Stable Diffusion: a U-Net that is told how much noise there is, and looks at the words of a prompt.

R. Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2022, https://arxiv.org/abs/2112.10752,
section 3.3; the time as sines and cosines: J. Ho, A. Jain, P. Abbeel, "Denoising Diffusion Probabilistic Models", 2020,
https://arxiv.org/abs/2006.11239, appendix B. Names and shapes of weights are those of diffusers'
UNet2DConditionModel, so that files of Stable Diffusion 1.x load as they are.

Words are looked at by cross-attention, apart from self-attention: queries come from the picture's positions, keys and
values from the text's vectors.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork.networks._diffusion import Downsampler, Resnet, Upsampler
from glasswork.networks._registry import network
from glasswork.networks._spatial_transformer import Shared, Transformer
from glasswork.networks._text_pooling import TextPooling

EPS = 1e-5

# B latents in a batch, C channels, H rows, W columns, N = H W positions, T tokens of X numbers, E numbers of the time


def sinusoids(timesteps: Tensor, width: int) -> Tensor:
    """Each time as cosines, then sines, of frequencies from 1 to 1/10,000; (B,) -> (B, width)."""
    half = width // 2
    frequencies = torch.exp(-math.log(10_000) * torch.arange(half, device=timesteps.device) / half)  # (half)
    angles = timesteps[:, None].float() * frequencies  # (B, half)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class TimeEmbedding(nn.Module):
    """What the time means to the blocks."""

    def __init__(self, width: int, embedded: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, embedded)
        self.linear_2 = nn.Linear(embedded, embedded)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width) -> (B, E)."""
        x = self.linear_1(x)
        x = F.silu(x)
        x = self.linear_2(x)
        return x


class Down(nn.Module):
    """Residual blocks at one size, each followed by attention, then half the size; all results are remembered."""

    def __init__(self, channels: int, width: int, layers: int, attends: bool, last: bool, shared: Shared) -> None:
        super().__init__()
        self.attentions = nn.ModuleList(Transformer(width, shared) for _ in range(layers if attends else 0))
        self.resnets = nn.ModuleList(_resnet(width if i else channels, width, shared) for i in range(layers))
        self.downsamplers = nn.ModuleList([] if last else [Downsampler(width, padding=1)])

    def forward(self, x: Tensor, time: Tensor, text: Tensor, remembered: list[Tensor]) -> Tensor:
        """(B, C, H, W) -> (B, width, H/2, W/2)."""
        for i, resnet in enumerate(self.resnets):
            x = resnet(x, time)  # (B, width, H, W)
            if self.attentions:
                x = self.attentions[i](x, text)
            remembered.append(x)
        for downsampler in self.downsamplers:
            x = downsampler(x)
            remembered.append(x)
        return x


class Middle(nn.Module):
    """At the smallest size: convolutions, attention, convolutions."""

    def __init__(self, channels: int, shared: Shared) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([Transformer(channels, shared)])
        self.resnets = nn.ModuleList(_resnet(channels, channels, shared) for _ in range(2))

    def forward(self, x: Tensor, time: Tensor, text: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        x = self.resnets[0](x, time)
        x = self.attentions[0](x, text)
        x = self.resnets[1](x, time)
        return x


class Up(nn.Module):
    """Residual blocks beside what the way down remembered at this size, each followed by attention, then twice it."""

    def __init__(self, inputs: list[int], width: int, attends: bool, last: bool, shared: Shared) -> None:
        super().__init__()
        self.attentions = nn.ModuleList(Transformer(width, shared) for _ in (inputs if attends else ()))
        self.resnets = nn.ModuleList(_resnet(channels, width, shared) for channels in inputs)
        self.upsamplers = nn.ModuleList([] if last else [Upsampler(width)])

    def forward(self, x: Tensor, time: Tensor, text: Tensor, remembered: list[Tensor]) -> Tensor:
        """(B, C, H, W) -> (B, width, 2H, 2W)."""
        for i, resnet in enumerate(self.resnets):
            x = torch.cat([x, remembered.pop()], dim=1)  # (B, inputs[i], H, W)
            x = resnet(x, time)  # (B, width, H, W)
            if self.attentions:
                x = self.attentions[i](x, text)
        for upsampler in self.upsamplers:
            x = upsampler(x)
        return x


@network(
    paper="https://arxiv.org/abs/2112.10752",
    named={"sd1_unet": {}},
    small={
        "channels": 4, "size": 4, "widths": "8,16", "attention": "1,0", "layers": 1, "heads": 2, "text": 6,
        "context": 5, "groups": 4,
    },
)  # fmt: skip
class UNetConditional(nn.Module):
    """Down, middle, up; the time in every residual block, the words in every attention.

    Args:
        channels: of the latent, in and out.
        size: its height and width; others that can be halved as often run too.
        widths: channels at each size, the latent's own first, with commas; it is halved between them.
        attention: for each size whether there is attention, 1 or 0, with commas; there always is in the middle.
        layers: residual blocks at each size on the way down; one more on the way up.
        heads: of each attention.
        text: numbers that stand for a token of the prompt.
        context: tokens of a prompt, for examples; any number will do.
        groups: of each group normalisation.
        pooled: heads of a pooling of the whole prompt, which is added to the time as in Imagen; 0 for none, as in
            Stable Diffusion.
        patch: places on a side that are one place inside, with more channels: 1 as in Stable Diffusion, 2 as in what
            came after it (P. Esser et al., 2024, https://arxiv.org/abs/2403.03206, section 4), a quarter of the work.
        projected: 1 if each token's vector first passes a linear layer, diffusers' encoder_hid_proj; the pooling, too,
            reads what comes out of it.
        scale_shift: 1 if the time also says how much of each channel there is.
        fused: 1 for PyTorch's attention kernel; the same numbers, but no attention weights to see.
    """

    def __init__(
        self,
        *,
        channels: int = 4,
        size: int = 64,
        widths: str = "320,640,1280,1280",
        attention: str = "1,1,1,0",
        layers: int = 2,
        heads: int = 8,
        text: int = 768,
        context: int = 77,
        groups: int = 32,
        pooled: int = 0,
        patch: int = 1,
        projected: int = 0,
        scale_shift: int = 0,
        fused: int = 0,
    ) -> None:
        super().__init__()
        wide, attends = (tuple(int(part) for part in given.split(",")) for given in (widths, attention))
        _check(wide, attends, heads, groups, size, patch)
        self.patch = patch
        self.shape, self.words = (channels, size, size), (context, text)
        shared, last = Shared(4 * wide[0], text, heads, groups, bool(fused), bool(scale_shift)), len(wide) - 1
        self.conv_in = nn.Conv2d(patch**2 * channels, wide[0], kernel_size=3, padding=1)
        self.time_embedding = TimeEmbedding(wide[0], shared.time)
        self.encoder_hid_proj = nn.Linear(text, text) if projected else None
        self.add_embedding = TextPooling(text, shared.time, pooled) if pooled else None
        self.down_blocks = nn.ModuleList(
            Down(wide[max(i - 1, 0)], width, layers, bool(attends[i]), i == last, shared)
            for i, width in enumerate(wide)
        )
        skips = [wide[0]]  # channels of what the way down remembers
        for i, width in enumerate(wide):
            skips += [width] * (layers + (i < last))
        self.mid_block = Middle(wide[-1], shared)
        self.up_blocks = nn.ModuleList()
        before = wide[-1]
        for i in reversed(range(len(wide))):
            inputs = [(wide[i] if j else before) + skips.pop() for j in range(layers + 1)]
            self.up_blocks.append(Up(inputs, wide[i], bool(attends[i]), i == 0, shared))
            before = wide[i]
        self.conv_norm_out = nn.GroupNorm(groups, wide[0], eps=EPS)
        self.conv_out = nn.Conv2d(wide[0], patch**2 * channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor, timesteps: Tensor, text: Tensor) -> Tensor:
        """A noisy latent, (B, C, H, W), its times (B,) and the prompt's vectors (B, T, X) -> (B, C, H, W)."""
        time = sinusoids(timesteps, self.time_embedding.linear_1.in_features).to(x.dtype)
        time = self.time_embedding(time)  # (B, E)
        if self.encoder_hid_proj is not None:
            text = self.encoder_hid_proj(text)
        if self.add_embedding is not None:
            time = time + self.add_embedding(text)
        if self.patch > 1:
            x = F.pixel_unshuffle(x, self.patch)  # (B, patch^2 C, H/patch, W/patch)
        x = self.conv_in(x)  # (B, 320, 64, 64)
        remembered = [x]
        for down in self.down_blocks:
            x = down(x, time, text, remembered)  # (B, 320, 32, 32), (B, 640, 16, 16), (B, 1280, 8, 8), (B, 1280, 8, 8)
        x = self.mid_block(x, time, text)
        for up in self.up_blocks:
            x = up(
                x, time, text, remembered
            )  # (B, 1280, 16, 16), (B, 1280, 32, 32), (B, 640, 64, 64), (B, 320, 64, 64)
        x = self.conv_norm_out(x)
        x = F.silu(x)
        x = self.conv_out(x)  # (B, 4, 64, 64)
        if self.patch > 1:
            x = F.pixel_shuffle(x, self.patch)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random latents, times and texts."""
        return torch.randn(batch, *self.shape), torch.randint(1000, (batch,)), torch.randn(batch, *self.words)


def _resnet(channels: int, width: int, shared: Shared) -> Resnet:
    return Resnet(channels, width, shared.groups, EPS, shared.time, shared.scale_shift)


def _check(widths: tuple[int, ...], attention: tuple[int, ...], heads: int, groups: int, size: int, patch: int) -> None:
    if len(widths) != len(attention):
        raise ValueError(f"{len(widths)} widths, but attention for {len(attention)} sizes")
    if any(width % groups or width % heads for width in widths):
        raise ValueError(f"widths {widths} can't be divided into {groups} groups and {heads} heads")
    if patch < 1 or size % (patch * 2 ** (len(widths) - 1)):
        raise ValueError(f"a side of {size} can't be cut into patches of {patch} and halved {len(widths) - 1} times")
