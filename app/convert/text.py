"""Plain text and Markdown as simple HTML."""

import re

from markdown_it import MarkdownIt

from app.convert.document import document, paragraphs
from pruning.metadata import Metadata

# Above this, Markdown is read as the text that it is: its parser can't be stopped.
_MOST_MARKDOWN = 500_000  # characters; 30 KB a second at the worst
_FRONT_MATTER = re.compile(r"\A---\s*\n(.{0,5000}?)\n(?:---|\.\.\.)\s*\n", re.DOTALL)
_FACT = re.compile(r"^(title|author|date|lang|language)\s*:\s*[\"']?([^\n]*?)[\"']?\s*$", re.MULTILINE | re.IGNORECASE)
_FACTS = {"title": "title", "author": "author", "date": "published", "lang": "language", "language": "language"}
_parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def text_html(text: str) -> str:
    """A document of the text's paragraphs.

    >>> text_html("One & two\\nthree")
    '<!doctype html>\\n<p>One &amp; two\\nthree</p>\\n'
    """
    return document(paragraphs(text))


def markdown_html(text: str) -> str:
    """CommonMark with GitHub's tables as HTML; title, author and date of its front matter. Its own tags stay as they
    are: the page is cleaned like any other.
    """
    if len(text) > _MOST_MARKDOWN:
        return text_html(text)
    front = _FRONT_MATTER.match(text)
    about = {_FACTS[name.lower()]: value for name, value in _FACT.findall(front[1]) if value} if front else {}
    return document(_parser.render(text[front.end() :] if front else text), Metadata(**about))
