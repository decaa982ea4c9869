"""MELD's twin: three label files and small mp4 clips in the layout of the published archive, for its unchanged loader.

What the published files have, these have: dialogues of one episode in several splits, Dialogue_ID beginning anew in each,
gaps with laughter and a few overlaps, clips that run on beyond their label, episodes on six channels and on two, and the
files that the loader is to pass over. The labels' other oddities are left to tests.
Source of the layout: Poria et al. 2019, https://doi.org/10.18653/v1/P19-1050, and its authors' repository.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import numpy as np
import pandas as pd
import soxr
from tqdm import tqdm

from . import cultures, files, process, room, voices
from .conversations import check_turns, lasting, words
from .voices import Speaker

#: The archive's folder below the data folder.
RELEASE = "MELD.Raw"

#: Split -> the folder of its clips.
FOLDERS: dict[str, str] = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}

#: Every so many episodes one is on six channels, the others on two.
EPISODES_PER_SURROUND = 3

#: Share of the clips that run on beyond their label, and by how much, in seconds.
TAIL_SHARE = 0.15
TAIL_S = (0.2, 0.8)

#: Seconds between two scenes of an episode, and before the first.
BREAK_S = (20.0, 60.0)

#: MELD's emotions -> what `cultures.SHIFTS` calls them.
EMOTIONS: dict[str, str] = {
    "neutral": "neutral",
    "joy": "happiness",
    "sadness": "sadness",
    "anger": "anger",
    "surprise": "surprise",
    "fear": "fear",
    "disgust": "disgust",
}
#: Shares of the emotions in MELD's labels, of 13,708 (Poria et al. 2019, and `benchmarks/fit_conversations.py`).
SHARES: dict[str, float] = dict(zip(EMOTIONS, (0.47, 0.168, 0.073, 0.117, 0.119, 0.026, 0.026), strict=True))
#: How they run: moods pass quickly here. The numbers are fitted as those of the other conversations.
PROCESS = process.Process(stay=0.18, role=0.3, partner=0.1, shared=0.6, sharpness=1.0, change=0.86)
#: How often an annotator names the played emotion; otherwise any of the seven, neutral as often as all others together.
AGREEMENT = 0.8

#: Percent of turns, and how many seconds they take at most; the same of the silence before a turn, negative in overlaps.
LENGTHS_AT, LENGTHS_S = (0, 5, 25, 50, 75, 95, 100), (0.5, 0.8, 1.54, 2.46, 3.92, 7.88, 12.0)
GAPS_AT, GAPS_S = (0, 3, 8, 25, 50, 75, 95, 100), (-2.5, -1.0, 0.05, 0.1, 0.18, 0.9, 3.5, 5.0)

#: The six whom a scene mostly has, whose sex the loader knows. No voice is another twin's of the same language.
FRIENDS: tuple[Speaker, ...] = (
    Speaker("Rachel", "en-us+steph3", 42, 47, 138, 0.4, 1.08),
    Speaker("Ross", "en-us+robert", 46, 44, 131, -0.4, 0.95),
    Speaker("Monica", "en-us+anika", 44, 50, 144, 0.8, 1.12),
    Speaker("Chandler", "en-us+benjamin", 52, 49, 141, -0.8, 1.02),
    Speaker("Phoebe", "en-us+steph2", 48, 53, 134, 0.0, 1.05),
    Speaker("Joey", "en-us+david", 41, 46, 127, 1.2, 0.98),
)
#: Who comes and goes, as the real series has some three hundred.
OTHERS: tuple[Speaker, ...] = (
    Speaker("Waiter", "en-us+john", 47, 42, 136, -1.2, 0.90),
    Speaker("Customer", "en-us+edward", 54, 51, 129, 0.6, 0.93),
    Speaker("Neighbour", "en-us+iven", 43, 45, 133, -0.2, 1.04),
    Speaker("Nurse", "en-us+shelby", 51, 49, 142, 0.9, 0.97),
    Speaker("Driver", "en-us+max", 45, 41, 125, -0.7, 0.88),
    Speaker("Clerk", "en-us+zac", 49, 48, 139, 0.3, 1.01),
    Speaker("Teacher", "en-us+caleb", 41, 52, 128, 1.1, 0.96),
    Speaker("Salesman", "en-us+marcelo", 55, 54, 146, 0.7, 1.10),
    Speaker("Guest", "en-us+miguel", 46, 43, 134, -0.5, 0.92),
    Speaker("Doctor", "en-us+quincy", 42, 46, 130, -1.0, 0.99),
    Speaker("Host", "en-us+rob", 50, 55, 140, 1.3, 1.07),
    Speaker("Lawyer", "en-us+pablo", 44, 44, 137, -0.9, 0.94),
)
SPEAKERS = (*FRIENDS, *OTHERS)
#: Share of a scene's speakers that are friends; percent of scenes that have so many speakers: 1, 2, 3, 4, 5.
FRIENDS_SHARE, CAST = 0.8, (10, 38, 30, 14, 8)
#: So many scenes are of one episode; its scenes fall into several splits, as MELD's do.
SCENES_OF_AN_EPISODE = 4
EPISODES_OF_A_SEASON = 24

#: In which split each scene of ten lies: seven tenths are for training.
SPLITS: tuple[str, ...] = (
    "train", "train", "test", "dev", "train", "train", "train", "test", "train", "train",
)  # fmt: skip

#: Level of the laughter and of the track's noise, dB re full scale.
LAUGHTER_LEVEL = -26.0
NOISE_LEVEL = -58.0

#: How often the audience laughs after a turn labelled joy and after another one, and for how long, in seconds.
LAUGHS = {True: 0.35, False: 0.06}
LAUGH_S = (1.0, 3.5)

#: Samples a second of the clips' sound (half of a film's, which is twice as quick), and its bits a second for each channel.
CLIP_RATE = 24_000
BITS = 24_000

#: Width and height of the picture, and pictures a second: just enough to be a film.
SIZE = 32
PICTURES = 5

_QUICK = {"aac_coder": "fast"}  # FFmpeg's own choice takes eight times as long
_MILLISECOND = room.SAMPLE_RATE // 1000  # times are whole milliseconds, as the labels' are
_DELAY = CLIP_RATE // 125  # 8 ms: from one side of the room to the other

# What a generator of a scene is for; turn k has _TURNS + k.
_SHAPE, _MOODS, _SOUND, _TURNS = range(4)
_KEY = 77  # keeps the chance of this twin apart from the other corpora's

_HEADER = (
    "Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID", "Season", "Episode",
    "StartTime", "EndTime",
)  # fmt: skip
_SENTIMENT = {"neutral": "neutral", "joy": "positive", "surprise": "positive"}
_README = {
    "name": "MELD",
    "layout": "MELD",
    "made": """; of the series there are the names alone.
- The words are neutral English sentences written for Emocast, the pictures grey.
- The emotions come from a known random process.
- The annotators are simulated. The laughter is noise.""",
    "whom": "people",
    "truth": "truth.csv holds what no real corpus has: the role of the speaker, the played emotion and its intensity of every "
    "utterance.",
    "source": "The real corpus: https://affective-meld.github.io/",
}


@dataclass(frozen=True)
class Settings:
    """The size of the twin."""

    dialogues: int  # how many, over all splits
    turns: tuple[
        int, int
    ]  # fewest and most turns of a dialogue; half of them have less than two fifths of the way between

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            ValueError: a size is out of its limits.
        """
        if self.dialogues < 1:
            raise ValueError(f"dialogues={self.dialogues}: at least one is needed")
        check_turns(self.turns, fewest=1)


@dataclass(frozen=True, eq=False)
class PlannedTurn:
    """A turn before it is spoken."""

    speaker: Speaker  # who speaks
    role: str  # what its speaker brings to the scene
    emotion: str  # the played emotion, a key of `EMOTIONS`
    label: str  # what most annotators call it
    text: str  # what is said
    delivery: voices.Delivery  # how it is said
    clip: voices.Clip  # the same for eSpeak NG
    channel: int  # the speaker's number in the scene


@dataclass(frozen=True, eq=False)
class Scene:
    """A dialogue before it is spoken."""

    index: int  # its number over all splits, in the order in which they are played
    split: str  # "train", "dev" or "test"
    number: int  # its Dialogue_ID, which begins anew in each split
    turns: tuple[PlannedTurn, ...]  # in their order
    sound: np.random.Generator  # the generator for the recording

    @property
    def name(self) -> str:
        """The dialogue as the loader calls it."""
        return f"{self.split}_dia{self.number}"

    @property
    def episode(self) -> tuple[int, int]:
        """Season and episode, each from 1."""
        season, episode = divmod(self.index // SCENES_OF_AN_EPISODE, EPISODES_OF_A_SEASON)
        return season + 1, episode + 1


def plan(dialogues: int, *, turns: tuple[int, int], seed: int) -> list[Scene]:
    """Plan all scenes, in the order in which they are played, those of an episode together.

    Every scene and every turn has its own generator, from (seed, scene, turn): a smaller twin is a part of a larger one.

    Args:
        dialogues: how many.
        turns: fewest and most turns of each.
        seed: the seed of everything.
    """
    splits = [SPLITS[index % len(SPLITS)] for index in range(dialogues)]
    return [
        Scene(index, split, splits[:index].count(split), _turns(index, turns, seed), _generator(seed, index, _SOUND))
        for index, split in enumerate(splits)
    ]


def _generator(seed: int, scene: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_KEY, scene, purpose)))


def _turns(index: int, turns: tuple[int, int], seed: int) -> tuple[PlannedTurn, ...]:
    """A few characters talk; short scenes are the commonest."""
    shape = _generator(seed, index, _SHAPE)
    count = round(turns[0] + (turns[1] - turns[0]) * shape.random() ** 1.6)
    size = int(shape.choice(len(CAST), p=np.array(CAST) / sum(CAST))) + 1
    friends = int(shape.binomial(size, FRIENDS_SHARE))
    cast = [FRIENDS[who] for who in shape.permutation(len(FRIENDS))[:friends]]
    cast += [OTHERS[who] for who in shape.permutation(len(OTHERS))[: size - friends]]
    spoken_by, names = PROCESS.speakers(count, shape, of=size), list(SHARES)
    shares = np.array(list(SHARES.values()))
    acted = PROCESS.draw(shares / shares.sum(), spoken_by, _generator(seed, index, _MOODS), of=size)
    planned = []
    for number, (who, (role, emotion)) in enumerate(zip(spoken_by, acted, strict=True)):
        rng = _generator(seed, index, _TURNS + number)
        planned.append(_turn(cast[who], names[role], names[emotion], rng, channel=who))
    return tuple(planned)


def _turn(speaker: Speaker, role: str, emotion: str, rng: np.random.Generator, *, channel: int) -> PlannedTurn:
    text = words(lasting(rng, LENGTHS_AT, LENGTHS_S), rng)
    delivery = voices.deliver(speaker, EMOTIONS[emotion], rng, shifts=cultures.SHIFTS)
    label = annotate(emotion, rng)
    clip = voices.clip(speaker, delivery, text, seed=int(rng.integers(1, 2**31)))
    return PlannedTurn(speaker, role, emotion, label, text, delivery, clip, channel)


def annotate(emotion: str, rng: np.random.Generator) -> str:
    """Let three annotators name a played emotion: what at least two of them say; where all differ, what the first says."""
    names = list(EMOTIONS)
    shares = np.where(np.array(names) == "neutral", 0.5, 0.5 / (len(names) - 1)) * (1 - AGREEMENT)
    shares[names.index(emotion)] += AGREEMENT
    named = [str(name) for name in rng.choice(names, size=3, p=shares)]
    return max(named, key=named.count)


@dataclass(frozen=True, eq=False)
class Track:
    """The sound of a scene, before it is cut.

    As in a film mix the voices are in the front centre; the laughter (noise in bursts) is left, right and behind, where a
    loader that keeps to the centre gets next to nothing of it. Episodes on two channels have both everywhere.
    """

    voices: np.ndarray  # shape (n,), float32, at `CLIP_RATE`
    laughter: np.ndarray  # the same shape
    starts_ms: np.ndarray  # when each turn begins, shape (turns,), the first at 0
    ends_ms: np.ndarray  # when each ends

    def cut(self, start_ms: int, end_ms: int, *, layout: str) -> np.ndarray:
        """Mix a part of the track for a layout, "5.1" or "stereo": shape (channels, m), float32, at `CLIP_RATE`."""
        part = slice(start_ms * CLIP_RATE // 1000, end_ms * CLIP_RATE // 1000)
        voices, laughter = self.voices[part], self.laughter[part]
        late = np.concatenate([np.zeros(min(_DELAY, laughter.size), np.float32), laughter[:-_DELAY]])
        if layout == "5.1":
            sides = [laughter + 0.05 * voices, late + 0.05 * voices]
            mixed = [*sides, voices + 0.02 * laughter, np.zeros_like(voices), late / 2, laughter / 2]
        else:
            mixed = [0.7 * voices + laughter, 0.7 * voices + late]
        return np.clip(np.stack(mixed), -1, 1)


def record(scene: Scene, spoken: Sequence[np.ndarray]) -> Track:
    """Put the turns of a scene, as eSpeak NG speaks them, on its track."""
    rng = scene.sound
    pairs = zip(scene.turns, spoken, strict=True)
    turns = [room.turn(samples, turn.delivery, channel=turn.channel) for turn, samples in pairs]
    laughs = np.array([_laugh(turn.label == "joy", rng) for turn in scene.turns])
    starts = room.place(turns, rng, at=GAPS_AT, gaps_s={"partner": GAPS_S, "own": GAPS_S})
    starts = starts - starts[0] + np.concatenate([[0], np.cumsum(laughs)[:-1]])
    starts -= starts % _MILLISECOND
    ends = starts + [-(-turn.samples.size // _MILLISECOND) * _MILLISECOND for turn in turns]
    mixed = np.zeros((2, int(ends.max()) + int(laughs[-1]) + room.SAMPLE_RATE), dtype=np.float32)
    mixed[0] = rng.standard_normal(mixed.shape[1]) * 10 ** (NOISE_LEVEL / 20)
    for turn, start, end, length in zip(turns, starts, ends, laughs, strict=True):
        mixed[0, start : start + turn.samples.size] += turn.samples
        mixed[1, end : end + length] += _laughter(int(length), rng)
    mixed *= min(1.0, room.PEAK / np.abs(mixed).max())
    voices, laughter = (soxr.resample(part, room.SAMPLE_RATE, CLIP_RATE) for part in mixed)
    return Track(voices, laughter, starts // _MILLISECOND, ends // _MILLISECOND)


def _laugh(joyful: bool, rng: np.random.Generator) -> int:
    """How long the audience laughs after a turn, in samples."""
    laughs, seconds = rng.random() < LAUGHS[joyful], rng.uniform(*LAUGH_S)
    return int(seconds * 1000) * _MILLISECOND if laughs else 0


def _laughter(size: int, rng: np.random.Generator) -> np.ndarray:
    """Noise in bursts, five a second, that fades."""
    time = np.arange(size) / room.SAMPLE_RATE
    bursts = (0.55 + 0.45 * np.sin(2 * np.pi * 5 * time)) * np.linspace(1, 0.2, size)
    return bursts * rng.standard_normal(size) * 10 ** (LAUGHTER_LEVEL / 20)


def write_clip(path: Path, sound: np.ndarray, *, layout: str, corpus: str) -> None:
    """Write a clip as MELD's are: pictures, AAC sound, and metadata that say that it is synthetic.

    PyAV writes no dates and versions, so that a clip has the same bytes whenever the same build writes it.

    Args:
        path: the file; its folder is there.
        sound: shape (channels, n), float32, full scale 1, at `CLIP_RATE`, in the layout's order of channels.
        layout: FFmpeg's name of it: "mono", "stereo" or "5.1" (left, right, centre, low frequencies, back left and right).
        corpus: the name of the corpus whose layout is used.
    """
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        container.metadata["title"] = files.TITLE.format(corpus=corpus)
        container.metadata["comment"] = files.COMMENT.format(corpus=corpus)
        picture = container.add_stream("mpeg4", rate=PICTURES, width=SIZE, height=SIZE, pix_fmt="yuv420p")
        voice = container.add_stream("aac", rate=CLIP_RATE, layout=layout, format="fltp", options=_QUICK)
        voice.bit_rate = BITS * len(sound)
        for stream in (picture, voice):
            stream.codec_context.flags |= av.codec.context.Flags.bitexact
            stream.codec_context.thread_count = 1
        seconds = sound.shape[1] / CLIP_RATE
        for stream, frames in ((picture, _pictures(seconds)), (voice, _frames(sound, layout))):
            for frame in [*frames, None]:  # None: what the encoder still holds
                container.mux(stream.encode(frame))


def _pictures(seconds: float) -> Iterator[av.VideoFrame]:
    """A grey picture that brightens."""
    count = max(1, round(seconds * PICTURES))
    for number in range(count):
        grey = np.full((SIZE * 3 // 2, SIZE), 128, dtype=np.uint8)  # brightness above, two colour planes below
        grey[:SIZE] = 40 + 150 * number // count
        frame = av.VideoFrame.from_ndarray(grey, format="yuv420p")
        frame.pts = number
        yield frame


def _frames(sound: np.ndarray, layout: str, *, size: int = 1024) -> Iterator[av.AudioFrame]:
    """The sound in frames of the length that AAC codes at a time."""
    for start in range(0, sound.shape[1], size):
        samples = np.ascontiguousarray(sound[:, start : start + size], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = CLIP_RATE, start
        yield frame


def make(root: Path, settings: Settings, *, seed: int, processes: int | None = None, progress: bool = True) -> Path:
    """Make the twin. The same seed gives the same labels and decoded sound; the same bytes with the same build of PyAV.

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
        voices.EngineError: eSpeak NG did not start or did not speak.
    """
    target = Path(root).absolute() / RELEASE
    with files.building(target) as new:
        scenes = plan(settings.dialogues, turns=settings.turns, seed=seed)
        for name in FOLDERS.values():
            (new / name).mkdir(parents=True)
        clips = [turn.clip for scene in scenes for turn in scene.turns]
        spoken = voices.speak(clips, processes=processes)  # before the threads below: it forks
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
    clock_s, episode, writing = 0.0, None, []
    with ThreadPoolExecutor(threads) as pool:
        for scene in scenes:
            clock_s = 0.0 if scene.episode != episode else clock_s
            episode = scene.episode
            clock_s = round(clock_s + scene.sound.uniform(*BREAK_S), 3)
            track = record(scene, [next(spoken) for _ in scene.turns])
            writing += [pool.submit(_cut_clip, new, scene, track, *cut) for cut in _cuts(scene, track)]
            rows[scene.split] += _labels(scene, track, clock_s)
            clock_s += track.voices.size / CLIP_RATE
            bar.update(len(scene.turns))
        for done in writing:
            done.result()  # an error of a thread is an error here
    return rows


def _cuts(scene: Scene, track: Track) -> Iterator[tuple[int, int, int]]:
    """Number, begin and end of each clip, in milliseconds of the track; some run on beyond the label's end."""
    for number, (start_ms, end_ms) in enumerate(zip(track.starts_ms, track.ends_ms, strict=True)):
        runs_on, tail_s = scene.sound.random() < TAIL_SHARE, scene.sound.uniform(*TAIL_S)
        yield number, int(start_ms), int(end_ms) + int(1000 * tail_s) * runs_on


def _cut_clip(new: Path, scene: Scene, track: Track, number: int, start_ms: int, end_ms: int) -> None:
    layout = "5.1" if sum(scene.episode) % EPISODES_PER_SURROUND == 2 else "stereo"
    path = new / FOLDERS[scene.split] / f"dia{scene.number}_utt{number}.mp4"
    write_clip(path, track.cut(start_ms, end_ms, layout=layout), layout=layout, corpus="MELD")


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
    rows = [
        (f"{scene.name}_utt{number}", scene.name, number, turn.role, turn.emotion, turn.delivery.intensity, turn.label)
        for scene in scenes
        for number, turn in enumerate(scene.turns)
    ]
    columns = ["utterance", "dialogue", "turn", "role", "emotion", "intensity", "label"]
    truth = pd.DataFrame(rows, columns=columns).round({"intensity": 6})
    splits = pd.Series({scene.name: scene.split for scene in scenes})
    counts = {
        "dialogues": splits.value_counts().sort_index().to_dict(),
        "utterances": truth["dialogue"].map(splits).value_counts().sort_index().to_dict(),
        "codes": truth["label"].value_counts().sort_index().to_dict(),
    }
    about = {"seed": seed, "settings": asdict(settings), "counts": counts, "readme": _README}
    files.write_about(new, truth, **about, process=process.NAME)
