"""Contrastive models: sound and text in one space, so that words can find sounds without training on labels.

| name | what it is |
|---|---|
| `laion-clap:SOURCE` | LAION-CLAP (Wu et al. 2023, arXiv 2211.06687) |
| `msclap:SOURCE` | Microsoft CLAP (Elizalde et al. 2023, arXiv 2309.05767) |
| `transformers:SOURCE` | a CLAP in the model hub's format, such as `laion/clap-htsat-unfused` |
| `dual:SOURCE` | the demo's own, trained in its run |

A contrastive model is an encoder (`emocast.encoders`) that reads too. The same name therefore goes to `encoders.store.embed`,
which keeps the embeddings of a whole corpus, and to `get` here, for the words that they are compared with. They are compared
by the cosine: not every model gives embeddings of length 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import encoders

#: How the names of contrastive models begin. Of `transformers:` only CLAP reads.
KINDS = ("laion-clap:", "msclap:", "transformers:", "dual:")


@dataclass(frozen=True)
class Contrastive:
    """A model that hears and reads.

    Attributes:
        encoder: what both is done with.
    """

    encoder: encoders.Encoder

    @property
    def name(self) -> str:
        """As given to `get`, and for `encoders.store.embed`."""
        return self.encoder.name

    @property
    def sample_rate(self) -> int:
        """What it hears, in Hz."""
        return self.encoder.sample_rate

    @property
    def dimension(self) -> int:
        """How many values an embedding has, of a sound or of a text."""
        return self.encoder.dimension

    def embed_audio(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n mono waveforms at `sample_rate`, each of shape (samples,): float32, shape (n, dimension).

        Raises:
            ValueError: a waveform is too short, or has more than one channel.
        """
        return self.encoder.encode(waveforms)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embed n texts in the same space: float32, shape (n, dimension).

        What stands beside a text does not change its embedding. The first call loads the text tower.

        Raises:
            ValueError: a text is empty, no string, or too long for the model.
            encoders.hub.CheckpointError: the text tower or its tokenizer is missing or damaged (a ValueError too).
        """
        return self.encoder.embed_text(texts)


def get(name: str) -> Contrastive:
    """Make a contrastive model by its name.

    Args:
        name: an encoder's, see the table above, for example "laion-clap:lukewys/laion_clap/630k-audioset-best.pt".

    Returns:
        The model; its text tower is not loaded yet.

    Raises:
        ValueError: there is no such model, or it only hears; the message lists those that read too.
        encoders.hub.CheckpointError: its checkpoint is missing or damaged (a ValueError too).
    """
    if not name.startswith(KINDS):
        raise _unknown(name, "no such model reads texts")
    encoder = encoders.get(name)
    if not hasattr(encoder, "embed_text"):
        raise _unknown(name, "this model only hears")
    return Contrastive(encoder)


def _unknown(name: str, reason: str) -> ValueError:
    known = ", ".join(f"{kind}SOURCE" for kind in KINDS).replace("transformers:SOURCE", "transformers:SOURCE (a CLAP)")
    return ValueError(f"no contrastive model {name!r}: {reason}; there is {known}")
