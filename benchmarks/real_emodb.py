"""The demo's models on real German speech: `python benchmarks/real_emodb.py FOLDER_OF_EMODB [--profile demo] [--only words]`.

Three questions. What does a model that the profile has trained (notebook 06) say to recordings of people, which it was never
trained on? Does the same training code, from the same start, learn from real recordings, when the speakers that are scored are
held out (in five folds of two speakers each)? And do the words of the profile's contrastive model (notebook 02) find emotion
in them: calibrated by the mean over the recordings themselves, without their labels, and beside a linear probe on the same
embeddings? Scores are of the four classes, with intervals by speaker.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from pathlib import Path

import joblib
import pandas as pd

from emocast import contrastive, labels, metrics
from emocast import settings as profiles
from emocast.contrastive import training as contrastive_models
from emocast.corpora import emodb
from emocast.encoders import store
from emocast.ser import models, predictions, training

FOLDS = 5
EPOCHS = 30  # of about 16 steps each: the corpus is small


def main() -> None:
    """Print the answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder that holds EmoDB's wav/")
    parser.add_argument("--profile", default="demo", help="whose models and start are used (default: demo)")
    parser.add_argument("--only", choices=["recognisers", "words"], help="leave out the other ones")
    options = parser.parse_args()
    profile = profiles.load(options.profile)
    table = emodb.load(options.folder)
    table = table.assign(emotion=labels.four_classes(table["emotion"])).dropna(subset="emotion").reset_index(drop=True)
    rows = []
    if options.only != "words":
        rows += [_recognised(name, table, options.folder, profile) for name in ("classification", "multiobjective")]
        rows.append(_fitted(table, options.folder, profile))
    if options.only != "recognisers":
        rows += _nearest_words(table, options.folder, profile)
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.3f}".format))


def _recognised(name: str, table: pd.DataFrame, root: Path, profile: profiles.Profile) -> dict[str, object]:
    found = predictions.predict(models.folder(profile, name), table, root, jobs=profile.jobs)
    return _scored(f"{profile.name} model {name}, no real recording seen", found.table, profile)


def _nearest_words(table: pd.DataFrame, root: Path, profile: profiles.Profile) -> list[dict[str, object]]:
    name = contrastive_models.ready(profile)
    model, options = contrastive.get(name), {"by": "speaker", "random_state": profile.seed, **vars(profile.intervals)}
    audio, _ = store.embed(name, table, root, jobs=profile.jobs)
    scores = [contrastive.probe(audio, table, classes=labels.FOUR, trained=table["speaker"].isna(), **options)]
    for wording, written in contrastive.wordings().items():
        texts = contrastive.ensemble(written, model.embed_text(written["text"].tolist()))
        scores.append(contrastive.evaluate(audio, table, texts, **options).assign(wording=f", {wording}"))
    found = pd.concat(scores).fillna({"wording": "", "calibration": ""})
    found["model"] = (
        f"{name}: " + found["way"] + found["wording"] + (" (" + found["calibration"] + ")").replace(" ()", "")
    )
    ends = {"uar_low": "low", "uar_high": "high"}
    return found.rename(columns=ends)[["model", "n", "uar", "low", "high", "chance"]].to_dict("records")


def _fitted(table: pd.DataFrame, root: Path, profile: profiles.Profile) -> dict[str, object]:
    speakers = sorted(table["speaker"].unique())
    held_out = [speakers[fold::FOLDS] for fold in range(FOLDS)]
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            joblib.delayed(_fold)(Path(folder) / f"fold-{number}", table, root, some, profile, number)
            for number, some in enumerate(held_out)
        ]
        found = pd.concat(joblib.Parallel(n_jobs=profile.ser.jobs)(jobs))
    return _scored(f"trained on the other speakers of {FOLDS} folds", found, profile)


def _fold(folder: Path, table: pd.DataFrame, root: Path, held_out: list[str], profile: profiles.Profile, line: int):
    settings = dataclasses.replace(profile.ser, epochs=EPOCHS)
    parts = models.leave_out(table, held_out, column="speaker", seed=profile.seed)
    options = {
        "objective": "classification",
        "settings": settings,
        "seed": profile.seed,
        "report": models.Bar(folder.name, line),
        "threads": 1,
    }
    training.train(folder, table, root, parts, **options)
    return predictions.predict(folder, table[parts.eq(training.TEST)], root, progress=False).table


def _scored(what: str, found: pd.DataFrame, profile: profiles.Profile) -> dict[str, object]:
    true, said = found["emotion"].astype(str), found["predicted"].astype(str)
    low, high = metrics.bootstrap_interval(
        true, said, found["speaker"], metric="uar", level=profile.intervals.level, draws=profile.intervals.draws,
        random_state=profile.seed,
    )  # fmt: skip
    scores = metrics.evaluate(true, said, labels=labels.FOUR)
    return {"model": what, "n": scores["n"], "uar": scores["uar"], "low": low, "high": high, "chance": 0.25}


if __name__ == "__main__":
    main()
