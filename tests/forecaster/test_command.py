"""`emocast forecast FILE`: what it writes and says, and one line for whatever is wrong."""

import re
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from benchmarks import recordings as benchmark

import small_models
from emocast import compute
from emocast.forecaster import inference, model, training
from emocast_run import __main__ as program


@pytest.fixture
def trained(tmp_path, monkeypatch, forecaster):
    """Outputs with a trained forecaster of the smoke profile."""
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    model.save(model.folder("smoke"), forecaster, card=training.card(forecaster))
    return tmp_path


@pytest.fixture
def said(capsys):
    """A function that runs the command: its status, what it prints, and the lines of its errors without the bar."""

    def run(*arguments):
        status = program.main(["forecast", "--profile", "smoke", *map(str, arguments)])
        out, error = capsys.readouterr()
        lines = [line for line in re.split("[\r\n]", error) if line.strip() and "%|" not in line]
        return status, out.splitlines(), lines

    return run


def test_a_recording_becomes_a_table_a_picture_and_sentences(trained, said, wav, noise):
    path = wav(noise(12, rate=22_050), "ein Gespräch 1.wav", rate=22_050)
    status, out, error = said(path)
    folder = trained / "outputs" / "smoke" / "forecasts" / f"ein Gespräch 1.wav-{compute.file_digest(path)[:8]}"
    assert (status, error) == (0, ["ein Gespräch 1.wav: loading the model of the profile smoke"])
    assert out[0] == "ein Gespräch 1.wav: 0:12 (pcm_f32le, 22,050 Hz, 1 channel); 3 windows of 10 s"
    assert out[1].startswith("0 s ahead: ") and out[2].startswith("10 s ahead: ")
    assert re.search(r"model: 6 networks of the profile smoke.*protocol session\b.*: \d+\.\d % \(", out[3])
    assert [line.split("-> ")[1] for line in out[4:]] == [
        str(folder / f"forecast.{end}") for end in ("csv", "png", "svg")
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["forecast.csv", "forecast.png", "forecast.svg"]
    assert len(pd.read_csv(folder / "forecast.csv")) == 3 * 2


def test_options(trained, said, wav, noise, tmp_path):
    status, _, _ = said(wav(noise(16)), "--step", 3, "--output", tmp_path / "my results", "--no-picture")
    assert status == 0
    assert [path.name for path in (tmp_path / "my results").iterdir()] == ["forecast.csv"]
    assert list(pd.read_csv(tmp_path / "my results" / "forecast.csv")["second"].unique()) == [10, 13, 16]
    status, _, error = said(wav(noise(12)), "--step", 0)
    assert (status, error) == (1, ["error: --step 0: the seconds between two forecasts must be more than 0"])


def test_what_is_wrong_is_one_line(trained, said, wav, noise, encoded, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "empty.mp3").touch()
    nan = noise(12)
    nan[9 * 16_000] = np.nan
    film = encoded(tmp_path / "film.mp4", noise(1), codec="aac", picture=True, sound=False)
    for path, problem in {
        wav(noise(5), "short.wav"): "lasts 5.0 s, but a forecast needs 10 s",
        wav(np.zeros(11 * 16_000), "silent.wav"): "silent throughout",
        wav(nan, "nan.wav"): "not a finite number",
        film: "there is no sound in it (only video)",
        tmp_path / "text.wav": "not readable as sound",
        tmp_path / "empty.mp3": "the file is empty",
        tmp_path / "none.wav": "no such file",
        tmp_path: "a folder, not a recording",
    }.items():
        status, out, error = said(path)
        assert (status, out, len(error)) == (1, [], 1), path
        assert error[0].startswith(f"error: {path}: ") and problem in error[0]
    assert not list((trained / "outputs").rglob("forecasts/*"))


def test_no_forecaster_yet(tmp_path, monkeypatch, said, wav, noise):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    status, _, error = said(wav(noise(12)))
    assert (status, len(error)) == (1, 2)
    assert "run `make reproduce PROFILE=smoke`, or notebook 08_forecast_a_recording" in error[1]


def test_stopped_by_hand(trained, said, wav, noise, monkeypatch):
    original, left = inference._table, []

    def stopped(*arguments):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return original(*arguments)

    monkeypatch.setattr(inference, "_table", stopped)
    monkeypatch.setattr(inference, "_BATCH", 1)
    status, out, error = said(wav(noise(14)))
    assert (status, out, error[-1]) == (130, [], "stopped; nothing had been forecast yet")
    left.append("a batch")
    status, out, error = said(wav(noise(14)))
    assert (status, out) == (130, [])
    assert error[-1] == "stopped; the forecasts so far are kept, the same command goes on"


#: The command as it is, but for batches: the second waits in its thread for what never comes, and says so with a file.
_WAITING = """
import pathlib, runpy, signal, sys, threading
from emocast.forecaster import inference
signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal: processes in the background ignore it
folder, original = pathlib.Path(sys.argv.pop(1)), inference._table
def table(batch, *rest):
    (folder / f"began {batch[0].end_s:g}").touch()
    if batch[0].end_s > 10:
        threading.Event().wait(300)
    return original(batch, *rest)
inference._table, inference._BATCH = table, 1
runpy.run_module("emocast_run", run_name="__main__", alter_sys=True)
"""


def test_ctrl_c_in_a_terminal_waits_for_no_batch_and_starts_none(trained, wav, noise):
    """The signal comes to the main thread while a worker computes a batch and another one waits for its turn."""
    watched = trained / "watched"
    watched.mkdir()
    path = wav(noise(14))
    arguments = [str(watched), "forecast", "--profile", "smoke", str(path)]
    run = [sys.executable, "-c", _WAITING, *arguments]
    own = f"talk.wav-{compute.file_digest(path)[:8]}"
    part = trained / "outputs" / "smoke" / "forecasts" / own / "forecast.csv.part"
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            while process.poll() is None and not (
                (watched / "began 11").exists() and len(part.read_text().splitlines()) > 1
            ):
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, error = process.communicate(timeout=60)
        finally:
            process.kill()
    last = error.splitlines()[-1]
    assert (process.returncode, out) == (130, "") and "Traceback" not in error
    assert last == "stopped; the forecasts so far are kept, the same command goes on"
    assert sorted(path.name for path in watched.iterdir()) == ["began 10", "began 11"]
    assert list(pd.read_csv(part, skiprows=1)["second"].unique()) == [10]


def test_what_cannot_be_is_refused_before_a_model_is_loaded(tmp_path, wav, noise):
    (tmp_path / "empty.wav").touch()
    silent, short = wav(np.zeros(12 * 16_000, np.float32), "silent.wav"), wav(noise(3), "short.wav")
    code = "import sys; from emocast_run.__main__ import main; main(['forecast', sys.argv[1]]); print('torch' in sys.modules)"
    for path in (silent, short, tmp_path / "empty.wav"):
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        assert done.stdout == "False\n" and str(path) in done.stderr


def test_help_is_quick_and_explains_itself():
    run = [sys.executable, "-X", "importtime", "-m", "emocast_run", "forecast", "--help"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "usage: emocast forecast" in done.stdout
    for said in ("FILE", "--profile", "--output", "--step", "forecast.csv", "no\nbasis for decisions about people"):
        assert said in done.stdout
    assert "torch" not in {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


@pytest.mark.slow
def test_three_hours_take_little_memory_and_a_fraction_of_their_time(tmp_path, monkeypatch, forecaster_through):
    """With a small encoder: what is measured is the way through the recording, imports and picture included.

    Its time is that of the processor, as if it had one core to itself: other tests run beside this one.
    """
    forecaster = forecaster_through(small_models.quick_wav2vec2(tmp_path / "small"))
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    model.save(model.folder("smoke"), forecaster, card=training.card(forecaster))
    found = benchmark.measured(tmp_path, 3.0, profile="smoke")
    table = pd.read_csv(tmp_path / "forecast-3h" / "forecast.csv")
    assert table["second"].max() >= 3 * 3600 and table["second"].nunique() >= 3 * 3600 - 10, "each second of it"
    assert found["peak MB"] < benchmark.LIMIT_MB
    assert 3 * 3600 / found["processor seconds"] > benchmark.LEAST_SPEED
