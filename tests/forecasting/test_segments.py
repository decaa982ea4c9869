import numpy as np
import pytest

from emocast.corpora.synthetic import forecast, process, raters, script
from emocast.forecasting import segments

#: Without contagion the synthetic conversations come from exactly this kind of model.
PROCESS = process.Process(contagion=0.0)
SCENARIO = script.SCENARIOS[0]
TRUE = segments.Segments(
    PROCESS.start_moods(SCENARIO), PROCESS.jumps(SCENARIO), PROCESS.durations, PROCESS.emission @ raters.channel()
)


@pytest.fixture(scope="module")
def sequences():
    """Gold labels of 40 dialogues of unequal length."""
    generator, channel = np.random.default_rng(0), raters.channel()
    return tuple(
        tuple(
            int(generator.choice(len(raters.GOLD), p=channel[process.STATES.index(emotion)]))
            for emotion in PROCESS.sample(SCENARIO, int(generator.integers(2, 40)), generator)["emotion"]
        )
        for _ in range(40)
    )


def _log_likelihood(model, sequences):
    """The log of P(known labels), by forecasting each from those before it."""
    steps = [
        (line[:turn], line[turn]) for line in sequences for turn in range(len(line)) if line[turn] != segments.UNKNOWN
    ]
    shares = model.ahead(segments.filtered(model, [before for before, _ in steps]), np.ones(1))
    return np.log(shares[np.arange(len(steps)), [label for _, label in steps]]).sum()


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_filter_and_forecast_are_those_of_the_known_process(sequences, ahead):
    history = (*sequences[0][:4], segments.UNKNOWN, *sequences[0][4:6])
    weights = np.eye(ahead)[-1]
    states = segments.filtered(TRUE, [history, (), history[:2]])
    for found, sequence in zip(TRUE.ahead(states, weights), [history, (), history[:2]], strict=True):
        named = [None if symbol == segments.UNKNOWN else raters.GOLD[symbol] for symbol in sequence]
        assert np.allclose(found, forecast.forecast(named, SCENARIO, ahead, process=PROCESS))


def test_an_unknown_distance_is_a_mixture():
    states = segments.filtered(TRUE, [(0, 0, 3)])
    parts = [TRUE.ahead(states, np.eye(3)[step]) for step in range(3)]
    weights = np.array([0.5, 0.2, 0.3])
    assert np.allclose(TRUE.ahead(states, weights), sum(w * part for w, part in zip(weights, parts, strict=True)))


def test_likelihood_against_all_labels(sequences):
    """The probabilities of all sequences of three labels sum to one, and an unknown label sums over its values."""
    model = segments.Segments(
        TRUE.start, TRUE.jump, TRUE.duration, TRUE.emission[:, :3] / TRUE.emission[:, :3].sum(1)[:, None]
    )
    every = [(a, b, c) for a in range(3) for b in range(3) for c in range(3)]
    chance = {line: np.exp(_log_likelihood(model, [line])) for line in every}
    assert sum(chance.values()) == pytest.approx(1)
    summed = sum(chance[(1, b, 2)] for b in range(3))
    assert np.exp(_log_likelihood(model, [(1, segments.UNKNOWN, 2)])) == pytest.approx(summed)


def test_em_climbs(sequences):
    found = [
        _log_likelihood(segments.fit(sequences, len(raters.GOLD), iterations=rounds), sequences)
        for rounds in (0, 1, 2, 4, 8, 16, 32)
    ]
    assert np.all(np.diff(found) > 0)
    # With a few hundred free numbers it describes its own training better than the truth does.
    assert found[-1] > _log_likelihood(TRUE, sequences) > found[0]


def test_fit_does_not_depend_on_the_order_of_dialogues(sequences):
    first = segments.fit(sequences, len(raters.GOLD), iterations=5)
    again = segments.fit(sequences[::-1], len(raters.GOLD), iterations=5)
    assert all(np.allclose(one, other) for one, other in zip(first, again, strict=True))


def test_durations_are_learned():
    """States of exactly four turns and labels that tell them: the fit must know that the fifth turn is another's."""
    generator = np.random.default_rng(1)
    lines = []
    for _ in range(60):
        states = [int(generator.integers(3))]
        while len(states) < 7:
            states.append((states[-1] + int(generator.integers(1, 3))) % 3)
        lines.append(tuple(np.repeat(states, 4).tolist()))
    model = segments.fit(tuple(lines), 3, states=3, longest=8)
    assert (model.duration.argmax(axis=1) == 3).all() and (model.duration.max(axis=1) > 0.9).all()
    three, four = model.ahead(segments.filtered(model, [(0, 0, 0), (0, 0, 0, 0)]), np.ones(1))
    assert three[0] > 0.9 and four[0] < 0.1


def test_all_numbers_stay_probabilities(sequences):
    for part in segments.fit(sequences, len(raters.GOLD)):
        assert np.allclose(part.sum(axis=-1), 1) and (part >= 0).all()
    assert not np.diag(segments.fit(sequences, len(raters.GOLD)).jump).any()


def test_nothing_to_fit_is_said():
    with pytest.raises(ValueError, match="no training dialogue has a label"):
        segments.fit(((segments.UNKNOWN,),), 2)
    with pytest.raises(ValueError, match="at least 2 of both"):
        segments.fit(((0, 1),), 2, states=1)
