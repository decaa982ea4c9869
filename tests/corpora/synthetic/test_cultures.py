from dataclasses import fields

import numpy as np
import pytest

from emocast import labels
from emocast.corpora.synthetic import cremad, cultures, emodb, shemo, voices

CULTURES = {"english": cultures.ENGLISH, "german": cultures.GERMAN, "persian": cultures.PERSIAN}


def test_rows_go_in_the_directions_of_the_literature():
    shift = {name: dict(zip(voices.DIMENSIONS, row, strict=True)) for name, row in cultures.SHIFTS.items()}
    assert set(shift) <= set(labels.EMOTIONS)
    assert {name: cultures.SHIFTS[name] for name in voices.SHIFTS} == voices.SHIFTS
    assert shift["fear"]["pitch"] > 0 < shift["fear"]["rate"]
    assert max(shift["boredom"][dimension] for dimension in ("pitch", "pitch_range", "rate")) < 0
    assert max(shift["disgust"][dimension] for dimension in ("pitch", "rate")) < 0
    assert shift["surprise"]["pitch"] > 0 < shift["surprise"]["pitch_range"]


@pytest.mark.parametrize("culture", CULTURES.values(), ids=CULTURES)
def test_a_culture_is_stronger_than_the_conversations_and_unlike_them(culture):
    assert culture.strength > 1
    assert set(culture.habits) <= set(cultures.SHIFTS)
    for part in fields(culture):
        if part.name in ("baseline", "weights"):
            assert len(getattr(culture, part.name)) == len(voices.DIMENSIONS)
    assert culture.shifts["neutral"] == voices.NOWHERE
    assert any(not np.allclose(culture.shifts[name], voices.SHIFTS[name]) for name in voices.SHIFTS)


@pytest.mark.parametrize("module", [cremad, emodb, shemo])
def test_every_emotion_of_a_twin_has_a_row(module):
    assert set(module.EMOTIONS.values()) <= set(cultures.SHIFTS)
