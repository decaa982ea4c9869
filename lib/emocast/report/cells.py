"""An executed notebook as HTML: its cells for the site's own frame, without scripts, styles or fonts from elsewhere.

nbconvert's own pages load MathJax and require.js from the network. No notebook here has formulas or widgets, so only its
machinery is used: Markdown, highlighted code, terminal colours. The cells' template is `templates/cells.html`.
"""

from __future__ import annotations

import copy
import re
from itertools import groupby

import markupsafe
import nbformat
from nbconvert import HTMLExporter

from .. import paths
from . import finished, markup

_PILCROW = re.compile(r'<a class="anchor-link"[^>]*>.*?</a>')  # headings keep their ids, for the page's list of parts


def to_html(run: finished.Finished) -> markupsafe.Markup:
    """Write an executed notebook's cells as HTML.

    Args:
        run: the notebook. Its figures are the files beside its page, each with its caption as text for those who do not
            see it and an id (`finished.anchor`); progress bars, which are for those who wait, are left out.

    Returns:
        The cells, safe to be put into a page.
    """
    notebook = copy.deepcopy(run.notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _joined([output for output in cell.outputs if not _is_progress(output)])
    figures = {figure["name"]: {**figure, "id": finished.anchor(figure["name"])} for figure in run.figures}
    template = (paths.TEMPLATES / "cells.html").read_text("utf-8")
    exporter = HTMLExporter(raw_template=template, template_name="basic")
    exporter.environment.autoescape = True
    body, _ = exporter.from_notebook_node(notebook, {"figures": figures, "metadata": {"name": run.name}})
    return markup.scrolling(_PILCROW.sub("", body))


def _is_progress(output: nbformat.NotebookNode) -> bool:
    text = output.get("text", "")
    return output.get("name") == "stderr" and ("\r" in text or "%|" in text or not text.strip())


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """What was printed in one go in one box; it may have come in parts, between bars."""
    joined = []
    for stream, group in groupby(outputs, key=lambda output: output.get("name")):
        same = list(group)
        if stream:
            same[0].text = "".join(output.text for output in same)
        joined += same[:1] if stream else same
    return joined
