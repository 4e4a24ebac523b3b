"""Trace files: what is opened again is what was saved, and what nobody saved is refused before anything is believed."""

import json
import math
import os
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

from glasswork.explaining import explain
from glasswork.tracing import (
    BadFile,
    NotKept,
    NotTraceable,
    Trace,
    TraceFailed,
    is_trace_file,
    open_trace,
    replace_values,
    rerun,
    trace,
)
from glasswork.tracing.storing.container import MOST_TENSORS
from glasswork.tracing.storing.functions import Unknown, function_of, name_of


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> dict[str, Any]:
        y = self.norm(self.conv(x)).relu_()
        y = F.max_pool2d(y, 2).flatten(2).mT
        y, (hidden, _) = self.lstm(y)
        y = y.clone()
        y[:, 0] = 0.5
        z = torch.where(mask, y[:, -1], torch.full_like(y[:, -1], -math.inf).clamp(min=-1.0))
        spectrum = torch.fft.fft(z.double())
        return {"logits": self.head(z), "hidden": (hidden, spectrum.abs()), "note": "a text", "none": None}


X = torch.randn(2, 1, 7, 7, generator=torch.Generator().manual_seed(1))
MASK = torch.tensor([[True, False, True, True]])


@pytest.fixture(scope="module")
def run() -> Trace:
    return trace(Net().eval(), X, MASK, backward=True, loss=lambda out: (out["logits"] ** 2).sum())


@pytest.fixture(scope="module")
def file(run: Trace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traces") / "net.trace"
    run.save(path)
    return path


def equal(a: torch.Tensor | None, b: torch.Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.dtype == b.dtype and torch.equal(torch.nan_to_num(a), torch.nan_to_num(b))


def test_what_is_opened_is_what_was_saved(run: Trace, file: Path) -> None:
    again = open_trace(file)
    assert [op.path for op in again.ops] == [op.path for op in run.ops]
    for old, new in zip(run.ops, again.ops, strict=True):
        assert (new.name, new.module, new.call, new.inputs, new.macs, new.bytes, new.seconds) == (
            *(old.name, old.module, old.call, old.inputs, old.macs, old.bytes, old.seconds),
        )
        assert new.function == old.function
        for a, b in ((old.args, new.args), (old.kwargs, new.kwargs)):
            assert replace_values(lambda v: v.path, a) == replace_values(lambda v: v.path, b)
        pairs = zip((*old.operands, *old.outputs), (*new.operands, *new.outputs), strict=True)
        for a, b in pairs:
            assert equal(a.tensor, b.tensor)
            assert equal(a.grad, b.grad)
            assert (a.path, a.kind, a.producer, a.slot, a.stats) == (b.path, b.kind, b.producer, b.slot, b.stats)
    for which in ("inputs", "parameters", "buffers"):
        old_named, new_named = getattr(run, which), getattr(again, which)
        assert list(old_named) == list(new_named)
        assert all(equal(old_named[name].tensor, value.tensor) for name, value in new_named.items())
    assert [(c.path, c.number, c.first, c.last, c.output, c.parent) for c in again.calls] == [
        (c.path, c.number, c.first, c.last, c.output, c.parent) for c in run.calls
    ]
    assert equal(again.output["logits"], run.output["logits"])
    assert equal(again.output["hidden"][1], run.output["hidden"][1])
    assert again.output["note"] == "a text"
    assert equal(again.loss, run.loss)
    assert again.loss_value is again.ops[-1].output
    assert again.readers(again.value("conv.weight")) == (again["conv"],)
    assert (again.backward, again.training, again.seconds) == (True, False, run.seconds)
    assert again["conv"].source is not None
    assert again["conv"].source.file.endswith("test_trace_files.py")
    assert not os.path.isabs(again["conv"].source.file)


def test_numbers_are_explained_alike(run: Trace, file: Path) -> None:
    again = open_trace(file)
    for place, index in [
        ("conv", (1, 2, 3, 3)),
        ("norm", (0, 1, 2, 2)),
        ("head", (1, 1)),
        (":max_pool2d", (0, 1, 1, 1)),
    ]:
        for of in ("value", "grad"):
            old, new = explain(run, place, index, of=of), explain(again, place, index, of=of)
            assert old == new
    inside = "lstm/step2.layer0.forward.forget_gate"
    assert equal(again[inside].output.tensor, run[inside].output.tensor)
    assert equal(again[inside].grad, run[inside].grad)
    with pytest.raises(NotTraceable, match="read from a file"):
        rerun(again, {"conv": 0})


def test_other_readers_of_safetensors_read_it_too(run: Trace, file: Path) -> None:
    tensors = safetensors.torch.load_file(file)
    assert any(equal(tensor, X) for tensor in tensors.values())
    assert sum(equal(tensor, run.value("head.weight").tensor) for tensor in tensors.values()) == 1  # once, not per use


def test_saving_again_and_without_values(file: Path, tmp_path: Path) -> None:
    again = open_trace(file)
    again.save(tmp_path / "again.trace")
    assert equal(open_trace(tmp_path / "again.trace")["head"].output.tensor, again["head"].output.tensor)
    again.save(tmp_path / "small.trace", values=False)
    small = open_trace(tmp_path / "small.trace")
    assert small.macs == again.macs
    assert small["conv"].output.shape == (2, 3, 5, 5)
    with pytest.raises(NotKept):
        _ = small["conv"].output.tensor
    assert (tmp_path / "small.trace").stat().st_size < file.stat().st_size
    assert sorted(os.listdir(tmp_path)) == ["again.trace", "small.trace"]
    with pytest.raises(BadFile, match="can't be written"):
        again.save(tmp_path / "nowhere" / "a.trace")


def test_dropout_failures_and_strange_values_survive(tmp_path: Path) -> None:
    class Strange(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.nn.functional.scaled_dot_product_attention(x, x, x, dropout_p=0.5)
            z = torch.complex(y, y).to(torch.complex128).conj() * (1 + 2j)
            w = z.real.half()[..., None].expand(2, 3, 4, 5).to(torch.bfloat16)
            torch.tensor([math.nan, math.inf, -math.inf])
            return w.sum() @ x

    with pytest.raises(TraceFailed) as caught:
        trace(Strange(), torch.randn(2, 3, 4))
    run = caught.value.trace
    run.save(tmp_path / "failed.trace")
    again = open_trace(tmp_path / "failed.trace")
    assert again.failure is not None
    assert run.failure is not None
    assert (again.failure.op, again.failure.shapes) == (run.failure.op, run.failure.shapes)
    for old, new in zip(run.ops, again.ops, strict=True):
        assert equal(old.output.tensor.resolve_conj(), new.output.tensor)
    assert again.rebuild(0).error < 1e-6


def test_the_aten_ops_come_along(tmp_path: Path) -> None:
    run = trace(Net().eval(), X, MASK, detail="aten")
    run.save(tmp_path / "aten.trace")
    again = open_trace(tmp_path / "aten.trace")
    assert sum(len(op.children) for op in run.ops) > len(run.ops) / 2
    for old, new in zip(run.ops, again.ops, strict=True):
        assert [child.path for child in new.children] == [child.path for child in old.children]
        for a, b in zip(old.children, new.children, strict=True):
            assert a.function == b.function
            assert again[b.path] is b
            assert [v.shape for v in a.outputs] == [v.shape for v in b.outputs]
            assert all(
                equal(x.tensor, y.tensor) for x, y in zip(a.outputs, b.outputs, strict=True) if x.data is not None
            )


def test_functions_by_name() -> None:
    for function in (
        F.relu, torch.relu, torch.Tensor.add, torch.Tensor.__getitem__, torch._VF.lstm, torch.einsum,
        torch.Tensor.T.__get__,  # type: ignore[attr-defined]
        F.scaled_dot_product_attention, torch.ops.aten.add.Tensor, torch.ops.aten.relu, torch.fft.fft, torch.zeros,
        torch.Tensor.new_zeros,
    ):  # fmt: skip
        assert function_of(name_of(function)) == function
    for name in (
        "os.system", "builtins.eval", "torch.load", "torch.save", "torch.from_file", "aten::from_file",
        "torch.hub.load", "torch.Tensor.share_memory_", "torch.Tensor.apply_", "torch.Tensor.numpy",
        "aten::set_.source_Storage",
        "profiler::x", "__main__.x", "aten::__class__", "aten::no such", "torch.ops.load_library", "",
    ):  # fmt: skip
        found = function_of(name)
        assert isinstance(found, Unknown), name
        with pytest.raises(NotTraceable, match="can't be run"):
            found()


def test_a_function_of_somebody_else_is_named_and_never_called(file: Path, tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        for op in document["ops"]:
            op["function"] = "os.system"

    before = set(sys.modules)
    again = open_trace(forged(file, tmp_path, change))
    assert set(sys.modules) == before
    assert again["conv"].function.__name__ == "os.system"
    assert equal(again["conv"].output.tensor, open_trace(file)["conv"].output.tensor)
    with pytest.raises(NotTraceable):
        again["conv"].function("echo")


# -- bad files ---------------------------------------------------------------------------------------------------------


def parts(file: Path) -> tuple[dict[str, Any], bytes]:
    raw = file.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def joined(header: dict[str, Any] | str, data: bytes) -> bytes:
    text = header.encode() if isinstance(header, str) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def forged(file: Path, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The file with another description of the trace."""
    header, data = parts(file)
    document = json.loads(header["__metadata__"]["trace"])
    change(document)
    header["__metadata__"]["trace"] = json.dumps(document)
    path = folder / "forged.trace"
    path.write_bytes(joined(header, data))
    return path


def tensor(begin: int, end: int, shape: list[Any], dtype: Any = "U8") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


HEADERS: dict[str, bytes] = {
    "empty": b"",
    "short": b"abc",
    "length 2^63": struct.pack("<Q", 1 << 63) + b"{}",
    "length beyond the end": struct.pack("<Q", 100) + b"{}",
    "length 0": struct.pack("<Q", 0),
    "no JSON": joined("pickle", b""),
    "a list": joined("[1, 2]", b""),
    "NaN": joined('{"__metadata__": NaN}', b""),
    "a huge number": joined('{"a": {"dtype": "U8", "shape": [' + "9" * 5000 + '], "data_offsets": [0, 1]}}', b"x"),
    "deep nesting": joined("[" * 100_000 + "]" * 100_000, b""),
    "a key twice": joined('{"a": %s, "a": %s}' % ((json.dumps(tensor(0, 1, [1])),) * 2), b"x"),
    "no UTF-8": struct.pack("<Q", 4) + b'{"\xff}',
    "metadata of numbers": joined({"__metadata__": {"format": 1}}, b""),
    "a hole": joined({"a": tensor(0, 1, [1]), "b": tensor(2, 3, [1])}, b"xyz"),
    "an overlap": joined({"a": tensor(0, 2, [2]), "b": tensor(1, 3, [2])}, b"xyz"),
    "something behind": joined({"a": tensor(0, 1, [1])}, b"xPK\x03\x04"),
    "less than said": joined({"a": tensor(0, 9, [9])}, b"x"),
    "shape and bytes differ": joined({"a": tensor(0, 1, [3])}, b"x"),
    "10^12 elements": joined({"a": tensor(0, 10**12, [10**12])}, b"x"),
    "shape overflow": joined({"a": tensor(0, 0, [1 << 40, 1 << 40])}, b""),
    "shape wraps to 0 bytes": joined({"a": tensor(0, 0, [1 << 32, 1 << 32])}, b""),
    "negative shape": joined({"a": tensor(0, 1, [-1])}, b"x"),
    "negative offsets": joined({"a": tensor(-1, 0, [1])}, b"x"),
    "true as a size": joined({"a": tensor(0, 1, [True])}, b"x"),
    "a text as a size": joined({"a": tensor(0, 1, ["1"])}, b"x"),
    "unknown type": joined({"a": tensor(0, 1, [1], "PICKLE")}, b"x"),
    "type of a list": joined({"a": tensor(0, 1, [1], [])}, b"x"),
    "too many axes": joined({"a": tensor(0, 1, [1] * 1000)}, b"x"),
    "another field": joined({"a": {**tensor(0, 1, [1]), "file": "/etc/passwd"}}, b"x"),
    "too many tensors": joined({f"t{i}": tensor(0, 0, [0]) for i in range(MOST_TENSORS + 1)}, b""),
    "a pickle": b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    "a good file that is no trace": joined({"a": tensor(0, 1, [1])}, b"x"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_bad_header_is_refused_at_once(case: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.trace"
    path.write_bytes(HEADERS[case])
    assert not is_trace_file(path)
    start = time.perf_counter()
    with pytest.raises(BadFile) as caught:
        open_trace(path)
    assert time.perf_counter() - start < 20  # not by reading or allocating what it claims
    assert caught.value.why
    assert "bad.trace" in str(caught.value)


def test_a_header_larger_than_any_trace_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.trace"
    with path.open("wb") as out:
        out.write(struct.pack("<Q", 101 << 20))
        out.truncate(102 << 20)
    with pytest.raises(BadFile, match="header of 105,906,176 bytes"):
        open_trace(path)
    with pytest.raises(BadFile, match="can't be opened"):
        open_trace(tmp_path / "missing.trace")
    with pytest.raises(BadFile):
        open_trace(tmp_path)


Place = tuple[Any, ...]
FORGERIES: list[tuple[Place, Any]] = [
    (("ops", 0, "operands"), [10**9]), (("ops", 0, "operands"), [-1]), (("ops", 0, "operands"), [True]),
    (("ops", 0, "operands"), "all"), (("ops", 0, "outputs"), [0]), (("ops", 0, "args"), [1]),
    (("ops", 0, "args"), {"tuple": [{"value": 1 << 70}]}), (("ops", 0, "args"), {"python/object": "os.system"}),
    (("ops", 0, "args"), {"tuple": [{"_target_": "os.system"}]}),
    (("ops", 0, "kwargs"), {"dict": [[1, 2]]}), (("ops", 0, "kwargs"), {"dict": [[{"dict": []}, 2]]}),
    (("ops", 0, "name"), 7), (("ops", 0, "path"), ""), (("ops", 0, "path"), "x" * 10_000),
    (("ops", 0, "seconds"), "fast"), (("ops", 0, "source"), ["a", "b", "c"]), (("ops", 0, "random"), "t0"),
    (("ops", 1, "path"), "conv"), (("values", 0, "shape"), [10**12]), (("values", 0, "shape"), [-5]),
    (("values", 0, "dtype"), "object"), (("values", 0, "data"), "t999"), (("values", 0, "data"), 3),
    (("values", 0, "data"), "../../etc/passwd"), (("values", 0, "kind"), "op"), (("values", 0, "producer"), 10**9),
    (("values", 0, "stats"), [1]), (("values", 0, "grad"), "t9"), (("inputs",), {"input": 10**9}), (("inputs",), []),
    (("parameters",), {"a": 0}), (("calls", 0, "first"), 99), (("calls", 0, "parent"), 0), (("calls",), {}),
    (("output",), {"opaque": ["x"]}), (("loss",), "t0"), (("loss_index",), ["a"]), (("loss_value",), -1),
    (("training",), "yes"), (("edits",), {"a": 1}), (("failure",), {"op": "x"}), (("values",), []), (("ops",), None),
]  # fmt: skip


@pytest.mark.parametrize(("place", "forgery"), FORGERIES, ids=str)
def test_a_description_that_can_not_be_is_refused(place: Place, forgery: Any, file: Path, tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        for key in place[:-1]:
            document = document[key]
        document[place[-1]] = forgery

    with pytest.raises(BadFile):
        open_trace(forged(file, tmp_path, change))


@pytest.mark.parametrize("levels", [200, 400, 900, 100_000])
def test_endless_nesting_is_refused(levels: int, file: Path, tmp_path: Path) -> None:
    header, data = parts(file)
    text = header["__metadata__"]["trace"]
    deep = '{"tuple":[' * levels + "]}" * levels
    header["__metadata__"]["trace"] = text.replace('"args":', f'"args":{deep},"was":', 1)
    path = tmp_path / "deep.trace"
    path.write_bytes(joined(header, data))
    with pytest.raises(BadFile):
        open_trace(path)


def test_every_missing_field_is_refused(file: Path, tmp_path: Path) -> None:
    document = json.loads(parts(file)[0]["__metadata__"]["trace"])
    places: list[Place] = [(key,) for key in document if key not in ("glasswork", "torch")]
    places += [("ops", 0, key) for key in document["ops"][0]] + [("values", 0, key) for key in document["values"][0]]
    places += [("calls", 0, key) for key in document["calls"][0]]
    for place in places:
        if place == ("values", 0, "device"):
            continue  # told to people only

        def change(document: dict[str, Any], place: Place = place) -> None:
            for key in place[:-1]:
                document = document[key]
            del document[place[-1]]

        with pytest.raises(BadFile):
            open_trace(forged(file, tmp_path, change))


def test_a_loop_in_the_graph_is_refused(file: Path, tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["ops"][0]["operands"] = list(document["ops"][3]["outputs"])

    with pytest.raises(BadFile, match="a later one"):
        open_trace(forged(file, tmp_path, change))


def test_a_source_leads_nowhere(file: Path, tmp_path: Path) -> None:
    for claimed in ("/etc/passwd", "../../../etc/passwd", "C:\\windows\\win.ini", "//host/share/x", "a\0b"):

        def change(document: dict[str, Any], claimed: str = claimed) -> None:
            document["ops"][0]["source"] = [claimed, 1, "f"]

        source = open_trace(forged(file, tmp_path, change)).ops[0].source
        assert source is not None
        assert not os.path.isabs(source.file)
        assert ".." not in source.file
        assert "\0" not in source.file
        assert ":" not in source.file


def test_another_version_says_so(file: Path, tmp_path: Path) -> None:
    header, data = parts(file)
    header["__metadata__"]["version"] = "99"
    (tmp_path / "new.trace").write_bytes(joined(header, data))
    with pytest.raises(BadFile, match=r"another version.*'99'"):
        open_trace(tmp_path / "new.trace")


def test_a_file_that_is_cut_while_open(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cut.trace"
    copy.write_bytes(file.read_bytes())
    again = open_trace(copy)
    os.truncate(copy, 8 + int.from_bytes(file.read_bytes()[:8], "little"))
    with pytest.raises(BadFile, match="changed while it was open"):
        _ = again["head"].output.tensor


def test_cut_and_flipped_files_never_crash(file: Path, tmp_path: Path) -> None:
    raw = file.read_bytes()
    header = 8 + int.from_bytes(raw[:8], "little")
    path = tmp_path / "damaged.trace"
    for cut in range(0, len(raw), max(1, len(raw) // 40)):
        path.write_bytes(raw[:cut])
        with pytest.raises(BadFile):
            open_trace(path)
    for place in range(0, header, max(1, header // 60)):
        damaged = bytearray(raw)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        try:
            again = open_trace(path)
        except BadFile:
            continue
        assert len(again.ops) > 0
