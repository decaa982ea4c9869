"""From a profile's finished notebooks to one static site, and to the tracked reference.

`python -m emocast.report page --profile demo` writes `outputs/demo/index.html` and the pages that it links, which open from
disk without a server and ask nothing of the network. Notebooks are not run for it: what they left is read.
`python -m emocast.report reference --profile demo` renews `outputs/reference/demo`: the run's tables and small figures, so
that a reader of the repository sees the results without running anything, and a later run can be held against them.

| module | what it makes of the finished notebooks |
|---|---|
| `finished` | what there is: manifests, titles, figures and the cells that drew them |
| `answer` | the opening figure and its sentences |
| `compared`, `rules.yaml`, `intervals` | what the papers print beside what was reproduced |
| `origins` | corpora and encoders with their digests |
| `cells`, `markup` | an executed notebook, or a Markdown page, as HTML |
| `site` | all pages |
| `reference` | the tracked tables and small figures |
"""

from .reference import write_reference
from .site import write_page

__all__ = ["write_page", "write_reference"]
