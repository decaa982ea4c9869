"""Whether an encoder's checkpoint is there, without reading it: a look at files, so that a run can say first what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from . import checkpoint_files, emotion2vec, hub, speech_files, text_towers

#: Tokenizers of models that hear through one file and read texts by another's vocabulary.
TOKENIZERS = {"laion-clap": "roberta-base", "msclap": "gpt2"}


def missing(name: str, *, texts: bool = False) -> str:
    """Say what of an encoder's checkpoint is not there.

    Args:
        name: an encoder's name (`encoders.get`).
        texts: whether texts are embedded too, for which some need a tokenizer beside.

    Returns:
        Which files to put where; empty when nothing is missing. Damage shows only when a model is read. Where a network
        may be used (`hub.find`), what is missing is downloaded.
    """
    kind, _, source = name.partition(":")
    looks = [partial(_FINDERS[kind], source)] if kind in _FINDERS else []
    looks += [partial(text_towers.files, TOKENIZERS[kind])] if texts and kind in TOKENIZERS else []
    lacking = []
    for look in looks:
        try:
            look()
        except hub.CheckpointError as error:
            lacking.append(error.advice or str(error))
    return "; ".join(lacking)


def missing_classifier(source: str) -> str:
    """The same of a published classifier (`ser.candidates`), which has the files of one format or of the other."""
    as_speechbrain = missing(f"wav2vec2:{source}")
    return as_speechbrain and missing(f"transformers:{source}")


def _emotion2vec(source: str) -> None:
    folder = hub.find(source, needed=[emotion2vec.CONFIG], optional=emotion2vec.WEIGHTS)
    if not any((folder / name).is_file() for name in emotion2vec.WEIGHTS):
        raise hub.CheckpointError(f"put {' or '.join(emotion2vec.WEIGHTS)} into {folder}")


def _transformers(source: str) -> None:
    path, _, layer = source.rpartition("@")
    speech_files.find(path if path and layer.isdigit() else source)


#: Kind -> what looks for the files; the others need none that people must bring.
_FINDERS: dict[str, Callable[[str], object]] = {
    "wav2vec2": lambda source: hub.find(source, needed=checkpoint_files.NEEDED, optional=checkpoint_files.OPTIONAL),
    "transformers": _transformers,
    "laion-clap": hub.find_file,
    "msclap": hub.find_file,
    "emotion2vec": _emotion2vec,
}
