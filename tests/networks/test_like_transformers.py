"""GPT-2, Llama and ViT with the weights of transformers' own, read and written token by token too."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
import transformers
from agreement import agree_in_training, randomise, relative
from torch import Tensor, nn
from transformers.models.llama import modeling_llama

from glasswork import networks
from glasswork.networks._past import Past

GPT2 = [
    {"n_layer": 1, "n_head": 2, "n_embd": 8, "n_positions": 16},
    {"n_layer": 3, "n_head": 3, "n_embd": 24, "n_positions": 32},
    {"n_layer": 2, "n_head": 4, "n_embd": 16, "n_positions": 12},
]
LLAMA = [
    {"num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "num_key_value_heads": 2},
    {"num_hidden_layers": 3, "hidden_size": 24, "num_attention_heads": 6, "num_key_value_heads": 2},
    {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 1},
]
VIT = [
    {"num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2, "image_size": 16, "patch_size": 8},
    {"num_hidden_layers": 3, "hidden_size": 24, "num_attention_heads": 3, "image_size": 24, "patch_size": 4},
]


class Logits(nn.Module):
    """One of transformers', called as ours is."""

    def __init__(self, inner: nn.Module, **more: object) -> None:
        super().__init__()
        self.inner, self.more = inner, more

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x, **self.more).logits


def words(vocabulary: int, length: int) -> Tensor:
    return torch.randint(vocabulary, (2, length), generator=torch.Generator().manual_seed(1))


def gpt2(sizes: dict[str, Any], fused: int = 0) -> tuple[nn.Module, nn.Module]:
    config = transformers.GPT2Config(vocab_size=19, bos_token_id=0, eos_token_id=0, **sizes)
    theirs = transformers.GPT2LMHeadModel(config)
    randomise(theirs, seed=4)  # with others, the middle one repeats a single word
    ours = networks.build(
        "gpt",
        **{"vocabulary": 19, "context": sizes["n_positions"], "width": sizes["n_embd"]},
        **{"depth": sizes["n_layer"], "heads": sizes["n_head"], "fused": fused},
    )
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def llama(sizes: dict[str, Any], tied: int, fused: int = 0) -> tuple[nn.Module, nn.Module]:
    more: dict[str, Any] = {
        **{"vocab_size": 19, "intermediate_size": 20, "rms_norm_eps": 1e-5, "tie_word_embeddings": bool(tied)},
        "rope_parameters": {"rope_type": "default", "rope_theta": 5_000.0},
        "attn_implementation": "sdpa",
    }
    config = transformers.LlamaConfig(**more, **sizes)
    theirs = transformers.LlamaForCausalLM(config)
    randomise(theirs)
    ours = networks.build(
        "llama",
        **{"vocabulary": 19, "width": sizes["hidden_size"], "depth": sizes["num_hidden_layers"], "hidden": 20},
        **{"heads": sizes["num_attention_heads"], "groups": sizes["num_key_value_heads"]},
        **{"theta": 5_000.0, "eps": 1e-5, "tied": tied, "fused": fused},
    )
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("fused", [0, 1])
@pytest.mark.parametrize("sizes", GPT2)
def test_gpt2_says_and_learns_the_same(sizes: dict[str, Any], fused: int) -> None:
    ours, theirs = gpt2(sizes, fused)
    tokens = words(19, 10)
    with torch.no_grad():
        assert relative(ours.eval()(tokens), theirs.eval()(tokens).logits) <= 1e-5
    agree_in_training(ours.double(), Logits(theirs.double(), use_cache=False), tokens)


@pytest.mark.parametrize("fused", [0, 1])
@pytest.mark.parametrize("tied", [0, 1])
@pytest.mark.parametrize("sizes", LLAMA)
def test_llama_says_and_learns_the_same(
    sizes: dict[str, Any], tied: int, fused: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = llama(sizes, tied, fused)
    tokens = words(19, 10)
    with torch.no_grad():
        assert relative(ours.eval()(tokens), theirs.eval()(tokens).logits) <= 1e-5

    def normed(self: modeling_llama.LlamaRMSNorm, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, self.variance_epsilon)

    monkeypatch.setattr(modeling_llama.LlamaRMSNorm, "forward", normed)  # its own rounds to single precision
    agree_in_training(ours.double(), Logits(theirs.double(), use_cache=False), tokens)


@pytest.mark.parametrize("make", [lambda: gpt2(GPT2[1]), lambda: llama(LLAMA[1], 1)], ids=["gpt2", "llama"])
def test_reading_on_gives_what_reading_all_gives_and_what_transformers_generates(make) -> None:
    ours, theirs = make()
    ours.eval()
    theirs.eval()
    tokens = words(19, 11)
    with torch.no_grad():
        whole = ours(tokens)
        past, pieces = Past(), []
        for piece in tokens.split([4, 1, 1, 5], dim=1):
            pieces.append(ours(piece, past))
        assert past.length == 11
        assert relative(torch.cat(pieces, dim=1), whole) <= 1e-5

        wanted = theirs.generate(
            tokens[:1, :5],
            attention_mask=torch.ones(1, 5),
            max_new_tokens=8,
            do_sample=False,
            use_cache=True,
            eos_token_id=None,
            pad_token_id=0,
        )
        written, past, new = tokens[:1, :5], Past(), tokens[:1, :5]
        for _ in range(8):
            new = ours(new, past)[:, -1:].argmax(dim=-1)  # (1, 1)
            written = torch.cat([written, new], dim=1)
    assert written.tolist() == wanted.tolist()
    assert len(set(written[0, 5:].tolist())) > 1, "a text of one word would prove little"


@pytest.mark.parametrize("sizes", VIT)
def test_vit_says_and_learns_the_same_under_both_of_its_names(sizes: dict[str, Any]) -> None:
    more: dict[str, Any] = {"intermediate_size": 20, "num_labels": 5}
    config = transformers.ViTConfig(**more, **sizes)
    theirs = transformers.ViTForImageClassification(config)
    randomise(theirs)
    x = torch.randn(2, 3, sizes["image_size"], sizes["image_size"], generator=torch.Generator().manual_seed(1))
    now = theirs.state_dict()
    with torch.no_grad():
        wanted = theirs.eval()(x).logits
    for weights in (now, {_in_files(name): value for name, value in now.items()}):
        ours = networks.build(
            "vit",
            **{"size": sizes["image_size"], "patch": sizes["patch_size"], "width": sizes["hidden_size"]},
            **{"depth": sizes["num_hidden_layers"], "heads": sizes["num_attention_heads"], "hidden": 20},
            **{"classes": 5, "eps": 1e-12},
        )
        ours.load_state_dict(weights)
        with torch.no_grad():
            assert relative(ours.eval()(x), wanted) <= 1e-5
        ours.double()
        theirs.double()
        said = [(m(x.double()), m) for m in (ours, Logits(theirs))]
        gradients = [
            torch.autograd.grad(y.sin().sum(), m.get_parameter(name))[0]
            for (y, m), name in zip(
                said, ("conv_proj.weight", "inner.vit.embeddings.patch_embeddings.projection.weight"), strict=True
            )
        ]
        assert relative(gradients[0], gradients[1]) <= 1e-9
        theirs.float()


def _in_files(name: str) -> str:
    """The name that published files have, which transformers itself reads as another."""
    for now, file in {
        "vit.layers.": "vit.encoder.layer.",
        ".attention.q_proj.": ".attention.attention.query.",
        ".attention.k_proj.": ".attention.attention.key.",
        ".attention.v_proj.": ".attention.attention.value.",
        ".attention.o_proj.": ".attention.output.dense.",
        ".mlp.fc1.": ".intermediate.dense.",
        ".mlp.fc2.": ".output.dense.",
    }.items():
        name = name.replace(now, file)
    return name


def test_files_of_gpt2_without_prefix_and_with_masks_load() -> None:
    ours, theirs = gpt2(GPT2[0])
    file = dict(theirs.get_submodule("transformer").state_dict().items())
    file["h.0.attn.bias"] = torch.ones(1, 1, 16, 16)
    other = networks.build("gpt", vocabulary=19, context=16, width=8, depth=1, heads=2)
    other.load_state_dict(file)
    torch.testing.assert_close(other.eval()(words(19, 5)), ours.eval()(words(19, 5)))
