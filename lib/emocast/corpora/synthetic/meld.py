"""MELD's twin: three label files and small mp4 clips in the layout of the published archive, for its unchanged loader.

What the published files have, these have: dialogues of one episode in several splits, Dialogue_ID beginning anew in each,
gaps with laughter and a few overlaps, clips that run on beyond their label, episodes on six channels and on two, and the
files that the loader is to pass over. The labels' other oddities are left to tests.
Source of the layout: Poria et al. 2019, https://doi.org/10.18653/v1/P19-1050, and its authors' repository.

The same seed gives the same labels and the same decoded sound; the bytes of the clips too with the same build of PyAV.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from emocast.corpora.synthetic import engine, files, folder, meld_scenes, meld_sound, meld_video, process
from emocast.corpora.synthetic.meld_scenes import Scene
from emocast.corpora.synthetic.meld_sound import Track

#: The archive's folder below the data folder.
RELEASE = "MELD.Raw"

#: Split -> the folder of its clips.
FOLDERS: dict[str, str] = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}
#: A dialogue of fewer turns forecasts nothing.
FEWEST_TURNS = 4

#: Every so many episodes one is on six channels, the others on two.
EPISODES_PER_SURROUND = 3

#: Share of the clips that run on beyond their label, and by how much, in seconds.
TAIL_SHARE = 0.15
TAIL_S = (0.2, 0.8)

#: Seconds between two scenes of an episode, and before the first.
BREAK_S = (20.0, 60.0)

_HEADER = (
    "Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID", "Season", "Episode",
    "StartTime", "EndTime",
)  # fmt: skip
_SENTIMENT = {"neutral": "neutral", "joy": "positive", "surprise": "positive"}
_README = """SYNTHETIC CORPUS - THIS IS NOT MELD

These files have the layout and the formats of MELD, and nothing else of it. They were made by Emocast:
- The voices are eSpeak NG's (formant synthesis). No person's voice is in them; of the series there are the names alone.
- The words are neutral English sentences written for Emocast, the pictures grey.
- The emotions come from a known random process: {process}.
- The annotators are simulated. The laughter is noise.

Results on this corpus say whether a method works as it should. They say nothing about people.
truth.csv holds what no real corpus has: the latent mood, the played emotion and its intensity of every utterance.

seed: {seed}
settings: {settings}

The real corpus: https://affective-meld.github.io/
"""


@dataclass(frozen=True)
class Settings:
    """The size of the twin.

    Attributes:
        dialogues: how many, over all splits.
        turns: fewest and most turns of a dialogue, at least 4.
    """

    dialogues: int
    turns: tuple[int, int]

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            ValueError: a size is out of its limits.
        """
        if self.dialogues < 1:
            raise ValueError(f"dialogues={self.dialogues}: at least one is needed")
        if len(self.turns) != 2 or not FEWEST_TURNS <= self.turns[0] <= self.turns[1]:
            raise ValueError(f"turns={self.turns}: (fewest, most) with {FEWEST_TURNS} <= fewest <= most")


def make(root: Path, settings: Settings, *, seed: int, processes: int | None = None, progress: bool = True) -> Path:
    """Make the twin.

    Args:
        root: the data folder below which `MELD.Raw` appears. An older synthetic corpus of this name is replaced; nothing
            else there is touched.
        settings: the size.
        seed: the seed of everything.
        processes: how many clips are spoken and written at a time; None for one a core. It changes nothing but the time.
        progress: whether a bar over the clips is shown.

    Returns:
        The corpus folder.

    Raises:
        FileExistsError: the folder is there and no synthetic corpus; it is left alone.
        engine.EngineError: eSpeak NG did not start or did not speak.
    """
    target = Path(root).absolute() / RELEASE
    with folder.building(target) as new:
        scenes = meld_scenes.plan(settings.dialogues, turns=settings.turns, seed=seed)
        for name in FOLDERS.values():
            (new / name).mkdir(parents=True)
        clips = [turn.clip for scene in scenes for turn in scene.turns]
        spoken = engine.speak(clips, processes=processes)  # before the threads below: it forks
        with tqdm(total=len(clips), desc="synthetic MELD", unit="clip", disable=not progress) as bar:
            rows = _record_all(new, scenes, spoken, bar, threads=processes)
        _write_labels(new, scenes, rows)
        _write_about(new, scenes, settings=settings, seed=seed)
    return target


def _record_all(
    new: Path, scenes: list[Scene], spoken: Iterator[np.ndarray], bar: tqdm, *, threads: int | None
) -> dict[str, list[dict]]:
    """Record the scenes one after the other on their episodes' clocks, write their clips, and give the label rows."""
    rows: dict[str, list[dict]] = {split: [] for split in FOLDERS}
    clock_s, episode = 0.0, None
    with ThreadPoolExecutor(threads) as pool:
        writing: list[Future] = []
        for scene in scenes:
            clock_s = 0.0 if scene.episode != episode else clock_s
            episode = scene.episode
            clock_s = round(clock_s + scene.sound.uniform(*BREAK_S), 3)
            track = meld_sound.record(scene, [next(spoken) for _ in scene.turns])
            writing += [pool.submit(_write_clip, new, scene, track, *cut) for cut in _cuts(scene, track)]
            rows[scene.split] += _labels(scene, track, clock_s)
            clock_s += track.voices.size / meld_video.SAMPLE_RATE
            bar.update(len(scene.turns))
        for done in writing:
            done.result()  # an error of a thread is an error here
    return rows


def _cuts(scene: Scene, track: Track) -> Iterator[tuple[int, int, int]]:
    """Number, begin and end of each clip, in milliseconds of the track; some run on beyond the label's end."""
    for number, (start_ms, end_ms) in enumerate(zip(track.starts_ms, track.ends_ms, strict=True)):
        runs_on, tail_s = scene.sound.random() < TAIL_SHARE, scene.sound.uniform(*TAIL_S)
        yield number, int(start_ms), int(end_ms) + int(1000 * tail_s) * runs_on


def _write_clip(new: Path, scene: Scene, track: Track, number: int, start_ms: int, end_ms: int) -> None:
    season, episode = scene.episode
    layout = "5.1" if (season + episode) % EPISODES_PER_SURROUND == 2 else "stereo"
    path = new / FOLDERS[scene.split] / f"dia{scene.number}_utt{number}.mp4"
    meld_video.write(path, track.cut(start_ms, end_ms, layout=layout), layout=layout, corpus="MELD")


def _labels(scene: Scene, track: Track, clock_s: float) -> Iterator[dict]:
    """The rows of the label file, without their serial number."""
    season, episode = scene.episode
    for number, turn in enumerate(scene.turns):
        yield {
            "Utterance": turn.text,
            "Speaker": turn.speaker.name,
            "Emotion": turn.label,
            "Sentiment": _SENTIMENT.get(turn.label, "negative"),
            "Dialogue_ID": scene.number,
            "Utterance_ID": number,
            "Season": season,
            "Episode": episode,
            "StartTime": _clock(clock_s + track.starts_ms[number] / 1000),
            "EndTime": _clock(clock_s + track.ends_ms[number] / 1000),
        }


def _clock(seconds: float) -> str:
    """A moment as MELD writes it: 00:16:16,059."""
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d},{milliseconds % 1000:03d}"


def _write_labels(new: Path, scenes: list[Scene], rows: dict[str, list[dict]]) -> None:
    """Write the label files, and two files as the published test folder has, which are no clips of an utterance."""
    for split, lines in rows.items():
        text = io.StringIO()
        writer = csv.DictWriter(text, _HEADER, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows({"Sr No.": number, **line} for number, line in enumerate(lines, start=1))
        (new / f"{split}_sent_emo.csv").write_bytes(text.getvalue().encode())
    for scene in [scene for scene in scenes if scene.split == "test"][:1]:
        clip = new / FOLDERS["test"] / f"dia{scene.number}_utt0.mp4"
        clip.with_name(f"._{clip.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00")  # macOS's mark of such a file
        clip.with_name(f"final_videos_test{clip.name}").write_bytes(clip.read_bytes())


def _write_about(new: Path, scenes: list[Scene], *, settings: Settings, seed: int) -> None:
    truth = pd.DataFrame(
        [
            (
                f"{scene.name}_utt{number}",
                scene.name,
                number,
                turn.mood,
                turn.emotion,
                turn.delivery.intensity,
                turn.label,
            )
            for scene in scenes
            for number, turn in enumerate(scene.turns)
        ],
        columns=["utterance", "dialogue", "turn", "mood", "emotion", "intensity", "label"],
    ).round({"intensity": 6})
    splits = pd.Series({scene.name: scene.split for scene in scenes})
    counts = {
        "dialogues": splits.value_counts().sort_index().to_dict(),
        "utterances": truth["dialogue"].map(splits).value_counts().sort_index().to_dict(),
        "codes": truth["label"].value_counts().sort_index().to_dict(),
    }
    about = {"process": process.NAME, "seed": seed, "settings": asdict(settings), "counts": counts}
    readme = _README.format(process=process.NAME, seed=seed, settings=json.dumps(asdict(settings)))
    files.write_about(new, truth, readme=readme, about=about)
