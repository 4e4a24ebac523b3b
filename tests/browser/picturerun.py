"""A run of text to image again with plain torch: samplers, guidance, layers, attention; written down from papers."""

from __future__ import annotations

import math
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from claims import NoNumberError, Number
from imagined import byte, hooked, kept_picture, model_of, read, sized, told
from noisetimes import Noise
from torch import Tensor

from glasswork.data import captions, emoji_captions, on_white

SIDE = 64


class Picture:
    """A run, all of its steps."""

    def __init__(self, folder: Path, id: str) -> None:
        self.folder, self.record = folder, read(folder, id)
        self.model = model_of(self.record["target"])
        self.noise = Noise(self.model.schedule)
        self.steps: dict[int, dict[str, Any]] = {}
        self.moments = self.noise.moments(self.record["steps"], self.record["sampler"])
        with torch.inference_mode():
            self.run()

    def told(self, half: str) -> tuple[Tensor, ...]:
        with_prompt = half == "with"
        return told(self.model, self.record["prompt" if with_prompt else "negative"], with_prompt)

    @cached_property
    def start(self) -> Tensor | None:
        return kept_picture(self.folder, self.record["start"]) if self.record["start"] else None

    def run(self) -> None:
        record, count = self.record, self.record["steps"]
        v = self.model.schedule.prediction == "v_prediction"
        random = torch.Generator().manual_seed(record["seed"])
        self.first_noise = noise = torch.randn((1, *self.model.latent), generator=random)
        texts = [torch.cat(pair) for pair in zip(self.told("without"), self.told("with"), strict=True)]
        x, first, kept = noise, 0, None
        if self.start is not None:
            kept = self.model.autoencoder.encode(self.start[None] * 2 - 1)[0] * self.model.autoencoder.scaling
            first = count - max(1, round(count * record["strength"]))
            _, alpha, sigma = self.moments[first]
            x = alpha * kept + sigma * noise
        self.kept = kept
        before: dict[str, Any] = {}
        for k in range(first, count):
            (time, a, s), (_, a2, s2) = self.moments[k], self.moments[k + 1]
            said = self.model.denoiser(torch.cat([x, x]), torch.full((2,), time), *texts)
            without, with_prompt = said[:1], said[1:]
            guided = without + record["guidance"] * (with_prompt - without)
            clean = a * x - s * guided if v else (x - s * guided) / a
            seen = a * guided + s * x if v else guided
            fresh = None
            if record["sampler"] in ("ddpm", "euler_ancestral") and k < count - 1:
                fresh = torch.randn(noise.shape, generator=random)
            takes = self.takes(k, before.get("moment"))
            parts = {"latent": x, "clean": clean, "noise": seen, "past": before.get("clean"), "fresh": fresh}
            reached = sum((takes[name] * part for name, part in parts.items() if part is not None), torch.zeros(()))
            if record["mask"] and kept is not None:
                mask = torch.tensor([float(one) for one in record["mask"]]).view(1, 1, *x.shape[2:])
                reached = mask * reached + (1 - mask) * (a2 * kept + s2 * noise)
            self.steps[k] = {
                "latent": x, "without": without, "with": with_prompt, "guided": guided, "clean": clean, "noise": seen,
                "next": reached, "fresh": fresh, "takes": takes,
            }  # fmt: skip
            before = {"clean": clean, "moment": self.moments[k]}
            x = reached

    def takes(self, k: int, past: tuple[float, float, float] | None) -> dict[str, float]:
        """What each sampler makes of its operands, solved by hand for x_t, x_0, epsilon, x_0 before and new noise."""
        (_, a, s), (_, a2, s2) = self.moments[k], self.moments[k + 1]
        last, sampler = k == self.record["steps"] - 1, self.record["sampler"]
        found: dict[str, float] = dict.fromkeys(("latent", "clean", "noise", "past", "fresh"), 0.0)
        if sampler == "ddim":  # Song et al. 2020, equation 12
            return {**found, "clean": a2, "noise": s2}
        if sampler == "ddpm":  # Ho et al. 2020, equation 7
            step = (a / a2) ** 2
            found |= {"clean": a2 * (1 - step) / s**2, "latent": math.sqrt(step) * s2**2 / s**2}
            return found if last else {**found, "fresh": s2 / s * math.sqrt(1 - step)}
        if sampler == "euler":  # Karras et al. 2022, algorithm 1: x / a + (x / a - x0) (r2 - r) / r
            return {**found, "latent": s2 / s, "clean": a2 - s2 * a / s}
        if sampler == "euler_ancestral":
            r, r2 = s / a, s2 / a2
            up = math.sqrt(r2**2 * (r**2 - r2**2) / r**2)
            down = math.sqrt(r2**2 - up**2)
            found |= {"latent": a2 * down / s, "clean": a2 * (1 - down / r)}
            return found if last else {**found, "fresh": a2 * up}
        h = math.inf if s2 == 0 else math.log(a2 / s2) - math.log(a / s)  # Lu et al. 2022, algorithm 2
        clean = a2 * (1 - math.exp(-h))
        found["latent"] = s2 / s
        if past is None or last:
            return {**found, "clean": clean}
        half = h / (math.log(a / s) - math.log(past[1] / past[2])) / 2
        return {**found, "clean": clean * (1 + half), "past": -clean * half}

    @cache  # noqa: B019  it lives as long as the process
    def picture(self, k: int | None) -> Tensor:
        """What one gets by stopping at a step, or at the end, 0 to 1, (3, H, W)."""
        latent = self.steps[k]["clean"] if k is not None else self.steps[max(self.steps)]["next"]
        with torch.inference_mode():
            made = self.model.autoencoder.decode(latent / self.model.autoencoder.scaling)[0]
        return (made / 2 + 0.5).clamp(0, 1)

    @cache  # noqa: B019
    def layers(self, k: int, half: str) -> dict[str, Tensor]:
        """What every module of the denoiser made at a step, by hooks; and what it looked at words with."""
        given = self.steps[k]["latent"], torch.full((1,), self.moments[k][0]), *self.told(half)
        return hooked(self.model.denoiser, lambda: self.model.denoiser(*given))

    @cache  # noqa: B019
    def decoding(self, k: int) -> dict[str, Tensor]:
        autoencoder = self.model.autoencoder
        return hooked(autoencoder, lambda: autoencoder.decode(self.steps[k]["clean"] / autoencoder.scaling))

    @cache  # noqa: B019
    def looks(self, k: int, half: str, layer: int, head: int) -> Tensor:
        """softmax(q k^T / sqrt d) of a layer, by its own queries and keys: (groups of tokens, rows, columns)."""
        made, denoiser = self.layers(k, half), self.model.denoiser
        path = [name for name in made if name.endswith(".attn2")][layer]  # in the order in which they ran
        heads = denoiser.get_submodule(path).heads
        q, key = (made[f"{path}.{one}"][0].unflatten(-1, (heads, -1)).transpose(0, 1) for one in ("to_q", "to_k"))
        weights = (q @ key.transpose(1, 2) / math.sqrt(q.shape[-1])).softmax(-1)  # (A, N, T)
        one = weights.mean(0) if head < 0 else weights[head]
        text = self.record["prompt"] if half == "with" else self.record["negative"]
        words = len(self.model.tokens.read(text).tokens) + 2
        rows = [one[:, i] for i in range(words)]
        if words < one.shape[1]:
            rows.append(one[:, words:].sum(1))
        around = made[path.partition(".transformer_blocks")[0]]
        return torch.stack(rows).view(len(rows), *around.shape[2:])

    @cache  # noqa: B019
    def near(self, which: str) -> Tensor:
        encoders = self.model.encoders
        with torch.inference_mode():
            own = encoders.text(torch.tensor([self.model.tokens.read(self.record["prompt"]).ids]))[0]
            if which == "caption":
                flat = [
                    one for split in ("train", "test") for one in emoji_captions.emoji(split) if one.style == "flat"
                ]
                ids = [self.model.tokens.read(captions.spoken(one)).ids for one in flat]
                return torch.cat([encoders.text(part) for part in torch.tensor(ids).split(100)]) @ own
            shown = np.concatenate([on_white(emoji_captions.pictures(split)) for split in ("judged", "test")])
            pixels = torch.from_numpy(shown).permute(0, 3, 1, 2) / 127.5 - 1
            return torch.cat([encoders.image(part) for part in pixels.split(100)]) @ own

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        name, *rest = path.split("/")
        if name in ("time", "alpha", "sigma"):
            value = self.moments[index[0]][("time", "alpha", "sigma").index(name)]
            return Number(value, 1)
        if name in ("text", "unsaid"):
            return sized(self.told("with" if name == "text" else "without")[0][0].detach(), index)
        if name == "picture":
            return byte(self.picture(int(rest[0]) if rest else None), index)
        if name == "start" and self.start is not None:
            return byte(self.start, index)
        if name == "kept" and self.kept is not None:
            return sized(self.kept[0], index)
        if name == "first":
            return sized(self.first_noise[0], index)
        if name == "likeness":
            pair = torch.stack([self.picture(index[0]).flatten(), self.picture(None).flatten()]).double()
            return Number(float(np.corrcoef(pair.numpy())[0, 1]), 1)
        if name == "takes":
            return Number(self.steps[int(rest[0])]["takes"][rest[1]], 1)
        if name in ("unet", "decoder"):
            place = 2 if name == "unet" else 1
            made = self.layers(int(rest[0]), rest[1]) if name == "unet" else self.decoding(int(rest[0]))
            plane = made[rest[place]][0, int(rest[place + 1])]
            plane = plane[:: math.ceil(plane.shape[0] / SIDE), :: math.ceil(plane.shape[1] / SIDE)]
            return sized(plane, index)
        if name in ("attention", "share"):
            maps = self.looks(int(rest[0]), rest[1], int(rest[2]), int(rest[3]))
            return sized(maps if name == "attention" else maps.flatten(1).mean(1), index)
        if name in ("caption", "seen"):
            return sized(self.near(name), index)
        step = self.steps.get(int(rest[0])) if rest else None
        if step is None or step.get(name) is None:
            raise NoNumberError(f"nothing is written down here about {path!r}")
        return sized(step[name][0], index)
