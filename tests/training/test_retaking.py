"""A step taken again is the run's own step, with all that the loop held in its hands."""

from pathlib import Path

import torch
import torch.nn.functional as F

from glasswork import recipes
from glasswork.explaining.updating import explain_update
from glasswork.training import checkpoints
from glasswork.training.metrics import read_metrics
from glasswork.training.replaying import moment
from glasswork.training.retaking import retake

SETTINGS = {
    **{"sizes.width": 3, "batch": 8, "validation": 40, "record_every": 1, "keep": 0, "warmup": 0.2, "clip": 0.5},
    **{"steps": 12, "save_every": 5, "optimiser": "AdamW"},
}


def test_a_step_taken_again_is_that_of_the_run(tmp_path: Path) -> None:
    list(recipes.run("tiny-vgg-digits", out=tmp_path, settings=SETTINGS))
    config = recipes.config("tiny-vgg-digits").changed(SETTINGS)
    series = {name: dict(pairs) for name, pairs in read_metrics(tmp_path).series.items()}
    before = moment(tmp_path, config, 9)
    held = {name: value.clone() for name, value in before.state.network.state_dict().items()}
    taken = retake(before)
    assert taken.loss == series["loss"][10]
    for path, norm in taken.norms.items():
        if path.startswith(("gradient/", "update/")):
            assert norm == series[path][10]
    kept, _ = checkpoints.read(tmp_path / "checkpoints" / "step-00000010")
    for name, updated in taken.updated.items():
        assert torch.equal(updated.before, held[name])
        assert torch.equal(updated.written, kept[f"network.{name}"])

    # the same by torch alone, on the batch that it says it saw
    inputs, labels = taken.batch
    network = moment(tmp_path, config, 9).state.network.train()
    logits = network(inputs)
    assert taken.output is not None
    assert torch.equal(taken.output, logits)
    loss = F.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)  # pyright: ignore
    network.zero_grad()
    loss.backward()
    assert loss.item() == taken.loss
    torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, taken.updated[name].gradient)
    for name, value in before.state.network.named_parameters():
        assert torch.equal(value, taken.updated[name].written)
    with torch.no_grad():
        later = F.cross_entropy(before.state.network(inputs), labels, label_smoothing=config.label_smoothing)  # pyright: ignore
    assert later.item() == taken.after

    # and its rule gives what the optimiser wrote
    for one in taken.updated.values():
        index = (0,) * one.before.dim()
        update = explain_update(one.optimiser, one.settings, one.memory, one.before, one.gradient, index, one.written)
        assert update.error < 1e-6
        assert update.written == one.written[index].item()
