"""Folders of Stable Diffusion 2.x and XL that diffusers writes, with random weights: opened by us, they make the same
picture (CHECKS C25-C30)."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers as typed
import pytest
import safetensors.torch
import torch
import transformers
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.generation import Plan, TextToImage, needed, open_folder
from kin_pipelines import saved_kin

diffusers: Any = typed  # its types are not those that it takes and gives

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
PROMPT = "a cute and adorable bunny"
STEPS = 5
PIPELINES: dict[str, Any] = {"2": diffusers.StableDiffusionPipeline, "xl": diffusers.StableDiffusionXLPipeline}
UNET = Path("unet", "diffusion_pytorch_model.safetensors")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: saved_kin(tmp_path_factory.mktemp("kin"), kind) for kind in PIPELINES}


@pytest.fixture(scope="module")
def models(folders: dict[str, Path]) -> dict[str, TextToImage]:
    return {kind: open_folder(folder) for kind, folder in folders.items()}


def theirs(folder: Path, kind: str, noise: Tensor, negative: str | None, ddim: bool) -> tuple[Tensor, Tensor]:
    """The latents after each step, and the picture."""
    pipeline = PIPELINES[kind].from_pretrained(folder)
    if ddim:
        told = pipeline.scheduler.config  # that of Euler says nothing of clipping, which ours never does
        pipeline.scheduler = diffusers.DDIMScheduler.from_config(told, clip_sample=False, set_alpha_to_one=False)
    pipeline.set_progress_bar_config(disable=True)
    seen = []

    def see(_pipeline: Any, _step: int, _time: Any, held: dict[str, Tensor]) -> dict[str, Tensor]:
        seen.append(held["latents"])
        return held

    told = pipeline(
        PROMPT,
        negative_prompt=negative,
        num_inference_steps=STEPS,
        guidance_scale=4.0,
        latents=noise,
        output_type="pt",
        callback_on_step_end=see,
    )
    return torch.stack(seen), told.images


@pytest.mark.parametrize("kind", PIPELINES)
@pytest.mark.parametrize("negative", ["", "a red dog"])
def test_a_whole_run_is_that_of_diffusers(
    folders: dict[str, Path], models: dict[str, TextToImage], kind: str, negative: str
) -> None:
    ours = models[kind]
    noise = ours.noise(1, 3)
    latents, picture = theirs(folders[kind], kind, noise, negative or None, ddim=True)
    steps = list(ours.run([PROMPT], Plan(sampler="ddim", steps=STEPS, guidance=4.0, seed=3), negative=negative))
    made = torch.stack([step.next for step in steps])
    assert made.shape == latents.shape
    assert (made - latents).abs().max() <= 1e-3 * latents.abs().max()
    assert picture.shape == (1, 3, 32, 32)
    assert picture.std() > 0.01
    assert (ours.decode(steps[-1].next) - picture).abs().max() <= 1e-3


def test_its_own_scheduler_leads_to_the_same_picture(folders: dict[str, Path], models: dict[str, TextToImage]) -> None:
    noise = models["xl"].noise(1, 4)
    _, picture = theirs(folders["xl"], "xl", noise, None, ddim=False)
    made = models["xl"].pictures([PROMPT], Plan(sampler="euler", steps=STEPS, guidance=4.0, seed=4))
    assert (made - picture).abs().max() <= 1e-3


@pytest.mark.parametrize("text", [PROMPT, "", "Two RED hearts, 35 cats & a fox's den", "word " * 40, "naïve café"])
def test_each_tokenizer_fills_up_with_its_own_token(
    folders: dict[str, Path], models: dict[str, TextToImage], text: str
) -> None:
    ours = models["xl"]
    for reader, name in zip((ours.tokens, *ours.others), ("tokenizer", "tokenizer_2"), strict=True):
        their = transformers.CLIPTokenizer.from_pretrained(folders["xl"] / name)
        told = their(text, padding="max_length", max_length=16, truncation=True).input_ids
        assert list(reader.read(text).ids) == told
    assert models["2"].tokens.padding == "!"
    assert models["2"].read("").ids[2:] == (0,) * 14


@pytest.mark.parametrize("kind", PIPELINES)
def test_the_memory_that_it_takes_is_that_of_all_parts(
    folders: dict[str, Path], models: dict[str, TextToImage], kind: str
) -> None:
    model = models[kind]
    numbers = sum(v.numel() for part in (model.text, model.denoiser, model.autoencoder) for v in part.parameters())
    assert needed(folders[kind]) == 4 * numbers


def test_weights_in_shards_and_in_half_precision_are_read(
    folders: dict[str, Path], models: dict[str, TextToImage], tmp_path: Path
) -> None:
    folder = tmp_path / "halves"
    shutil.copytree(folders["xl"], folder)
    for file in folder.rglob("*.safetensors"):
        halves = {name: value.half() for name, value in safetensors.torch.load_file(file).items()}
        file.unlink()
        if file.parent.name == "unet":
            names = sorted(halves)
            for i, part in enumerate((names[::2], names[1::2]), 1):
                one = {name: halves[name] for name in part}
                safetensors.torch.save_file(one, file.with_stem(f"{file.stem}.fp16-0000{i}-of-00002"))
        else:
            safetensors.torch.save_file(halves, file.with_stem(f"{file.stem}.fp16"))
    assert needed(folder) == needed(folders["xl"])
    for name, value in open_folder(folder).denoiser.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, models["xl"].denoiser.state_dict()[name].half().float())
    next((folder / "unet").glob("*-00002-of-00002.safetensors")).unlink()
    with pytest.raises(GlassworkError, match="lacks some of its weights"):
        open_folder(folder)


def changed(folder: Path, name: str = "config.json", **settings: object) -> None:
    told = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**told, **settings}))


class Evil:
    """A pickle that writes a file where it is read."""

    def __init__(self, folder: Path) -> None:
        self.canary = folder / "canary"

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.canary}",)


def pickled(folder: Path) -> None:
    """Its weights as a pickle alone, which does more than hold weights."""
    path = folder / UNET
    path.with_suffix(".bin").write_bytes(pickle.dumps({"conv_in.weight": Evil(folder)}))
    path.unlink()


def reweighed(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    values = safetensors.torch.load_file(folder / UNET)
    change(values)
    safetensors.torch.save_file(values, folder / UNET)


def headed(folder: Path, header: bytes, length: int = 0, values: bytes = b"") -> None:
    """Weights with a header of one's own."""
    (folder / UNET).write_bytes(struct.pack("<Q", length or len(header)) + header + values)


ENDLESS = b'{"conv_in.weight":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}'
TWICE = b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'

BROKEN: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "another kind": (
        "xl",
        lambda f: changed(f, "model_index.json", _class_name="FluxPipeline"),
        "not read.*it is a FluxPipeline; read are StableDiffusionPipeline and StableDiffusionXLPipeline",
    ),
    "another kind of part": (
        "xl",
        lambda f: changed(f, "model_index.json", text_encoder_2=["transformers", "T5EncoderModel"]),
        "text_encoder_2 is .*T5EncoderModel.*CLIPTextModelWithProjection",
    ),
    "a class of the folder's own": (
        "2",
        lambda f: changed(f, "model_index.json", unet=["canary", "Unet"]),
        "unet is .*canary.*UNet2DConditionModel",
    ),
    "a refiner": (
        "xl",
        lambda f: changed(f, "model_index.json", text_encoder=[None, None]),
        "text_encoder is .*None.*CLIPTextModel",
    ),
    "no second encoder": ("xl", lambda f: shutil.rmtree(f / "text_encoder_2"), "can't be read.*text_encoder_2"),
    "pickles": ("xl", pickled, "has no weights.*diffusion_pytorch_model.bin.*are not opened"),
    "cut weights": ("xl", lambda f: (f / UNET).write_bytes((f / UNET).read_bytes()[:-8]), "weights can't be read"),
    "an endless header": ("2", lambda f: headed(f, b"{}", 2**63), "weights can't be read"),
    "a tensor of 10^12": ("2", lambda f: headed(f, ENDLESS), "weights can't be read"),
    "tensors in one place": ("2", lambda f: headed(f, TWICE, values=b"1234"), "weights can't be read"),
    "a weight of another shape": (
        "xl", lambda f: reweighed(f, lambda w: w.update({"conv_in.bias": torch.zeros(7)})), "conv_in.bias.*7",
    ),
    "a weight too few": ("xl", lambda f: reweighed(f, lambda w: w.pop("conv_in.bias")), "Missing.*conv_in.bias"),
    "a weight too many": (
        "2", lambda f: reweighed(f, lambda w: w.update({"more.bias": torch.zeros(7)})), "Unexpected.*more.bias",
    ),
    "no config": ("2", lambda f: (f / "unet" / "config.json").unlink(), "can't be read.*unet"),
    "other heads": ("2", lambda f: changed(f / "unet", attention_head_dim=[2, 4, 8]), "for each size"),
    "other widths": ("xl", lambda f: changed(f / "unet", block_out_channels=[16, 64]), "don't fit their config"),
    "no groups": ("2", lambda f: changed(f / "unet", norm_num_groups=7), "don't fit their config"),
    "endless widths": ("2", lambda f: changed(f / "unet", block_out_channels=[1 << 40, 1 << 40]), "don't fit"),
    "a million layers": ("2", lambda f: changed(f / "unet", layers_per_block=1_000_000), "from 1 to 200"),
    "many blocks": (
        "xl", lambda f: changed(f / "unet", transformer_layers_per_block=200, layers_per_block=200), "more than 2,000",
    ),
    "what is not read": (
        "2", lambda f: changed(f / "unet", class_embed_type="timestep"), "class_embed_type 'timestep'",
    ),
    "other blocks": (
        "2",
        lambda f: changed(f / "unet", down_block_types=["DownBlock2D", "AttnDownBlock2D"]),
        "AttnDownBlock2D.*known are CrossAttnDownBlock2D",
    ),
    "a wider text": ("2", lambda f: changed(f / "unet", cross_attention_dim=32), "is 32; there are 24 numbers"),
    "more channels": ("2", lambda f: changed(f / "unet", in_channels=9), "in_channels is 9; there are 4 channels"),
    "a whole text of another width": (
        "xl",
        lambda f: changed(f / "unet", projection_class_embeddings_input_dim=100),
        "projection_class_embeddings_input_dim is 100, not 68",
    ),
    "a whole text that is not made": (
        "2",
        lambda f: changed(f / "unet", addition_embed_type="text_time", addition_time_embed_dim=8,
                          projection_class_embeddings_input_dim=68),
        "this pipeline doesn't make",
    ),
    "no whole text": (
        "xl",
        lambda f: changed(f / "unet", addition_embed_type=None, addition_time_embed_dim=None,
                          projection_class_embeddings_input_dim=None),
        "it is told no whole text",
    ),
    "other words": (
        "xl",
        lambda f: changed(f / "tokenizer_2", "tokenizer.json", model={"type": "BPE", "vocab": {
            "<|startoftext|>": 0, "<|endoftext|>": 1, "!": 2}, "merges": []}),
        "tokenizer_2.*reads other tokens",
    ),
    "no such padding": (
        "2",
        lambda f: changed(f / "tokenizer", "tokenizer_config.json", pad_token="<pad>"),
        "fills texts up with '<pad>'",
    ),
    "padding that is no token": (
        "2", lambda f: changed(f / "tokenizer", "tokenizer_config.json", pad_token=[7]), "pad_token is no token",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_folder_says_what_is_wrong_and_where(folders: dict[str, Path], tmp_path: Path, how: str) -> None:
    kind, breaks, says = BROKEN[how]
    broken = tmp_path / "broken"
    shutil.copytree(folders[kind], broken)
    breaks(broken)
    with pytest.raises(GlassworkError, match=f"(?s){says}") as caught:
        open_folder(broken)
    assert str(broken) in str(caught.value)
    assert "canary" not in sys.modules
    assert not (broken / "canary").exists()


@pytest.mark.parametrize("kind", PIPELINES)
def test_c27_no_name_in_a_config_is_imported(folders: dict[str, Path], tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(folders[kind], folder)
    for part in (folder / "unet", folder / "vae", folder / "text_encoder", folder / "tokenizer", folder / "scheduler"):
        (part / "canary.py").write_text(f"open({str(folder / 'sings')!r}, 'w')\n")
    names = {"_target_": "canary.Net", "class_path": "canary.Net", "auto_map": {"AutoModel": "canary.Net"}}
    for part in ("unet", "vae", "text_encoder"):
        changed(folder / part, **names, _class_name="canary.Net", architectures=["canary.Net"])
    changed(folder / "scheduler", "scheduler_config.json", **names, _class_name="canary.Net")
    before = set(sys.modules)
    assert open_folder(folder).latent == (4, 8, 8)
    assert not [name for name in set(sys.modules) - before if "canary" in name]
    assert not (folder / "sings").exists()


def test_c26_no_weights_are_unpickled(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: Any, **_settings: Any) -> None:
        raise AssertionError("torch.load was called")

    monkeypatch.setattr(torch, "load", refuse)
    assert open_folder(folders["xl"]).others


def test_without_diffusers_it_is_said_what_to_install(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(GlassworkError, match=r"diffusers is not installed.*use_linear_projection True") as caught:
        open_folder(folders["2"])
    assert 'pip install "glasswork[hub]"' in str(caught.value)
