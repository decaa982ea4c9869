from emocast.corpora.synthetic import script
from emocast.corpora.synthetic.dialogue import dialogue_name, plan


def test_speakers_alternate_and_count_their_own_turns():
    planned = plan(2, script.SCENARIOS[0], turns=(6, 6), seed=1)
    letters = [turn.letter for turn in planned.turns]
    assert letters in (["F", "M"] * 3, ["M", "F"] * 3)
    assert [turn.utterance[-3:] for turn in planned.turns] == ["000", "000", "001", "001", "002", "002"]
    assert all(turn.utterance.startswith(f"{planned.name}_{turn.letter}") for turn in planned.turns)


def test_a_longer_dialogue_begins_with_the_shorter_one():
    short = plan(3, script.SCENARIOS[1], turns=(5, 5), seed=1)
    long = plan(3, script.SCENARIOS[1], turns=(9, 9), seed=1)
    assert [turn.clip for turn in long.turns[:5]] == [turn.clip for turn in short.turns]


def test_seeds_sessions_and_scenarios_differ():
    plans = [plan(s, script.SCENARIOS[k], turns=(8, 8), seed=seed) for s, k, seed in [(1, 0, 1), (2, 0, 1), (1, 0, 2)]]
    seeds = {turn.clip.seed for planned in plans for turn in planned.turns}
    assert len(seeds) == 24


def test_the_prefix_alternates_and_says_nothing_about_the_speakers():
    names = [dialogue_name(session, played) for session in (1, 2) for played in script.SCENARIOS[:2]]
    assert names == ["Ses01F_impro01", "Ses01M_script01_1", "Ses02M_impro01", "Ses02F_script01_1"]
