"""An example of a denoiser's training again with plain torch, and one step on it."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import torch
from claims import NoNumberError, Number
from imagined import byte, kept_picture, model_of, read, sized, told
from noisetimes import Noise

STEP = 1e-3


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
            text = told(self.model, record["prompt"])
        self.fresh = torch.randn(self.clean.shape, generator=torch.Generator().manual_seed(record["seed"]))
        self.alpha, self.sigma = math.sqrt(self.noise.kept[time]), math.sqrt(1 - self.noise.kept[time])
        self.noised = self.alpha * self.clean + self.sigma * self.fresh
        v = self.model.schedule.prediction == "v_prediction"
        self.target = self.alpha * self.fresh - self.sigma * self.clean if v else self.fresh
        network = copy.deepcopy(self.model.denoiser).requires_grad_(True)
        said = network(self.noised, torch.tensor([time]), *text)
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
            self.after = ((network(self.noised, torch.tensor([time]), *text) - self.target) ** 2).mean().item()
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
                made = self.model.autoencoder.decode(latent / self.model.autoencoder.scaling)[0]
            return byte((made / 2 + 0.5).clamp(0, 1), index)
        tensors = {
            "clean": self.clean, "noise": self.fresh, "noised": self.noised, "said": self.said, "target": self.target,
            "slope": self.slope,
        }  # fmt: skip
        if name not in tensors:
            raise NoNumberError(f"nothing is written down here about {path!r}")
        return sized(tensors[name][0], index)
