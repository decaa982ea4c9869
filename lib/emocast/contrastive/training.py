"""Train the demo's contrastive model, and know what of the profile's corpus a model was trained on.

Where no published model can be downloaded, a small one learns from the demo's own corpus, without the sessions that are held
out: neither their sound nor what the table says of them is read. Of a published model none of the corpus is taken to be known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import speechbrain as sb
import torch
from torch.nn import functional
from transformers import Wav2Vec2Model

from .. import compute, corpora, encoders, paths
from ..encoders import dual, hub, wav2vec2
from ..encoders.dual import DualModel, Sizes
from ..ser import models, training
from ..settings import CONTRASTIVE, ContrastTraining, Profile
from . import Facts, caption, facts, levels

_DUAL = "dual:"
_MOST = math.log(100)  # CLIP's limit of the scale (section 2.5)
_READ = ["utterance", "audio", "start_s", "end_s", "emotion", "sex", "language", "arousal", "part"]


def contrastive_loss(audio: torch.Tensor, text: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """CLIP's loss in nats (Radford et al. 2021, https://arxiv.org/abs/2103.00020, figure 3).

    Of embeddings of n utterances and of their captions in the same order, each of length 1, (n, dimension); `scale` is what
    cosines are multiplied by. The mean of two cross-entropies: of finding the caption for each utterance, and the other way.
    """
    similar = scale * audio @ text.T
    own = torch.arange(len(similar), device=similar.device)
    return (functional.cross_entropy(similar, own) + functional.cross_entropy(similar.T, own)) / 2


class DualBrain(training.CosineBrain):
    """Trains both towers: `modules.dual`, on captions that are composed of each utterance's `facts` (by its name)."""

    facts: Mapping[str, Facts]

    def on_stage_start(self, stage: sb.Stage, epoch: int | None = None) -> None:
        """Seed the captions too: anew for each epoch that trains, the same for all that validate."""
        super().on_stage_start(stage, epoch)
        self._numbers = np.random.default_rng([self.hparams.seed, epoch if stage == sb.Stage.TRAIN else 0])

    def compute_forward(self, batch, stage: sb.Stage) -> tuple[torch.Tensor, torch.Tensor]:
        """The embeddings of utterances and of their captions."""
        padded, shares = batch.to(self.device).sig
        lengths = (shares * padded.shape[1]).round().long().tolist()
        texts = [caption(self.facts[name], self._numbers) for name in batch.id]
        waveforms = [waveform[:length] for waveform, length in zip(padded, lengths, strict=True)]
        return self.modules.dual.audio(waveforms), self.modules.dual.text(texts)

    def compute_objectives(self, predictions: tuple[torch.Tensor, ...], batch, stage: sb.Stage) -> torch.Tensor:
        """The contrastive loss."""
        return contrastive_loss(*predictions, self.modules.dual.log_scale.clamp(max=_MOST).exp())


def train(
    folder: Path | str,
    utterances: pd.DataFrame,
    root: Path | str,
    *,
    settings: ContrastTraining,
    seed: int,
    report: training.Report | None = None,
) -> Path:
    """Train the model, or find that this was done; a killed training goes on. Returns the folder.

    `folder` is one for the encoder "dual:", the loss in its `log.csv` in nats. `utterances`, of the corpus at `root`, count
    without an emotion, too: captions say what is known. `settings` are the profile's `contrastive.dual`, and `seed` that of
    weights, order, crops and captions. A ValueError where a session is not in the table; else as `ser.training.train`.
    """
    parts = models.leave_out(utterances, settings.held_out, column="session", seed=seed)
    table, source = utterances.assign(part=parts)[parts.ne(training.TEST)], training.find_source(settings.source)
    learned, valid = (table[table["part"].eq(part)] for part in (training.TRAIN, training.VALID))
    sizes = Sizes(settings.dimension, settings.text_dimension)

    def learn(work: Path) -> DualModel:
        torch.manual_seed(seed)  # the first weights of what does not come from the source
        wav2vec2.check_preprocessor(source)
        first = Wav2Vec2Model.from_pretrained(source)
        model = DualModel(first.config, sizes)
        model.audio.wav2vec2.load_state_dict(first.state_dict())
        encoder = [parameter for parameter in model.audio.wav2vec2.parameters() if parameter.requires_grad]
        rest = [*model.audio.projection.parameters(), *model.text.parameters(), model.log_scale]
        rates = [(encoder, settings.learning_rate_encoder), (rest, settings.learning_rate)]
        brain = DualBrain.of({"dual": model}, work, rates, epochs=settings.epochs, seed=seed)
        brain.facts = facts(table, limits=levels(learned["arousal"]))
        options = {"batch_size": settings.batch_size, "seed": seed}
        batches = training.loader(learned, root, crop_s=settings.crop_s, shuffle=True, **options)
        held = training.loader(valid, root, crop_s=None, shuffle=False, **options)
        brain.run(batches, held, report)
        return brain.modules.dual.cpu()

    def save(partial: Path, model: DualModel) -> dict[str, object]:
        dual.save(partial, model, sizes)
        count = sum(values.numel() for values in model.parameters())
        return {"held_out": settings.held_out, "seed": seed, "parameters": count}

    own = ("contrastive/__init__.py", "contrastive/training.py", "ser/training.py")
    code, fit = compute.code_digest(*encoders.modules("dual"), *own), {**vars(settings), "source": None}
    key = training.key(table, root, _READ, source, fit, code, seed)
    return training.once(Path(folder), key, learn, save)


def ready(profile: Profile, short_name: str = "") -> str:
    """The name of an encoder that embeds sounds and texts; the profile's own is trained where that was not done.

    `short_name`: one of the profile's `contrastive.models`, or an encoder's whole name; empty: the profile's model. A
    ValueError where there is no such name; else errors as `train`.
    """
    wanted, known = short_name or profile.contrastive.model, profile.contrastive.models
    if wanted not in known and not wanted.startswith(CONTRASTIVE):
        others = f"{', '.join(known)}, and a whole name begins with {', '.join(CONTRASTIVE)}"
        raise ValueError(f"no contrastive model {wanted!r}; the profile {profile.name!r} has {others}")
    name = known.get(wanted, wanted)
    if is_own(profile, name):
        root, folder = profile.corpus_root(), paths.outputs() / name.removeprefix(_DUAL)
        options = {"settings": profile.contrastive.dual, "seed": profile.seed, "report": models.Bar(folder.name)}
        # one thread: the same last digits on every machine, and for networks this small a second one mostly waits
        with compute.torch_threads(1):
            train(folder, corpora.get(profile.corpus).load(root), root, **options)
    return name


def is_own(profile: Profile, name: str) -> bool:
    """Whether a model is the one that the profile trains."""
    own = profile.contrastive.dual is not None and name.startswith(_DUAL)
    return own and name in profile.contrastive.models.values()


def trained_on(profile: Profile, name: str, utterances: pd.DataFrame) -> pd.Series:
    """Which utterances of the profile's main corpus a model (from `ready`) was trained on: True or False for each row."""
    if not name.startswith(_DUAL):
        return pd.Series(False, index=utterances.index, name="trained_on")
    if is_own(profile, name):
        sessions = profile.contrastive.dual.held_out
    else:
        folder = hub.find(name.removeprefix(_DUAL), needed=[training.RECORD])
        sessions = hub.read_json(folder / training.RECORD)["held_out"]
    return ~utterances["session"].isin(sessions).rename("trained_on")


def parts(trained: pd.Series) -> dict[str, pd.Series]:
    """What a model is tested on (name -> True or False for each utterance): first the speakers of no utterance in `trained`."""
    everybody = pd.Series(True, index=trained.index)
    if not trained.any():
        return {"all speakers, none in training": everybody}
    return {"unseen speakers": ~trained, "speakers of the training": trained, "all speakers": everybody}
