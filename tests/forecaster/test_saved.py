"""A forecaster that was read back gives the same bits; what is missing, foreign or damaged is named in one line."""

import json
import pickletools
import zipfile
from dataclasses import replace

import numpy as np
import pytest

import small_forecaster
from emocast import cards
from emocast import forecaster as forecasters
from emocast.forecaster import card


@pytest.fixture
def place(tmp_path):
    _, _, made, _ = small_forecaster.example()
    return forecasters.save(tmp_path / "demo" / "models" / "forecaster", made, card=card.text(made))


def test_it_gives_the_same_bits_after_reading(place):
    _, embeddings, made, _ = small_forecaster.example()
    again = forecasters.load(place)
    asked = np.concatenate([embeddings[:60], 20 * embeddings[:5]])
    for before, after in zip(made.ask(asked), again.ask(asked), strict=True):
        np.testing.assert_array_equal(before, after)
    assert (again.classes, again.shifts_s, again.encoder, again.facts) == (
        made.classes, made.shifts_s, made.encoder, json.loads(json.dumps(made.facts)),
    )  # fmt: skip


def test_a_scaler_comes_back_too(tmp_path):
    windows, embeddings, _, _ = small_forecaster.example()
    profile = small_forecaster.settings()
    profile = replace(profile, fcdnn=replace(profile.fcdnn, standardize=True))
    made, _ = forecasters.train(
        profile, windows, embeddings, encoder={"name": "x", "digest": "", "precision": "fp32"}, progress=False
    )
    again = forecasters.load(forecasters.save(tmp_path / "f", made, card=""))
    np.testing.assert_array_equal(made.ask(embeddings[:9]).probabilities, again.ask(embeddings[:9]).probabilities)


def test_nothing_of_it_is_pickle(place):
    files = sorted(path.name for path in place.iterdir())
    assert files == ["MODEL_CARD.md", "forecaster.json", "networks.safetensors"]
    for path in place.iterdir():
        assert not zipfile.is_zipfile(path)
        with pytest.raises(ValueError):
            list(pickletools.genops(path.read_bytes()))


def test_an_older_one_is_replaced_whole(place):
    (place / "old").write_text("old")
    _, _, made, _ = small_forecaster.example()
    forecasters.save(place, made, card="new")
    assert not (place / "old").exists() and (place / cards.CARD).read_text() == "new"
    assert [path.name for path in place.parent.iterdir()] == ["forecaster"]


def test_none_trained_yet(tmp_path):
    with pytest.raises(forecasters.ForecasterError, match="run `make reproduce PROFILE=demo`, or notebook 08"):
        forecasters.load(tmp_path / "demo" / "models" / "forecaster")


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("networks.safetensors", lambda data: data[:-8], "is not what was written"),
        ("networks.safetensors", lambda data: b"", "is not what was written"),
        ("networks.safetensors", None, "cannot be read"),
        ("forecaster.json", lambda data: data[: len(data) // 2], "is no readable JSON"),
        ("forecaster.json", lambda data: b"[]", "is not of the format"),
        ("forecaster.json", lambda data: data.replace(b"forecaster 1", b"forecaster 0"), "is not of the format"),
        ("forecaster.json", lambda data: data.replace(b'"shifts_s"', b'"shifts"'), "does not fit together"),
        ("forecaster.json", lambda data: data.replace(b'"hidden_units": 16', b'"hidden_units": 17'), "does not fit together"),
    ],
)  # fmt: skip
def test_a_damaged_one_is_named(place, name, damage, said):
    path = place / name
    data = path.read_bytes()
    path.unlink()
    if damage:
        path.write_bytes(damage(data))
    with pytest.raises(forecasters.ForecasterError) as raised:
        forecasters.load(place)
    message = str(raised.value)
    assert said in message and "\n" not in message.strip() and "run notebook 08_forecast_a_recording again" in message
