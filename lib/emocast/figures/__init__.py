"""Figures: data and axes in, nothing out. No file is read or written here.

Each emotion has the colour of `labels.COLOURS` in every figure; units stand in the axis labels; where there are samples
there are intervals; what a paper printed is black.
"""

# isort: off
from .base import FEWEST
from .base import PUBLISHED_COLOUR
from .base import SERIES_COLOURS
from .base import intervals
from .base import style  # noqa: F401
from .corpora import balance
from .corpora import criteria_matrix
from .corpora import durations
from .corpora import emotion_counts
from .corpora import history
from .corpora import repeats
from .corpora import sizes
from .corpora import speech  # noqa: F401
from .corpora import timeline
from .corpora import transitions
from .corpora import valence_arousal  # noqa: F401
from .embeddings import alignment
from .embeddings import cluster_sweep
from .embeddings import embedding
from .embeddings import hulls
from .embeddings import probes
from .embeddings import prompt_spread
from .embeddings import texts  # noqa: F401
from .recordings import held_out_scores
from .recordings import recording  # noqa: F401
from .scores import accuracies
from .scores import by_protocol
from .scores import by_shift
from .scores import changes
from .scores import confusion
from .scores import differences
from .scores import dimensions  # noqa: F401
from .scores import eligible_events
from .scores import gains
from .scores import hyperparameters
from .scores import learning_curve
from .scores import losses
from .scores import recalls  # noqa: F401
from .scores import reliability_diagram
from .scores import scores
from .scores import shares
from .scores import sweep
from .scores import training_curves  # noqa: F401
