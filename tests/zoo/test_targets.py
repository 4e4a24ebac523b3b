"""Every TARGET leads to a network, or to an error that says what was looked for."""

import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from glasswork import data, networks, zoo
from glasswork.errors import GlassworkError
from glasswork.zoo import shipping, targets

FACTORIES = """
from torch import nn

def convolutional():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 30 * 30, 4))

def tokens():
    return nn.Embedding(10, 3)

def nothing():
    return 3

def failing():
    raise RuntimeError("no such luck")
"""


SCORES = ("accuracy", "mae", "js_bits", "frechet", "psnr_db", "nats", "category")
PICTURES = [row.name for row in zoo.shipped() if row.data in data.names() and "accuracy" in row.scores]


@pytest.mark.parametrize("name", sorted(set(shipping.shipped_names()) - set(PICTURES)))
def test_a_network_that_reads_no_pictures_comes_with_what_it_reads(name: str) -> None:
    network = zoo.load(name)
    assert network.card is not None
    assert network.weights_hash == network.card.sha256
    assert network.parameters == network.card.parameters
    reads = (network.vocabulary, network.forecast, network.utterance, network.makes, network.translation)
    segments = "iou" in network.card.scores  # it reads pictures, and answers with a mask
    assert sum(bool(one) for one in (*reads, network.card.diffusion, segments)) == 1
    given = networks.example(network.module)
    with torch.no_grad():
        answer = network.module(*given if isinstance(given, tuple) else (given,))
    assert all(torch.isfinite(part).all() for part in (answer if isinstance(answer, tuple) else (answer,)))
    if network.utterance is not None:
        assert isinstance(answer, torch.Tensor)
        assert answer.shape == (1, len(network.labels))


@pytest.mark.parametrize("name", PICTURES)
def test_a_network_that_ships_comes_with_all_that_one_needs(name: str) -> None:
    network = zoo.load(name)
    assert (network.target, network.name, network.weights) == (name, name, "shipped")
    assert not network.module.training
    assert network.card is not None
    assert network.weights_hash == network.card.sha256
    assert network.parameters == network.card.parameters
    assert network.preprocess is not None
    sample = data.sample(network.samples[0])
    logits = network.module(*network.preprocess(sample.picture).inputs)
    assert logits.shape == (1, len(network.labels))
    assert sample.label in network.labels
    if network.card.network == "perceptron":  # each output is a share of its own
        assert network.after is None
        assert logits.min() >= 0
        assert logits.max() <= 1
        return
    assert network.after is not None
    assert network.after(logits).sum().item() == pytest.approx(1)


def test_the_listing_holds_what_the_contract_names() -> None:
    rows = zoo.shipped()
    assert [row.name for row in rows] == shipping.shipped_names()
    for row in rows:
        network = zoo.load(row.name)
        assert row.parameters == sum(p.numel() for p in network.module.parameters())
        assert row.bytes == (shipping.WEIGHTS / f"{row.name}.safetensors").stat().st_size
        assert 0 < next(row.scores[name] for name in SCORES if name in row.scores) < 40


def test_multiply_adds_are_those_of_the_hand_formula() -> None:
    by_hand = 62**2 * 27 * 10 + (60**2 + 28**2 + 26**2) * 90 * 10 + 1690 * 10
    assert zoo.count_macs(networks.build("tiny_vgg"), torch.zeros(1, 3, 64, 64)) == by_hand


def test_softmax_is_that_of_its_definition() -> None:
    logits = torch.tensor([[1.0, 2.0, 3.0], [1000.0, 0.0, -1000.0]])
    expected = torch.exp(logits[0].double()) / torch.exp(logits[0].double()).sum()
    torch.testing.assert_close(zoo.softmax(logits)[0].double(), expected, rtol=1e-6, atol=0)
    assert zoo.softmax(logits)[1].tolist() == [1, 0, 0]


def test_a_factory_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FACTORIES)
    network = zoo.load(f"{path}:convolutional")
    assert network.preprocess is not None
    assert network.name == "convolutional"
    assert not network.module.training
    assert network.preprocess == zoo.Preprocessing(32, 1, guessed=True)
    assert network.module(*network.preprocess(np.zeros((50, 70, 3), np.uint8)).inputs).shape == (1, 4)
    assert zoo.load(f"{path}:convolutional").weights_hash == network.weights_hash
    assert zoo.load(f"{path}:tokens").preprocess is None


def test_a_factory_in_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_readers_package").mkdir()
    (tmp_path / "a_readers_package" / "models.py").write_text(FACTORIES)
    monkeypatch.syspath_prepend(tmp_path)
    assert zoo.load("a_readers_package.models:tokens").parameters == 30


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("{file}:nothing", "made no network.*expected a torch.nn.Module, found int"),
        ("{file}:failing", "failed.*RuntimeError: no such luck"),
        ("{file}:absent", "no factory 'absent'.*convolutional"),
        ("{folder}/none.py:f", "no such file"),
        ("no_such_package_at_all:f", "can't be imported.*ModuleNotFoundError"),
        ("{folder}", "no finished run.*card.json"),
        ("resnet-of-mine", "no network called 'resnet-of-mine'.*tiny-vgg-emoji.*torchvision:NAME"),
        ("torchvision:resnet19", "no network called 'resnet19'.*resnet18"),
        ("", "no network called ''"),
        ("a" * 5000, "no network called 'aaa"),
        ("a\0b", "no network called"),
        (":", "no network called ':'"),
    ],
)
def test_what_can_not_be_loaded_says_why(tmp_path: Path, target: str, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FACTORIES)
    with pytest.raises(GlassworkError, match=f"(?s){message}"):
        zoo.load(target.format(file=path, folder=tmp_path))


def test_a_run_whose_card_claims_vast_sizes_is_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    card = zoo.read_card(shipping.WEIGHTS / "tiny-vgg-fashion.json")
    card = msgspec.structs.replace(card, sizes={**card.sizes, "width": 10**6})
    module = networks.build("tiny_vgg", width=2)
    zoo.save_weights(module.state_dict(), card, tmp_path / shipping.RUN_WEIGHTS, tmp_path / shipping.RUN_CARD)
    with pytest.raises(GlassworkError, match="1000000, 1000000, 3, 3"):
        zoo.load(str(tmp_path))


def test_a_card_that_names_an_import_path_imports_nothing(tmp_path: Path) -> None:
    card = zoo.read_card(shipping.WEIGHTS / "tiny-vgg-fashion.json")
    card = msgspec.structs.replace(card, network="antigravity:fly")
    module = networks.build("tiny_vgg", width=2)
    zoo.save_weights(module.state_dict(), card, tmp_path / shipping.RUN_WEIGHTS, tmp_path / shipping.RUN_CARD)
    with pytest.raises(GlassworkError, match="no network called 'antigravity:fly'"):
        zoo.load(str(tmp_path))
    assert "antigravity" not in sys.modules


def test_a_name_that_is_no_target_imports_nothing() -> None:
    before = set(sys.modules)
    with pytest.raises(GlassworkError):
        zoo.load("antigravity")
    assert "antigravity" not in set(sys.modules) - before


@pytest.mark.parametrize("size", [(300, 400), (500, 333), (256, 256), (100, 90), (224, 224)])
def test_torchvisions_networks_have_their_own_preprocessing_and_say_that_they_are_random(
    size: tuple[int, int],
) -> None:
    network = zoo.load("torchvision:squeezenet1_1")
    assert network.weights == "random"
    assert len(network.labels) == 1000
    assert network.preprocess is not None
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))
    ours = network.preprocess(picture).inputs[0]
    theirs = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.transforms()(picture)[None]
    torch.testing.assert_close(ours, theirs)
    assert zoo.load("torchvision:squeezenet1_1").weights_hash == network.weights_hash


def test_a_backbone_of_torchvisions_brings_no_weights_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda url, **_: pytest.fail(f"{url} is asked for"))
    network = zoo.load("torchvision:lraspp_mobilenet_v3_large")
    assert network.weights == "random"
    assert network.module(torch.zeros(1, 3, 32, 32))["out"].shape == (1, 21, 32, 32)


def test_guessing_leaves_a_module_that_needs_more_than_one_input_alone() -> None:
    class Pair(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 1, 3)

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return self.conv(x) + y

    assert targets.guess_preprocessing(Pair()) is None


def test_networks_of_timm() -> None:
    timm = pytest.importorskip("timm")
    network = zoo.load("timm:mobilenetv3_small_050")
    again = zoo.load("timm:mobilenetv3_small_050")
    assert network.weights_hash == again.weights_hash
    assert network.parameters == sum(p.numel() for p in timm.create_model("mobilenetv3_small_050").parameters())
    assert network.preprocess is not None
    assert (network.preprocess.size, network.preprocess.channels) == (224, 3)
    with pytest.raises(GlassworkError, match=r"timm has no network called 'mobilenet_small'.*mobilenet"):
        zoo.load("timm:mobilenet_small")


def test_networks_of_transformers_from_a_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"n_layer": 1, "n_embd": 8, "n_head": 2, "vocab_size": 20, "n_positions": 32}
    made = transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes)).eval()
    made.save_pretrained(tmp_path / "tiny")
    network = zoo.load(f"hf:{tmp_path / 'tiny'}")
    assert type(network.module) is type(made)
    tokens = torch.tensor([[1, 2, 3]])
    assert torch.equal(network.module(tokens).logits, made(tokens).logits)
    assert (network.name, network.weights) == ("tiny", "file")
    config = tmp_path / "tiny" / "config.json"
    before = set(sys.modules)
    evil = '{"auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}, "architectures": ["os.system"], '
    config.write_text(evil + config.read_text().lstrip()[1:].replace('"architectures"', '"was"'))
    (tmp_path / "tiny" / "evil.py").write_text("raise SystemExit('executed')")
    loaded = zoo.load(f"hf:{tmp_path / 'tiny'}")
    assert isinstance(loaded.module, transformers.GPT2Model)
    assert "evil" not in {name.rpartition(".")[2] for name in set(sys.modules) - before}
    config.write_text(evil + '"model_type": "evil"}')  # one that is nothing without its code
    (tmp_path / "empty").mkdir()
    for name in ("tiny", "empty"):
        with pytest.raises(GlassworkError, match="transformers can't load"):
            zoo.load(f"hf:{tmp_path / name}")
    assert "evil" not in {name.rpartition(".")[2] for name in set(sys.modules) - before}
