"""Model cards, and the licences that they name: one page for people and for code, `data/LICENCES.md`.

A card is Markdown beside a model, from `templates/card_*.md`, with metadata as the Hugging Face hub reads them. Whoever trained
the model brings the facts. `python -m emocast.cards` prints the line of each corpus and checkpoint, and all citations.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
import pandas as pd
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from sklearn.metrics.pairwise import cosine_similarity

from . import compute, corpora, labels, metrics, paths
from .corpora import table as tables
from .settings import Profile

CARD = "MODEL_CARD.md"
PAGE = paths.LICENCES
HEADINGS = ("Corpora", "Checkpoints", "Synthetic speech")  # of the page: those that hold entries
#: The test set that models without a session share: each held-out session, by the model without it.
UNSEEN = "IEMOCAP (unseen speakers)"

_FENCE = re.compile(r"^```bibtex\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)
_LABELLED = re.compile(r"^How labelled: (.*?)(?=\n\n|\n[A-Z][\w ]*: |\Z)", re.MULTILINE | re.DOTALL)
_NEEDED = {
    "classification": "without one of the four emotions",
    "regression": "without valence and arousal",
    "multiobjective": "without one of the four emotions, or without valence and arousal",
}


class Entry(NamedTuple):
    """What the page says of one corpus, checkpoint or synthesiser: heading, lines of a list, and a block of BibTeX."""

    names: list[str]  # a corpus's module, a checkpoint's hub id, and what else it is called
    title: str
    licence: str
    source: str

    @property
    def line(self) -> str:
        """The entry in one line, for a report or a model card."""
        return f"{self.title} ({self.names[0]}): {self.licence}; see {self.source}"


def licences() -> list[Entry]:
    """All entries in the page's order; a ValueError names a section that lacks something."""
    entries = []
    for title, text in (found for heading in HEADINGS for found in _SECTION.findall(_chapter(heading))):
        lines = dict(re.findall(r"^- \*\*(\w+)\*\*: (.+)$", text, re.MULTILINE))
        names = re.findall(r"`([^`]+)`", lines.get("Name", ""))
        sources = re.findall(r"<(https?://[^>\s]+)>", lines.get("Source", ""))
        if not names or not sources or "Licence" not in lines or len(_FENCE.findall(text)) != 1:
            needs = (
                "lines '- **Name**: `name`', '- **Licence**: ...' and '- **Source**: <https://...>', one BibTeX block"
            )
            raise ValueError(f"{paths.relative(PAGE)}, section {title!r}: it needs {needs}")
        entries.append(Entry(names, title, lines["Licence"], sources[0]))
    return entries


def licence_of(name: str) -> Entry:
    """The entry of a corpus ("meld"), a hub id ("gpt2"), or an encoder with its kind, file and layer as profiles name it.

    A KeyError where the page does not list it, for example a checkpoint of one's own.
    """
    known = {known: entry for entry in licences() for known in entry.names}
    if _plain(name) not in known:
        raise KeyError(
            f"no licence of {name!r} in {paths.relative(PAGE)}, which lists {', '.join(known)}; "
            "find out under which licence it is before you use it, and add a section"
        )
    return known[_plain(name)]


def trained_on(name: str) -> str:
    """On what a checkpoint (named as for `licence_of`) was trained, in the words of the page's table; empty if not listed."""
    row = re.search(rf"^\| `{re.escape(_plain(name))}` \|.*\| ([^|]+) \|$", _chapter("Checkpoints"), re.MULTILINE)
    return row.group(1) if row else ""


def permits(corpus: str) -> str:
    """What the licence of a corpus permits, in the words of the page's table; empty if it is not listed there."""
    head, *rows = re.findall(r"^\| (.+) \|$", _chapter("Corpora"), re.MULTILINE)
    told = next((row.split(" | ")[1:] for row in rows if row.startswith(f"`{corpus}` |")), [])
    return "; ".join(f"{what}: {answer}" for what, answer in zip(head.split(" | ")[1:], told, strict=False))


def bibtex() -> str:
    """All BibTeX blocks of the page, those of its references too, one empty line between them."""
    return "\n\n".join(block.strip() for block in _FENCE.findall(PAGE.read_text("utf-8"))) + "\n"


def _plain(name: str) -> str:
    """An encoder's name without its kind, its layer and the file within the hub's repository."""
    return "/".join(name.rpartition(":")[2].partition("@")[0].split("/")[:2])


def _chapter(heading: str) -> str:
    return f"\n{PAGE.read_text('utf-8')}".partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def write(folder: Path, card: str) -> Path:
    """Put a card beside a model, whole or not at all; one that says the same already stays as it is."""
    path = folder / CARD
    if not path.is_file() or path.read_text(encoding="utf-8") != card:
        with paths.replacing(path) as partial:
            partial.write_text(card, encoding="utf-8")
    return path


def corpus(profile: Profile, used: pd.DataFrame) -> dict[str, Any]:
    """What a card tells, in JSON values, of the recordings that a model was made of: those rows of the main corpus's table."""
    module, synthetic = corpora.get(profile.corpus), tables.is_synthetic(profile.corpus_root())
    sexes = used.drop_duplicates("speaker")["sex"].fillna("unknown").value_counts()
    return {
        "corpus": module.title,
        "synthetic": synthetic,
        "licence": licence_of("espeak-ng").line if synthetic else module.licence,
        "labelled": how_labelled(module),
        "sessions": int(used["session"].nunique()),
        "speakers": int(used["speaker"].nunique()),
        "sexes": {str(sex): int(count) for sex, count in sexes.items()},
        "languages": sorted(used["language"].dropna().astype(str).unique()),
    }


def how_labelled(corpus: tables.Corpus) -> str:
    """Whose labels a corpus has, as its data card says it."""
    found = _LABELLED.search(inspect.cleandoc(corpus.card))
    words = " ".join(found.group(1).split()) if found else "its loader does not say."
    return words[0].upper() + words[1:]


def base(name: str) -> str:
    """A base model and its licence in one line; a checkpoint that the page does not list may be one of a run's own."""
    if ":" not in name and "/" not in name:
        return f"`{name}`: computed, without weights of anybody"
    try:
        return f"`{name}`: {licence_of(name).line}"
    except KeyError:
        if "/models/" in name:
            return f"`{name}`: trained by a run of Emocast, under the terms of its recordings; see its own card"
        return f"`{name}`: not listed in data/LICENCES.md; its licence is not known here"


def forecaster(made: Any, *, apart: str, new: str, known: str) -> str:
    """The card of a `forecaster.training.Forecaster` with `scores`, `shared` and `data` among its facts.

    `apart` is what its protocol keeps apart, `new` what its events are, `known` what its encoder knows of them (may be empty).
    """
    facts, groups = made.facts, "; ".join(", ".join(member.held_out) for member in made.members if member.held_out)
    scores = {f"accuracy at +{row['shift_s']:g} s": row["accuracy"] for row in facts["scores"]}
    recalled = [name for name in made.classes if any(name in row for row in facts["data"]["recalls"])]
    return _card(
        "forecaster", f"Emotion forecaster of the profile `{facts['profile']}`", facts["data"], scores, made=made, facts=facts,
        left_out=facts["data"]["left_out"], apart=apart, new=new, known=known, named=groups, recalled=recalled
    )  # fmt: skip


def recognisers(
    profile: Profile, folders: Mapping[str, Path], utterances: pd.DataFrame, results: Mapping[str, Any]
) -> list[Path]:
    """Write the card of each recogniser into its folder (`ser.models.train_all`); `utterances` are of `ser.models.table`.

    `results` of all models: `scores` with the column `model`, an objective; `errors` by model, dimension and test_set;
    `predictions` by objective and test set; `proof`, what is on both sides, by model; `languages` by test set.
    """
    scores, errors, written = results["scores"], results["errors"].reset_index().dropna(subset="mse_of_mean"), []
    for name, folder in folders.items():
        objective, session = name.split("-")[0], name.partition("-without-")[2]
        parts = pd.read_csv(folder / "split.csv", dtype="string")
        # The test sets on which it was scored: without a session the unseen speakers, else all others.
        own = scores[scores["model"].eq(objective) & (scores["test_set"].eq(UNSEEN) == bool(session))]
        wrong = errors[errors["model"].eq(objective) & (errors["test_set"].eq(UNSEEN) == bool(session))]
        rows = own[own["reason"].isna()].to_dict("records")
        rows = [_tested(row, results["predictions"][objective][row["test_set"]], results["languages"]) for row in rows]
        card = _card(
            "recogniser", f"Emotion recogniser `{name}` of the profile `{profile.name}`",
            corpus(profile, utterances[utterances["utterance"].isin(parts["utterance"])]),
            {f"accuracy on {row['test_set']}": row["accuracy"] for row in rows},
            left_out={_NEEDED[objective]: len(utterances) - len(parts)}, used=len(parts), total=len(utterances),
            session=session, objective=objective, proof=results["proof"].loc[name], level=profile.intervals.level, rows=rows,
            unscored=own.dropna(subset="reason").set_index("test_set")["reason"].to_dict(), four=labels.FOUR,
            errors=wrong.to_dict("records"), chance=own["chance"].max(), settings=profile.ser, record=_record(folder),
            digest=compute.file_digest(folder / "wav2vec2.ckpt")
        )  # fmt: skip
        written.append(write(folder, card))
    return written


def _tested(row: dict[str, Any], said: pd.DataFrame, languages: Mapping[str, str]) -> dict[str, Any]:
    """One test set's row of the card."""
    rows = said.assign(emotion=labels.four_classes(said["emotion"])).dropna(subset=["emotion"]).reset_index(drop=True)
    shares, gap = [f"p_{name}" for name in labels.FOUR], None
    if set(shares) <= set(rows):
        gap = metrics.calibration_error(rows["emotion"], rows[shares].to_numpy(), labels=labels.FOUR)
    recalls = metrics.per_class(rows["emotion"], rows["predicted"], labels=labels.FOUR)["recall"]
    return row | {"language": languages.get(row["test_set"], "not stated"), "gap": gap, "recalls": recalls}


def contrastive(
    profile: Profile, name: str, utterances: pd.DataFrame, scores: pd.DataFrame, tested: tuple, texts: pd.DataFrame
) -> Path:
    """Write the card of the profile's own contrastive model (`training.is_own`).

    `scores` are rows of `evaluate` and `probe` with the column `wording`, of speakers who were not in training; `tested` are
    these speakers' embeddings, (n, d), and rows; `texts` the classes' directions of which the recalls are told.
    """
    settings, folder = profile.contrastive.dual, paths.outputs() / name.partition(":")[2]
    out = utterances["session"].isin(settings.held_out)
    fitted, held_out, (sound, true) = utterances[~out], ", ".join(settings.held_out), tested
    said = texts.index.to_numpy(dtype=object)[cosine_similarity(sound, texts).argmax(axis=1)]
    both = {
        f"{column}s": len(set(fitted[column].dropna()) & set(utterances.loc[out, column].dropna()))
        for column in ("dialogue", "speaker", "session")
    }
    card = _card(
        "contrastive", f"Contrastive model `{folder.name}` of the profile `{profile.name}`", corpus(profile, fitted),
        {f"UAR, {row['wording']}, {row['way']}": row["uar"] for row in scores.to_dict("records")},
        left_out={f"of the sessions held out ({held_out})": out.sum()}, used=len(fitted), total=len(utterances),
        held_out=held_out, shared=both, level=profile.intervals.level, rows=scores.to_dict("records"),
        chance=scores["chance"].max(),
        recalls=metrics.per_class(true["emotion"], said, labels=labels.FOUR)["recall"].to_dict(),
        majority=scores["majority"].max(), settings=settings, record=_record(folder)
    )  # fmt: skip
    return write(folder, card)


def start(profile: Profile, folder: Path, files: int) -> Path:
    """Write the card of the small encoder, trained on so many sound files, with which a profile's trainings begin."""
    settings, log = profile.ser.start, pd.read_csv(folder / "log.csv")
    synthetic = tables.is_synthetic(profile.corpus_root(settings.corpus))
    entry = next((entry for entry in licences() if settings.corpus in entry.names), None)
    licence = licence_of("espeak-ng").line if synthetic else entry.line if entry else "not listed"
    data = {"corpus": entry.title if entry else settings.corpus, "synthetic": synthetic, "licence": licence}
    best = log[log["stage"].eq("valid")].sort_values("error", kind="stable").iloc[0]
    told = {"best": best, "files": files, "settings": settings, "record": _record(folder), "seed": profile.seed}
    title = f"Small wav2vec 2.0 to begin with, of the profile `{profile.name}`"
    return write(folder, _card("start", title, data, {}, left_out={}, **told))


def _record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "training.json").read_text(encoding="utf-8"))


def _card(kind: str, title: str, data: dict[str, Any], scores: dict[str, float], **facts: Any) -> str:
    """A card from its template, with the scores (name -> fraction) among the metadata."""
    body = re.sub(r"\n{3,}", "\n\n", render(f"card_{kind}.md", title=title, data=data, **facts)).strip() + "\n"
    of = {"task_type": "audio-classification", "dataset_type": data["corpus"], "dataset_name": data["corpus"]}
    results = [
        EvalResult(**of, metric_type=name.split()[0].lower(), metric_value=float(value), metric_name=name)
        for name, value in scores.items()
    ]
    told = {"model_name": title.replace("`", ""), "license": "other", "tags": ["emotion", "speech", kind]}
    meta = ModelCardData(eval_results=results or None, language=data.get("languages") or None, **told)
    return str(ModelCard.from_template(meta, template_str="---\n{{ card_data }}\n---\n\n{{ body }}", body=body))


def render(template: str, **facts: Any) -> str:
    """A text from one of the templates; a fact that it asks for must be there."""
    where = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    form = jinja2.Environment(loader=where, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    form.filters |= {"percent": _percent, "score": _score, "base": base, "clock": clock}
    form.filters["number"] = lambda value: f"{value:,}" if isinstance(value, (int, np.integer)) else f"{value:g}"
    return form.get_template(template).render(**facts)


def clock(seconds: float) -> str:
    """Seconds as 1:02:03 or 2:03."""
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{whole:02d}" if minutes >= 60 else f"{minutes}:{whole:02d}"


def _percent(value: float | None) -> str:
    return "none" if pd.isna(value) else f"{100 * value:.1f}"


def _score(row: Mapping[str, Any], name: str, ends: str | None = None, unit: str = "") -> str:
    """A score of a row in percent, with its interval where it has one."""
    low, high = row[f"{ends or name}_low"], row[f"{ends or name}_high"]
    return _percent(row[name]) + unit + ("" if pd.isna(low) else f" ({100 * low:.1f} to {100 * high:.1f})")


if __name__ == "__main__":
    print(*(entry.line for entry in licences()), sep="\n")
    print(f"\n{bibtex()}", end="")
