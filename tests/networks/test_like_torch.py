"""The recurrent cores and the Transformer's, with the weights of torch.nn's own."""

from collections.abc import Callable, Mapping

import pytest
import torch
from agreement import agree_in_eval, agree_in_training, flattened, randomise, relative
from torch import Tensor, nn

from glasswork import networks
from glasswork.networks._sequence import Recurrent
from glasswork.networks.transformer import positions

OURS: Mapping[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def recurrent(name: str, layers: int, ways: int, fused: int) -> tuple[nn.Module, nn.Module]:
    theirs = OURS[name](3, 5, num_layers=layers, bidirectional=ways == 2, batch_first=True)
    randomise(theirs)
    ours = networks.build(name, inputs=3, hidden=5, layers=layers, bidirectional=ways - 1, fused=fused).get_submodule(
        "core"
    )
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("fused", [0, 1])
@pytest.mark.parametrize(("layers", "ways"), [(1, 1), (2, 1), (1, 2), (3, 2)])
@pytest.mark.parametrize("name", list(OURS))
def test_a_recurrent_core_says_and_learns_the_same(name: str, layers: int, ways: int, fused: int) -> None:
    ours, theirs = recurrent(name, layers, ways, fused)
    x = torch.randn(4, 9, 3, generator=torch.Generator().manual_seed(1))
    agree_in_eval(ours, theirs, x)
    agree_in_training(ours.double(), theirs.double(), x.double())


@pytest.mark.parametrize("name", list(OURS))
def test_a_recurrent_core_goes_on_from_a_state(name: str) -> None:
    ours, theirs = recurrent(name, 2, 2, 0)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(4, 9, 3, generator=generator)
    parts = [torch.randn(4, 4, 5, generator=generator) for _ in range(2)]
    state = tuple(parts) if name == "lstm" else parts[0]
    for our, their in zip(flattened(ours(x, state)), flattened(theirs(x, state)), strict=True):
        assert relative(our, their) <= 1e-5


@pytest.mark.parametrize("name", list(OURS))
def test_step_by_step_gives_what_the_whole_sequence_gives(name: str) -> None:
    net = networks.build(name, vocabulary=11, inputs=4, hidden=6, layers=2, outputs=11)
    assert isinstance(net, Recurrent)
    words = networks.example(net, 3)[0]
    whole = net(words)
    state, steps = None, []
    for word in words.split(1, dim=1):
        said, state = net.advance(word, state)
        steps.append(said)
    torch.testing.assert_close(torch.cat(steps, dim=1), whole)


@pytest.mark.parametrize("fused", [0, 1])
@pytest.mark.parametrize("padded", [False, True])
def test_the_transformers_core_says_and_learns_the_same(fused: int, padded: bool) -> None:
    theirs = nn.Transformer(12, 4, 2, 2, 20, dropout=0.0, batch_first=True)
    randomise(theirs)
    core = networks.build("transformer", vocabulary=5, width=12, depth=2, heads=4, hidden=20, fused=fused)
    ours = core.get_submodule("core")
    ours.load_state_dict(theirs.state_dict())
    generator = torch.Generator().manual_seed(1)
    source, target = torch.randn(2, 6, 12, generator=generator), torch.randn(2, 4, 12, generator=generator)
    seen = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]).bool() if padded else None
    future = torch.ones(4, 4).triu(1).bool()

    class Called(nn.Module):
        """torch's, with our arguments."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = theirs

        def forward(self, source: Tensor, target: Tensor) -> Tensor:
            missing = None if seen is None else ~seen
            more = {"src_key_padding_mask": missing, "memory_key_padding_mask": missing}
            return self.inner(source, target, tgt_mask=future, **more)

    class Ours(nn.Module):
        """Ours, with the mask in place."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = ours

        def forward(self, source: Tensor, target: Tensor) -> Tensor:
            return self.inner(source, target, seen)

    agree_in_training(Ours().double(), Called().double(), source.double(), target.double())
    with torch.no_grad():
        our = Ours().float().eval()(source, target)
        their = Called().float().train()(source, target)  # in eval mode padding is cut off, and zeros are put back
    assert relative(our, their) <= 1e-5


def test_positions_are_those_of_the_paper() -> None:
    table = positions(50, 8)
    for place in (0, 1, 7, 49):
        for i in range(4):
            angle = torch.tensor(place / 10_000 ** (2 * i / 8))
            torch.testing.assert_close(table[place, 2 * i], angle.sin())
            torch.testing.assert_close(table[place, 2 * i + 1], angle.cos())


def test_a_highway_adds_what_a_linear_layer_says_of_the_last_steps() -> None:
    net = networks.build("lstm", inputs=3, hidden=5, outputs=2, highway=4)
    assert isinstance(net, Recurrent)
    x = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(1))
    plain = net.advance(x, None)[0]
    assert torch.equal(net(x), plain)  # it begins at zero
    with torch.no_grad():
        net.highway.weight.normal_(generator=torch.Generator().manual_seed(2))
    for t in (0, 2, 8):
        wanted = plain[:, t].clone()
        for back in range(4):
            if t - back >= 0:
                kernel = net.highway.weight.view(2, 3, 4)[:, :, 3 - back]
                wanted += x[:, t - back] @ kernel.T
        torch.testing.assert_close(net(x)[:, t], wanted)
