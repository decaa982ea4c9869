"""The embedded default corpus: synthetic conversations in IEMOCAP's own layout, made in seconds by eSpeak NG.

It lets every notebook run on a fresh machine without a licensed corpus, and it has what no real corpus has: the process
behind its emotions is known, so the best possible forecast can be computed (`forecast`). Results on it test the method;
they say nothing about people.

The modules, in the order of the way: `process` (moods and emotions), `script` (scenarios and words), `raters` (labels),
`forecast` (the exact ceiling), `voices` (speakers and prosody), `engine` (eSpeak NG), `room` (the recording),
`dialogue` (the plan of one), `iemocap` (the files), `corpus` (all of it).

Beside the conversations stand acted sentences in the layouts of CREMA-D, EmoDB and ShEMO, through the same voices, engine
and room: `cultures` (a shift of prosody for each language), `isolated` (their plan), `listeners` (votes), `cremad`,
`emodb`, `shemo` (what each has of its own), and `librispeech`, which is only read; `twins` makes any of them. MELD's twin is
conversations again, in clips: `meld_scenes` (their plan), `meld_sound`, `meld_video` and `meld` (the files). `files` and
`folder` write for all; `orders` reads off a profile which are wanted.
"""

from __future__ import annotations

from emocast.corpora.synthetic.corpus import Settings, make
from emocast.corpora.synthetic.isolated import TwinSettings
from emocast.corpora.synthetic.twins import make as make_twin

__all__ = ["Settings", "TwinSettings", "make", "make_twin"]
