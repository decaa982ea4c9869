"""Contrastive models: sound and text in one space, so that words can find sounds without training on labels.

They are those of `encoders` that embed texts too: LAION-CLAP (Wu et al. 2023, arXiv 2211.06687), Microsoft CLAP (Elizalde et
al. 2023, arXiv 2309.05767), AudioCLIP (Guzhov et al. 2021, arXiv 2106.13043), a CLAP in the model hub's format, and the demo's
own ("dual:", `training`). Zero-shot, a sound belongs to the emotion whose words lie nearest by the cosine; **calibration**
takes from a class's similarities their mean over sounds whose label nobody looks at, for some words lie near to every sound.
Also the words: those of the demo's own model's captions, composed of what the utterance table knows, and such as no caption
has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .. import encoders, labels, metrics
from ..labels import LANGUAGES
from ..metrics import probes
from ..settings import CONTRASTIVE

#: What the mean of the calibration is taken over; where the tested sound itself, a single recording could not be classified.
INDUCTIVE, TRANSDUCTIVE = "mean over the training's sound", "mean over the tested sound (transductive)"
SCORES = ("uar", "uar_low", "uar_high", "accuracy", "accuracy_low", "accuracy_high")
COSINE, CALIBRATED, PROBE = "cosine", "cosine, calibrated", "linear probe"

#: How each emotion may be said: adjectives that captions use | other forms of them, and | synonyms, which no caption has.
#: "other" has none, for it is no feeling of its own.
EMOTION_WORDS: dict[str, str] = {
    "neutral": "neutral unemotional dispassionate detached | neutrally unemotionally dispassionately detachment | "
               "plain everyday flat",
    "excitement": "excited thrilled animated eager exhilarated | excitedly excitement animatedly eagerly exhilaration | "
                  "buoyant agog",
    "happiness": "happy cheerful joyful glad delighted | happily happiness cheerfully joyfully gladly | blithe upbeat",
    "sadness": "sad sorrowful gloomy miserable dejected | sadly sadness sorrowfully gloomily miserably | melancholy blue",
    "anger": "angry furious irritated outraged annoyed | angrily furiously irritation outrage annoyance | livid cross",
    "frustration": "frustrated exasperated discouraged thwarted | frustration exasperation discouragement | impatient",
    "fear": "scared fearful anxious frightened | fearfully anxiously anxiety fright | timid",
    "surprise": "surprised astonished amazed startled | surprise astonishment amazement | agape",
    "disgust": "disgusted revolted repelled sickened | disgust disgustedly | queasy",
    "boredom": "bored uninterested weary lethargic | boredom wearily lethargically | dull",
}  # fmt: skip

_TAUGHT_TEMPLATES = (
    "{emotion}",
    "{who} sounds {emotion}",
    "{who} is {emotion}",
    "{who} speaks and feels {emotion}",
    "speech in which {who} is {emotion}",
    "{who} talks and sounds {emotion}",
)
_HELD_OUT_TEMPLATES = (
    "{who} seems {emotion}",
    "the mood of this recording: {emotion}",
    "this voice belongs to somebody {emotion}",
    "one can hear that {who} must be rather {emotion}",
)
_WITHOUT_EMOTION = ("{who} speaks", "{who} talks", "speech of {whom}")
_WHO = {"female": ("a woman", "she", "a female speaker"), "male": ("a man", "he", "a male speaker")}
_ANYONE = ("someone", "a person", "the speaker")
_OBJECTS = {"she": "her", "he": "him"}
_MANNERS = {
    "low": ("calmly", "in a calm voice", "with little energy"),
    "middle": ("evenly", "in an even voice", "with some energy"),
    "high": ("intensely", "in an agitated voice", "with much energy"),
}
_LANGUAGE = ("in {language}", "speaking {language}")


def get(name: str) -> encoders.Encoder:
    """Make a contrastive model by its name: an encoder with `embed_text`.

    That takes n texts and gives float32, (n, dimension), in the space of the sounds; what stands beside a text does not
    change its embedding. The first call reads the tokenizer. A ValueError where a text is empty, no string, or too long;
    where no such model embeds texts; or where its checkpoint is missing or damaged (`encoders.hub.CheckpointError`).
    """
    encoder = encoders.get(name) if name.startswith(CONTRASTIVE) else None
    if not hasattr(encoder, "embed_text"):
        known = ", ".join(f"{kind}SOURCE" for kind in CONTRASTIVE)
        raise ValueError(f"{name!r} embeds no texts; contrastive models are {known} (of transformers: a CLAP)")
    return encoder


def words(emotion: str, kind: str = "taught") -> list[str]:
    """The words for an emotion (KeyError where it has none): "taught", the adjectives that captions use, or of another kind.

    No caption has "forms", adverbs and nouns of the same stems, nor "new" words, which share not even three letters in a row
    with any that is taught, so that a model without other knowledge of English can only guess.
    """
    return EMOTION_WORDS[emotion].split(" | ")[("taught", "forms", "new").index(kind)].split()


def templates(*, held_out: bool = False) -> list[str]:
    """Sentences around "{emotion}" that captions are built as, or those that none is; they speak of "someone"."""
    chosen = _HELD_OUT_TEMPLATES if held_out else _TAUGHT_TEMPLATES
    return [template.replace("{who}", _ANYONE[0]) for template in chosen]


class Facts(NamedTuple):
    """What a caption may say of an utterance, None for what is not known; `manner` is "low", "middle" or "high" arousal."""

    emotion: str | None
    sex: str | None
    language: str | None
    manner: str | None


def levels(arousal: pd.Series) -> tuple[float, float]:
    """The highest arousal of training utterances that counts as low, and as middle: thirds; NaN where none is known."""
    return tuple(arousal.quantile([1 / 3, 2 / 3]))


def facts(table: pd.DataFrame, *, limits: tuple[float, float]) -> dict[str, Facts]:
    """What captions may say of each utterance, by its name; `limits` is what `levels` gave for the training utterances."""

    def known(value: object, names: Mapping) -> str | None:
        return value if not pd.isna(value) and value in names else None

    found = {}
    for row in table.itertuples():
        above, unsure = sum(row.arousal > limit for limit in limits), np.isnan([row.arousal, *limits]).any()
        rest = known(row.emotion, EMOTION_WORDS), known(row.sex, _WHO), known(row.language, LANGUAGES)
        found[row.utterance] = Facts(*rest, None if unsure else ("low", "middle", "high")[above])
    return found


def caption(known: Facts, numbers: np.random.Generator) -> str:
    """A caption in wordings drawn at random; manner and language are mentioned every second time."""

    def one(choices: Sequence[str]) -> str:
        return choices[int(numbers.integers(len(choices)))]

    who = one(_WHO.get(known.sex, _ANYONE))
    sentences = _TAUGHT_TEMPLATES if known.emotion else _WITHOUT_EMOTION
    emotion = one(words(known.emotion)) if known.emotion else ""
    parts = [one(sentences).format(who=who, whom=_OBJECTS.get(who, who), emotion=emotion)]
    if known.manner and numbers.random() < 0.5:
        parts.append(one(_MANNERS[known.manner]))
    if known.language and numbers.random() < 0.5:
        parts.append(one(_LANGUAGE).format(language=LANGUAGES[known.language]))
    return ", ".join(parts)


def compose(classes: Sequence[str], templates: Sequence[str], words: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Put every word of every class into every template, a text with "{emotion}" in it: emotion, template, word, text."""
    rows = [
        {"emotion": name, "template": template, "word": word, "text": template.replace("{emotion}", word)}
        for name in classes
        for template in templates
        for word in words[name]
    ]
    return pd.DataFrame(rows)


def wordings() -> dict[str, pd.DataFrame]:
    """Prompts (from `compose`) for the four classes, in wordings that lie farther and farther from the demo's captions.

    To a published model all are new. Words of excitement ask for happiness, too.
    """
    taught, new = templates(), templates(held_out=True)
    written = {}
    for name, sentences, kind in (
        ("as taught", taught, "taught"),
        ("new templates", new, "taught"),
        ("new forms of the words", taught, "forms"),
        ("new words", taught, "new"),
    ):
        found = {emotion: words(emotion, kind) for emotion in labels.FOUR}
        found["happiness"] += words("excitement", kind)
        written[name] = compose(labels.FOUR, sentences, found)
    return written


def ensemble(table: pd.DataFrame, embeddings: np.ndarray) -> pd.DataFrame:
    """One direction a class: the mean of its prompts' directions (Radford et al. 2021, arXiv 2103.00020, section 3.1.4).

    Of prompts (`compose`) and their embeddings, (prompts, d): length 1, (classes, d), by emotion; errors as `unit`.
    """
    means = pd.DataFrame(unit(embeddings)).groupby(table["emotion"].to_numpy(), sort=False).mean()
    return pd.DataFrame(unit(means.to_numpy()), index=means.index.rename("emotion"))


def unit(embeddings: np.ndarray) -> np.ndarray:
    """The same directions, of length 1: float64, (n, d). A ValueError where one is zero or not finite."""
    values = np.asarray(embeddings, dtype=np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise ValueError("an embedding is zero or not finite: it points nowhere, and a cosine is not defined")
    return values / lengths


def similarities(audio: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """The cosine of each sound (n, d) to each text (m, d): (n, m); errors as `unit`."""
    return unit(audio) @ unit(texts).T


def classify(audio: np.ndarray, texts: pd.DataFrame, *, reference: np.ndarray | None = None) -> np.ndarray:
    """Name for each sound (n, d) the class that lies nearest: the emotions, (n,).

    `texts`: the classes' directions (`ensemble`); `reference`: unlabelled sound to calibrate with, (k, d).
    """
    scores = similarities(audio, texts.to_numpy())
    if reference is not None:
        scores = scores - similarities(reference, texts.to_numpy()).mean(axis=0)
    return texts.index.to_numpy(dtype=object)[scores.argmax(axis=1)]


def evaluate(
    audio: np.ndarray,
    table: pd.DataFrame,
    texts: pd.DataFrame,
    *,
    reference: np.ndarray | None = None,
    by: str = "dialogue",
    **interval: Any,
) -> pd.DataFrame:
    """Score the plain and the calibrated cosine.

    Takes embeddings, (n, d), emotion and `by` (the column whose groups are drawn for intervals) of each row; the classes'
    directions (`ensemble`); sound of the training sessions to calibrate with, None for the tested sound itself; level, draws
    and random_state. A row that is not finite, or has none of the classes, is left out; errors as `usable`.

    Returns a row for each of the two ways: way, calibration, n, groups, `SCORES`; `chance`, the UAR of always naming one class,
    and `majority`, the accuracy of always naming the most frequent one. All scores are fractions.
    """
    audio, table = usable(audio, table, classes=texts.index)
    own = audio if reference is None else reference[np.isfinite(reference).all(axis=1)]
    rows = []
    for way, sound in ((COSINE, None), (CALIBRATED, own)):
        predicted, source = classify(audio, texts, reference=sound), TRANSDUCTIVE if reference is None else INDUCTIVE
        scores = scored(table["emotion"], predicted, table[by], classes=list(texts.index), **interval)
        rows.append({"way": way, "calibration": "" if sound is None else source, **scores})
    return pd.DataFrame(rows)


def probe(
    audio: np.ndarray,
    table: pd.DataFrame,
    *,
    classes: Sequence[str],
    trained: np.ndarray,
    by: str = "dialogue",
    random_state: int,
    **interval: Any,
) -> pd.DataFrame:
    """Score a linear probe on the sounds that a model was not trained on, as a row of `evaluate`.

    It is fitted to the rows that are `trained`, (n,), as the model is, and tested on the others; where there are none, in folds
    that keep the groups of `by` whole. `calibration` says so, or why it could not be fitted: then the scores are NaN.
    """
    trained = np.asarray(trained, dtype=bool)
    audio, table, trained = usable(audio, table, trained, classes=classes)
    fitted = "fitted to the training's sound and labels" if trained.any() else f"fitted in folds, each {by} whole"
    names, splits = table["emotion"].to_numpy(dtype=str), [(np.flatnonzero(trained), np.flatnonzero(~trained))]
    try:
        if trained.all():
            raise ValueError("every row was in the model's training")
        if not trained.any():
            splits = probes.folds(table["emotion"], table[by], random_state=random_state)
        predicted = np.concatenate([probes.predicted(audio, names, *split) for split in splits])
    except ValueError as error:
        empty = dict.fromkeys((*SCORES, "majority"), float("nan")) | {"chance": 1 / len(classes)}
        return pd.DataFrame([{"way": PROBE, "calibration": f"not fitted: {error}", "n": 0, "groups": 0, **empty}])
    tested = table.iloc[np.concatenate([test for _, test in splits])]
    interval |= {"random_state": random_state}
    scores = scored(tested["emotion"], predicted, tested[by], classes=classes, **interval)
    return pd.DataFrame([{"way": PROBE, "calibration": fitted, **scores}])


def scored(
    truth: pd.Series, predicted: np.ndarray, groups: pd.Series, *, classes: Sequence[str], **interval: Any
) -> dict:
    """UAR and accuracy of predicted classes, (n,), with intervals by group; for what it returns see `evaluate`."""
    truth, predicted, groups = (np.asarray(values, dtype=str) for values in (truth, predicted, groups))
    scores = metrics.evaluate(truth, predicted, labels=list(classes))
    counts, row = np.unique(truth, return_counts=True)[1], {"n": len(truth), "groups": len(np.unique(groups))}
    for name, guess, known in (("uar", "chance", 1 / len(counts)), ("accuracy", "majority", counts.max() / len(truth))):
        low, high = metrics.bootstrap_interval(truth, predicted, groups, metric=name, **interval)
        row |= {name: scores[name], f"{name}_low": low, f"{name}_high": high, guess: float(known)}
    return row


def usable(audio: np.ndarray, table: pd.DataFrame, *more: np.ndarray, classes: Sequence[str]) -> tuple:
    """Leave out rows without an embedding, and those whose emotion is none of the classes: ValueError where none stays.

    Returns embeddings (n, d), table (with a fresh index) and further arrays of n rows, of the rows that stay.
    """
    known = table["emotion"].isin(list(classes)).to_numpy(dtype=bool) & np.isfinite(audio).all(axis=1)
    if not known.any():
        raise ValueError(f"none of {len(table)} rows has an embedding and one of the classes {', '.join(classes)}")
    return audio[known], table[known].reset_index(drop=True), *(values[known] for values in more)
