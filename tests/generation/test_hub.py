"""A repository of the hub: which of its files are fetched, and one that was fetched before opens without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from glasswork.generation.hub import on_disk, wanted
from imagining import small_pipeline

SHA = "0123456789abcdef0123456789abcdef01234567"


def cached(home: Path, pipeline: Path) -> None:
    """What huggingface_hub leaves in its cache of a repository tried/small."""
    repository = home / "hub" / "models--tried--small"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(SHA)
    shutil.copytree(pipeline, repository / "snapshots" / SHA)


@pytest.mark.slow
def test_what_was_fetched_before_makes_the_same_picture_as_its_folder(tmp_path: Path) -> None:
    folder = Path(small_pipeline(tmp_path / "pipeline").removeprefix("hf:"))
    cached(tmp_path / "home", folder)
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    for target, name in (("hf:tried/small", "hub.png"), (str(folder), "folder.png")):
        command = [sys.executable, "-m", "glasswork", "imagine", "a red cat", "--steps", "2", "-o", name]
        subprocess.run([*command, "--network", target], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "hub.png").read_bytes() == (tmp_path / "folder.png").read_bytes()
    command = [sys.executable, "-m", "glasswork", "imagine", "a red cat", "--network", "hf:tried/nothing"]
    refused = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "no such repository that this machine can reach" in refused.stderr
    assert len(refused.stderr.splitlines()) <= 3


def test_only_what_is_read_is_fetched_and_of_weights_one_form() -> None:
    unet = ["unet/config.json", "unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.fp16.safetensors"]
    shards = [f"text_encoder/model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    names = [
        *("model_index.json", "README.md", "v1-5-pruned.ckpt", "safety_checker/model.safetensors", *unet, *shards),
        *("text_encoder/pytorch_model.bin", "text_encoder/config.json", "tokenizer/vocab.json", "tokenizer/merges.txt"),
        *("vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.fp16.safetensors", "unet/run.py"),
        "scheduler/scheduler_config.json",
    ]
    left = {"README.md", "v1-5-pruned.ckpt", "safety_checker/model.safetensors", "text_encoder/pytorch_model.bin"}
    left |= {"unet/diffusion_pytorch_model.bin", "vae/diffusion_pytorch_model.fp16.safetensors", "unet/run.py"}
    assert set(names) - set(wanted(names)) == left


def test_what_is_no_repository_stays_as_it_is(tmp_path: Path) -> None:
    assert on_disk("emoji-diffusion") == "emoji-diffusion"
    assert on_disk(f"hf:{tmp_path}") == f"hf:{tmp_path}"
    assert on_disk("hf:../a/b") == "hf:../a/b"
