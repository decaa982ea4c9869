"""Do intervals hold the truth as often as they say, and do tests cry wolf as seldom? `python -m benchmarks.coverage`.

Studies are simulated whose truth is known, as a corpus is built: some dialogues, 5 to 24 events each; how hard its events
are is a property of the dialogue, so that hits of one dialogue go together (and intervals that draw single events fail).
Each study has three classes in unequal shares, a model, a persistence that shares the dialogue's difficulty with it, a
ceiling, and the model's probabilities, calibrated or too sure.

The truth is a number of the process (exact for accuracy and UAR), or its mean over one sample of 40,000 dialogues.
`tests/metrics/test_coverage.py` asserts the main figures; here are more scores, and fewer dialogues.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import pandas as pd

from emocast import metrics

CLASSES = ("neutral", "joy", "sadness")
SHARES = (0.5, 0.3, 0.2)

# Of the Beta distribution of a dialogue's accuracy: mean 0.7, and two events of a dialogue correlate by 1 / (1 + 5).
_BETA = (3.5, 1.5)
_LARGE = 40_000

#: Two ways for models to score alike: in this share of the dialogues one of them is right more often by so much, in the
#: others less often by what makes the mean none. In the second a swap is not fair, for the differences are not symmetric.
NULLS = {"alike": (0.5, 0.2), "equal on average": (0.25, 0.3)}


def study(generator: np.random.Generator, *, dialogues: int) -> pd.DataFrame:
    """Simulate the events of one study.

    Args:
        generator: where chance comes from.
        dialogues: how many, of 5 to 24 events each.

    Returns:
        One row an event: dialogue, utterance, emotion; predicted (accuracy 0.7 on average) with p_<emotion>, which say for
        each event what its dialogue's accuracy is, and spread the rest evenly; `persistence` (0.5) and `ceiling` (0.9),
        which are right more often in the same dialogues; `rival`, a second model drawn as `predicted` is.
    """
    dialogue = np.repeat(np.arange(dialogues), generator.integers(5, 25, size=dialogues))
    ease = generator.beta(*_BETA, size=dialogues)[dialogue]
    true = generator.choice(len(CLASSES), size=len(dialogue), p=SHARES)
    chances = {"predicted": ease, "rival": ease, "persistence": ease - 0.2, "ceiling": (ease + 0.2)}
    said = {name: _said(generator, true, chance.clip(0, 1)) for name, chance in chances.items()}
    shares = np.repeat((1 - ease[:, None]) / 2, len(CLASSES), axis=1)
    shares[np.arange(len(true)), said["predicted"]] = ease
    columns = {name: np.array(CLASSES)[codes] for name, codes in {"emotion": true, **said}.items()}
    of_class = {f"p_{name}": shares[:, place] for place, name in enumerate(CLASSES)}
    return pd.DataFrame({"dialogue": dialogue, "utterance": np.arange(len(true)), **columns, **of_class})


def _said(generator: np.random.Generator, true: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Answers that are right with the given chance, and else another class, each alike."""
    other = (true + generator.integers(1, len(CLASSES), size=len(true))) % len(CLASSES)
    return np.where(generator.random(len(true)) < chance, true, other)


def unsure(table: pd.DataFrame, power: float) -> np.ndarray:
    """The probabilities of a study, (n, 3), made too sure by a power above 1."""
    shares = table[[f"p_{name}" for name in CLASSES]].to_numpy() ** power
    return shares / shares.sum(axis=1, keepdims=True)


def intervals(table: pd.DataFrame, *, draws: int, random_state: int) -> dict[str, tuple[float, float]]:
    """Every interval of one study: score -> (low, high)."""
    columns = [table[name].to_numpy() for name in ("emotion", "predicted", "dialogue")]
    true, _, dialogue = columns
    options = {"draws": draws, "random_state": random_state}
    found = {
        name: metrics.bootstrap_interval(*columns, metric=name, **options) for name in ("accuracy", "uar", "f1_macro")
    }
    pair = metrics.paired_bootstrap(true, table["persistence"].to_numpy(), *columns[1:], **options)
    found["difference"] = pair["low"], pair["high"]
    skilled = metrics.skill(
        *columns[:2], table["persistence"].to_numpy(), table["ceiling"].to_numpy(), dialogue, **options
    )
    found["skill"] = skilled["low"], skilled["high"]
    losses = metrics.brier_losses(true, unsure(table, 1), labels=CLASSES)
    found["brier"] = metrics.loss_interval(losses, dialogue, **options)
    for name, power in (("ece", 2.0), ("ece, calibrated", 1.0)):
        found[name] = metrics.calibration_interval(true, unsure(table, power), dialogue, labels=CLASSES, **options)
    return found


def truths(generator: np.random.Generator) -> dict[str, float]:
    """What the intervals ought to hold, from one very large study."""
    table = study(generator, dialogues=_LARGE)
    true, predicted = table["emotion"], table["predicted"]
    known = metrics.evaluate(true, predicted, labels=CLASSES)
    known |= {name: (table[name] == true).mean() for name in ("persistence", "ceiling")}
    known["difference"] = known["accuracy"] - known["persistence"]
    known["skill"] = known["difference"] / (known["ceiling"] - known["persistence"])
    known["brier"] = metrics.brier_losses(true, unsure(table, 1), labels=CLASSES).mean()
    for name, power in (("ece", 2.0), ("ece, calibrated", 1.0)):
        known[name] = metrics.calibration_error(true, unsure(table, power), labels=CLASSES)
    return known


def coverage(*, studies: int, dialogues: int, draws: int = 1000, random_state: int) -> pd.DataFrame:
    """Count how many 95 % intervals hold the truth.

    Args:
        studies: how many are simulated.
        dialogues: of each.
        draws: of each bootstrap.
        random_state: seed of everything.

    Returns:
        One row a score: score, dialogues, truth, covered (a fraction of the studies).
    """
    large, *seeds = np.random.SeedSequence(random_state).spawn(studies + 1)
    known, rows = truths(np.random.default_rng(large)), []
    for generator in map(np.random.default_rng, seeds):
        table, seed = study(generator, dialogues=dialogues), int(generator.integers(2**31))
        found = intervals(table, draws=draws, random_state=seed)
        rows += [(name, dialogues, low <= known[name] <= high) for name, (low, high) in found.items()]
    counted = pd.DataFrame(rows, columns=["score", "dialogues", "covered"])
    summary = counted.groupby(["score", "dialogues"], sort=False)["covered"].mean().reset_index()
    return summary.assign(truth=summary["score"].map(known))


def false_alarms(*, studies: int, dialogues: int, draws: int = 999, random_state: int) -> pd.DataFrame:
    """Count how often tests of two models that are alike say at 5 % that they are not.

    The nulls are those of `NULLS`.

    Args:
        studies: how many are simulated.
        dialogues: of each.
        draws: of each permutation test.
        random_state: seed of everything.

    Returns:
        One row a null and test: null, test, dialogues, false_alarms (a fraction of the studies).
    """
    rows = []
    for generator in map(np.random.default_rng, np.random.SeedSequence(random_state).spawn(studies)):
        for null in NULLS:
            table = null_study(generator, null, dialogues=dialogues)
            rows += [(null, test, dialogues, value <= 0.05) for test, value in _tests(table, generator, draws=draws)]
    counted = pd.DataFrame(rows, columns=["null", "test", "dialogues", "false_alarms"])
    return counted.groupby(["null", "test", "dialogues"], sort=False)["false_alarms"].mean().reset_index()


def null_study(generator: np.random.Generator, null: str, *, dialogues: int) -> pd.DataFrame:
    """Simulate a study in which two models score alike, though each of them is better in some dialogues.

    Args:
        generator: where chance comes from.
        null: a name in `NULLS`.
        dialogues: how many.

    Returns:
        As `study`, with other predictions of `predicted` and `rival`: a dialogue's accuracy is even between 0.3 and 0.6 for
        `rival`, and for `predicted` higher or lower by what the null says.
    """
    table, (share, up) = study(generator, dialogues=dialogues), NULLS[null]
    codes = pd.Categorical(table["emotion"], CLASSES).codes.astype(int)
    moved = np.where(generator.random(dialogues) < share, up, -up * share / (1 - share))[table["dialogue"]]
    ease = generator.uniform(0.3, 0.6, size=dialogues)[table["dialogue"]]
    said = {"predicted": _said(generator, codes, ease + moved), "rival": _said(generator, codes, ease)}
    return table.assign(**{name: np.array(CLASSES)[answers] for name, answers in said.items()})


def _tests(table: pd.DataFrame, generator: np.random.Generator, *, draws: int) -> Iterator[tuple[str, float]]:
    """The p-values of all tests of the two models of one study."""
    models = [table[name].to_numpy() for name in ("emotion", "predicted", "rival")]
    options = {"draws": draws, "random_state": generator}
    for metric in ("accuracy", "uar", "f1_macro"):
        test = metrics.permutation_test(*models, table["dialogue"].to_numpy(), metric=metric, **options)
        yield f"permutation by dialogue, {metric}", test["p_value"]
    yield (
        "permutation by event, accuracy",
        metrics.permutation_test(*models, np.arange(len(table)), **options)["p_value"],
    )
    yield "McNemar, mid-p", metrics.mcnemar_test(*models)["p_mid"]


def main() -> None:
    """Run the simulations and print their tables."""
    parser = argparse.ArgumentParser(description="Simulate how often intervals hold the truth and tests cry wolf.")
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--dialogues", type=int, nargs="+", default=[5, 10, 20, 60, 150])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for count, title, column in ((coverage, "held", "covered"), (false_alarms, "false alarms", "false_alarms")):
        parts = [
            count(studies=options.studies, dialogues=size, random_state=options.seed) for size in options.dialogues
        ]
        table = pd.concat(parts, ignore_index=True)
        index = [name for name in table.columns if name not in (column, "dialogues")]
        wide = table.pivot(index=index, columns="dialogues", values=column)
        print(
            f"\n{title}, of {options.studies} studies of so many dialogues\n{wide.to_string(float_format='{:.3f}'.format)}"
        )


if __name__ == "__main__":
    main()
