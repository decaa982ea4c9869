"""Markdown as HTML, and what makes HTML of others fit the site: wide tables scroll in a box of their own."""

from __future__ import annotations

import itertools
import re

import markupsafe
import mistune
from mistune.toc import add_toc_hook

_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
_HEADING = re.compile(r'<h2 id="(?P<id>[^"]+)">(?P<text>.*?)</h2>', re.DOTALL)


def from_markdown(text: str) -> markupsafe.Markup:
    """A Markdown page as HTML; its headings have the ids that GitHub gives them, for links to the page's own parts."""
    markdown = mistune.create_markdown(escape=True, plugins=["table", "url"])
    add_toc_hook(markdown, heading_id=lambda token, _: _anchor(token["text"]))
    return scrolling(markdown(text))  # mistune escapes what is no Markdown


def _anchor(heading: str) -> str:
    """A heading's name in links, as GitHub gives it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def scrolling(html: str) -> markupsafe.Markup:
    """Put each table of safe HTML into a box that scrolls, with a mouse or with the keyboard, where a screen is narrow."""
    number = itertools.count(1)

    def box(match: re.Match) -> str:
        label = f"Table {next(number)}, scrolls sideways"
        return f'<div class="scroll" tabindex="0" role="group" aria-label="{label}">{match[0]}</div>'

    return markupsafe.Markup(_TABLE.sub(box, html))


def parts(html: str) -> list[tuple[str, markupsafe.Markup]]:
    """The second-level headings of safe HTML: id and text."""
    return [(found["id"], markupsafe.Markup(found["text"])) for found in _HEADING.finditer(html)]
