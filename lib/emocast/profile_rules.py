"""What a profile's settings must fulfil beyond their kinds: names that there are, values that can be right.

`profile` reads settings and gives them their types; the rules stand here, each in the words that the reader of a faulty
profile is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import labels

if TYPE_CHECKING:
    from .profile import Contrast, ForecasterSettings, Profile

#: What a profile may name. The rooms that hold these are higher ones; a test keeps the names alike.
PROTOCOLS = ("random", "purged", "dialogue", "speaker", "session", "scenario", "episode", "official")
PRECISIONS = ("auto", "fp32", "bf16")
ENCODERS = ("handcrafted", "wav2vec2:", "transformers:", "laion-clap:", "msclap:", "emotion2vec:", "dual:")
CONTRASTIVE = ("laion-clap:", "msclap:", "transformers:", "dual:")
CORPORA = ("iemocap", "cremad", "emodb", "shemo", "meld")
TWINS = ("cremad", "emodb", "shemo", "librispeech")


def first_broken(profile: Profile) -> str | None:
    """Hold a profile's values, which are of the right kind, against what can be right.

    Args:
        profile: the settings.

    Returns:
        The first rule that is broken, in words; None if all hold.
    """
    twins = profile.twins or {}
    rules = {
        **_corpora_rules(profile),
        f"twins may name {', '.join(TWINS)}": set(twins) <= set(TWINS),
        "each of the twins needs a folder in corpora": set(twins) <= set(profile.corpora),
        "synthetic_meld needs a folder meld in corpora": profile.synthetic_meld is None or "meld" in profile.corpora,
        "a twin must have at least 1 speaker and 1 utterance": all(
            size is None or min(size.speakers, size.utterances) >= 1 for size in twins.values()
        ),
        "corpus must be one of the corpora": profile.corpus in profile.corpora,
        "windows.length_s must be positive": profile.windows.length_s > 0,
        "windows.guard_s must not be negative": profile.windows.guard_s >= 0,
        "windows.shifts_s must be ascending and start at 0 or later": profile.windows.shifts_s
        == sorted(set(profile.windows.shifts_s))
        and profile.windows.shifts_s[:1] >= [0],
        f"embeddings.precision must be one of {', '.join(PRECISIONS)}": profile.embeddings.precision in PRECISIONS,
        "embeddings.block_s must be positive and divide windows.length_s": profile.embeddings.block_s > 0
        and (profile.windows.length_s / profile.embeddings.block_s).is_integer(),
        "embeddings.block_shifts_s must be among windows.shifts_s": set(profile.embeddings.block_shifts_s)
        <= set(profile.windows.shifts_s),
        f"sweep_task must be one of the tasks: {', '.join(profile.tasks)}": profile.sweep_task in profile.tasks,
        f"encoder, baseline and embeddings.compared must be of {', '.join(ENCODERS)} (after a colon: what and where)": all(
            name in ENCODERS or any(name.startswith(kind) for kind in ENCODERS if kind.endswith(":"))
            for name in (profile.encoder, profile.baseline, *profile.embeddings.compared)
        ),
        f"split.protocol must be one of {', '.join(PROTOCOLS)}": profile.split.protocol in PROTOCOLS,
        "ser.epochs, batch_size, screened, balanced_draws and jobs must be at least 1": min(
            profile.ser.epochs,
            profile.ser.batch_size,
            profile.ser.screened,
            profile.ser.balanced_draws,
            profile.ser.jobs,
        )
        >= 1,
        "ser.learning_rate_head and learning_rate_encoder must be positive": min(
            profile.ser.learning_rate_head, profile.ser.learning_rate_encoder
        )
        > 0,
        f"ser.precision must be one of {', '.join(PRECISIONS)}": profile.ser.precision in PRECISIONS,
        "ser.fractions must be three positive shares that sum to 1": len(profile.ser.fractions) == 3
        and min(profile.ser.fractions) > 0
        and abs(sum(profile.ser.fractions) - 1) < 1e-9,
        "ser.crop_s must be positive, or null for whole utterances": profile.ser.crop_s is None
        or profile.ser.crop_s > 0,
        "ser.start: epochs, batch_size, learning_rate and crop_s must be positive, crop_s at least 0.1 s": profile.ser.start
        is None
        or (
            min(profile.ser.start.epochs, profile.ser.start.batch_size) >= 1
            and profile.ser.start.learning_rate > 0
            and profile.ser.start.crop_s >= 0.1
        ),
        "ser.start.corpus must be one of the corpora": profile.ser.start is None
        or profile.ser.start.corpus in profile.corpora,
        **_contrastive_rules(profile.contrastive),
        **_claims_rules(profile),
        **_forecaster_rules(profile.forecaster),
        "fcdnn.learning_rate must be positive": profile.fcdnn.learning_rate > 0,
        "split.test_fraction must lie between 0 and 1": 0 < profile.split.test_fraction < 1,
        "split.ladder_shifts_s must be ascending, among windows.shifts_s and hold those of claims, or be null": _on_ladder(
            profile
        ),
        "split.folds must be at least 2": profile.split.folds >= 2,
        "intervals.level must lie between 0 and 1": 0 < profile.intervals.level < 1,
        "intervals.draws must be at least 1": profile.intervals.draws >= 1,
        "jobs must be at least 1": profile.jobs >= 1,
    }
    broken = [rule for rule, holds in rules.items() if not holds]
    return next(iter([*_wrong_tasks(profile.tasks), *broken]), None)


def _wrong_tasks(tasks: dict[str, list[str]]) -> Iterator[str]:
    """What is wrong with the classes of each task."""
    for task, emotions in tasks.items():
        unknown = set(emotions) - set(labels.EMOTIONS)
        if unknown or len(set(emotions)) < 2:
            problem = f"unknown emotion {min(unknown)!r}" if unknown else "fewer than two classes"
            yield f"task {task!r}: {problem}"


def _corpora_rules(profile: Profile) -> dict[str, bool]:
    """What must hold of the block `corpora`: folders of corpora that we read, and corpora of one's own with their loaders."""
    ours, own = dict.fromkeys([*CORPORA, *TWINS]), profile.loaders
    names = ", ".join(ours)
    return {
        f"corpora: one of your own needs another name than {names}": not set(own) & set(ours),
        f"corpora may name {names}, or one of your own as name: {{module: file.py, root: folder}}": set(profile.corpora)
        <= {*ours, *own},
        "corpora: the name of one of your own must be of letters, digits, _ and -": all(
            re.fullmatch(r"[\w-]+", name) for name in own
        ),
        "corpora: the module of one of your own must be a .py file": all(file.suffix == ".py" for file in own.values()),
    }


def _contrastive_rules(contrast: Contrast) -> dict[str, bool]:
    """What must hold of the block `contrastive`."""
    dual = contrast.dual
    return {
        f"contrastive.models must be of {', '.join(CONTRASTIVE)} (after the colon: where)": all(
            name.startswith(CONTRASTIVE) and not name.endswith(":") for name in contrast.models.values()
        ),
        f"contrastive.model must be one of contrastive.models: {', '.join(contrast.models)}": contrast.model
        in contrast.models,
        "contrastive.events must be at least 1, or null for all": contrast.events is None or contrast.events >= 1,
        "contrastive.permutations must be at least 1": contrast.permutations >= 1,
        "contrastive.clusters must be ascending numbers from 2": contrast.clusters == sorted(set(contrast.clusters))
        and contrast.clusters[:1] >= [2],
        "contrastive.dual: epochs, batch_size, dimension and text_dimension must be at least 1, batch_size at least 2": dual
        is None
        or (min(dual.epochs, dual.dimension, dual.text_dimension) >= 1 and dual.batch_size >= 2),
        "contrastive.dual: learning_rate and learning_rate_encoder must be positive": dual is None
        or min(dual.learning_rate, dual.learning_rate_encoder) > 0,
        "contrastive.dual.crop_s must be at least 0.1 s, or null for whole utterances": dual is None
        or dual.crop_s is None
        or dual.crop_s >= 0.1,
    }


def _on_ladder(profile: Profile) -> bool:
    """Whether the shifts of the ladder are some of the sweep's, and all that notebook 07 asks."""
    asked = profile.split.ladder_shifts_s
    known = set(profile.windows.shifts_s)
    return asked is None or (asked == sorted(set(asked) & known) and set(profile.claims.shifts_s) <= set(asked))


def _claims_rules(profile: Profile) -> dict[str, bool]:
    """What must hold of the block `claims`."""
    claims, shifts = profile.claims, profile.windows.shifts_s
    known = set(vars(profile.fcdnn)) - {"standardize"}
    return {
        "claims.shifts_s must be ascending, among windows.shifts_s and hold its first and its last": claims.shifts_s
        == sorted(set(claims.shifts_s) & set(shifts))
        and {*shifts[:1], *shifts[-1:]} <= set(claims.shifts_s),
        f"claims.protocol must be one of {', '.join(PROTOCOLS)}": claims.protocol in PROTOCOLS,
        "claims.permutations must be at least 1": claims.permutations >= 1,
        "claims.fractions must be above 0 and up to 1, and hold 1": bool(claims.fractions)
        and min(claims.fractions) > 0
        and max(claims.fractions) == 1,
        "claims.tolerance must lie between 0 and 1": 0 < claims.tolerance < 1,
        "claims.search.settings must be at least 1": claims.search.settings >= 1,
        f"claims.search.space may name {', '.join(sorted(known))}, each with values": set(claims.search.space) <= known
        and all(claims.search.space.values()),
    }


def _forecaster_rules(forecaster: ForecasterSettings) -> dict[str, bool]:
    """What must hold of the block `forecaster`."""
    return {
        f"forecaster.protocol must be one of {', '.join(PROTOCOLS)}": forecaster.protocol in PROTOCOLS,
        "forecaster.validation_fraction and known_share must lie between 0 and 1": all(
            0 < share < 1 for share in (forecaster.validation_fraction, forecaster.known_share)
        ),
        "forecaster.least_gain must be at least 1": forecaster.least_gain >= 1,
        "forecaster.step_s must be positive": forecaster.step_s > 0,
    }
