"""The race: each claim beside what counting gives, torchvision's cards as they are, and one run measured."""

import pytest
from torchvision import models

from glasswork.errors import GlassworkError
from glasswork.measuring import race


def test_each_claim_is_matched_to_the_variant_that_yields_it_or_to_none() -> None:
    rows = {row["name"]: row for row in race.claimed()}
    said = {
        (name, figure): tuple(row[f"{figure}_from"][part] for part in ("verdict", "variant", "as"))
        for name, row in rows.items()
        for figure in ("parameters", "operations")
    }
    assert said["AlexNet", "parameters"] == ("equal", "alexnet_2012_one_tower", "parameters")
    assert said["AlexNet", "operations"] == ("near", "alexnet_2012", "operations")
    assert said["VGGNet", "parameters"] == ("equal", "vgg16", "parameters")
    assert said["VGGNet", "operations"] == ("equal", "vgg19", "multiply-adds")
    assert said["Inception", "parameters"][0] == "near" or said["Inception", "parameters"][0] == "none"
    assert said["Inception", "operations"][0] == "none"
    assert said["ResNet-152", "parameters"] == ("near", "resnet152", "parameters")
    assert said["ResNet-152", "operations"] == ("near", "resnet152", "multiply-adds")
    assert rows["VGGNet"]["operations_from"]["value"] == pytest.approx(19.632e9, rel=1e-4)


def test_what_is_published_is_what_torchvisions_cards_say() -> None:
    rows = [row for row in race.published() if row["name"] == "resnet152"]
    weights = [models.ResNet152_Weights.IMAGENET1K_V1, models.ResNet152_Weights.IMAGENET1K_V2]
    assert [row["weights"] for row in rows] == [str(one) for one in weights]
    for row, one in zip(rows, weights, strict=True):
        meta = one.meta
        assert (row["top5"], row["parameters"]) == (meta["_metrics"]["ImageNet-1K"]["acc@5"], meta["num_params"])


@pytest.mark.slow
def test_a_network_is_measured_in_a_process_of_its_own() -> None:
    (row,) = race.measured(("alexnet",))
    assert row["parameters"] == 61_100_840
    assert round(row["macs"] / 1000) == 714_188
    assert row["flops"] == 2 * row["macs"]
    assert row["milliseconds"] > 0
    weights = 4 * row["parameters"]
    assert row["peak_bytes"] is None or weights < row["peak_bytes"] < row["training_peak_bytes"]
    assert row["training_peak_bytes"] is None or row["training_peak_bytes"] > 2 * weights
    with pytest.raises(GlassworkError, match="gpt2 does not race"):
        race.measured(("gpt2",))
