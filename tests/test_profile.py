import pytest

from emocast import contrastive, corpora, encoders, labels, paths, profile, profile_rules
from emocast.corpora.synthetic import twins
from emocast.forecasting import protocols
from emocast.forecasting.fcdnn import FCDNNClassifier


@pytest.mark.parametrize("name", profile.available())
def test_the_projects_profiles_are_valid(name):
    assert profile.load(name).name == name


def test_paper_holds_the_published_settings():
    paper = profile.load("paper")
    assert paper.windows.length_s == 10
    assert paper.windows.shifts_s == list(range(0, 21, 2))
    assert paper.split == profile.Split(protocol="random", test_fraction=0.2, folds=5, ladder_shifts_s=None)
    published = FCDNNClassifier().get_params()
    assert all(published[key] == value for key, value in vars(paper.fcdnn).items())
    assert paper.encoder == "wav2vec2:speechbrain/emotion-recognition-wav2vec2-IEMOCAP"
    assert [len(classes) for classes in paper.tasks.values()] == [2, 3, 4]
    assert all(labels.ordered(classes) for classes in paper.tasks.values())


def write(folder, text):
    path = folder / "own.yaml"
    path.write_text(text)
    return str(path)


def test_an_own_profile_changes_only_what_it_says(tmp_path):
    own = profile.load(write(tmp_path, "extends: demo\nseed: 5\nfcdnn: {epochs: 2}\n"))
    demo = profile.load("demo")
    assert (own.name, own.seed, own.fcdnn.epochs) == ("own", 5, 2)
    assert own.fcdnn.hidden_units == demo.fcdnn.hidden_units
    assert own.windows == demo.windows


def test_models_of_an_own_profile_have_a_folder_of_their_own(tmp_path):
    own = profile.load(write(tmp_path, "extends: demo\nseed: 5\n"))
    assert own.encoder == "wav2vec2:own/models/classification"
    assert own.ser.source == "own/models/start"
    assert all(candidate.startswith("own/models/") for candidate in own.ser.candidates)
    assert own.contrastive.models["demo"] == "dual:own/models/contrastive"
    assert own.contrastive.dual.source == "own/models/start"
    assert profile.load("demo").ser.source == "demo/models/start"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: demo\nsede: 1", "unknown setting sede; did you mean seed"),
        ("extends: demo\nwindows: {lenght_s: 3}", "unknown setting windows.lenght_s; did you mean windows.length_s"),
        ("extends: demo\nseed: many", "seed must be of type int, found 'many'"),
        ("extends: demo\nwindows: {shifts_s: [4, 2]}", "shifts_s must be ascending"),
        ("extends: demo\nsweep_task: 9 classes", "sweep_task must be one of the tasks"),
        ("extends: demo\ntasks: {odd: [neutral, joy]}", "unknown emotion 'joy'"),
        ("extends: demo\nsplit: {test_fraction: 1.5}", "test_fraction must lie between 0 and 1"),
        (
            "extends: demo\nsplit: {ladder_shifts_s: [0, 20]}",
            "ladder_shifts_s must be ascending, among windows.shifts_s",
        ),
        ("extends: demo\nsplit: {ladder_shifts_s: [0, 7, 10, 20]}", "hold those of claims, or be null"),
        ("extends: demo\nfcdnn: {epochz: 2}", "unknown setting fcdnn.epochz; did you mean fcdnn.epochs"),
        ("extends: demo\nfcdnn: {standardize: 1}", "fcdnn.standardize must be of type bool"),
        (
            "extends: demo\nencoder: wav2vec",
            "encoder, baseline and embeddings.compared must be of handcrafted, wav2vec2:",
        ),
        ("extends: demo\nsplit: {protocol: dialog}", "split.protocol must be one of random, purged, dialogue"),
        (
            "extends: demo\nser: {fractions: [0.8, 0.3, 0.1]}",
            "ser.fractions must be three positive shares that sum to 1",
        ),
        ("extends: demo\nser: {precision: half}", "ser.precision must be one of auto, fp32, bf16"),
        ("extends: demo\nser: {crop_s: 0}", "ser.crop_s must be positive, or null"),
        ("extends: demo\nser: {start: {crop_s: 0}}", "ser.start: epochs, batch_size, learning_rate and crop_s must be"),
        ("extends: demo\nser: {start: {corpus: librivox}}", "ser.start.corpus must be one of the corpora"),
        ("extends: demo\ncontrastive: {model: clap}", "contrastive.model must be one of contrastive.models: microsoft"),
        ("extends: demo\ncontrastive: {models: {own: 'wav2vec2:x'}}", "contrastive.models must be of laion-clap:"),
        ("extends: demo\ncontrastive: {models: {own: 'dual:'}}", "contrastive.models must be of laion-clap:"),
        ("extends: demo\ncontrastive: {clusters: [4, 2]}", "contrastive.clusters must be ascending numbers from 2"),
        ("extends: demo\ncontrastive: {clusters: [1, 2]}", "contrastive.clusters must be ascending numbers from 2"),
        ("extends: demo\ncontrastive: {events: 0}", "contrastive.events must be at least 1, or null for all"),
        ("extends: demo\ncontrastive: {permutations: 0}", "contrastive.permutations must be at least 1"),
        ("extends: demo\ncontrastive: {dual: {batch_size: 1}}", "batch_size at least 2"),
        ("extends: demo\ncontrastive: {dual: {learning_rate: 0}}", "contrastive.dual: learning_rate and"),
        ("extends: demo\ncontrastive: {dual: {crop_s: 0}}", "contrastive.dual.crop_s must be at least 0.1 s"),
        ("extends: paper\ncontrastive: {dual: {epochs: 1}}", "setting contrastive.dual.source is missing"),
        (
            "extends: demo\nclaims: {shifts_s: [0, 10]}",
            "claims.shifts_s must be ascending, among windows.shifts_s and hold",
        ),
        ("extends: demo\nclaims: {fractions: [0.5]}", "claims.fractions must be above 0 and up to 1, and hold 1"),
        ("extends: demo\nclaims: {search: {space: {momentum: [0.9]}}}", "claims.search.space may name batch_size"),
        ("extends: demo\nclaims: {search: {space: {epochs: []}}}", "each with values"),
        ("extends: demo\nsynthetic: {turns: few}", "synthetic.turns must be of type list"),
        (
            "extends: demo\ncorpora: {ravdess: RAVDESS}",
            "corpora may name iemocap, cremad, emodb, shemo, meld, librispeech",
        ),
        ("extends: demo\ncorpora: {emodb: 3}", "corpora.emodb must be of type str, found 3"),
        ("extends: demo\ntasks: {all: neutral}", "tasks.all must be of type list, found 'neutral'"),
        (
            "extends: demo\ntwins: {iemocap: {speakers: 1, utterances: 1}}",
            "twins may name cremad, emodb, shemo, librispeech",
        ),
        ("extends: demo\ntwins: {emodb: {speaker: 1}}", "twins.emodb.speaker; did you mean twins.emodb.speakers"),
        ("extends: paper\ntwins: {emodb: {speakers: 1}}", "setting twins.emodb.utterances is missing"),
        ("extends: demo\ntwins: {emodb: {speakers: 0}}", "a twin must have at least 1 speaker"),
        ("extends: nowhere", "no profile 'nowhere'"),
        ("seed: 1", "is missing"),
        ("just words", "expected settings"),
        ("seed: [", "not valid YAML"),
    ],
)
def test_a_wrong_profile_gives_one_clear_error(tmp_path, text, message):
    with pytest.raises(profile.ProfileError, match=r"profile|own\.yaml") as caught:
        profile.load(write(tmp_path, text))
    assert message in str(caught.value)


def test_what_a_profile_may_name_is_what_there_is():
    assert tuple(protocols.PROTOCOLS) == profile_rules.PROTOCOLS
    assert corpora.NAMES == profile_rules.CORPORA
    assert tuple(twins.TWINS) == profile_rules.TWINS
    assert contrastive.KINDS == profile_rules.CONTRASTIVE
    assert "handcrafted" in profile_rules.ENCODERS
    with pytest.raises(ValueError, match="no encoder 'x'.*" + ".*".join(profile_rules.ENCODERS)):
        encoders.get("x")


def test_one_twin_may_be_left_to_the_real_corpus(tmp_path):
    own = profile.load(write(tmp_path, "extends: demo\ntwins: {shemo: null, emodb: {speakers: 2}}\n"))
    demo = profile.load("demo")
    assert own.twins == {
        "cremad": demo.twins["cremad"],
        "emodb": profile.TwinSize(speakers=2, utterances=demo.twins["emodb"].utterances),
        "shemo": None,
        "librispeech": demo.twins["librispeech"],
    }


def test_the_folders_of_paper_are_those_that_the_page_on_data_names():
    page = (paths.ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for folder in profile.load("paper").corpora.values():
        assert f"| `{folder}/` |" in page


def test_a_number_may_be_written_as_people_write_it(tmp_path):
    assert profile.load(write(tmp_path, "extends: demo\nfcdnn: {learning_rate: 1e-3}")).fcdnn.learning_rate == 1e-3


def test_profiles_in_a_circle_are_refused(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(f"extends: {path}\n")
    with pytest.raises(profile.ProfileError, match="circle"):
        profile.load(str(path))


def test_another_corpus_replaces_what_the_profile_says_of_it(tmp_path):
    meld = profile.load("paper", corpus="meld")
    assert (meld.corpus, meld.corpus_root().name, meld.name) == ("meld", "MELD.Raw", "paper")
    assert meld.tasks["3 classes"] == ["happiness", "sadness", "neutral"] and "4 classes" not in meld.tasks
    own = profile.load("paper", corpus="iemocap")
    assert own == profile.load("paper") and own.windows == meld.windows
    with pytest.raises(
        profile.ProfileError, match="no settings for the corpus 'shemo'; there are some for iemocap, meld"
    ):
        profile.load("paper", corpus="shemo")
    wrong = write(tmp_path, "extends: paper\nfor_corpus: {meld: {sweep_task: 9 classes}}\n")
    with pytest.raises(profile.ProfileError, match="sweep_task must be one of the tasks"):
        profile.load(wrong)
