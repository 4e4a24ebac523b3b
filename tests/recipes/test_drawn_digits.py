"""Digits drawn with a pen, as on the page's pad: another hand, thickness and size than MNIST's."""

import pytest
from PIL import Image, ImageDraw

from glasswork import zoo

STROKES = {  # in parts of the pad's side
    "0": [[(0.5, 0.15), (0.3, 0.3), (0.28, 0.6), (0.4, 0.85), (0.6, 0.85), (0.72, 0.6), (0.7, 0.3), (0.5, 0.15)]],
    "1": [[(0.5, 0.15), (0.5, 0.85)]],
    "2": [[(0.3, 0.3), (0.4, 0.17), (0.6, 0.17), (0.7, 0.32), (0.5, 0.6), (0.3, 0.83), (0.72, 0.83)]],
    "3": [[(0.3, 0.2), (0.6, 0.17), (0.68, 0.32), (0.5, 0.48), (0.7, 0.62), (0.62, 0.82), (0.3, 0.8)]],
    "4": [[(0.4, 0.15), (0.28, 0.55), (0.75, 0.55)], [(0.62, 0.3), (0.62, 0.87)]],
    "5": [[(0.7, 0.17), (0.35, 0.17), (0.33, 0.45), (0.6, 0.45), (0.7, 0.65), (0.58, 0.84), (0.3, 0.8)]],
    "6": [
        [(0.62, 0.15), (0.4, 0.35), (0.3, 0.65), (0.45, 0.85), (0.65, 0.8), (0.66, 0.58), (0.45, 0.53), (0.32, 0.65)]
    ],
    "7": [[(0.28, 0.17), (0.72, 0.17), (0.45, 0.85)]],
    "8": [
        [(0.5, 0.48), (0.33, 0.33), (0.5, 0.15), (0.66, 0.32), (0.5, 0.48), (0.3, 0.67), (0.5, 0.86), (0.7, 0.67)],
        [(0.7, 0.67), (0.5, 0.48)],
    ],
    "9": [[(0.68, 0.35), (0.5, 0.5), (0.34, 0.35), (0.5, 0.16), (0.67, 0.25), (0.66, 0.5), (0.6, 0.85)]],
}
SIDE = 280


def drawn(digit: str, size: float, pen: int, ink: int, paper: int) -> Image.Image:
    image = Image.new("L", (SIDE, SIDE), paper)
    draw = ImageDraw.Draw(image)
    for stroke in STROKES[digit]:
        points = [tuple(SIDE * (0.5 + size * (part - 0.5)) for part in point) for point in stroke]
        draw.line(points, fill=ink, width=pen, joint="curve")
        for x, y in points:
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=ink)
    return image


@pytest.mark.parametrize("size", [0.6, 0.8, 1.0, 1.15])
@pytest.mark.parametrize("pen", [14, 28])
@pytest.mark.parametrize(("ink", "paper"), [(255, 0), (20, 250)])
def test_drawn_digits_are_named(size: float, pen: int, ink: int, paper: int) -> None:
    network = zoo.load("tiny-vgg-digits")
    assert network.preprocess is not None
    named = []
    for digit in STROKES:
        logits = network.module(*network.preprocess(drawn(digit, size, pen, ink, paper)).inputs)
        named.append(network.labels[int(logits.argmax())])
    assert sum(a == b for a, b in zip(named, STROKES, strict=True)) >= 9
