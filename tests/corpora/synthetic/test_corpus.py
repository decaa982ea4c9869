import hashlib
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from emocast.corpora.synthetic import Settings, iemocap, make, raters
from emocast.corpora.synthetic.corpus import plans
from emocast.corpora.synthetic.process import STATES

SMALL = Settings(sessions=1, scenarios=1, turns=(5, 5))


def _digests(root):
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in (root / iemocap.RELEASE).rglob("*")
        if p.is_file()
    }


def test_two_runs_are_byte_identical_whatever_the_processes(corpus, settings, tmp_path):
    again = make(tmp_path / "demo", settings, seed=7, processes=2, progress=False)
    assert _digests(again) == _digests(corpus)


def test_another_seed_gives_another_corpus(tmp_path):
    one, two = (make(tmp_path / str(seed), SMALL, seed=seed, progress=False) for seed in (1, 2))
    assert not set(_digests(one).values()) & set(_digests(two).values())


def test_a_smaller_corpus_is_part_of_the_larger_one(corpus, tmp_path):
    small = make(tmp_path / "demo", Settings(sessions=1, scenarios=1, turns=(5, 7)), seed=7, progress=False)
    audio = {path: digest for path, digest in _digests(small).items() if path.endswith(".wav")}
    assert audio.items() <= _digests(corpus).items()


def test_xxx_is_as_frequent_as_the_channel_says():
    """Over the plan of the whole default corpus; four standard errors of a share of n turns are allowed."""
    turns = [turn for planned in default_plans() for turn in planned.turns]
    share = np.mean([turn.rating.gold == raters.UNDECIDED for turn in turns])
    expected = np.mean([raters.channel()[STATES.index(turn.emotion), -1] for turn in turns])
    assert share == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / len(turns)))


def test_the_default_corpus_has_all_moods_and_classes():
    turns = [turn for planned in default_plans() for turn in planned.turns]
    moods = [turn.mood for turn in turns]
    golds = [turn.rating.gold for turn in turns]
    assert 1450 <= len(turns) <= 2050
    assert all(0.15 < moods.count(mood) / len(turns) < 0.35 for mood in ("calm", "cheerful", "down", "tense"))
    assert all(golds.count(label) > 100 for label in ("neutral", "anger", "excitement", "sadness", "frustration"))


def default_plans():
    return plans(Settings(), seed=20250131)


def test_a_failure_midway_leaves_nothing(tmp_path, monkeypatch):
    root, write = tmp_path / "demo", iemocap.write_about
    monkeypatch.setattr(iemocap, "write_about", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make(root, SMALL, seed=1, progress=False)
    assert [path.name for path in root.iterdir()] == [".IEMOCAP_full_release.lock"]
    monkeypatch.setattr(iemocap, "write_about", write)
    assert make(root, SMALL, seed=1, progress=False) == root


def test_a_killed_run_leaves_nothing_and_the_next_one_cleans_up(tmp_path):
    code = (
        "import sys, pathlib; from emocast.corpora.synthetic import *; "
        "make(pathlib.Path(sys.argv[1]), Settings(), seed=1, processes=1, progress=False)"
    )
    run = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "demo")], env=os.environ)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("demo/.IEMOCAP_full_release.making-*/new/**/*.wav")) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.kill()
    run.wait()
    assert list(tmp_path.glob("demo/.IEMOCAP_full_release.making-*"))
    assert not (tmp_path / "demo" / iemocap.RELEASE).exists()
    make(tmp_path / "demo", SMALL, seed=1, progress=False)
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
        ".IEMOCAP_full_release.lock",
        "IEMOCAP_full_release",
    ]


def test_an_older_synthetic_corpus_is_replaced_and_nothing_else(tmp_path):
    root = make(tmp_path / "demo", SMALL, seed=1, progress=False)
    make(root, SMALL, seed=2, progress=False)
    assert "seed: 2" in (root / "IEMOCAP_full_release" / "README.txt").read_text()
    (root / "IEMOCAP_full_release" / "synthetic.json").unlink()
    with pytest.raises(FileExistsError, match="no synthetic corpus"):
        make(root, SMALL, seed=3, progress=False)
    assert "seed: 2" in (root / "IEMOCAP_full_release" / "README.txt").read_text()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sessions": 6}, "sessions=6"),
        ({"scenarios": 0}, "scenarios=0"),
        ({"turns": (3, 9)}, "turns="),
        ({"turns": (9, 5)}, "turns="),
    ],
)
def test_settings_are_checked(wrong, message):
    with pytest.raises(ValueError, match=message):
        Settings(**wrong)
