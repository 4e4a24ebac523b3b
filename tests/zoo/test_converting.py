"""Networks of transformers in our form: equal logits, and what is of another form is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torchvision.models import VisionTransformer

from glasswork import zoo
from glasswork.errors import GlassworkError

LLAMA: dict[str, Any] = {
    "vocab_size": 90, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 48,
}  # fmt: skip


def saved(model: Any, folder: Path) -> str:
    torch.manual_seed(0)
    for value in model.parameters():
        torch.nn.init.normal_(value, std=0.3)
    model.save_pretrained(folder)
    return f"hf:{folder}"


@pytest.mark.parametrize("kind", ["gpt2", "llama", "tied llama"])
def test_logits_are_equal(kind: str, tmp_path: Path) -> None:
    if kind == "gpt2":
        config = transformers.GPT2Config(vocab_size=90, n_positions=64, n_embd=32, n_layer=2, n_head=4)
        target = saved(transformers.GPT2LMHeadModel(config), tmp_path)
    else:
        config = transformers.LlamaConfig(
            **LLAMA,
            tie_word_embeddings=kind == "tied llama",
            rope_parameters={"rope_type": "default", "rope_theta": 50_000.0},
        )
        target = saved(transformers.LlamaForCausalLM(config), tmp_path)
    ids = torch.randint(90, (1, 20), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted = zoo.load(target).module(ids).logits
        network = zoo.load(f"ours:{target}")
        found = network.module(ids)
    assert type(network.module).__module__.startswith("glasswork.networks")
    torch.testing.assert_close(found, wanted, atol=1e-4 * wanted.abs().max().item(), rtol=0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**LLAMA, attention_bias=True)), "biases in"),
        (lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**LLAMA, hidden_act="gelu")), "activation"),
        (lambda: transformers.BertModel(transformers.BertConfig(
            vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=20)), "bert"),
    ],
)  # fmt: skip
def test_another_form_is_refused_and_says_why(make: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(GlassworkError, match=words):
        zoo.load(f"ours:{saved(make(), tmp_path)}")


def test_a_vit_of_torchvision_gives_the_same_in_our_form() -> None:
    torch.manual_seed(0)
    theirs = VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=24, num_classes=5
    ).eval()
    for value in theirs.parameters():
        torch.nn.init.normal_(value, std=0.3)
    named = zoo.load("tiny-vgg-digits")
    ours = zoo.as_reference(replace(named, target="torchvision:vit_b_16", module=theirs))
    x = torch.randn(3, 3, 32, 32)
    assert ours.target == "ours:torchvision:vit_b_16"
    assert torch.allclose(ours.module(x), theirs(x), atol=1e-5)
    assert theirs(x).std() > 0.1
