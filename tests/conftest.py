"""The files whose tests take longest come first, so that no process is left alone with one of them at the end."""

from __future__ import annotations

import pytest

LONGEST = (
    "test_truth.py",
    "test_access.py",
    "test_gan_truth.py",
    "test_train_truth.py",
    "test_train.py",
    "test_behaviour.py",
    "test_open_truth.py",
    "test_rnn_truth.py",
    "test_streaming.py",
    "test_many_processes.py",
    "test_race.py",
    "test_separate_js.py",
    "test_adversarial_pictures.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))
