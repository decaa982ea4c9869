"""All checkpoints that the profile `paper` names, small and random, each in its official layout where a person puts them."""

import shutil
from pathlib import Path

import torch
import transformers

import hub
import small_audioclip
import small_clap
import small_models
from emocast.encoders import audioclip
from emocast.encoders.wav2vec2 import OFFICIAL

_SMALL = {**small_models.FAMILY, "num_hidden_layers": 2, "classifier_proj_size": 16}
_RECIPE = "wav2vec2: {output_norm: True}\noutput_mlp: !new:speechbrain.nnet.linear.Linear {bias: False}\n"
_LABELS = "'neu' => 0\n'ang' => 1\n'hap' => 2\n'sad' => 3\n================\n'starting_index' => 0\n"


def checkpoints(folder: Path, *, made: Path) -> None:
    """Fill `data/checkpoints/`; the CLAP models are `made` there, once for all tests that use them."""
    small_models.wav2vec2(folder / "facebook" / "wav2vec2-base")
    small_models.hubert(folder / "facebook" / "hubert-base-ls960")
    small_models.wavlm(folder / "microsoft" / "wavlm-base-plus", layers=6)
    small_models.whisper(folder / "openai" / "whisper-base")
    small_models.clap(folder / "laion" / "clap-htsat-unfused")
    speechbrain(folder / OFFICIAL)
    _superb(folder / "superb" / "wav2vec2-base-superb-er")
    small_models.sentences(folder / "sentence-transformers" / "all-MiniLM-L6-v2")
    hub.tokenizers(folder)
    small_audioclip.tokenizer(folder / "openai" / "clip-vit-base-patch32")
    _copy(small_clap.laion(made / "laion"), folder / "lukewys" / "laion_clap" / "630k-audioset-best.pt")
    _copy(small_clap.microsoft(made / "microsoft"), folder / "microsoft" / "msclap" / "CLAP_weights_2023.pth")
    _copy(small_audioclip.checkpoint(made / "audioclip"), folder / audioclip.PUBLISHED)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True)
    shutil.copyfile(source, target)


def speechbrain(folder: Path) -> Path:
    """As SpeechBrain publishes what the preprint and the thesis ask, but for its size, of which config.json tells."""
    folder.mkdir(parents=True)
    config = transformers.Wav2Vec2Config(**_SMALL)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights, head = transformers.Wav2Vec2Model(config).state_dict(), torch.randn(4, config.hidden_size)
    torch.save({f"model.{name}": tensor for name, tensor in weights.items()}, folder / "wav2vec2.ckpt")
    torch.save({"0.w.weight": head}, folder / "model.ckpt")
    (folder / "hyperparams.yaml").write_text(_RECIPE)
    (folder / "label_encoder.txt").write_text(_LABELS)
    config.save_pretrained(folder)
    return folder


def _superb(folder: Path) -> None:
    """A classifier as SUPERB publishes it."""
    names = dict(enumerate(["neu", "hap", "ang", "sad"]))
    config = transformers.Wav2Vec2Config(**_SMALL, id2label=names, label2id={name: n for n, name in names.items()})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        transformers.Wav2Vec2ForSequenceClassification(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
