"""Weights where torchvision and Hugging Face keep them: fetched from a server of the test's own, checked, and used."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import huggingface_hub.constants
import pytest
import safetensors.torch
import torch
import torchvision
from torchvision import models

from glasswork import cli, networks, zoo
from glasswork.errors import GlassworkError
from glasswork.zoo import hub, torchvision_files


class Keeper(http.server.BaseHTTPRequestHandler):
    """Keeps files by path; a repository's are told with the headers that Hugging Face's library asks for."""

    files: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        self.asked.append(f"{self.command} {self.path}")
        content = self.files.get(self.path)
        if content is None:
            self.send_error(404)
            return b""
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        return content

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that keeps what the test puts into Keeper.files; the caches are empty folders."""
    Keeper.files, Keeper.asked = {}, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keeper)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


def published(address: str, content: bytes, digits: str = "") -> SimpleNamespace:
    """An entry as torchvision has them; the address of the file ends in the first digits of its hash."""
    digits = digits or hashlib.sha256(content).hexdigest()[:8]
    Keeper.files[f"/own-{digits}.pth"] = content
    return SimpleNamespace(url=f"{address}/own-{digits}.pth", meta={"_file_size": len(content) / 2**20})


def test_a_file_of_torchvision_comes_once_to_where_pytorch_looks(keeper: str, tmp_path: Path) -> None:
    entry = published(keeper, b"weights" * 100)
    seen: list[tuple[int, int]] = []
    path = torchvision_files.fetch("own", entry, lambda done, total: seen.append((done, total)))
    assert path.parent == tmp_path / "torch" / "hub" / "checkpoints"
    assert path.read_bytes() == b"weights" * 100
    assert seen[-1] == (700, 700)
    asked = len(Keeper.asked)
    assert torchvision_files.fetch("own", entry) == path
    assert len(Keeper.asked) == asked


@pytest.mark.parametrize("what", ["another file", "a larger file", "no file"])
def test_what_should_not_have_come_is_not_kept(keeper: str, tmp_path: Path, what: str) -> None:
    entry = published(keeper, b"weights" * 100, "0" * 8 if what == "another file" else "")
    if what == "a larger file":
        entry.meta["_file_size"] /= 2
    if what == "no file":
        Keeper.files.clear()
    said = {"another file": "not the file that it should be", "a larger file": "700 bytes are offered"}
    with pytest.raises(GlassworkError, match=said.get(what, r"missing.*Off line: where there is internet, fetch ")):
        torchvision_files.fetch("own", entry)
    assert not list(tmp_path.rglob("*.pth*"))


def test_torchvisions_file_is_used_by_both_and_a_damaged_one_by_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random weights under the name of the real ones; torchvision's own GoogLeNet on them is the judge."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    entry = models.GoogLeNet_Weights.IMAGENET1K_V1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        judge = torchvision.models.googlenet(init_weights=True, transform_input=True).eval()
    path = torchvision_files.kept_at(entry)
    path.parent.mkdir(parents=True)
    torch.save(judge.state_dict(), path)
    with pytest.raises(GlassworkError, match="changed or damaged"):
        zoo.load("googlenet")
    monkeypatch.setattr(torchvision_files, "_digits", lambda path: "")
    picture = torch.rand(1, 3, 224, 224)
    given = {}
    for name in ("googlenet", "torchvision:googlenet"):
        network = zoo.load(name)
        assert network.weights == "cache"
        assert network.preprocess is not None
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (network.preprocess.mean, network.preprocess.std))
        with torch.no_grad():
            given[name] = network.module((picture - mean) / std)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (entry.transforms().mean, entry.transforms().std))
    with torch.no_grad():
        wanted = judge((picture - mean) / std)
    for found in given.values():
        assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()))


def test_each_file_brings_its_own_preprocessing() -> None:
    for name in ("resnet50", "vit_l_16", "alexnet"):
        ours, transforms = zoo.load(name).preprocess, models.get_model_weights(name)["DEFAULT"].transforms()
        assert ours is not None
        assert [ours.shorter_side] == transforms.resize_size
        assert [ours.size] == transforms.crop_size
    entry = torchvision_files.published("vit_h_14", 224)  # by default torchvision takes one for pictures of 518
    assert entry.transforms().crop_size == [224]


def test_a_repository_of_the_hub_fills_a_network_of_ours(keeper: str, monkeypatch: pytest.MonkeyPatch) -> None:
    about = networks.reference("gpt")
    monkeypatch.setitem(about.named, "gpt2", dict(about.small))
    trained = networks.build("gpt2")
    Keeper.files[f"/{hub.REPOSITORIES['gpt2']}/resolve/main/{hub.FILE}"] = safetensors.torch.save(
        {name: value.contiguous() for name, value in trained.state_dict().items() if name != "lm_head.weight"}
    )
    assert zoo.load("gpt2").weights == "random"
    seen: list[tuple[int, int]] = []
    path = zoo.fetch("gpt2", lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == path.stat().st_size
    network = zoo.load("gpt2")
    assert network.weights == "hf:openai-community/gpt2"
    for name, value in network.module.state_dict().items():
        assert torch.equal(value, trained.state_dict()[name])
    path.resolve().write_bytes(path.read_bytes()[:-4] + b"\0\0\1\0")
    with pytest.raises(GlassworkError, match="changed or damaged"):
        zoo.load("gpt2")


def test_off_line_it_says_how_to_bring_them(capsys: pytest.CaptureFixture[str], keeper: str) -> None:
    assert cli.main(["data", "fetch", "gpt2-medium"]) == 1
    assert "run hf download openai-community/gpt2-medium" in capsys.readouterr().err
    assert cli.main(["data", "fetch", "hf:nobody/nothing"]) == 1
    assert "run hf download nobody/nothing" in capsys.readouterr().err
