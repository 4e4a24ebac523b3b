"""Text to image: tokens, text encoder, denoiser, decoder, one after another, and everything in between to be seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from glasswork.data.clip_tokens import ClipTokens, Reading
from glasswork.errors import GlassworkError
from glasswork.generation.diffusion import Plan, Step, first_noise, run
from glasswork.generation.schedules import Schedule
from glasswork.networks.autoencoder_kl import AutoencoderKL
from glasswork.networks.clip import CLIP

# B pictures, L channels of the latent, T tokens of X numbers


@dataclass(frozen=True)
class TextToImage:
    """The parts of a latent diffusion model.

    Attributes:
        tokens: reads prompts.
        text: from token numbers (B, T), one tensor for each tokenizer, to their vectors (B, T, X); or to these and what
            else the denoiser is told, (B, ...).
        denoiser: from latents, times and what the text encoder says to what it says of the noise.
        autoencoder: from pictures to latents and back.
        schedule: the noise it was trained with.
        encoders: what texts and pictures are compared by, where the text encoder was trained with one of pictures.
        others: further tokenizers, where there are more text encoders: they read the same tokens.
        silent: whether no negative text is told as zeros, not as an empty text.
    """

    tokens: ClipTokens
    text: nn.Module
    denoiser: nn.Module
    autoencoder: AutoencoderKL
    schedule: Schedule
    encoders: CLIP | None = None
    others: tuple[ClipTokens, ...] = ()
    silent: bool = False

    @cached_property
    def latent(self) -> tuple[int, int, int]:
        """The shape of a latent, (L, H, W)."""
        side = self.autoencoder.shape[1] // self.shrinks
        return self.autoencoder.post_quant_conv.in_channels, side, side

    @cached_property
    def shrinks(self) -> int:
        """How many times smaller a latent's side is than a picture's."""
        return 2 ** (len(self.autoencoder.encoder.down_blocks) - 1)

    def read(self, prompt: str) -> Reading:
        """A prompt's tokens, cut or filled up to what the text encoder takes."""
        return self.tokens.read(prompt)

    def conditional(self, prompts: Sequence[str]) -> tuple[Tensor, ...]:
        """What the denoiser is told of prompts: vectors of their tokens, (B, T, X); of some models more, (B, ...)."""
        readers = self.tokens, *self.others
        tokens = [torch.tensor([reader.read(prompt).ids for prompt in prompts]) for reader in readers]
        with torch.inference_mode():
            said = self.text(*tokens)
        return said if isinstance(said, tuple) else (said,)

    def unconditional(self, negative: str, count: int = 1) -> tuple[Tensor, ...]:
        """What the unguided half of so many pictures is told; "" for no negative text."""
        told = self.conditional([negative] * count)
        return tuple(map(torch.zeros_like, told)) if self.silent and not negative else told

    def noise(self, count: int, seed: int) -> Tensor:
        """The first noise of so many pictures, (B, L, H, W); the prompt leaves it as it is."""
        return first_noise((count, *self.latent), seed)

    def encode(self, pictures: Tensor) -> Tensor:
        """The scaled latents of pictures from 0 to 1, (B, 3, H, W)."""
        self.check(pictures)
        with torch.inference_mode():
            return self.autoencoder.encode(pictures * 2 - 1)[0] * self.autoencoder.scaling

    def decode(self, latents: Tensor) -> Tensor:
        """The pictures of scaled latents, from 0 to 1, (B, 3, H, W)."""
        with torch.inference_mode():
            told = self.autoencoder.decode(latents / self.autoencoder.scaling)
        return (told / 2 + 0.5).clamp(0, 1)

    def check(self, pictures: Tensor) -> None:
        """Whether pictures have the autoencoder's size.

        Raises:
            GlassworkError: they have another.
        """
        if tuple(pictures.shape[1:]) != tuple(self.autoencoder.shape):
            found, wanted = ("x".join(map(str, shape)) for shape in (pictures.shape[1:], self.autoencoder.shape))
            raise GlassworkError("this picture has another size than the model's", why=f"{found}, not {wanted}")

    def run(
        self,
        prompts: Sequence[str],
        plan: Plan,
        *,
        negative: str = "",
        start: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Iterator[Step]:
        """The steps from noise to latents, one picture for each prompt.

        Args:
            prompts: B of them.
            plan: how.
            negative: what the unguided half is told.
            start: pictures to begin from, 0 to 1, (B, 3, H, W).
            mask: see diffusion.run.

        Raises:
            GlassworkError: the plan can't be run, or a picture has another size.
        """
        plan.check()
        latents = self.encode(start) if start is not None else None
        prompt, other = self.conditional(prompts), self.unconditional(negative, len(prompts))
        noise = self.noise(len(prompts), plan.seed)
        with torch.inference_mode():
            yield from run(self.denoiser, self.schedule, plan, noise, prompt, other, start=latents, mask=mask)

    def pictures(
        self, prompts: Sequence[str], plan: Plan, *, negative: str = "", start: Tensor | None = None
    ) -> Tensor:
        """The pictures of prompts, 0 to 1, (B, 3, H, W); arguments as in run."""
        *_, last = self.run(prompts, plan, negative=negative, start=start)
        return self.decode(last.next)
