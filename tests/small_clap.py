"""Random checkpoints of LAION-CLAP and Microsoft CLAP in the official layout, and what their packages embed with them.

The packages change the process that imports them and want a cache of the model hub, so that both happens in a process of
its own, which runs this file. The network for sound has its full size, which the packages fix; the one for texts has one layer.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock

import hub

_BOTH = ["a happy voice", "This is the sound of an angry man.", "sad", "traurig, „ärgerlich“"]
TEXTS = {"laion": [*_BOTH, "very " * 40 + "sad"], "microsoft": [*_BOTH, "Hurrah!! Oh no!"]}
RATES = {"laion": 48_000, "microsoft": 44_100}
LENGTHS_S = {"laion": (10.0, 3.3), "microsoft": (7.0, 2.2)}  # as much as is embedded at once, and less


def laion(folder: Path) -> Path:
    """A file as LAION-CLAP's training writes it; beside it lies what the package makes of it. Made once a folder."""
    return _made("laion", folder / "random-best.pt")


def microsoft(folder: Path) -> Path:
    """A file as `CLAP_weights_2023.pth` is; beside it lies what the package makes of it. Made once a folder."""
    return _made("microsoft", folder / "random_weights_2023.pth")


def embedded(checkpoint: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """The clips that the package itself was given with a checkpoint, and its embeddings, one a row."""
    found = np.load(checkpoint.with_suffix(".npz"))
    return [found[name] for name in sorted(found.files) if name.startswith("clip_")], found["sounds"]


def read(checkpoint: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The texts that the package was given, its embeddings, one a row, and its cosines between the clips and the texts."""
    found = np.load(checkpoint.with_suffix(".npz"))
    return found["texts"].tolist(), found["read"], found["similarity"]


def clips(kind: str) -> list[np.ndarray]:
    """Noise that swells and goes beyond full scale, one clip for each of `LENGTHS_S`."""
    rng = np.random.default_rng(0)
    lengths = [round(seconds * RATES[kind]) for seconds in LENGTHS_S[kind]]
    return [(rng.normal(0, 0.5, length) * np.linspace(0.1, 1, length)).astype(np.float32) for length in lengths]


def visit(name: str, *, data: Path) -> dict:
    """Make an encoder and embed a sound and a text, in a process of its own that has no cache of the hub and may not ask it.

    The folder of data has the tokenizers in its `checkpoints/`. Gives what `changed` of the process, and as `asked` the
    addresses that were called and machine code that was looked for elsewhere than beside its source.
    """
    with tempfile.TemporaryDirectory() as empty:
        environment = {**os.environ, "HF_HOME": empty, "HF_ENDPOINT": "http://127.0.0.1:9", "EMOCAST_DATA": str(data)}
        environment.pop("HF_HUB_OFFLINE", None)
        return json.loads(_run("visit", name, environment=environment).splitlines()[-1])


def _made(kind: str, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):  # processes share the folder
        if not path.with_suffix(".npz").is_file():  # written last
            cache = path.parent / "hub"
            hub.make(cache)
            hub.make_towers(cache)
            _run(kind, str(path), environment={**os.environ, "HF_HOME": str(cache), "HF_HUB_OFFLINE": "1"})
    return path


def _run(*arguments: str, environment: dict[str, str]) -> str:
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _shaken(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Its weights, none of them at the zero or one that it began with: they must not hide."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if tensor.is_floating_point() and "extractor" not in name and "attn_mask" not in name:
                tensor += 0.05 * torch.randn(tensor.shape)
    return model.state_dict()


def _write_laion(path: Path) -> dict[str, np.ndarray]:
    import laion_clap

    os.environ.pop("NUMBA_CACHE_DIR", None)  # it would have machine code kept in /tmp/
    package = laion_clap.CLAP_Module(enable_fusion=False, device="cpu", amodel="HTSAT-tiny")
    weights = _shaken(package.model)
    weights["text_branch.embeddings.position_ids"] = torch.arange(82)[None]  # as transformers had it then
    rate = {"lr": np.float64(1e-4), "betas": (0.9, 0.99)}
    content = {"epoch": 3, "name": "random", "optimizer": {"state": {0: {"step": 7}}, "param_groups": [rate]}}
    torch.save({**content, "state_dict": {f"module.{name}": tensor for name, tensor in weights.items()}}, path)
    package.load_ckpt(str(path), verbose=False)  # it accepts what was written
    sounds = np.concatenate([package.get_audio_embedding_from_data(clip[None]) for clip in clips("laion")])
    read = package.get_text_embedding(TEXTS["laion"])
    return {"sounds": sounds, "read": read, "similarity": sounds @ read.T}  # of length 1, as its loss compares them


def _write_microsoft(path: Path) -> dict[str, np.ndarray]:
    import msclap

    class Package(msclap.CLAP):
        """Its reader of files needs what this torchaudio has no more: it is given arrays."""

        def read_audio(self, audio_path, resample=True):
            return torch.from_numpy(audio_path)[None], RATES["microsoft"]

    torch.save({"model": {}}, path)  # which it loads without a word
    package = Package(path, version="2023", use_cuda=False)
    weights = _shaken(package.clap)
    for name in [name for name in weights if name.endswith("attn.c_attn.weight")]:  # as transformers had it then
        mask = torch.ones(1, 1, 80, 80, dtype=torch.bool).tril()
        weights |= {
            name.replace("c_attn.weight", "bias"): mask,
            name.replace("c_attn.weight", "masked_bias"): torch.tensor(-1e4),
        }
    torch.save({"model": weights}, path)
    sounds = torch.cat([package.get_audio_embeddings([clip]) for clip in clips("microsoft")])
    read = package.get_text_embeddings(TEXTS["microsoft"])
    similarity = package.compute_similarity(sounds, read) / package.clap.logit_scale.exp()
    return {"sounds": sounds.numpy(), "read": read.numpy(), "similarity": similarity.detach().numpy()}


def _visit(name: str) -> None:
    import transformers  # noqa: F401 - the encoders import both in any case, and they have side effects of their own

    from emocast import encoders

    asked = []

    def note(event, facts):
        compiled = event == "open" and str(facts[0]).endswith(".nbi") and Path(facts[0]).parent.name != "__pycache__"
        if compiled or event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
            asked.append(str(facts))

    sys.addaudithook(note)
    before = _state()
    encoder = encoders.get(name)
    encoder.encode([np.zeros(encoder.sample_rate, np.float32)])
    encoder.embed_text(["a happy voice"])
    after = _state()
    print(json.dumps({"changed": [part for part in before if before[part] != after[part]], "asked": asked}))


def _state() -> dict[str, object]:
    import logging
    import random
    import warnings

    return {
        "path": list(sys.path),
        "environment": dict(os.environ),
        "warnings": list(warnings.filters),
        "logs": [(log.level, list(log.handlers)) for log in map(logging.getLogger, ("", "transformers"))],
        "threads": torch.get_num_threads(),
        "random numbers": (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()),  # noqa: NPY002
    }


if __name__ == "__main__":
    task, given = sys.argv[1:]
    if task == "visit":
        _visit(given)
    else:
        write = {"laion": _write_laion, "microsoft": _write_microsoft}[task]
        found = write(Path(given))
        named = {f"clip_{number}": clip for number, clip in enumerate(clips(task))}
        np.savez(Path(given).with_suffix(".npz"), texts=TEXTS[task], **found, **named)
