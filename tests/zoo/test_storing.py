"""Weights that are damaged, missing or of another network are refused whole, with what to do."""

import hashlib
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import save

from glasswork import networks, zoo
from glasswork.errors import GlassworkError
from glasswork.zoo import storing
from glasswork.zoo.shipping import WEIGHTS, shipped_names

CARD = zoo.read_card(WEIGHTS / "tiny-vgg-fashion.json")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "tiny-vgg-fashion.safetensors"
    path.write_bytes((WEIGHTS / path.name).read_bytes())
    return path


def test_what_was_saved_is_what_is_read(tmp_path: Path) -> None:
    module = networks.build("tiny_vgg", width=3)
    card = zoo.save_weights(module.state_dict(), CARD, tmp_path / "a.safetensors", tmp_path / "a.json")
    assert zoo.read_card(tmp_path / "a.json") == card
    content = (tmp_path / "a.safetensors").read_bytes()
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (card.sha256, card.bytes)
    read = zoo.read_weights(tmp_path / "a.safetensors", card)
    assert all(torch.equal(read[name], value) for name, value in module.state_dict().items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.safetensors"]


@pytest.mark.parametrize("name", shipped_names())
def test_what_ships_is_what_its_card_says(name: str) -> None:
    card = zoo.read_card(WEIGHTS / f"{name}.json")
    values = zoo.read_weights(WEIGHTS / f"{name}.safetensors", card)
    module = networks.build(card.network, **card.sizes)
    module.load_state_dict(values)
    assert sum(one.numel() for one in module.parameters()) == card.parameters
    assert card.bytes <= 6e6 or name == "emoji-diffusion"


def test_text_to_image_is_small_in_all() -> None:
    parts = [WEIGHTS / f"emoji-{part}.safetensors" for part in ("clip", "diffusion", "autoencoder")]
    assert sum(part.stat().st_size for part in parts) <= 20e6


@pytest.mark.parametrize("position", [0, 9, 200, -1])
def test_one_flipped_bit_anywhere_is_found(weights: Path, position: int) -> None:
    content = bytearray(weights.read_bytes())
    content[position] ^= 16
    weights.write_bytes(content)
    with pytest.raises(GlassworkError, match="changed or damaged") as caught:
        zoo.read_weights(weights, CARD)
    assert caught.value.where == str(weights)
    assert CARD.sha256[:12] in caught.value.why
    assert "again" in caught.value.todo


def test_a_missing_file_is_named_with_what_to_do(weights: Path) -> None:
    weights.unlink()
    with pytest.raises(GlassworkError, match="weights of tiny-vgg-fashion are missing") as caught:
        zoo.read_weights(weights, CARD)
    assert caught.value.where == str(weights)
    assert caught.value.todo


@pytest.mark.parametrize(
    "content", [b"", b"x" * 100, (2**63).to_bytes(8, "little") + b"{}", save({"a": torch.ones(2)})[:-1]]
)
def test_what_is_no_safetensors_file_is_refused_even_if_a_card_vouches_for_it(weights: Path, content: bytes) -> None:
    weights.write_bytes(content)
    card = msgspec.structs.replace(CARD, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(GlassworkError, match="no safetensors file"):
        zoo.read_weights(weights, card)


def test_other_shapes_give_a_table_and_leave_the_network_as_it_was() -> None:
    module = networks.build("tiny_vgg", width=3)
    before = storing.weights_hash(module)
    values = networks.build("tiny_vgg", width=4).state_dict()
    values["extra"] = values.pop("output.bias")
    with pytest.raises(GlassworkError) as caught:
        zoo.fill(module, values, where="x")
    why = caught.value.why
    assert "key                      wanted               found" in why
    assert "block1.conv1.weight      (3, 3, 3, 3)         (4, 3, 3, 3)" in why
    assert "output.bias              (10,)                nothing" in why
    assert "extra                    nothing              (10,)" in why
    assert storing.weights_hash(module) == before


def test_weights_that_are_no_numbers_are_refused() -> None:
    module = networks.build("tiny_vgg", width=3)
    values = {name: value.clone() for name, value in module.state_dict().items()}
    values["output.bias"][3] = float("nan")
    with pytest.raises(GlassworkError, match="NaN or infinity"):
        zoo.fill(module, values, where="x")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"name": 3}', b"\xff"])
def test_a_card_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(GlassworkError, match="card can't be read") as caught:
        zoo.read_card(path)
    assert caught.value.where == str(path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    zoo.write_atomically(path, b"old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storing.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        zoo.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_hash_of_a_module_changes_with_any_value() -> None:
    module = networks.build("tiny_vgg", width=3)
    before = storing.weights_hash(module)
    with torch.no_grad():
        module.get_parameter("output.bias")[0] += 1
    assert storing.weights_hash(module) != before
