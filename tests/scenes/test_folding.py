"""Networks as columns, held to columns written by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet

from glasswork.scenes.folding import LEVELS, Column, Level, fold, tree
from glasswork.tracing import Trace, trace


def names(columns: list[Column]) -> list[str]:
    return [column.key for column in columns]


@pytest.fixture(scope="module")
def resnet152() -> Trace:
    """The depth of ResNet-152, and few channels."""
    module = ResNet(Bottleneck, [3, 8, 36, 3], num_classes=5, width_per_group=1).eval()
    return trace(module, torch.rand(1, 3, 32, 32))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.two(torch.relu(self.one(x)))


class Stack(nn.Module):
    """Blocks, one of them used twice."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block() for _ in range(count)])
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.head(self.blocks[0](x))


def test_resnet152_fits_as_its_stem_stages_and_head(resnet152: Trace) -> None:
    columns = fold(resnet152)
    assert names(columns) == [
        "conv1+",
        *("layer1.0", "layer1.1", "layer1.2"),
        *("layer2.0", "layer2.1", "layer2.2..layer2.6", "layer2.7"),
        *("layer3.0", "layer3.1", "layer3.2..layer3.34", "layer3.35"),
        *("layer4.0", "layer4.1", "layer4.2"),
        "avgpool+",
        "fc",
    ]
    assert [column.count for column in columns if column.count > 1] == [5, 33]
    assert [column.stage for column in columns][1] == "layer1"


def test_stages_are_the_modules_that_a_network_is_made_of(resnet152: Trace) -> None:
    found = names(fold(resnet152, "stages"))
    assert found == ["conv1+", "layer1", "layer2", "layer3", "layer4", "avgpool+", "fc"]


def test_a_pleat_opens_to_its_blocks_and_a_block_to_its_operations(resnet152: Trace) -> None:
    pleat = "layer2.2..layer2.6"
    opened = names(fold(resnet152, opened=[pleat]))
    assert [key for key in opened if key.startswith("layer2.")] == [f"layer2.{i}" for i in range(8)]
    inside = names(fold(resnet152, opened=[pleat, "layer2.3"]))
    assert [key for key in inside if key.startswith("layer2.3")] == [
        *("layer2.3.conv1+", "layer2.3.conv2+", "layer2.3.conv3+"),
    ]


def test_what_is_shut_is_one_column_again(resnet152: Trace) -> None:
    found = names(fold(resnet152, shut=["layer3"]))
    assert "layer3" in found
    assert not any(key.startswith("layer3.") for key in found)


@pytest.mark.parametrize("level", LEVELS)
def test_every_operation_stands_in_one_column(resnet152: Trace, level: Level) -> None:
    held = [op.id for column in fold(resnet152, level) for op in column.ops]
    assert held == list(range(len(resnet152.ops)))


def test_the_level_of_operations_has_a_column_for_each(resnet152: Trace) -> None:
    columns = fold(resnet152, "operations")
    assert [column.shown.path for column in columns] == [op.path for op in resnet152.ops]
    assert not any(column.opens for column in columns)


def test_a_module_used_twice_stands_twice() -> None:
    made = trace(Stack(2), torch.rand(1, 4))
    assert names(fold(made)) == ["blocks.0", "blocks.1", "blocks.0#2", "head"]


def test_equal_blocks_pleat_only_where_there_is_no_room() -> None:
    made = trace(Stack(6), torch.rand(1, 4))
    assert names(fold(made))[:6] == [f"blocks.{i}" for i in range(6)]
    narrow = names(fold(made, room=6))
    assert narrow == ["blocks.0", "blocks.1..blocks.5", "blocks.0#2", "head"]


def test_operations_that_only_change_join_what_stands_before_them() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Softmax(-1))
    columns = fold(trace(module, torch.rand(1, 3)))
    assert names(columns) == ["0+", "2+"]
    assert [column.shown.path for column in columns] == ["1", "3"]
    assert names(fold(trace(module, torch.rand(1, 3)), opened=["0+"])) == ["0", "1", "2+"]


def test_what_picks_the_followed_number_is_no_part_of_the_network() -> None:
    module = nn.Linear(3, 2)
    made = trace(module, torch.rand(1, 3), loss=lambda output: output[0, 1], backward=True)
    assert [op.name for op in made.ops] == ["linear", "getitem"]
    assert [op.name for column in fold(made) for op in column.ops] == ["linear"]


def test_what_glasswork_appends_is_shown() -> None:
    made = trace(nn.Linear(3, 2), torch.rand(1, 3), after=lambda output: output.softmax(-1))
    assert [op.name for column in fold(made) for op in column.ops] == ["linear", "softmax"]


def test_a_network_of_one_operation_is_one_column() -> None:
    made = trace(nn.ReLU(), torch.rand(1, 3))
    assert len(fold(made)) == 1
    assert len(tree(made).parts) == 1
