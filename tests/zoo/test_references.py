"""The reference networks as TARGETs: by name, with other sizes, with published weights where these are here."""

from pathlib import Path

import pytest
import torch

import glasswork
from glasswork import networks, zoo
from glasswork.errors import GlassworkError
from glasswork.zoo import packages


def test_a_name_and_sizes_lead_to_a_network_that_is_the_same_each_time() -> None:
    net = zoo.load("resnet:depth=20,size=28,channels=1,width=4,classes=10")
    again = zoo.load("resnet:depth=20,size=28,channels=1,width=4,classes=10")
    assert net.weights == "random"
    assert net.weights_hash == again.weights_hash
    assert net.preprocess is not None
    assert (net.preprocess.size, net.preprocess.channels) == (28, 1)
    assert net.module(torch.rand(1, 1, 28, 28)).shape == (1, 10)
    assert not net.module.training


def test_a_photo_network_names_its_classes_and_prepares_as_torchvision_does() -> None:
    ours, theirs = zoo.load("resnet18"), zoo.load("torchvision:resnet18")
    assert ours.labels == theirs.labels
    assert ours.preprocess == theirs.preprocess


def test_a_network_that_takes_no_pictures_brings_its_own_example() -> None:
    for name in (
        "gpt:vocabulary=11,width=8,heads=2,depth=1",
        "gan",
        "transformer:vocabulary=9,width=8,heads=2,depth=1",
    ):
        net = zoo.load(name)
        given = net.module.example_input_array
        inputs = (given,) if isinstance(given, torch.Tensor) else tuple(given)  # pyright: ignore[reportArgumentType]
        assert net.preprocess is None
        assert glasswork.trace(net, *inputs).ops


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("resnet:deep=3", "no size of resnet called 'deep'"),
        ("resnet:depth=many", "type int"),
        ("resnet:depth", "size=VALUE|depth=VALUE"),
        ("vgg16:depth=12", "11, 13, 16, 19"),
        ("resnet512", "near it: resnet"),
    ],
)
def test_what_is_wrong_with_a_name_is_said(target: str, said: str) -> None:
    with pytest.raises(GlassworkError, match=said):
        zoo.load(target)


def test_a_checkpoint_under_published_names_fits(tmp_path: Path) -> None:
    net = networks.build("efficientnet_lite", **networks.reference("efficientnet_lite").small)
    published = {}
    for name, value in net.state_dict().items():
        for ours, theirs in {
            "stem.conv.": "_conv_stem.", "stem.norm.": "_bn0.", "head.conv.": "_conv_head.", "head.norm.": "_bn1.",
            "output.": "_fc.", "expand.conv.": "_expand_conv.", "expand.norm.": "_bn0.", "blocks.": "_blocks.",
            "depthwise.conv.": "_depthwise_conv.", "depthwise.norm.": "_bn1.",
            "project.conv.": "_project_conv.", "project.norm.": "_bn2.",
        }.items():  # fmt: skip
            name = name.replace(ours, theirs)
        published[name] = value
    torch.save(published, tmp_path / "published.pth")
    other = networks.build("efficientnet_lite", **networks.reference("efficientnet_lite").small)
    zoo.load_weights(other, tmp_path / "published.pth")
    for name, value in other.state_dict().items():
        assert torch.equal(value, net.state_dict()[name])


def test_another_architectures_weights_are_refused_with_a_table(tmp_path: Path) -> None:
    torch.save(networks.build("vgg", depth=11, size=32, width=4, hidden=8).state_dict(), tmp_path / "vgg.pth")
    with pytest.raises(GlassworkError, match=r"key +wanted +found"):
        zoo.load_weights(networks.build("resnet", depth=18, width=4), tmp_path / "vgg.pth")


def test_missing_and_altered_packages_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSWORK_HOME", str(tmp_path))
    one = packages.PACKAGED["efficientnet-lite0"]
    assert zoo.load(one.name).weights == "random"
    with pytest.raises(GlassworkError, match=f"not on this machine.*glasswork data fetch {one.name}"):
        packages.verified(one)
    path = packages.kept_at(one)
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(one.bytes))
    with pytest.raises(GlassworkError, match="changed or damaged"):
        zoo.load(one.name)


def test_counting_needs_no_weights() -> None:
    row, small = zoo.counted(["resnet152", "gan"])
    assert (row.name, row.network, row.parameters) == ("resnet152", "resnet", 60_192_808)
    assert round(row.macs / 1000) == 11_513_627
    assert small.macs == (8 * 32 + 32 * 32 * 2 + 32 * 2) + (2 * 32 + 32 * 32 * 2 + 32)  # two players of three layers
