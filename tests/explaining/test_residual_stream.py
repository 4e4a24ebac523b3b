"""Direct logit attribution and the logit lens, against torch's own norms and by hand."""

import pytest
import torch
from torch import nn

from glasswork.explaining.residual_stream import Norm, attribute, gifts, head_outputs, lens, rank

WIDTH, TOKENS = 24, 50


@pytest.fixture(params=["layer norm", "RMS norm"])
def pair(request: pytest.FixtureRequest) -> tuple[Norm, nn.Module]:
    torch.manual_seed(0)
    if request.param == "layer norm":
        part: nn.Module = nn.LayerNorm(WIDTH, eps=1e-5)
        nn.init.normal_(part.bias)
    else:
        part = nn.RMSNorm(WIDTH, eps=1e-5)
    nn.init.normal_(part.weight)
    gain = part.get_parameter("weight").detach()
    centred = request.param == "layer norm"
    return Norm(gain, part.get_parameter("bias").detach() if centred else None, 1e-5, centred), part.double()


def test_the_parts_add_up_to_the_logit(pair: tuple[Norm, nn.Module]) -> None:
    norm, theirs = pair
    parts, matrix = torch.randn(9, WIDTH), torch.randn(TOKENS, WIDTH)
    stream = parts.sum(0)
    with torch.no_grad():
        logits = theirs(stream.double()) @ matrix.double().T
    towards = matrix[7].double() - matrix.double().mean(0)
    found = attribute(parts, stream, norm, towards)
    assert found.total == pytest.approx((logits[7] - logits.mean()).item(), abs=1e-4)
    assert found.total == pytest.approx(float(found.parts.sum()) + found.bias)
    assert found.error < 1e-6
    assert (found.bias != 0) == norm.centred


def test_a_part_that_was_left_out_shows_in_the_error(pair: tuple[Norm, nn.Module]) -> None:
    parts = torch.randn(9, WIDTH)
    assert attribute(parts[:-1], parts.sum(0), pair[0], torch.randn(WIDTH).double()).error > 1e-3


def test_the_lens_is_the_last_norm_and_the_unembedding(pair: tuple[Norm, nn.Module]) -> None:
    norm, theirs = pair
    streams, matrix = torch.randn(3, 5, WIDTH), torch.randn(TOKENS, WIDTH)
    with torch.no_grad():
        wanted = (theirs(streams.double()) @ matrix.double().T).float()
    torch.testing.assert_close(lens(streams, norm, matrix), wanted, atol=1e-4, rtol=1e-4)


def test_heads_write_what_their_rows_of_the_matrix_make_of_their_mix() -> None:
    weights = torch.rand(4, 6, 6).softmax(-1)
    values, output = torch.randn(4, 6, 8), torch.randn(32, WIDTH)
    mixed = weights @ values
    whole = mixed.transpose(0, 1).reshape(6, 32).double() @ output.double()
    each = head_outputs(mixed, output)
    torch.testing.assert_close(each.sum(0), whole)
    one = gifts(weights[2, 5], values[2], output[16:24])
    torch.testing.assert_close(one.sum(0), each[2, 5], atol=1e-6, rtol=1e-5)


def test_the_likeliest_is_first() -> None:
    logits = torch.tensor([[0.1, 3.0, 2.0], [5.0, 1.0, 1.0]])
    assert rank(logits, 1).tolist() == [1, 2]
