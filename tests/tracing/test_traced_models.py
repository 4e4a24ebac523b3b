"""A sample of the published models that benchmarks/tracing_equality.py walks all of, each as it runs plainly."""

import warnings

import pytest
import torch

from benchmarks.tracing_equality import compare
from benchmarks.tracing_models import Model, of_timm, of_transformers, torchvision_model

VISION = ["googlenet", "mobilenet_v3_small", "swin_t", "ssdlite320_mobilenet_v3_large", "raft_small", "r3d_18"]
LANGUAGE = ["gpt2", "bert", "t5", "llama", "mamba", "mamba2", "clip", "vit", "mixtral", "wav2vec2"]
TIMM = ["levit_128s", "edgenext_xx_small"]


def sample() -> list[Model]:
    return [
        *map(torchvision_model, VISION),
        *(model for model in of_transformers() if model.name in LANGUAGE),
        *(model for model in of_timm() if model.name in TIMM),
    ]


@pytest.mark.parametrize("model", sample(), ids=lambda model: model.name)
def test_outputs_gradients_state_and_every_value_to_the_bit(model: Model) -> None:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what those libraries deprecate in one another
        module = model.make()
        for backward in (False, True):
            result = compare(model, module, backward)
            assert not result.differences
            assert result.ops > 50
