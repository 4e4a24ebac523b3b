"""After a trace nothing is patched, held or leaked; errors, cancelling and threads included."""

import gc
import threading
import weakref

import pytest
import torch
from torch import nn

from glasswork.errors import GlassworkError
from glasswork.tracing import Cancelled, NotTraceable, TraceFailed, trace


class Fails(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 5)
        self.inner = nn.Sequential(nn.ReLU(), nn.Linear(6, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(self.first(x))


class Complains(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] != 99:
            raise ValueError("expected 99 rows")
        return x


def modes() -> int:
    return torch._C._len_torch_function_stack()


def test_a_failure_keeps_the_trace_up_to_there() -> None:
    original = nn.Module.__call__
    with pytest.raises(TraceFailed, match=r"linear failed in inner\.1") as caught:
        trace(Fails(), torch.randn(1, 4))
    assert nn.Module.__call__ is original
    assert modes() == 0
    error = caught.value
    assert isinstance(error, GlassworkError)
    assert isinstance(error.__cause__, RuntimeError)
    assert [op.path for op in error.trace.ops] == ["first", "inner.0"]
    failure = error.trace.failure
    assert failure is not None
    assert failure.op == "linear"
    assert failure.module == "inner.1"
    assert failure.shapes == ((1, 5), (2, 6), (2,))
    assert failure.source is not None
    assert failure.source.file == __file__
    assert "[1, 5]" in str(error)
    assert error.trace["first"].output.tensor.shape == (1, 5)


def test_plain_python_errors_name_module_and_line() -> None:
    with pytest.raises(TraceFailed, match="expected 99 rows") as caught:
        trace(nn.Sequential(nn.ReLU(), Complains()), torch.randn(1, 4))
    failure = caught.value.trace.failure
    assert failure is not None
    assert (failure.op, failure.module) == (None, "1")
    assert failure.source is not None
    assert failure.source.function == "forward"


def test_an_error_that_the_module_handles_is_none_of_ours() -> None:
    class Tries(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            try:
                return x @ x
            except RuntimeError:
                return x * 2

    assert [op.name for op in trace(Tries(), torch.randn(2, 3)).ops] == ["mul"]


@pytest.mark.parametrize("how", ["function", "event"])
def test_cancelling(how: str) -> None:
    layers = nn.Sequential(*[nn.Linear(2, 2) for _ in range(20)])
    done: list[int] = []
    event = threading.Event()

    def progress(count: int) -> None:
        done.append(count)
        if count == 5:
            event.set()

    original = nn.Module.__call__
    with pytest.raises(Cancelled):
        trace(layers, torch.randn(1, 2), cancel=event if how == "event" else event.is_set, progress=progress)
    assert done == [1, 2, 3, 4, 5]
    assert nn.Module.__call__ is original
    assert modes() == 0


def test_what_can_not_be_traced_says_why() -> None:
    with pytest.raises(NotTraceable, match="TorchScript"):
        trace(nn.Sequential(Scripted()), torch.randn(1))
    with pytest.raises(NotTraceable, match=r"not a torch\.nn\.Module"):
        trace(lambda x: x, torch.randn(1))  # type: ignore[arg-type]
    with pytest.raises(NotTraceable, match="detail"):
        trace(nn.ReLU(), torch.randn(1), detail="kernels")
    with pytest.raises(NotTraceable, match="keep"):
        trace(nn.ReLU(), torch.randn(1), keep="some")
    with pytest.raises(TraceFailed, match="loss=\\(0,\\) has 1 indices"):
        trace(nn.ReLU(), torch.randn(1, 2), loss=(0,), backward=True)
    with pytest.raises(NotTraceable, match="2 elements"):
        trace(nn.ReLU(), torch.randn(1, 2), loss=lambda y: y[0], backward=True)


class Scripted(torch.jit.ScriptModule):
    """Stands for what torch.jit.script makes; making one today warns that it is deprecated."""

    def __init__(self) -> None:
        nn.Module.__init__(self)


@pytest.mark.parametrize("backward", [False, True])
def test_nothing_is_leaked(backward: bool) -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.LSTM(16, 3))
    x = torch.randn(2, 1, 4, 4)

    def watched() -> weakref.ref[torch.Tensor]:
        run = trace(network, x, backward=backward)
        return weakref.ref(run["1"].output.tensor)

    watched()
    gc.collect()
    gc.disable()
    try:
        ref = watched()
        assert ref() is None  # freed at once, not when the collector comes by
        before = len(gc.get_objects())
        for _ in range(5):
            watched()
        assert len(gc.get_objects()) - before < 50
    finally:
        gc.enable()
    assert all(not parameter._backward_hooks for parameter in network.parameters())


def test_the_graph_is_gone_after_a_backward_trace() -> None:
    run = trace(nn.Sequential(nn.Linear(3, 3), nn.Tanh()), torch.randn(1, 3), backward=True)
    values = [value for op in run.ops for value in (*op.operands, *op.outputs)]
    assert all(value.tensor.grad_fn is None for value in values)
    assert all(value.grad is not None and value.grad.grad_fn is None for value in values)


def test_threads_do_not_see_one_another() -> None:
    first, second = nn.Sequential(*[nn.Linear(8, 8) for _ in range(30)]), nn.Sequential(*[nn.ReLU() for _ in range(30)])
    plain, x = nn.Sequential(*[nn.Tanh() for _ in range(30)]), torch.randn(4, 8)
    expected = plain(x)
    wrong: list[str] = []
    original = nn.Module.__call__

    def tracing(module: nn.Module, name: str) -> None:
        for _ in range(25):
            names = {op.name for op in trace(module, x).ops}
            if names != {name}:
                wrong.append(f"{name}: {names}")

    def running() -> None:
        for _ in range(100):
            if not torch.equal(plain(x), expected):
                wrong.append("plain")

    threads = [
        threading.Thread(target=tracing, args=(first, "linear")),
        threading.Thread(target=tracing, args=(second, "relu")),
        threading.Thread(target=running),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert nn.Module.__call__ is original


def test_a_trace_inside_a_trace() -> None:
    class Curious(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)
            self.seen = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen = len(trace(nn.ReLU(), x))
            return self.layer(x)

    module = Curious()
    run = trace(module, torch.randn(1, 2))
    assert module.seen == 1
    assert "layer" in run


@pytest.mark.slow
def test_twenty_traces_of_gpt2_leave_memory_as_it_was() -> None:
    """Resident memory after twenty traces, forward and backward, within 2 % of that after the first five."""
    from transformers import GPT2Config, GPT2LMHeadModel

    module = GPT2LMHeadModel(GPT2Config(n_layer=6, n_embd=384, n_head=6))
    x = torch.randint(0, 50257, (1, 64))
    after: list[int] = []
    for _ in range(25):
        trace(module, x, backward=True, loss=lambda output: output.logits.sum(), detail="aten")
        gc.collect()
        with open("/proc/self/statm") as file:
            after.append(int(file.read().split()[1]))
    assert after[-1] <= 1.02 * after[4], after
