"""What the text towers of the CLAP packages share: where tokenizers come from, and which are refused."""

import os
import subprocess
import sys

import pytest
import transformers

import hub as small_hub
from emocast import paths
from emocast.encoders import hub, text_towers


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A machine without network, whose data and whose hub's cache lie in an empty folder."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    hub._download.cache_clear()
    return tmp_path


@pytest.mark.parametrize("name", ["roberta-base", "gpt2"])
def test_a_tokenizer_lies_below_data_or_in_the_hubs_cache(offline, name):
    small_hub.make(offline)
    small_hub.make_towers(offline)
    vocabulary, merges = text_towers.files(name)
    assert vocabulary.parent == merges.parent
    assert vocabulary.parent.parts[-4:-2] == ("hub", f"models--{name}")
    small_hub.tokenizers(offline / "data" / "checkpoints")
    assert text_towers.files(name) == tuple(
        offline / "data" / "checkpoints" / name / file for file in ("vocab.json", "merges.txt")
    )


def test_a_folder_without_an_owner_is_not_asked_of_the_hub(offline):
    with pytest.raises(hub.CheckpointError, match=r"no checkpoint some-folder: there is no such folder\. Put "):
        text_towers.files("some-folder")


@pytest.mark.parametrize("name", ["roberta-base", "gpt2"])
def test_without_a_network_it_is_soon_said_what_to_put_where(tmp_path, name):
    code = "from emocast.encoders import text_towers, hub\nimport time\nstart = time.monotonic()\n"
    code += (
        f"try: text_towers.files({name!r})\nexcept hub.CheckpointError as error: print(time.monotonic() - start, error)"
    )
    environment = {
        **os.environ, "HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0",
        "PYTHONPATH": str(paths.ROOT / "lib"), "EMOCAST_DATA": str(tmp_path / "data"),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    seconds, message = done.stdout.strip().split(" ", 1)
    assert float(seconds) < 20
    assert message.startswith(f"no checkpoint {name}: there is no such folder, and the model hub gave none")
    assert f"Put vocab.json, merges.txt into {tmp_path}/data/checkpoints/{name}/" in message


def test_a_damaged_tokenizer_is_refused_with_its_files(tmp_path):
    small_hub.gpt2_tokenizer(tmp_path)
    (tmp_path / "vocab.json").write_text('{"a": ')
    with pytest.raises(hub.CheckpointError, match=r"vocab\.json and .*merges\.txt: no tokenizer can be made of them"):
        text_towers.made(transformers.GPT2TokenizerFast, 263, *text_towers.files(str(tmp_path)))


def test_texts_are_batched_by_their_tokens_and_none_is_left_out():
    seen = []

    def read(tokens):
        seen.append(tuple(tokens.shape))
        return tokens[:, :1] * 10 + tokens.shape[1]

    tower = text_towers.Tower(lambda text: [ord(text[0])] * len(text), read)
    texts = ["a", "bb", "c", "ddd", "ee", *["f" * 400] * 5]
    found = text_towers.embed(texts, lambda: tower, dimension=1)
    assert found[:, 0].tolist() == [ord(text[0]) * 10 + len(text) for text in texts]
    assert sorted(seen) == [(1, 3), (1, 400), (2, 1), (2, 2), (2, 400), (2, 400)]
