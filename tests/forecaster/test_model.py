"""A network that does not know says so; a forecaster that was read back gives the same bits, and what is wrong is one line."""

import json
import pickletools
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import small_forecaster
from emocast import cards
from emocast.forecaster import training
from emocast.forecaster.training import Familiarity


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_distances_are_mahalanobis_distances(rng):
    values = rng.normal(size=(3000, 4)) * [1.0, 1.2, 0.8, 1.1] + 5
    known = Familiarity.fit(values, values, known_share=0.9)
    plain = cdist(values, known.centre[None], "mahalanobis", VI=known.precision)[:, 0]
    np.testing.assert_allclose(known.distances(values), plain)
    np.testing.assert_allclose(known.precision, np.linalg.inv(np.cov(values.T)), atol=0.15)  # shrunk a little


def test_the_limit_is_that_of_validation(rng):
    fitted, validation = rng.normal(size=(500, 6)), 3 * rng.normal(size=(400, 6))
    known = Familiarity.fit(fitted, validation, known_share=0.95)
    assert known.unlike(validation).mean() == pytest.approx(0.05)
    assert known.unlike(fitted).mean() < 0.001  # nearer than what it was fitted to
    assert known.unlike(np.full((1, 6), 30.0)).all()


def _sure(top):
    """Probabilities of three classes whose largest is `top`."""
    return np.stack([top, (1 - top) / 2, (1 - top) / 2], axis=1)


def test_the_least_sure_are_left_out_as_long_as_they_are_worth_nothing():
    shares, hit = _sure(np.linspace(0.99, 0.34, 100)), np.arange(100) < 60  # the 40 least sure are all wrong
    np.testing.assert_allclose(training.uncertainty(np.array([[1, 0, 0], [0.5, 0.5, 0]])), [0, np.log(2) / np.log(3)])
    answered = training.uncertainty(shares) <= training.uncertainty_limit(shares, hit, least_gain=1.25)
    wanted, left_out = 1.25 / 3, ~answered
    assert hit[left_out].mean() < wanted <= hit[left_out].sum() / left_out.sum() + 1 / left_out.sum()
    assert hit[answered].all()


def test_a_network_at_chance_never_answers_and_a_perfect_one_always(rng):
    shares, chance = _sure(rng.uniform(0.34, 0.99, 300)), np.arange(300) % 3 == 0
    assert not (training.uncertainty(shares) <= training.uncertainty_limit(shares, chance, least_gain=1.25)).any()
    assert training.uncertainty_limit(shares, np.ones(300, bool), least_gain=1.25) == 1


@pytest.fixture
def place(tmp_path):
    made = small_forecaster.example()[2]
    return training.save(tmp_path / "demo" / "models" / "forecaster", made)


def test_it_gives_the_same_bits_after_reading(place):
    _, embeddings, made, _ = small_forecaster.example()
    again, asked = training.load(place), np.concatenate([embeddings[:60], 20 * embeddings[:5]])
    for before, after in zip(made.ask(asked), again.ask(asked), strict=True):
        np.testing.assert_array_equal(before, after)
    assert (again.classes, again.shifts_s, again.encoder) == (made.classes, made.shifts_s, made.encoder)
    assert again.facts == json.loads(json.dumps(made.facts)) and again.identity == made.identity
    assert replace(again, guard_s=1.0).identity != made.identity


def test_a_scaler_comes_back_too(tmp_path):
    windows, embeddings, _, _ = small_forecaster.example()
    profile = small_forecaster.settings()
    profile = replace(profile, fcdnn=replace(profile.fcdnn, standardize=True))
    made, _ = small_forecaster.trained(windows, embeddings, profile)
    again = training.load(training.save(tmp_path / "f", made))
    np.testing.assert_array_equal(made.ask(embeddings[:9]).probabilities, again.ask(embeddings[:9]).probabilities)


def test_nothing_of_it_is_pickle_and_an_older_one_is_replaced_whole(place):
    assert sorted(path.name for path in place.iterdir()) == [cards.CARD, training.RECORD, training.NETWORKS]
    for path in place.iterdir():
        assert not zipfile.is_zipfile(path)
        with pytest.raises(ValueError):
            list(pickletools.genops(path.read_bytes()))
    (place / "old").write_text("old")
    training.save(place, small_forecaster.example()[2])
    assert not (place / "old").exists()
    assert [path.name for path in place.parent.iterdir()] == ["forecaster"]


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("networks.safetensors", lambda data: data[:-8], "another record was written beside"),
        ("networks.safetensors", None, "No such file"),
        ("forecaster.json", None, "run `make reproduce PROFILE=demo`, or notebook 08_forecast_a_recording"),
        ("forecaster.json", lambda data: data[: len(data) // 2], "cannot be read"),
        ("forecaster.json", lambda data: b"[]", "cannot be read"),
        ("forecaster.json", lambda data: data.replace(b"forecaster 2", b"forecaster 1"), "not of the format"),
        ("forecaster.json", lambda data: data.replace(b'"shifts_s"', b'"shifts"'), "cannot be read"),
        ("forecaster.json", lambda data: data.replace(b'"hidden_units": 16', b'"hidden_units": 17'), "cannot be read")
    ]
)  # fmt: skip
def test_one_that_is_missing_or_damaged_is_named(place, name, damage, said):
    path = place / name
    data = path.read_bytes()
    path.unlink()
    if damage:
        path.write_bytes(damage(data))
    with pytest.raises(training.ForecasterError) as raised:
        training.load(place)
    message = str(raised.value)
    assert said in message and "\n" not in message.strip() and "notebook 08_forecast_a_recording" in message
