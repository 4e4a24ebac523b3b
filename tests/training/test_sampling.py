"""Which examples a step sees depends on the seed and the step, and on nothing else."""

import numpy as np

from glasswork.training.classification import balanced_batch
from glasswork.training.sampling import chance, epoch_batch


def test_an_epoch_sees_every_example_once_and_the_next_in_another_order() -> None:
    epochs = [np.concatenate([epoch_batch(64, 16, 0, 4 * e + i) for i in range(4)]) for e in range(2)]
    assert all(sorted(epoch) == list(range(64)) for epoch in epochs)
    assert epochs[0].tolist() != epochs[1].tolist()


def test_the_order_in_which_steps_are_asked_for_does_not_matter() -> None:
    ahead = [epoch_batch(50, 8, 7, step).tolist() for step in range(20)]
    back = [epoch_batch(50, 8, 7, step).tolist() for step in reversed(range(20))]
    assert ahead == back[::-1]
    assert ahead != [epoch_batch(50, 8, 8, step).tolist() for step in range(20)]


def test_balanced_batches_draw_every_class_alike() -> None:
    labels = np.array([0] * 990 + [1] * 10)
    assert 400 < (labels[balanced_batch(labels, 1000, 0, 0)] == 1).sum() < 600


def test_each_step_and_turn_has_chance_of_its_own() -> None:
    drawn = {chance(*key).initial_seed() for key in [(0, 0), (0, 1), (1, 0), (0, 0, 1), (1, 1)]}
    assert len(drawn) == 5
    assert chance(3, 4).initial_seed() == chance(3, 4).initial_seed()
