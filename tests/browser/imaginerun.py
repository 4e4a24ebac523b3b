"""The numbers of the page of text to image, again with plain torch: schedule, samplers, guidance, layers, attention.

Records stand beside those of traces: `imagine:ID` is a run, `paths:ID,ID` a pair of them, `noising:ID` an example of
training. Of Glasswork only the model's modules and its tokens are taken; the rest is written down here from the papers.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import re
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from claims import NoNumberError, Number, picked
from torch import Tensor, nn

from glasswork.data import captions, emoji_captions, on_white
from glasswork.generation import open_model

BYTE = 1.1e6  # of this size one more or less is rounding: a byte may fall to either side of a half
SIDE = 64
STEP = 1e-3


def read(folder: Path, id: str) -> dict[str, Any]:
    """A record, held to its hash."""
    if not re.fullmatch(r"[0-9a-f]{16}", id):
        raise NoNumberError(f"{id!r} is no run's id")
    try:
        written = (folder / f"{id}.json").read_bytes()
    except FileNotFoundError as error:
        raise NoNumberError(f"{id} has no record") from error
    if hashlib.sha256(written).hexdigest()[:16] != id:
        raise NoNumberError(f"the record of {id} is not the one that its id is the hash of")
    return json.loads(written)


def kept_picture(folder: Path, name: str) -> Tensor:
    packed = (folder / f"{name}.safetensors").read_bytes()
    if hashlib.sha256(packed).hexdigest() != name:
        raise NoNumberError("this picture is not the one that was recorded")
    return safetensors.torch.load(packed)["0"]


@cache
def model_of(target: str) -> Any:
    return open_model(target)


class Noise:
    """How much of it there is at each time."""

    def __init__(self, told: Any) -> None:
        self.told = told
        times = told.times
        if told.kind == "squaredcos_cap_v2":  # Nichol & Dhariwal 2021, equation 17
            bar = [math.cos((i / times + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(times + 1)]
            betas = [min(1 - bar[i + 1] / bar[i], 0.999) for i in range(times)]
        elif told.kind == "scaled_linear":
            betas = [b**2 for b in np.linspace(told.start**0.5, told.end**0.5, times)]
        else:
            betas = list(np.linspace(told.start, told.end, times))
        self.kept = np.cumprod(1 - np.array(betas))

    def at(self, time: float) -> tuple[float, float]:
        ratio = np.interp(time, np.arange(len(self.kept)), np.sqrt((1 - self.kept) / self.kept))
        return 1 / math.sqrt(1 + ratio**2), ratio / math.sqrt(1 + ratio**2)

    def moments(self, steps: int, sampler: str) -> list[tuple[float, float, float]]:
        """Time, alpha and sigma of each step, and of the end."""
        times, told = len(self.kept), self.told
        if told.spacing == "trailing":
            chosen = [round(times - i * times / steps) - 1 for i in range(steps)]
        elif told.spacing == "leading":
            chosen = [(steps - 1 - i) * (times // steps) + told.offset for i in range(steps)]
        else:
            raise NoNumberError("nothing is written down here about such times")
        found = [(float(min(t, times - 1)), *self.at(min(t, times - 1))) for t in chosen]
        clean = told.to_one or sampler != "ddim"
        return [*found, (0.0, 1.0, 0.0) if clean else (0.0, *self.at(0))]


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

    def vectors(self, text: str) -> Tensor:
        return self.model.text(torch.tensor([self.model.tokens.read(text).ids]))

    @cached_property
    def start(self) -> Tensor | None:
        return kept_picture(self.folder, self.record["start"]) if self.record["start"] else None

    def run(self) -> None:
        record, count = self.record, self.record["steps"]
        v = self.model.schedule.prediction == "v_prediction"
        random = torch.Generator().manual_seed(record["seed"])
        self.first_noise = noise = torch.randn((1, *self.model.latent), generator=random)
        prompt, other = self.vectors(record["prompt"]), self.vectors(record["negative"])
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
            said = self.model.denoiser(torch.cat([x, x]), torch.full((2,), time), torch.cat([other, prompt]))
            without, told = said[:1], said[1:]
            guided = without + record["guidance"] * (told - without)
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
                "latent": x, "without": without, "with": told, "guided": guided, "clean": clean, "noise": seen,
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
            told = self.model.autoencoder.decode(latent / self.model.autoencoder.scaling)[0]
        return (told / 2 + 0.5).clamp(0, 1)

    @cache  # noqa: B019
    def layers(self, k: int, half: str) -> dict[str, Tensor]:
        """What every module of the denoiser made at a step, by hooks; and what it looked at words with."""
        text = self.record["prompt"] if half == "with" else self.record["negative"]
        given = self.steps[k]["latent"], torch.full((1,), self.moments[k][0]), self.vectors(text)
        return hooked(self.model.denoiser, lambda: self.model.denoiser(*given))

    @cache  # noqa: B019
    def decoding(self, k: int) -> dict[str, Tensor]:
        autoencoder = self.model.autoencoder
        return hooked(autoencoder, lambda: autoencoder.decode(self.steps[k]["clean"] / autoencoder.scaling))

    @cache  # noqa: B019
    def looks(self, k: int, half: str, layer: int, head: int) -> Tensor:
        """softmax(q k^T / sqrt d) of a layer, by its own queries and keys: (groups of tokens, rows, columns)."""
        made, denoiser = self.layers(k, half), self.model.denoiser
        paths = [name for name, _ in denoiser.named_modules() if name.endswith(".attn2")]
        path = paths[layer]
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
                told = [
                    one for split in ("train", "test") for one in emoji_captions.emoji(split) if one.style == "flat"
                ]
                ids = [self.model.tokens.read(captions.spoken(one)).ids for one in told]
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
            vectors = self.vectors(self.record["prompt" if name == "text" else "negative"])
            return sized(vectors[0].detach(), index)
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


class Paths:
    """Two runs on their two principal directions."""

    def __init__(self, one: Picture, other: Picture) -> None:
        self.pictures = one, other
        self.paths = [
            torch.stack([*(s["latent"][0] for s in run.steps.values()), run.steps[max(run.steps)]["next"][0]])
            .flatten(1)
            .double()
            for run in (one, other)
        ]
        points = torch.cat(self.paths)
        centred = (points - points.mean(0)).numpy()
        sizes, directions = np.linalg.eigh(centred.T @ centred)
        order = np.argsort(-sizes)
        self.explained = sizes[order] / sizes.sum()
        chosen = directions[:, order[:2]]
        chosen = chosen * np.sign(chosen[np.abs(chosen).argmax(0), [0, 1]])
        self.points = centred @ chosen
        self.size = float(np.abs(self.points).max())

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        if path == "point":
            row = index[1] + (len(self.paths[0]) if index[0] else 0)
            return Number(float(self.points[row, index[2]]), 100 * self.size)
        if path == "explained":
            return Number(float(self.explained[index[0]]), 1)
        if path == "apart":
            return Number(float((self.paths[0][index[0]] - self.paths[1][index[0]]).norm()), self.size)
        if path == "cosine":
            model = self.pictures[0].model
            ids = torch.tensor([model.tokens.read(run.record["prompt"]).ids for run in self.pictures])
            with torch.inference_mode():
                one, other = model.encoders.text(ids)
            return Number(float(one @ other), 1)
        raise NoNumberError(f"nothing is written down here about {path!r}")


class Training:
    """An example of training, and one step on it."""

    def __init__(self, folder: Path, id: str) -> None:
        record = read(folder, id)
        self.model = model_of(record["target"])
        self.pixels, time = kept_picture(folder, record["picture"]), record["time"]
        autoencoder = self.model.autoencoder
        self.noise = Noise(self.model.schedule)
        with torch.no_grad():
            self.clean = autoencoder.encode(self.pixels[None] * 2 - 1)[0] * autoencoder.scaling
            text = self.model.text(torch.tensor([self.model.tokens.read(record["prompt"]).ids]))
        self.fresh = torch.randn(self.clean.shape, generator=torch.Generator().manual_seed(record["seed"]))
        self.alpha, self.sigma = math.sqrt(self.noise.kept[time]), math.sqrt(1 - self.noise.kept[time])
        self.noised = self.alpha * self.clean + self.sigma * self.fresh
        v = self.model.schedule.prediction == "v_prediction"
        self.target = self.alpha * self.fresh - self.sigma * self.clean if v else self.fresh
        network = copy.deepcopy(self.model.denoiser).requires_grad_(True)
        said = network(self.noised, torch.tensor([time]), text)
        said.retain_grad()
        loss = ((said - self.target) ** 2).mean()
        loss.backward()
        self.said, self.slope, self.loss = said.detach(), said.grad, loss.item()
        squares: dict[str, float] = {}
        with torch.no_grad():
            for name, value in network.named_parameters():
                part = name.split(".")[0]
                squares[part] = squares.get(part, 0.0) + value.grad.double().square().sum().item()
                value -= STEP * value.grad
            self.after = ((network(self.noised, torch.tensor([time]), text) - self.target) ** 2).mean().item()
        self.slopes = {part: math.sqrt(square) for part, square in squares.items()}

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        name, _, rest = path.partition("/")
        plain = {"alpha": self.alpha, "sigma": self.sigma, "loss": self.loss, "after": self.after}
        if name in plain:
            return Number(plain[name], 1)
        if name == "slopes":
            return Number(self.slopes[rest], self.slopes[rest])
        if name == "picture":
            return byte(self.pixels, index)
        if name == "drawn":
            kept = self.noise.kept[int(rest)]
            latent = math.sqrt(kept) * self.clean + math.sqrt(1 - kept) * self.fresh
            with torch.no_grad():
                told = self.model.autoencoder.decode(latent / self.model.autoencoder.scaling)[0]
            return byte((told / 2 + 0.5).clamp(0, 1), index)
        tensors = {
            "clean": self.clean, "noise": self.fresh, "noised": self.noised, "said": self.said, "target": self.target,
            "slope": self.slope,
        }  # fmt: skip
        if name not in tensors:
            raise NoNumberError(f"nothing is written down here about {path!r}")
        return sized(tensors[name][0], index)


def hooked(module: nn.Module, run: Any) -> dict[str, Tensor]:
    made: dict[str, Tensor] = {}

    def see(name: str) -> Any:
        return lambda _module, _given, output: made.__setitem__(name, output)

    hooks = [part.register_forward_hook(see(name)) for name, part in module.named_modules() if name]
    try:
        with torch.inference_mode():
            run()
    finally:
        for hook in hooks:
            hook.remove()
    return made


def sized(tensor: Tensor, index: tuple[int, ...]) -> Number:
    """A number of a tensor; float32 rounds relative to the tensor's largest, after some steps ten times as much."""
    return Number(picked(tensor, index), 10 * tensor.abs().max().item())


def byte(picture: Tensor, index: tuple[int, ...]) -> Number:
    """A colour of a picture 0 to 1, (3, H, W), as a byte; index is row, column, colour."""
    row, column, colour = index
    return Number(round(255 * picked(picture, (colour, row, column))), BYTE)


@cache
def resolve(kind: str, name: str, folder: Path, path: str, index: tuple[int, ...]) -> Number:
    """A number of a run, of a pair of runs, or of an example of training."""
    return source(kind, name, folder).number(path, index)


@cache
def source(kind: str, name: str, folder: Path) -> Picture | Paths | Training:
    if kind == "imagine":
        return Picture(folder, name)
    if kind == "noising":
        return Training(folder, name)
    one, _, other = name.partition(",")
    pair = [source("imagine", each, folder) for each in (one, other)]
    runs = [run for run in pair if isinstance(run, Picture)]
    return Paths(runs[0], runs[1])
