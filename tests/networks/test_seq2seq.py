"""The recurrent translator against torch.nn.GRU: its readers on packed texts, its writer, and attention by hand."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from glasswork import networks

SIZES = {"vocabulary": 23, "width": 8, "hidden": 6, "dropout": 0.0}
LENGTHS = torch.tensor([7, 4, 1])


def reference(part: Any, inputs: int, hidden: int) -> nn.GRU:
    gru = nn.GRU(inputs, hidden, batch_first=True)
    gru.load_state_dict(part.state_dict())
    return gru


def told(module: Any, source: Tensor, target: Tensor) -> Tensor:
    """The papers' equations with torch's layers; torch reads packed texts backwards from their own ends."""
    both = nn.GRU(SIZES["width"], SIZES["hidden"], batch_first=True, bidirectional=True)
    forwards, backwards = module.reader.forwards.state_dict(), module.reader.backwards.state_dict()
    both.load_state_dict({**forwards, **{f"{name}_reverse": value for name, value in backwards.items()}})
    x = module.embedding(source) * SIZES["width"] ** 0.5
    packed, last = both(pack_padded_sequence(x, LENGTHS, batch_first=True))
    read, _ = pad_packed_sequence(packed, batch_first=True)  # (B, S, 2H)
    begin = torch.cat([last[0], last[1]], dim=1)[None]
    writer = reference(module.writer, SIZES["width"], 2 * SIZES["hidden"])
    states, _ = writer(module.embedding(target) * SIZES["width"] ** 0.5, begin)
    rows = []
    for b, length in enumerate(LENGTHS):
        asked = read[b, :length]
        for h in states[b]:
            weights = torch.softmax(asked @ (module.attention.general.weight @ h), 0)
            v = torch.tanh(module.combine(torch.cat([weights @ asked, h])))
            rows.append(module.embedding.weight @ v)
    return torch.stack(rows).view(len(LENGTHS), target.shape[1], -1)


def test_it_is_what_the_papers_say() -> None:
    torch.manual_seed(0)
    module = networks.build("seq2seq", **SIZES).eval()
    source, target = torch.randint(23, (3, 7)), torch.randint(23, (3, 5))
    seen = torch.arange(7) < LENGTHS[:, None]
    with torch.no_grad():
        wanted = told(module, source, target)
        torch.testing.assert_close(module(source, target, seen), wanted, rtol=1e-4, atol=1e-5)
        whole = module(source[:1], target[:1])
        torch.testing.assert_close(whole, wanted[:1], rtol=1e-4, atol=1e-5)
