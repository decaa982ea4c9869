"""The store: an embedding that was computed once is kept by what it was made of, and never computed again.

What it was made of is the encoder's identity (weights, code, precision) and the window's content (the sound file's SHA-256,
its frames). So a renamed file, another profile or a copy of the corpus finds what is there, and a changed recording, other
weights or changed code do not.

```
outputs/embeddings/
└── <encoder>-<precision>-<identity>/    a shelf (`shelf`)
    ├── encoder.json                     what the identity is made of
    ├── index.parquet                    which window is where; made anew from the shards when it is missing
    └── shards/<piece>-<sha256>.safetensors    (`shards`)
```

`embed` does it all. `save` and `load` keep what a notebook hands to the next one; `inventory` says what is in the store and
drops what is stale (`python -m emocast store`).
"""

from .blocks import cut as cut_blocks
from .blocks import embed_blocks
from .embedding import embed
from .saved import load, save
from .shards import StoreError

__all__ = ["StoreError", "cut_blocks", "embed", "embed_blocks", "load", "save"]
