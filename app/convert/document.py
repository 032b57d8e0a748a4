"""An HTML document around what was converted, and the pieces that converters write alike."""

import html
import re
from collections.abc import Iterable

from pruning.metadata import Metadata

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
# Indented lines, and columns held apart by tabs or several spaces: code, tables, verse.
_SPACES_MEAN = re.compile(r"^[ \t]|\t|\S {2,}\S", re.MULTILINE)


def document(body: str, about: Metadata | None = None) -> str:
    """A whole document that says of itself what `about` says. `body` is HTML.

    >>> document("<p>One</p>", Metadata(title="A & B"))
    '<!doctype html>\\n<title>A &amp; B</title>\\n<p>One</p>'
    """
    about = about or Metadata()
    language = f'\n<html lang="{html.escape(about.language)}">' if about.language else ""
    named = (("author", about.author), ("article:published_time", about.published))
    lines = [f"<!doctype html>{language}"]
    lines += [f"<title>{escaped(about.title)}</title>"] if about.title else []
    lines += [f'<meta name="{name}" content="{html.escape(value)}">' for name, value in named if value]
    lines += [f'<link rel="canonical" href="{html.escape(about.url)}">'] if about.url else []
    return "\n".join((*lines, body))


def escaped(text: str) -> str:
    """Text as it may stand between tags."""
    return html.escape(text, quote=False)


def element(tag: str, text: str) -> str:
    """One element that holds text, as a line.

    >>> element("h2", "A < B")
    '<h2>A &lt; B</h2>\\n'
    """
    return f"<{tag}>{escaped(text)}</{tag}>\n"


def items(tag: str, texts: Iterable[str]) -> str:
    """A list, `ul` or `ol`, of texts."""
    return f"<{tag}>\n{''.join(element('li', text) for text in texts)}</{tag}>\n"


def paragraphs(text: str) -> str:
    """Plain text as HTML: a paragraph for each, as `pre` where its spaces carry meaning.

    >>> paragraphs("One & two\\nthree")
    '<p>One &amp; two\\nthree</p>\\n'
    """
    parts = (part.strip("\n") for part in _BLANK_LINE.split(re.sub(r"\r\n?", "\n", text)))
    return "".join(element("pre" if _SPACES_MEAN.search(part) else "p", part) for part in parts if part.strip())
