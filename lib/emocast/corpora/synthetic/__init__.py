"""The embedded default corpus: synthetic conversations in IEMOCAP's own layout, made in seconds by eSpeak NG.

It lets every notebook run on a fresh machine without a licensed corpus, and it has what no real corpus has: the process
behind its emotions is known, so the best possible forecast can be computed (`forecast`). Results on it test the method;
they say nothing about people.

The modules, in the order of the way: `process` (moods and emotions), `script` (scenarios and words), `raters` (labels),
`forecast` (the exact ceiling), `voices` (speakers and prosody), `engine` (eSpeak NG), `room` (the recording),
`dialogue` (the plan of one), `iemocap` (the files), `corpus` (all of it).
"""

from __future__ import annotations

from emocast.corpora.synthetic.corpus import Settings, make

__all__ = ["Settings", "make"]
