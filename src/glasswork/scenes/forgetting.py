"""Why a recurrent network forgets: real Jacobians of an RNN and an LSTM of one size, in double precision.

The gradient of -ln p(next character) at step t to the vector that was read at step s, by autograd, for every pair; its
length against the distance t - s; and for the RNN the bound |dh_t/dh_s| <= the product of |diag(1 - h_r^2) W|.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import zoo
from glasswork.data.texts import load_text
from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.messages import forgetting as f
from glasswork.scenes.messages.base import Array, Number
from glasswork.zoo import Network

# T steps, D distances, M outputs

RNN, LSTM = "rnn-forgets", "lstm-forgets"
DEFAULT = "The captain, who had been silent all the morning, now spoke."
MOST = 60
"""Characters of the text."""
DISTANCES = 60
TOLD = 50
OUTPUTS, EVERY = 24, 89
"""So many outputs of the unseen part, one after so many characters."""
LARGEST = 4.0
"""The largest spectral radius that can be asked for."""


def forgetting(request: f.OpenForgetting) -> Iterator[m.Answer | str | bytes]:
    """The answer to the page.

    Raises:
        GlassworkError: the text is too short, or the radius can't be had.
    """
    if request.radius is not None and not 0 < request.radius <= LARGEST:
        why = f"{request.radius:g} is not above 0 and up to {LARGEST:g}"
        raise GlassworkError("this spectral radius can't be had", where="radius", why=why)
    text = DEFAULT if request.text is None else request.text
    shown = text[-MOST:]
    if len(shown) < 2:
        raise GlassworkError(
            "there is no way back here", where="text", why=f"it has {len(shown)} characters; two are needed"
        )
    rnn, lstm = zoo.load(RNN), zoo.load(LSTM)
    own = radius_of(rnn)
    radius = own if request.radius is None else request.radius
    name = f"forgetting:{radius:g}" if request.radius is not None else "forgetting:own"
    reaches, arrays, values = [], [], []
    for network, scale in ((rnn, radius / own), (lstm, 1.0)):
        kind = "rnn" if network is rnn else "lstm"
        gradient, chances = gradients(network, shown, scale)
        courses = lengths(kind, round(scale, 9))
        arrays += [_array(name, f"{kind}/gradient", gradient), _array(name, f"{kind}/course", courses)]
        values += [gradient, courses]
        reaches.append(_reach(network, kind, name, chances))
    bound = bounds(rnn, shown, radius / own)
    arrays.append(_array(name, "rnn/bound", bound))
    values.append(bound)
    rnn_course, lstm_course = values[1], values[3]
    at = min(TOLD, DISTANCES)
    singular = float(torch.linalg.matrix_norm(weights(rnn)["weight_hh_l0"] * (radius / own), 2))
    yield m.encode(
        f.Forgetting(
            request=request.request,
            source=name,
            text=shown,
            left_out=len(text) - len(shown),
            rnn=reaches[0],
            lstm=reaches[1],
            radius=Number(f"{name}#radius@value", radius),
            trained_radius=Number("forgetting:own#radius@value", own),
            norm=Number(f"{name}#norm@value", singular),
            distances=DISTANCES,
            at=at,
            ratio=Number(f"{name}#ratio[{at}]@value", float(lstm_course[1, at] / max(rnn_course[1, at], 1e-300))),
            outputs=OUTPUTS,
            arrays=arrays,
        ),
        values,
    )


def weights(network: Network) -> dict[str, Tensor]:
    """The core's weights, fp64, by torch's names."""
    core: Any = network.module.core
    return {name: value.detach().double() for name, value in core.named_parameters()}


def radius_of(network: Network) -> float:
    """The largest absolute eigenvalue of the matrix that the state is multiplied by."""
    return float(torch.linalg.eigvals(weights(network)["weight_hh_l0"]).abs().max())


def _doubled(network: Network, scale: float) -> nn.Module:
    """The same network in double precision, PyTorch's kernel, its recurrent matrix scaled."""
    assert network.card is not None
    module = zoo.build(network.card.network, {**network.card.sizes, "fused": 1}).double().eval()
    module.load_state_dict(network.module.state_dict())
    with torch.no_grad():
        module.get_parameter("core.weight_hh_l0").mul_(scale)
    return module


def _pull(module: Any, tokens: Tensor, at: list[int]) -> tuple[np.ndarray, Tensor]:
    """The length of d(-ln p(token t+1))/d(vector s) for each t of `at`, (len(at), T), and all logits (T, V)."""
    x = module.embedding(tokens[None]).detach().requires_grad_()
    logits = module.output(module.core(x)[0])[0]
    losses = F.cross_entropy(logits[:-1], tokens[1:], reduction="none")
    rows = []
    for t in at:
        (slope,) = torch.autograd.grad(losses[t], x, retain_graph=True)
        rows.append(slope[0].norm(dim=1).numpy())
    return np.stack(rows), logits.detach()


def gradients(network: Network, text: str, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Over a text: gradient lengths, fp64, (T - 1, T), and the chances of what came next, (T - 1,)."""
    assert network.vocabulary is not None
    tokens = torch.from_numpy(network.vocabulary.encode(text)).long()
    pulls, logits = _pull(_doubled(network, scale), tokens, list(range(len(tokens) - 1)))
    shares = torch.softmax(logits[:-1], 1)[torch.arange(len(tokens) - 1), tokens[1:]]
    return pulls, shares.numpy()


@cache
def lengths(kind: str, scale: float) -> np.ndarray:
    """Over outputs of unseen text, the gradient's length at each distance over that at distance 0: (3, D + 1).

    Lowest tenth, median, highest tenth.
    """
    network = zoo.load(RNN if kind == "rnn" else LSTM)
    assert network.vocabulary is not None
    assert network.card is not None
    module = _doubled(network, scale)
    part = load_text(network.card.data).test
    ids = torch.from_numpy(network.vocabulary.encode(part[: OUTPUTS * EVERY + 2])).long()
    rows = []
    for k in range(OUTPUTS):
        tokens = ids[k * EVERY : k * EVERY + DISTANCES + 2]
        pulls, _ = _pull(module, tokens, [DISTANCES])
        back = pulls[0, DISTANCES::-1]
        rows.append(back / max(back[0], 1e-300))
    return np.quantile(np.stack(rows), [0.1, 0.5, 0.9], axis=0)


def bounds(network: Network, text: str, scale: float) -> np.ndarray:
    """Of dh_t/dh_s for the text's last step t and each distance: its norm, and the product of norms that bounds it.

    fp64, (2, T): distance 0 is 1.
    """
    assert network.vocabulary is not None
    module: Any = _doubled(network, scale)
    tokens = torch.from_numpy(network.vocabulary.encode(text)).long()
    with torch.no_grad():
        states = module.core(module.embedding(tokens[None]))[0][0]  # (T, H)
        matrix = module.core.weight_hh_l0
        product, bound, found = torch.eye(len(matrix)).double(), 1.0, [(1.0, 1.0)]
        for h in states.flip(0)[:-1]:
            step = (1 - h**2)[:, None] * matrix
            product, bound = product @ step, bound * float(torch.linalg.matrix_norm(step, 2))
            found.append((float(torch.linalg.matrix_norm(product, 2)), bound))
    return np.array(found).T.copy()


def _array(source: str, name: str, values: np.ndarray) -> Array:
    return Array(ref=f"{source}#{name}@value", shape=list(values.shape), dtype="float64")


def _reach(network: Network, kind: str, source: str, chances: np.ndarray) -> f.Reach:
    assert network.card is not None
    return f.Reach(
        name=network.name,
        title=network.title,
        kind=kind,
        parameters=network.parameters,
        score=Number(f"measure:{network.name}#nats_per_char@value", network.card.scores["nats_per_char"]),
        chances=[Number(f"{source}#{kind}/chance[{t}]@value", float(chance)) for t, chance in enumerate(chances)],
    )
