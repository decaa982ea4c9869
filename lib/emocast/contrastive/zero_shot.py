"""Zero-shot classification: a sound belongs to the emotion whose words lie nearest to it, by the cosine.

No classifier is fitted; the wording decides, so every single prompt is tried (`single_prompts`) beside the `ensemble` of all.
**Calibration** takes from a class's similarities their mean over sounds whose label nobody looks at, for some words lie near
to every sound. Also the words of the demo's own model: captions of what the utterance table knows, and what no caption has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .. import labels, metrics
from ..labels import LANGUAGES
from ..metrics import probes
from ..metrics.scores import COUNTED

#: What the mean of the calibration is taken over. The tested sound itself, where there is no training sound: such a row is
#: transductive, for a single recording could not be classified like that.
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


def words(emotion: str, kind: str = "taught") -> list[str]:
    """The words for an emotion: "taught", the adjectives that captions use, or of a kind that no caption has.

    These are "forms", adverbs and nouns of the same stems, and "new" words, which share not even three letters in a row with
    any that is taught, so that a model without other knowledge of English can only guess. A ValueError where it has none.
    """
    if emotion not in EMOTION_WORDS:
        raise ValueError(f"no words for the emotion {emotion!r}; there are words for {', '.join(EMOTION_WORDS)}")
    return EMOTION_WORDS[emotion].split(" | ")[("taught", "forms", "new").index(kind)].split()


def templates(*, held_out: bool = False) -> list[str]:
    """Sentences around "{emotion}" that captions are built as, or those that none is; they speak of "someone"."""
    chosen = _HELD_OUT_TEMPLATES if held_out else _TAUGHT_TEMPLATES
    return [template.format(who=_ANYONE[0], emotion="{emotion}") for template in chosen]


class Facts(NamedTuple):
    """What a caption may say of an utterance, None for what is not known; `manner` is "low", "middle" or "high" arousal."""

    emotion: str | None
    sex: str | None
    language: str | None
    manner: str | None


def levels(arousal: pd.Series) -> tuple[float, float]:
    """The highest arousal that counts as low, and as middle: thirds, on the corpus's own scale; NaN where none is known.

    Give training utterances alone: the limits are fitted to them.
    """
    low, middle = arousal.quantile([1 / 3, 2 / 3])
    return float(low), float(middle)


def facts(table: pd.DataFrame, *, limits: tuple[float, float]) -> dict[str, Facts]:
    """What captions may say of each utterance, by its name; `limits` is what `levels` gave for the training utterances."""

    def known(value: object, names: Mapping) -> str | None:
        return value if not pd.isna(value) and value in names else None

    found = {}
    for row in table.itertuples():
        manner = None
        if not np.isnan([row.arousal, *limits]).any():
            manner = ("low", "middle", "high")[int(row.arousal > limits[0]) + int(row.arousal > limits[1])]
        rest = known(row.emotion, EMOTION_WORDS), known(row.sex, _WHO), known(row.language, LANGUAGES)
        found[row.utterance] = Facts(*rest, manner)
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
    """Put every word of every class into every template, a text with "{emotion}" in it.

    One row a prompt: emotion (its class), template, word, text. A ValueError where a template has no "{emotion}", or a class
    no word.
    """
    for template in templates:
        if "{emotion}" not in template:
            raise ValueError(f'the template {template!r} has no "{{emotion}}" in it, where the word belongs')
    without = [name for name in classes if not words.get(name)]
    if without or not templates:
        raise ValueError(f"no word for {without[0]}: give at least one a class" if without else "no template is given")
    rows = [
        {"emotion": name, "template": template, "word": word, "text": template.replace("{emotion}", word)}
        for name in classes
        for template in templates
        for word in words[name]
    ]
    return pd.DataFrame(rows)


def wordings() -> dict[str, pd.DataFrame]:
    """Prompts (from `compose`) for the four classes, in wordings that lie farther and farther from the demo's captions.

    "as taught": words and templates of the captions; then its words in new templates, other forms of them, and new words, the
    last two in the captions' templates. To a published model all are new. Words of excitement ask for happiness, too.
    """
    taught, new = templates(), templates(held_out=True)
    given = {
        "as taught": (taught, "taught"),
        "new templates": (new, "taught"),
        "new forms of the words": (taught, "forms"),
        "new words": (taught, "new"),
    }
    written = {}
    for name, (sentences, kind) in given.items():
        found = {emotion: words(emotion, kind) for emotion in labels.FOUR}
        found["happiness"] += words("excitement", kind)
        written[name] = compose(labels.FOUR, sentences, found)
    return written


def ensemble(table: pd.DataFrame, embeddings: np.ndarray) -> pd.DataFrame:
    """One direction a class: the mean of all its prompts' directions (Radford et al. 2021, arXiv 2103.00020, section 3.1.4).

    Takes prompts, as from `compose`, and their embeddings, (prompts, d). Returns directions of length 1, (classes, d), indexed
    by emotion in the order of `table`; errors as `unit`.
    """
    means = pd.DataFrame(unit(embeddings)).groupby(table["emotion"].to_numpy(), sort=False).mean()
    return pd.DataFrame(unit(means.to_numpy()), index=means.index.rename("emotion"))


def choices(prompts: pd.DataFrame, *, most: int, random_state: int) -> list[tuple[str, tuple[int, ...]]]:
    """All ways to take one word a class, the same template for all; of more than `most` a template so many are drawn.

    Returns pairs of a template and the positions of one prompt a class.
    """
    generator, found = np.random.default_rng(random_state), []
    for template, rows in prompts.reset_index(drop=True).groupby("template", sort=False):
        places = [group.index.to_numpy() for _, group in rows.groupby("emotion", sort=False)]
        shape = tuple(len(group) for group in places)
        count = int(np.prod(shape))
        for number in range(count) if count <= most else np.sort(generator.choice(count, most, replace=False)):
            drawn = np.unravel_index(number, shape)
            found.append((template, tuple(int(group[place]) for group, place in zip(places, drawn, strict=True))))
    return found


def unit(embeddings: np.ndarray) -> np.ndarray:
    """The same directions, of length 1: float64, (n, d). A ValueError where one is zero or not finite."""
    values = np.asarray(embeddings, dtype=np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise ValueError("an embedding is zero or not finite: it points nowhere, and a cosine is not defined")
    return values / lengths


def similarities(audio: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """The cosine of each sound (n, d) to each text (m, d): (n, m). A ValueError where they share no space; else as `unit`."""
    if audio.shape[1] != texts.shape[1]:
        raise ValueError(f"sounds have {audio.shape[1]} values and texts {texts.shape[1]}: they share no space")
    return unit(audio) @ unit(texts).T


def classify(audio: np.ndarray, texts: pd.DataFrame, *, reference: np.ndarray | None = None) -> np.ndarray:
    """Name for each sound (n, d) the class that lies nearest: the emotions, (n,).

    `texts` are the classes' directions (`ensemble`), `reference` unlabelled sound to calibrate with, (k, d); None for the plain
    cosine.
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

    Args:
        audio: embeddings, (n, d); a row that is not finite, or whose emotion is no class, is left out.
        table: emotion and `by` (the column whose groups are drawn for the intervals) of each row.
        texts: the classes' directions (`ensemble`).
        reference: sound of the training sessions to calibrate with; None for the tested sound itself.
        interval: level, draws and random_state, as for `metrics.bootstrap_interval`.

    Returns:
        A row for each of the two ways: way, calibration, n, groups, `SCORES`; `chance`, the UAR of always naming one class, and
        `majority`, the accuracy of always naming the most frequent one. All scores are fractions. Errors as `usable`.
    """
    audio, table = usable(audio, table, classes=texts.index)
    own = audio if reference is None else reference[np.isfinite(reference).all(axis=1)]
    rows = []
    for way, sound in ((COSINE, None), (CALIBRATED, own)):
        predicted = classify(audio, texts, reference=sound)
        source = TRANSDUCTIVE if reference is None else INDUCTIVE
        scores = scored(table["emotion"], predicted, table[by], classes=list(texts.index), **interval)
        rows.append({"way": way, "calibration": "" if sound is None else source, **scores})
    return pd.DataFrame(rows)


def single_prompts(
    audio: np.ndarray,
    table: pd.DataFrame,
    written: pd.DataFrame,
    embeddings: np.ndarray,
    *,
    reference: np.ndarray | None = None,
    most: int = 300,
    random_state: int,
) -> pd.DataFrame:
    """Score prompts one by one, as somebody does who writes one text a class and leaves it at that.

    Takes sound, table and reference as `evaluate`, prompts as from `compose` with their embeddings, (prompts, d); `most` and
    `random_state` as `choices`. Two rows a choice, plain and calibrated: template, words (in the order of the classes), way,
    accuracy, uar.
    """
    classes = list(written["emotion"].unique())
    audio, table = usable(audio, table, classes=classes)
    plain = similarities(audio, embeddings)
    own = audio if reference is None else reference[np.isfinite(reference).all(axis=1)]
    scores = {COSINE: plain, CALIBRATED: plain - similarities(own, embeddings).mean(axis=0)}
    truth = pd.Index(classes).get_indexer(table["emotion"])
    rows = []
    for template, chosen in choices(written, most=most, random_state=random_state):
        words = ", ".join(written["word"].iloc[list(chosen)])
        for way, similar in scores.items():
            counts = np.zeros((len(classes), len(classes)), dtype=int)
            np.add.at(counts, (truth, similar[:, chosen].argmax(axis=1)), 1)
            values = {name: float(COUNTED[name](counts)) for name in ("accuracy", "uar")}
            rows.append({"template": template, "words": words, "way": way, **values})
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
    """Score a linear probe on the sounds that a model was not trained on.

    `trained` says which rows it was trained on, (n,): the probe is fitted to them too, and tested on the others. Where
    there are none, it is fitted in folds that keep the groups of `by` whole. The rest is as for `evaluate`, and so is the
    row that comes out; `calibration` says what the probe was fitted to, or why it could not be fitted: then the scores are
    NaN.
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
    occurring = np.unique(truth, return_counts=True)[1]
    row = {"n": len(truth), "groups": len(np.unique(groups))}
    guesses = (("uar", "chance", 1 / len(occurring)), ("accuracy", "majority", occurring.max() / len(truth)))
    for name, guess, known in guesses:
        low, high = metrics.bootstrap_interval(truth, predicted, groups, metric=name, **interval)
        row |= {name: scores[name], f"{name}_low": low, f"{name}_high": high, guess: float(known)}
    return row


def usable(audio: np.ndarray, table: pd.DataFrame, *more: np.ndarray, classes: Sequence[str]) -> tuple:
    """Leave out rows without an embedding, and those whose emotion is none of the classes.

    Returns embeddings (n, d), table (with a fresh index) and further arrays of n rows, of the rows that stay. A ValueError
    where none does, or embeddings and rows do not belong together.
    """
    if len(audio) != len(table):
        raise ValueError(f"{len(audio)} embeddings and {len(table)} rows do not belong together")
    known = table["emotion"].isin(list(classes)).to_numpy(dtype=bool) & np.isfinite(audio).all(axis=1)
    if not known.any():
        raise ValueError(f"none of {len(table)} rows has an embedding and one of the classes {', '.join(classes)}")
    return audio[known], table[known].reset_index(drop=True), *(values[known] for values in more)
