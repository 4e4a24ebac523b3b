"""The laboratory of GANs in a real Chromium, beside a loop as one writes it in PyTorch.

The networks are those of GAN Lab's trained ring: two hidden layers of ten units against three of nine, ReLU, noise of
two uniform numbers, 150 points a step, one update of each.
"""

from __future__ import annotations

import statistics
import time
from itertools import pairwise
from urllib.parse import urlsplit

import torch
from playwright.sync_api import sync_playwright
from torch import nn
from torch.nn import functional as F

from benchmarks.figures import Figure
from benchmarks.page import app
from glasswork.data.distributions import distribution
from glasswork.training.duelling import Duel, Rule
from glasswork.training.laboratory import Laboratory, Shape
from scripts.chromium import FLAGS, find_browser

BATCH, STEPS, ROUNDS = 150, 400, 5
SECONDS, WARM = 8, 3
QUERY = "data=ring&noise=uniform&zero_centred=0&g_hidden=10+relu,10+relu&d_hidden=9+relu,9+relu,9+relu&d_rate=0.001"


def eager() -> float:
    """Steps per second of this processor's time."""
    data = distribution("ring")

    def dense(*sizes: int) -> nn.Sequential:
        layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
        return nn.Sequential(*layers[:-1])

    generator, critic = dense(2, 10, 10, 2), dense(2, 9, 9, 9, 1)
    first, second = (torch.optim.Adam(one.parameters(), 1e-3, (0.0, 0.99)) for one in (generator, critic))
    began = time.process_time()
    for step in range(STEPS):
        real = torch.from_numpy(data.seen(data.draw(BATCH, step))).float()
        made = generator(torch.rand(BATCH, 2) * 2 - 1).detach()
        second.zero_grad()
        ((F.softplus(-critic(real)).mean() + F.softplus(critic(made)).mean()) / 2).backward()
        second.step()
        first.zero_grad()
        F.softplus(-critic(generator(torch.rand(BATCH, 2) * 2 - 1))).mean().backward()
        first.step()
    return STEPS / (time.process_time() - began)


def written() -> float:
    """The same by the laboratory, its looks among them."""
    shapes = [Shape((units,) * depth, ("relu",) * depth) for units, depth in ((10, 2), (9, 3))]
    duel = Duel(noise="uniform", batch=BATCH)
    lab = Laboratory(distribution("ring"), shapes[0], shapes[1], 2, duel, (Rule(), Rule()))
    lab.go(50)
    began = time.process_time()
    lab.go(50 + STEPS)
    return STEPS / (time.process_time() - began)


def watched() -> tuple[float, float]:
    """Steps and pictures a second, both by the clock, while the page trains."""
    with app() as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        split = urlsplit(address)
        page.goto(f"{split.scheme}://{split.netloc}/gan?{QUERY}")
        page.wait_for_selector(".facts", timeout=60_000)
        page.wait_for_selector(".measures", timeout=60_000)
        page.keyboard.press("Space")
        page.wait_for_timeout(WARM * 1000)
        counted = """() => {
            const one = document.querySelector(".facts");
            return [Number(one.dataset.step), Number(one.dataset.frames)];
        }"""
        begin, began = page.evaluate(counted)[0], time.monotonic()
        frames = []
        for _ in range(SECONDS):
            page.wait_for_timeout(1000)
            frames.append(page.evaluate(counted)[1])
        end, passed = page.evaluate(counted)[0], time.monotonic() - began
        browser.close()
    return (end - begin) / passed, statistics.median(frames)


def measure() -> list[Figure]:
    """All figures of the laboratory."""
    torch.set_num_threads(1)
    pairs = [(written(), eager()) for _ in range(ROUNDS)]
    ratio = statistics.median(a / b for a, b in pairs)
    pace, frames = watched()
    return [
        Figure("a GAN's step written out / eager PyTorch, processor time", 1 / ratio, 1 / 3, "x"),
        Figure("a step of the laboratory, processor time", 1e3 / statistics.median(a for a, _ in pairs), None, "ms"),
        Figure("a step of the laboratory while watched, by the clock", 1e3 / pace, 1, "ms"),
        Figure("a picture of the laboratory while it trains, by the clock", 1e3 / frames, 33.4, "ms"),
    ]
