"""Contrastive models: sound and text in one space, so that words can find sounds without training on labels.

| name | what it is |
|---|---|
| `laion-clap:SOURCE` | LAION-CLAP (Wu et al. 2023, arXiv 2211.06687) |
| `msclap:SOURCE` | Microsoft CLAP (Elizalde et al. 2023, arXiv 2309.05767) |
| `transformers:SOURCE` | a CLAP in the model hub's format, such as `laion/clap-htsat-unfused` |
| `dual:SOURCE` | the demo's own, trained in its run |

A contrastive model is an encoder (`emocast.encoders`) that embeds texts too. The same name therefore goes to
`encoders.store.embed`, which keeps the embeddings of a whole corpus, and to `get` here, for the words that they are compared
with: by the cosine, for not every model gives embeddings of length 1.
"""

from __future__ import annotations

from .. import encoders

#: How the names of contrastive models begin. Of `transformers:` only CLAP embeds texts.
KINDS = ("laion-clap:", "msclap:", "transformers:", "dual:")


def get(name: str) -> encoders.Encoder:
    """Make a contrastive model by its name, see the table above: an encoder with `embed_text`.

    That takes n texts and gives float32, (n, dimension), in the space of the sounds; what stands beside a text does not
    change its embedding. The first call reads the tokenizer. A ValueError where a text is empty, no string, or too long.

    A ValueError where there is no such model or it has no texts (the message lists those that have), or its checkpoint is
    missing or damaged (`encoders.hub.CheckpointError`).
    """
    encoder = encoders.get(name) if name.startswith(KINDS) else None
    if hasattr(encoder, "embed_text"):
        return encoder
    reason = "this model embeds sound alone" if encoder else "no such model embeds texts"
    known = ", ".join(f"{kind}SOURCE" for kind in KINDS).replace("transformers:SOURCE", "transformers:SOURCE (a CLAP)")
    raise ValueError(f"no contrastive model {name!r}: {reason}; there is {known}")
