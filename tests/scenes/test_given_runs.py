"""What /open can be given: networks that raise, arrays, texts, saved runs; and what if, beside plain torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_respond import ask
from torch import nn

from glasswork import data, tracing, zoo
from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes import opening
from glasswork.scenes.respond import Respondent, parse
from glasswork.scenes.troubles import without_folders

NETWORK = "tiny-vgg-fashion"
STRANGERS = str(Path(__file__).parents[1] / "browser/strangers.py")
FILE = """
import torch
from torch import nn
from beside_it import Part

class Raises(nn.Module):
    example_input_array = torch.ones(1, 3, 8, 8)

    def __init__(self):
        super().__init__()
        self.conv = Part()
        self.head = nn.Linear(7, 2)

    def forward(self, x):
        return self.head(self.conv(x).flatten(1))

class Logs(nn.Module):
    example_input_array = torch.tensor([[1.0, 0.0, -1.0]])

    def forward(self, x):
        return torch.log(x).sum(1, keepdim=True).exp()

class Picky(nn.Module):  # takes series of 64 steps, and says so late
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 1, 3)
        self.head = nn.Linear(62, 2)

    def forward(self, x):
        return self.head(self.conv(x).relu().flatten(1))

class Opens(nn.Module):
    example_input_array = torch.ones(2)

    def forward(self, x):
        return x + len(open("/no/such/folder/numbers.txt").read())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reader")
    (path / "mine.py").write_text(FILE)
    (path / "beside_it.py").write_text(
        "from torch import nn\n\nclass Part(nn.Conv2d):\n    def __init__(self):\n        super().__init__(3, 4, 3)\n"
    )
    return path


def of(folder: Path, name: str, **more: Any) -> Respondent:
    return Respondent(targets=(f"{folder / 'mine.py'}:{name}",), **more)


def opened(respondent: Respondent, network: str, **more: Any) -> tuple[Any, dict[str, np.ndarray]]:
    (graph, _), (maps, arrays) = ask(respondent, m.OpenGraph(request=1, network=network, **more))
    named = {entry.ref.partition("#")[2]: array for entry, array in zip(maps.arrays, arrays, strict=True)}
    return graph, named


def test_a_network_that_raises_is_shown_up_to_there(folder: Path) -> None:
    respondent = of(folder, "Raises")
    graph, arrays = opened(respondent, "mine.py:Raises", level="operations")
    assert graph.failure is not None
    assert graph.failure.module == "head"
    assert graph.failure.what == "linear can't take what it gets, in head"
    assert "takes 7 features, it was given 144" in graph.failure.why
    assert "1×144 and 2×7 and 2" in graph.failure.why
    assert graph.failure.where.startswith("mine.py:")
    assert graph.paths == ["conv", ":flatten"]
    assert not graph.backward
    assert arrays["conv@value"].shape[1:] == (6, 6)
    assert str(folder) not in repr(graph)
    ((card, _),) = ask(respondent, m.ExplainNumber(request=2, ref=f"{graph.source}#conv[0,1,2,3]@value"))
    assert card.count == 28
    with pytest.raises(GlassworkError, match="can't be changed"):
        opened(respondent, "mine.py:Raises", edits=[m.Edit(at="conv", index=[0, 1, 2, 3], action="off")])


def test_a_trial_that_ended_before_the_error_is_made_good(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "PATIENCE", 0.0)
    respondent = of(folder, "Picky")
    for _ in range(2):
        graph, _ = opened(respondent, "mine.py:Picky", level="operations")
        assert graph.failure is None
        assert "1×3×64 " in graph.given
        assert graph.paths[-1] == "head"


def test_no_folder_of_this_machine_reaches_a_page(folder: Path) -> None:
    graph, _ = opened(of(folder, "Opens"), "mine.py:Opens")
    assert graph.failure is not None
    assert "numbers.txt" in graph.failure.why
    assert "/no" not in repr(graph)
    assert str(folder) not in repr(graph)
    assert without_folders("in /a b/c.py: 'C:\\x\\y.py' and/or 3/4 http://host/path") == (
        "in /a b/c.py: 'y.py' and/or 3/4 http://host/path"
    )


def test_the_first_number_that_is_none_is_named(folder: Path) -> None:
    graph, arrays = opened(of(folder, "Logs"), "mine.py:Logs", level="operations")
    (note,) = graph.notes
    assert (note.kind, note.at, note.count, note.size) == ("infinite", ":log[0,1]", 2, 3)
    assert [column.finite for column in graph.columns] == [True, False, False, False]
    assert np.isnan(arrays[":log@value"]).any()


def test_a_wrong_shape_or_type_says_what_was_expected() -> None:
    wrong = {"shape": ("x.npy", torch.ones(1, 2, 28, 28)), "type": ("y.npy", torch.ones(1, 1, 28, 28).long())}
    respondent = Respondent(arrays=wrong)
    graph, _ = opened(respondent, NETWORK, input="array:shape")
    assert graph.failure is not None
    assert "block1.conv1.weight takes 1 channels, it was given 2" in graph.failure.why
    assert graph.given == "x.npy, 1×2×28×28"
    graph, _ = opened(respondent, NETWORK, input="array:type")
    assert graph.failure is not None
    assert "float32, it was given int64" in graph.failure.why
    for wanted in ("array:none", "array:../shape", "text:hello"):
        with pytest.raises(GlassworkError):
            opened(respondent, NETWORK, input=wanted)


def test_an_array_is_what_runs() -> None:
    x = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    graph, arrays = opened(Respondent(arrays={"a": ("x.npy", x)}), NETWORK, input="array:a", level="operations")
    assert (graph.failure, graph.input) == (None, None)
    assert np.array_equal(arrays["input@value"][0], x[0, 0].numpy())
    logits = zoo.load(NETWORK).module(x)
    assert graph.followed is not None
    assert graph.followed.value == pytest.approx(logits.max().item(), abs=1e-6)


def test_a_text_is_read_by_the_networks_own_tokenizer(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    sizes = {"n_layer": 1, "n_embd": 8, "n_head": 2, "vocab_size": 4, "n_positions": 32}
    transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes)).save_pretrained(tmp_path / "tiny")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"see": 0, "the": 1, "glass": 2, "?": 3}, unk_token="?"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(tmp_path / "tiny")
    respondent = Respondent(targets=(f"hf:{tmp_path / 'tiny'}",))
    graph, _ = opened(respondent, "hf:tiny", input="text:see the glass")
    assert graph.network.reads_text
    assert graph.tokens == ["see", "the", "glass"]
    assert graph.columns[0].shape == [1, 3]
    assert str(tmp_path) not in repr(graph)
    assert not opened(respondent, NETWORK)[0].network.reads_text


def test_a_saved_run_is_shown_and_not_run(tmp_path: Path) -> None:
    network = zoo.load(NETWORK)
    x = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(2))
    run = tracing.trace(network.module, x, loss=(0, 3), backward=True)
    run.save(tmp_path / "one.trace")
    run.save(tmp_path / "bare.trace", values=False)
    respondent = Respondent(saved=(tmp_path / "one.trace", tmp_path / "bare.trace"))
    graph, arrays = opened(respondent, "one.trace", level="operations")
    assert graph.network.saved
    assert graph.followed is not None
    assert graph.followed.value == run.outputs[0].tensor[0, 3].item()
    drawn = graph.columns[1]
    assert np.array_equal(arrays[f"{drawn.path}@value"][0], run[drawn.path].output.tensor[0, drawn.channels[0]].numpy())
    ref = f"{graph.source}#{drawn.path}[0,0,2,3]@value"
    ((card, _),) = ask(respondent, m.ExplainNumber(request=2, ref=ref))
    assert card.value == run[drawn.path].output.tensor[0, 0, 2, 3].item()
    again = Respondent(saved=(tmp_path / "one.trace",))
    assert ask(again, m.ExplainNumber(request=2, ref=ref))[0][0].value == card.value, "an address survives a restart"
    with pytest.raises(GlassworkError, match="can't be changed"):
        opened(respondent, "one.trace", edits=[m.Edit(at="input", index=[0, 0, 1, 1], action="off")])
    bare, _ = opened(respondent, "bare.trace")
    assert [note.kind for note in bare.notes] == ["not_kept"]
    with pytest.raises(GlassworkError, match="not kept"):
        ask(respondent, m.ExplainNumber(request=2, ref=f"{bare.source}#{drawn.path}[0,0,2,3]@value"))


def test_weights_are_put_in_first(tmp_path: Path) -> None:
    module = zoo.load(NETWORK).module
    torch.save({name: torch.zeros_like(value) for name, value in module.state_dict().items()}, tmp_path / "w.pt")
    respondent = Respondent(targets=(NETWORK,), weights={NETWORK: tmp_path / "w.pt"})
    graph, _ = opened(respondent, NETWORK)
    shares = [score.probability.value for score in graph.answers if score.probability]
    assert shares == pytest.approx([0.1] * 6)


def test_scores_without_names_go_by_their_places(tmp_path: Path) -> None:
    target = f"{STRANGERS}:gpt"
    module = zoo.load(target).module
    graph, arrays = opened(Respondent(targets=(target,)), target)
    words = torch.tensor(arrays["input@value"]).long().reshape(1, -1)
    with torch.no_grad():
        largest = module(words).logits[0, -1].topk(6)
    assert [int(score.label) for score in graph.answers] == largest.indices.tolist()
    assert [score.score.value for score in graph.answers] == pytest.approx(largest.values.tolist(), abs=1e-5)
    assert (graph.outputs, {score.probability for score in graph.answers}) == (96, {None})
    assert graph.answers[0].score == graph.followed


def test_a_translator_answers_with_words_that_are_its_tokens() -> None:
    network = zoo.load("translate-en-fr")
    graph, arrays = opened(Respondent(targets=(network.target,)), network.target)
    read, written = (torch.tensor(arrays[f"{path}@value"]).long().reshape(1, -1) for path in ("input", "input.1"))
    with torch.no_grad():
        largest = network.module(read, written)[0, -1].topk(6)
    assert [score.token for score in graph.answers] == largest.indices.tolist()
    assert network.translation is not None
    whole = [score for score in graph.answers if not score.label.endswith("-")]
    assert len(whole) > 2
    for score in whole:  # by the way that a phrase is read, the other way round
        assert network.translation.encode(score.label)[1:-1] == [score.token], score.label


def test_what_answers_with_a_picture_has_no_scores() -> None:
    target = f"{STRANGERS}:unet"
    graph, _ = opened(Respondent(targets=(target,)), target)
    assert (graph.answers, graph.outputs) == ([], 0)


CHANGES = [
    m.Edit(at="block1.relu1", index=[0, 2, 3, 4], axis=1, action="off"),
    m.Edit(at="block1.conv2", index=[0, 1, 5, 6], action="set", value=2.5),
    m.Edit(at="block2.conv1.weight", index=[3, 0, 0, 0], axis=0, action="scale", value=-0.5),
]


def plainly(x: torch.Tensor, changed: bool) -> dict[str, torch.Tensor]:
    """Every layer's output, with the changes written by hand."""
    module = zoo.load(NETWORK).module
    seen: dict[str, torch.Tensor] = {}

    def hook(name: str) -> Any:
        def see(part: nn.Module, given: Any, made: torch.Tensor) -> torch.Tensor:
            made = made.clone()
            if changed and name == "block1.relu1":
                made[:, 2] = 0
            if changed and name == "block1.conv2":
                made[0, 1, 5, 6] = 2.5
            seen[name] = made
            return made

        return see

    if changed:
        with torch.no_grad():
            module.get_submodule("block2.conv1").get_parameter("weight")[3] *= -0.5
    for name, part in module.named_modules():
        if not list(part.children()):
            part.register_forward_hook(hook(name))
    with torch.no_grad():
        module(x)
    return seen


def test_what_if_is_what_a_twin_computes(tmp_path: Path) -> None:
    network = zoo.load(NETWORK)
    assert network.preprocess
    sample = network.samples[0]
    (x,) = network.preprocess(data.sample(sample).picture).inputs
    old, new = plainly(x, False), plainly(x, True)
    respondent = Respondent(traces=tmp_path)
    request = {"input": f"sample:{sample}", "level": "operations"}
    base, _ = opened(respondent, NETWORK, **request)
    graph, arrays = opened(respondent, NETWORK, **request, edits=CHANGES)
    assert graph.base == base.source != graph.source
    for column in graph.columns[1:-1]:
        wanted = (new[column.path] - old[column.path])[0]
        shown = arrays[f"{column.path}@difference"]
        axes = column.axes
        if wanted.dim() == 1:
            wanted = wanted[:: axes.row_step]
        else:
            wanted = wanted[column.channels][:, :: axes.row_step, :: axes.column_step]
        assert np.allclose(shown.reshape(wanted.shape), wanted.numpy(), atol=1e-5), column.path
        assert column.changed is not None
        assert abs(column.changed.value) == pytest.approx(
            (new[column.path] - old[column.path]).abs().max().item(), abs=1e-5
        )
    assert not arrays["input@difference"].any()
    probabilities = torch.softmax(old["output"], 1)[0], torch.softmax(new["output"], 1)[0]
    for score in graph.answers:
        at = network.labels.index(score.label)
        assert score.before is not None
        assert score.probability is not None
        assert score.before.value == pytest.approx(probabilities[0][at].item(), abs=1e-6)
        assert score.probability.value == pytest.approx(probabilities[1][at].item(), abs=1e-6)
    assert network.labels[int(old["output"].argmax())] in [score.label for score in graph.answers]
    ((card, _),) = ask(respondent, m.ExplainNumber(request=2, ref=f"{graph.source}#block1.relu1[0,2,3,4]@value"))
    assert (card.kind, card.value, card.note) == ("given", 0, "[:,2,:,:] switched off")
    plain = network.module.get_parameter("block2.conv1.weight")
    assert torch.equal(plain, zoo.load(NETWORK).module.get_parameter("block2.conv1.weight")), "the weights are left"
    ref = f"{graph.source}#block2.conv2[0,1,2,3]@value"
    ((after, _),) = ask(Respondent(traces=tmp_path), m.ExplainNumber(request=3, ref=ref))
    assert after.value == pytest.approx(new["block2.conv2"][0, 1, 2, 3].item(), abs=1e-5), "survives a restart"


@pytest.mark.parametrize(
    "edit",
    [
        m.Edit(at="nothing", index=[0], action="off"),
        m.Edit(at="block1.relu1", index=[0, 99, 0, 0], action="off"),
        m.Edit(at="block1.relu1", index=[0], action="off"),
        m.Edit(at="block1.relu1", index=[0, -1, 0, 0], action="off"),
        m.Edit(at="block1.relu1", index=[0, 1, 0, 0], axis=7, action="off"),
        m.Edit(at="block1.relu1", index=[0, 1, 0, 0], action="set", value=float("nan")),
        m.Edit(at="block1.relu1", index=[0, 1, 0, 0], action="set", value=1e300),
    ],
)
def test_changes_that_do_not_fit_are_refused(edit: m.Edit) -> None:
    with pytest.raises(GlassworkError) as refused:
        opened(Respondent(), NETWORK, edits=[edit])
    assert len(str(refused.value)) < 500


def test_a_tensor_is_a_file_that_others_read(tmp_path: Path) -> None:
    respondent = Respondent()
    graph, _ = opened(respondent, NETWORK)
    id, *_ = parse(f"{graph.source}#input@value")
    kept = respondent.traces.get(id)
    for what, wanted in (("value", kept["block1.conv1"].output.tensor), ("grad", kept["block1.conv1"].grad)):
        ref = f"{graph.source}#block1.conv1@{what}"
        ((file, (content,)),) = ask(respondent, m.SaveTensor(request=2, ref=ref, form="npy"))
        assert file.name == {"value": "block1.conv1.npy", "grad": "block1.conv1-grad.npy"}[what]
        (tmp_path / "one.npy").write_bytes(content.tobytes())
        assert wanted is not None
        assert np.array_equal(np.load(tmp_path / "one.npy"), wanted.numpy())
    ((_, (content,)),) = ask(respondent, m.SaveTensor(request=2, ref=f"{graph.source}#output@value", form="csv"))
    row = [float(number) for number in content.tobytes().decode().split(",")]
    assert np.array_equal(np.array(row, np.float32), kept["output"].output.tensor[0].numpy())


def test_a_file_has_bounds_and_names_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    from glasswork.scenes import files

    respondent = Respondent()
    graph, _ = opened(respondent, NETWORK)
    monkeypatch.setattr(files, "MOST", {"npy": 100, "csv": 100})
    for form in ("npy", "csv"):
        with pytest.raises(GlassworkError, match="too large"):
            ask(respondent, m.SaveTensor(request=2, ref=f"{graph.source}#block1.conv1@value", form=form))
    for path in ("../../etc/passwd", "/etc/passwd", "no.such", "input@value#"):
        with pytest.raises(GlassworkError):
            ask(respondent, m.SaveTensor(request=2, ref=f"{graph.source}#{path}@value", form="csv"))
    ((file, _),) = ask(respondent, m.SaveTensor(request=2, ref=f"{graph.source}#:softmax@value", form="csv"))
    assert file.name == "softmax.csv"
