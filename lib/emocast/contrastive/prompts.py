"""What emotions are called: prompts out of templates and words, alone and together.

The preprint finds that "selecting the appropriate text prompt proves challenging", and one wording is one sample of many.
`choices` are all the single prompts that somebody could have written; an `ensemble` takes a class to be the mean of all its
prompts' directions, brought to length 1 again (Radford et al. 2021, arXiv 2103.00020, section 3.1.4).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from .. import labels
from . import captions


def compose(classes: Sequence[str], templates: Sequence[str], words: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Put every word of every class into every template.

    Args:
        classes: the emotions in play.
        templates: texts with "{emotion}" in them, for example "a person who sounds {emotion}".
        words: emotion -> words for it.

    Returns:
        One row a prompt: emotion (its class), template, word, text.

    Raises:
        ValueError: a template has no "{emotion}", or a class no word.
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
    """Prompts for the four classes of `labels.FOUR`, in wordings that lie farther and farther from the demo's captions.

    The class happiness is asked for by words of happiness and of excitement, which `labels.four_classes` puts into one.

    Returns:
        What a wording is called -> prompts, as from `compose`. "as taught": words and templates of the captions that the
        demo's own model is trained on; then its words in new templates, other forms of them, and new words, the last two in
        the captions' templates. To a published model all are new.
    """
    taught, new = captions.templates(), captions.templates(held_out=True)
    known = _merged(captions.words)
    given = {
        "as taught": (taught, known),
        "new templates": (new, known),
        "new forms of the words": (taught, _merged(captions.forms)),
        "new words": (taught, _merged(functools.partial(captions.words, held_out=True))),
    }
    return {name: compose(labels.FOUR, *parts) for name, parts in given.items()}


def _merged(words: Callable[[str], list[str]]) -> dict[str, list[str]]:
    """The words of each of the four classes."""
    found = {name: words(name) for name in labels.FOUR}
    return {**found, "happiness": found["happiness"] + words("excitement")}


def ensemble(table: pd.DataFrame, embeddings: np.ndarray) -> pd.DataFrame:
    """Make one direction a class of all its prompts.

    Args:
        table: as from `compose`.
        embeddings: the prompts' text embeddings, (prompts, d), row by row.

    Returns:
        Directions of length 1, (classes, d), indexed by emotion in the order of `table`.

    Raises:
        ValueError: a class's prompts cancel each other out, or an embedding is zero or not finite.
    """
    means = pd.DataFrame(unit(embeddings)).groupby(table["emotion"].to_numpy(), sort=False).mean()
    return pd.DataFrame(unit(means.to_numpy()), index=means.index.rename("emotion"))


def choices(prompts: pd.DataFrame, *, most: int, random_state: int) -> list[tuple[str, tuple[int, ...]]]:
    """All ways to take one word a class, the same template for all classes; where they are too many, a part of them.

    Args:
        prompts: as from `compose`.
        most: at most so many a template.
        random_state: seed of the draw.

    Returns:
        Pairs of a template and the positions of one prompt a class.
    """
    generator, found = np.random.default_rng(random_state), []
    numbered = prompts.reset_index(drop=True)
    for template, rows in numbered.groupby("template", sort=False):
        places = [group.index.to_numpy() for _, group in rows.groupby("emotion", sort=False)]
        count = int(np.prod([len(group) for group in places]))
        taken = range(count) if count <= most else np.sort(generator.choice(count, most, replace=False))
        shape = tuple(len(group) for group in places)
        for number in taken:
            drawn = np.unravel_index(number, shape)
            found.append((template, tuple(int(group[place]) for group, place in zip(places, drawn, strict=True))))
    return found


def unit(embeddings: np.ndarray) -> np.ndarray:
    """The same directions, of length 1.

    Args:
        embeddings: (n, d).

    Returns:
        float64, (n, d).

    Raises:
        ValueError: an embedding is zero or not finite, and so has no direction.
    """
    values = np.asarray(embeddings, dtype=np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise ValueError("an embedding is zero or not finite: it points nowhere, and a cosine is not defined")
    return values / lengths
