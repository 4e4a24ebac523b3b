"""What one thread draws does not depend on what another draws, or puts back, meanwhile."""

import threading

import torch

from glasswork.randomness import kept_random_state, seeded


def test_two_who_draw_at_once_do_not_disturb_each_other() -> None:
    expected = torch.rand(2, generator=torch.Generator().manual_seed(7)).tolist()
    before = torch.get_rng_state()
    begun, done = threading.Event(), threading.Event()

    def other() -> None:
        begun.wait(5)
        with kept_random_state():
            torch.rand(100)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with seeded(7):
        drawn = [torch.rand(()).item()]
        begun.set()
        done.wait(0.1)  # the other would be through by now if it were let in
        drawn.append(torch.rand(()).item())
    thread.join()
    assert done.is_set()
    assert drawn == expected
    assert torch.equal(torch.get_rng_state(), before)
