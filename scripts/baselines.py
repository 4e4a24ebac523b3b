"""What learned before deep networks did, on Fashion-MNIST: a linear classifier, and HOG with a linear SVM.

`python scripts/baselines.py > baselines.json` prints the rows that `scripts/build_race.py --baselines` puts into the
record of the race. It needs the extra "baselines" (scikit-learn, scikit-image), which nothing else does. As the slim
networks they learn from 55,000 pictures; 5,000 others choose the one setting; all 10,000 test pictures judge.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any

import numpy as np

from glasswork import data

CHOOSING = 5_000
STRENGTHS = {"softmax": (0.01, 0.1, 1.0), "hog_svm": (0.03, 0.3)}
"""scikit-learn's C of each: the inverse of how much large weights cost."""
HOG: dict[str, Any] = {"orientations": 9, "pixels_per_cell": (4, 4), "cells_per_block": (2, 2), "block_norm": "L2-Hys"}
"""N. Dalal, B. Triggs, "Histograms of Oriented Gradients for Human Detection", 2005; cells of 4 for pictures of 28."""


def main() -> None:
    linear_model, svm = (importlib.import_module(f"sklearn.{name}") for name in ("linear_model", "svm"))
    version = importlib.import_module("sklearn").__version__
    train, test = (data.load("fashion-mnist", split) for split in ("train", "test"))
    order = np.random.default_rng(0).permutation(len(train.labels))
    chosen, learned = order[:CHOOSING], order[CHOOSING:]
    makers = {
        "softmax": lambda c: linear_model.LogisticRegression(C=c, max_iter=300),
        "hog_svm": lambda c: svm.LinearSVC(C=c, dual=False, tol=1e-3, random_state=0),
    }
    titles = {"softmax": "linear (softmax)", "hog_svm": "HOG + linear SVM"}
    rows = []
    for name, make in makers.items():
        begun = time.perf_counter()
        features, judged = (described(name, split.pictures) for split in (train, test))
        described_in = time.perf_counter() - begun
        tried = {}
        for strength in STRENGTHS[name]:
            begun = time.perf_counter()
            model = make(strength).fit(features[learned], train.labels[learned])
            seconds = time.perf_counter() - begun
            tried[strength] = model.score(features[chosen], train.labels[chosen]), seconds, model
            print(f"{name} C={strength}: {tried[strength][0]:.4f} in {seconds:.0f} s", file=sys.stderr)
        strength = max(tried, key=lambda one: tried[one][0])
        _, seconds, model = tried[strength]
        weights = model.coef_.size
        rows.append(
            {
                "name": name,
                "title": titles[name],
                "accuracy": float(np.mean(model.predict(judged) == test.labels)),
                "tested_on": len(test.labels),
                "parameters": int(weights + model.intercept_.size),
                "macs": int(weights),
                "seconds": round(seconds + described_in, 1),
                "setting": f"C={strength}",
                "library": f"scikit-learn {version}",
            }
        )
    print(json.dumps(rows))


def described(name: str, pictures: np.ndarray) -> np.ndarray:
    """(N, 28, 28, 1) bytes as what a classifier reads, (N, features)."""
    if name == "softmax":
        return pictures.reshape(len(pictures), -1).astype(np.float32) / 255
    hog = importlib.import_module("skimage.feature").hog
    return np.stack([hog(picture[..., 0], **HOG) for picture in pictures]).astype(np.float32)


if __name__ == "__main__":
    main()
