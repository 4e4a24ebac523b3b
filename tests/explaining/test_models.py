"""Whole models of torchvision and transformers: every op explained, forward and backward, as its numbers are."""

import pytest
import torch

from benchmarks.explaining_models import Tally, check_model
from benchmarks.tracing_models import Model, of_torchvision, of_transformers, torchvision_model

LANGUAGE = {"gpt2", "bert", "t5", "llama", "mamba", "clip"}
PICTURES = ("shufflenet_v2_x0_5", "mobilenet_v3_small", "swin_t")
FURTHER = (
    "resnet18", "vit_b_32", "convnext_tiny", "googlenet", "maxvit_t", "densenet121", "fcn_resnet50",
    "ssdlite320_mobilenet_v3_large", "r3d_18", "mc3_18",
)  # fmt: skip


def holds(tally: Tally) -> None:
    assert not tally.failures, tally.examples
    assert tally.ops
    assert tally.share >= 0.95, tally.kinds
    assert tally.checked[0] > tally.ops
    assert max(tally.worst) <= 1e-4


def models_named(names: set[str]) -> list[Model]:
    torch.manual_seed(0)
    return [model for model in of_transformers() if model.name in names]


@pytest.mark.parametrize("name", sorted(LANGUAGE))
def test_language_models(name: str) -> None:
    (model,) = models_named({name})
    holds(check_model(model, elements=3))


@pytest.mark.parametrize("name", PICTURES)
def test_picture_models(name: str) -> None:
    assert name in {model.name for model in of_torchvision()}
    holds(check_model(torchvision_model(name), elements=2))


@pytest.mark.slow
@pytest.mark.parametrize("name", FURTHER)
def test_a_wider_sample(name: str) -> None:
    """All of them are walked by `python -m benchmarks.explaining_models`, which writes the table."""
    (model,) = [model for model in of_torchvision() if model.name == name]
    holds(check_model(model, elements=5))
