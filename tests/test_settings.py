"""The project's profiles load to what the papers say, a profile of one's own changes what it says, a mistake is one line."""

import dataclasses
import pickle

import pytest
from pydantic import ValidationError

from emocast import corpora, encoders, labels, paths, settings
from emocast.forecasting import splits
from emocast.forecasting.fcdnn import FCDNNClassifier
from emocast_twins import sentences


@pytest.mark.parametrize("name", settings.available())
def test_the_projects_profiles_are_valid(name):
    assert settings.load(name).name == name


def test_paper_holds_the_published_settings():
    paper = settings.load("paper")
    assert paper.windows.length_s == 10
    assert paper.windows.shifts_s == list(range(0, 21, 2))
    assert paper.split == settings.Split(
        protocol="random", test_fraction=0.2, folds=5, repeats=5, seed=42, order="class", protocol_shifts_s=None
    )
    published = FCDNNClassifier().get_params()
    assert all(published[key] == value for key, value in vars(paper.fcdnn).items())
    assert paper.encoder == "wav2vec2:speechbrain/emotion-recognition-wav2vec2-IEMOCAP"
    assert [len(classes) for classes in paper.tasks.values()] == [2, 3, 4]
    assert all(labels.ordered(classes) for classes in paper.tasks.values())
    assert paper.sizes == {}


def write(folder, text):
    path = folder / "own.yaml"
    path.write_text(text)
    return str(path)


def test_an_own_profile_changes_only_what_it_says(tmp_path):
    own = settings.load(write(tmp_path, "extends: demo\nseed: 5\nfcdnn: {epochs: 2, learning_rate: 1e-3}\n"))
    demo = settings.load("demo")
    assert (own.name, own.seed, own.fcdnn.epochs) == ("own", 5, 2)
    assert own.fcdnn.learning_rate == 1e-3, "which YAML takes for a word"
    assert own.fcdnn.hidden_units == demo.fcdnn.hidden_units
    assert own.windows == demo.windows


@pytest.mark.parametrize("profile", ["paper", "demo", "smoke"])
def test_the_length_of_windows_may_be_changed_alone(tmp_path, profile):
    own = settings.load(write(tmp_path, f"extends: {profile}\nwindows: {{length_s: 6}}\n"))
    assert own.windows.length_s == 6
    assert own.embeddings.block_s == {"paper": 2, "demo": 3, "smoke": 3}[profile], "null is half a window"


def test_a_corpus_whose_place_is_null_is_left_out(tmp_path):
    own = settings.load(write(tmp_path, "extends: demo\ncorpora: {cremad: null}\ntwins: {cremad: null}\n"))
    assert set(own.corpora) == set(settings.load("demo").corpora) - {"cremad"}
    assert set(settings.load("turns").corpora) == {"iemocap", "meld"}


def test_models_of_an_own_profile_have_a_folder_of_their_own(tmp_path):
    own = settings.load(write(tmp_path, "extends: demo\nseed: 5\n"))
    assert own.encoder == "wav2vec2:own/models/classification"
    assert own.ser.source == "own/models/start"
    assert all(candidate.startswith("own/models/") for candidate in own.ser.candidates)
    assert own.contrastive.models["demo"] == "dual:own/models/contrastive"
    assert own.contrastive.dual.source == "own/models/start"
    assert settings.load("demo").ser.source == "demo/models/start"


def test_settings_are_dataclasses_frozen_and_checked_when_replaced():
    demo = settings.load("demo")
    longer = dataclasses.replace(demo, fcdnn=dataclasses.replace(demo.fcdnn, epochs=99))
    assert longer.fcdnn.epochs == 99 and dataclasses.asdict(longer.fcdnn) == {**vars(demo.fcdnn), "epochs": 99}
    assert pickle.loads(pickle.dumps(longer)) == longer
    with pytest.raises(ValidationError, match="learning_rate"):
        dataclasses.replace(demo.fcdnn, learning_rate=-1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        demo.seed = 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: demo\nsede: 1", "unknown setting sede; did you mean seed?"),
        ("extends: demo\nwindows: {lenght_s: 3}", "unknown setting windows.lenght_s; did you mean windows.length_s?"),
        ("extends: demo\nintervals: {zzz: 3}", "unknown setting intervals.zzz; known are level, draws"),
        ("extends: demo\nseed: many", "seed must be of type int, found 'many'"),
        ("extends: demo\nwindows: 3", "windows must be of type mapping, found 3"),
        ("extends: demo\nwindows: {length_s: true}", "windows.length_s must be of type float, found True"),
        ("extends: demo\nwindows: {shifts_s: [4, 2]}", "windows.shifts_s must be ascending from 0 or later"),
        ("extends: demo\nwindows: {shifts_s: [0, x]}", "windows.shifts_s.1 must be of type float, found 'x'"),
        ("extends: demo\nsweep_task: 9 classes", "sweep_task must be one of the tasks"),
        ("extends: demo\ntasks: {odd: [neutral, joy]}", "tasks.odd must be two or more of neutral, excitement"),
        ("extends: demo\ntasks: {odd: [neutral]}", "tasks.odd must be two or more of"),
        ("extends: demo\nsplit: {test_fraction: 1.5}", "split.test_fraction must be less than 1, found 1.5"),
        ("extends: demo\nsplit: {protocol_shifts_s: [0, 20]}", "hold those of claims, or be null"),
        ("extends: demo\nsplit: {protocol_shifts_s: [0, 7, 10, 20]}", "shifts_s must be among windows.shifts_s"),
        ("extends: demo\nfcdnn: {standardize: 1}", "fcdnn.standardize must be of type bool"),
        ("extends: demo\nencoder: wav2vec", "encoder must be of handcrafted, wav2vec2:, transformers:, laion-clap:"),
        ("extends: demo\nembeddings: {block_s: 3}", "embeddings.block_s must divide windows.length_s; null means half"),
        ("extends: demo\nser: {fractions: [0.8, 0.3, 0.1]}", "ser.fractions must be three shares of sum 1"),
        ("extends: demo\nser: {precision: half}", "ser.precision must be 'auto', 'fp32' or 'bf16', found 'half'"),
        ("extends: demo\nser: {crop_s: 0}", "ser.crop_s must be greater than 0, or null, found 0"),
        ("extends: demo\nser: {start: {crop_s: 0}}", "ser.start.crop_s must be greater than or equal to 0.1, found 0"),
        ("extends: demo\nser: {start: {corpus: librivox}}", "ser.start.corpus must be one of the corpora"),
        (
            "extends: demo\ntransfer: {layers: 'transformers:own@3'}",
            "transfer.layers must be of transformers:, without @",
        ),
        ("extends: demo\ntransfer: {encoders: []}", "transfer.encoders must have at least 1 item"),
        ("extends: demo\ncontrastive: {model: clap}", "contrastive.model must be one of contrastive.models: microsoft"),
        ("extends: demo\ncontrastive: {models: {own: 'dual:'}}", "contrastive.models.own must be of laion-clap:"),
        ("extends: demo\ncontrastive: {clusters: [1, 2]}", "contrastive.clusters must be ascending numbers from 2"),
        ("extends: paper\ncontrastive: {dual: {epochs: 1}}", "setting contrastive.dual.source is missing"),
        ("extends: [demo]", "extends must be one profile's name or file, found ['demo']"),
        ("extends: demo\nname: other", "a profile has its file's name; remove the setting name"),
        ("extends: demo\nclaims: {search: {space: {epochs: [a]}}}", "space.epochs must be numbers, one or more"),
        ("extends: demo\nfcdnn: {dropout: 1}", "fcdnn.dropout must be less than 1, found 1"),
        ("extends: demo\nfcdnn: {batch_size: 1}", "fcdnn.batch_size must be greater than or equal to 2"),
        ("extends: demo\nsynthetic: {turns: [12, 3]}", "synthetic.turns must be two ascending numbers"),
        ("extends: demo\nsynthetic: {sessions: 0}", "synthetic.sessions must be greater than or equal to 1"),
        ("extends: demo\nwindows: {length_s: .inf}", "windows.length_s must be a finite number, found inf"),
        ("extends: demo\nclaims: {shifts_s: [0, 10]}", "must be among windows.shifts_s and hold its first"),
        ("extends: demo\nclaims: {fractions: [0.5]}", "claims.fractions must be up to 1, and hold 1"),
        (
            "extends: demo\nclaims: {search: {space: {momentum: [0.9]}}}",
            "claims.search.space.momentum must be 'hidden_layers', 'hidden_",
        ),
        ("extends: demo\nclaims: {search: {space: {epochs: []}}}", "space.epochs must be numbers, one or more"),
        ("extends: demo\ncorpus: savee", "corpus must be one of the corpora"),
        ("extends: demo\ncorpora: {savee: SAVEE}", "corpora may name iemocap, cremad, emodb, shemo, ravdess, "),
        ("extends: demo\ncorpora: {mine: {module: notes.txt, root: mine}}", "corpora.mine.module must be a .py file"),
        ("extends: demo\ntwins: {iemocap: {speakers: 1, utterances: 1}}", "twins.iemocap must be 'cremad', 'emodb'"),
        ("extends: paper\nfor_corpus: {meld: {sweep_task: 9 classes}}", "sweep_task must be one of the tasks"),
        ("extends: nowhere", "no profile 'nowhere': choose one of demo, "),
        ("extends: {own}", "profiles extend each other in a circle"),
        ("seed: 1", "is missing"),
        ("just words", "expected settings as `key: value` lines"),
        ("seed: [", "not valid YAML"),
    ],
)
def test_a_wrong_profile_gives_one_clear_line(tmp_path, text, message):
    with pytest.raises(settings.ProfileError, match=r"profile|own\.yaml") as caught:
        settings.load(write(tmp_path, text.replace("{own}", str(tmp_path / "own.yaml"))))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_what_a_profile_may_name_is_what_there_is():
    assert settings.Protocol.__args__ == tuple(splits.PROTOCOLS)
    assert tuple(sentences.TWINS) == settings.TWINS
    assert encoders.NAMES == settings.ENCODERS


@pytest.mark.parametrize("name", ["paper", "open"])
def test_the_folders_of_a_profile_of_recordings_are_those_that_the_page_on_data_names(name):
    page = (paths.ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for folder in settings.load(name).corpora.values():
        assert f"| `{folder}/` |" in page


def test_open_names_what_may_be_fetched_and_trains_nothing():
    own = settings.load("open")
    assert all(corpora.get(name).archives for name in own.corpora) and len(own.corpora) == 8
    assert (own.corpus, own.sizes, own.encoder) == ("meld", {}, settings.load("paper").encoder)
    assert own.tasks == settings.load("paper", corpus="meld").tasks and own.sweep_task in own.tasks
    assert not own.for_corpus and "iemocap" in settings.load("paper").corpora


def test_null_takes_a_corpus_of_the_base_out(tmp_path):
    own = settings.load(write(tmp_path, "extends: paper\ncorpora: {shemo: null}\nfor_corpus: {meld: null}\n"))
    assert set(own.corpora) == set(settings.load("paper").corpora) - {"shemo"} and own.for_corpus == {}


def test_another_corpus_replaces_what_the_profile_says_of_it():
    meld = settings.load("paper", corpus="meld")
    assert (meld.corpus, meld.corpus_root().name, meld.name) == ("meld", "MELD.Raw", "paper")
    assert meld.tasks["3 classes"] == ["happiness", "sadness", "neutral"] and "4 classes" not in meld.tasks
    own = settings.load("paper", corpus="iemocap")
    assert own == settings.load("paper") and own.windows == meld.windows
    assert {*settings.load("paper").corpora, *settings.load("open").corpora} == set(corpora.NAMES)
    with pytest.raises(
        settings.ProfileError, match="no settings for the corpus 'shemo'; there are some for iemocap, meld"
    ):
        settings.load("paper", corpus="shemo")
