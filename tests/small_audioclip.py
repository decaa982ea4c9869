"""A random AudioCLIP in the layout of `AudioCLIP-Full-Training.pt`, and the tokenizer's files that it needs beside.

The tower for sound has its full size, which the makers fix; the one for texts has two layers of 64 values and 20 places. Of the
tower for images, which nobody reads, a few names are there.
"""

import json
from pathlib import Path

import scipy.signal
import torch
import torchvision
from filelock import FileLock
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

LAYERS, WIDTH, PLACES, DIMENSION = 2, 64, 20, 1024
MERGES = ("h a", "ha p", "p y</w>", "s a", "sa d</w>", "a n", "v o")
WAVELETS = 1025


def tokenizer(folder: Path) -> int:
    """CLIP's tokenizer of bytes, alone and at the end of a word, a few of them merged; gives the number of its tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    alone = list(bytes_to_unicode().values())
    tokens = [*alone, *(f"{token}</w>" for token in alone), *(merge.replace(" ", "") for merge in MERGES)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}), "utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]), "utf-8")
    return len(tokens)


def checkpoints(folder: Path) -> None:
    """Put the tokenizer's files where a person puts them: below `data/checkpoints/`."""
    tokenizer(folder / "openai" / "clip-vit-base-patch32")


def checkpoint(folder: Path) -> Path:
    """The file; made once a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "random-AudioCLIP.pt"
    with FileLock(path.with_suffix(".lock")):  # processes share the folder
        if not path.is_file():
            words = tokenizer(folder / "tokenizer")
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                weights = {f"audio.{name}": tensor for name, tensor in _sound().items()} | _texts(words) | _rest()
            torch.save(weights, path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)
    return path


def _sound() -> dict[str, torch.Tensor]:
    network = torchvision.models.resnext50_32x4d(num_classes=DIMENSION)
    weights = dict(network.state_dict())
    for place, (channels, given, size) in enumerate(
        [(64, 256, (3, 1)), (256, 512, (1, 5)), (512, 1024, (3, 1)), (1024, 2048, (1, 5)), (2048, 2048, (3, 5))], 1
    ):
        depth = torch.nn.Conv2d(channels, channels, size, groups=channels)
        parts = {
            "conv_depth": depth,
            "conv_point": torch.nn.Conv2d(channels, given, 1),
            "bn": torch.nn.BatchNorm2d(given),
        }
        for name, part in parts.items():
            weights |= {f"att{place}.{name}.{key}": tensor for key, tensor in part.state_dict().items()}
    for name, tensor in weights.items():
        if name.endswith(("running_mean", "running_var", "bias")):  # none where it began: it must not hide
            weights[name] = tensor + 0.1 * torch.rand(tensor.shape)
        if name.endswith("conv2.weight"):  # of 32 groups, which PyTorch's beginning takes for one: sound would fade out
            weights[name] = tensor * 32**0.5
        if name.endswith("bn.bias"):  # most is let through
            weights[name] = tensor + 2
    # what comes in is in decibels, some -30 of them: the first norm would have learned to expect it
    weights["bn1.running_mean"] = -30 * weights["conv1.weight"].sum((1, 2, 3))
    weights["bn1.running_var"] = 50 * weights["conv1.weight"].square().sum((1, 2, 3))
    weights["fbsp.m"] = 0.5 * torch.rand(WAVELETS)
    weights["fbsp.fb"] = 1 + 0.2 * torch.rand(WAVELETS)
    weights["fbsp.fc"] = torch.arange(WAVELETS) + 0.1 * torch.randn(WAVELETS)
    weights["fbsp.bias"] = torch.empty(0)
    weights["window"] = torch.from_numpy(scipy.signal.get_window("blackmanharris", 1654)).float()
    return weights


def _texts(words: int) -> dict[str, torch.Tensor]:
    sizes = {
        "attn.in_proj_weight": (3 * WIDTH, WIDTH), "attn.in_proj_bias": (3 * WIDTH,), "attn.out_proj.weight": (WIDTH, WIDTH),
        "attn.out_proj.bias": (WIDTH,), "ln_1.weight": (WIDTH,), "ln_1.bias": (WIDTH,), "mlp.c_fc.weight": (4 * WIDTH, WIDTH),
        "mlp.c_fc.bias": (4 * WIDTH,), "mlp.c_proj.weight": (WIDTH, 4 * WIDTH), "mlp.c_proj.bias": (WIDTH,),
        "ln_2.weight": (WIDTH,), "ln_2.bias": (WIDTH,),
    }  # fmt: skip
    layers = {f"transformer.resblocks.{layer}.{name}": size for layer in range(LAYERS) for name, size in sizes.items()}
    layers |= {"token_embedding.weight": (words, WIDTH), "positional_embedding": (PLACES, WIDTH)}
    layers |= {"ln_final.weight": (WIDTH,), "ln_final.bias": (WIDTH,), "text_projection": (WIDTH, DIMENSION)}
    return {name: 0.3 * torch.randn(size) for name, size in layers.items()}


def _rest() -> dict[str, torch.Tensor]:
    scales = {name: torch.tensor(100.0).log() for name in ("logit_scale", "logit_scale_ai", "logit_scale_at")}
    return scales | {"visual.conv1.weight": torch.zeros(32, 3, 3, 3), "visual.attnpool.c_proj.bias": torch.zeros(1024)}
