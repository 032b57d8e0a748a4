"""Texts out of JSON that may be prose, HTML or neither: told apart, and written as HTML."""

import re

from app.convert.document import paragraphs
from pruning.clean import clean
from pruning.errors import PageError
from pruning.words import count_words

_TAG = re.compile(
    r"</?(?:p|br|div|span|a|b|i|em|strong|ul|ol|li|h[1-6]|table|section|article|blockquote)\b[^<>]*>", re.IGNORECASE
)
_HEAD = "<!DOCTYPE html>\n"  # what `clean` begins a page with
_LETTER = re.compile(r"[^\W\d_]")
# Code, styles, addresses and keys are texts too, but nobody reads them.
_NO_PROSE = re.compile(r"^\s*(?:https?:|data:|[{\[@.#]|function\b|var\b|import\b)|[{};]\s*[\w.-]+\s*[:=(]|=>")
_LOOKED_AT = 2000  # characters
_LETTERS_SHARE = 0.75


def as_html(text: str) -> str:
    """A text of unknown kind as HTML: its own tags if it has some, cleaned and closed, else its paragraphs."""
    if not _TAG.search(text):
        return paragraphs(text)
    try:
        return clean(text, links=True).removeprefix(_HEAD)
    except PageError:
        return ""


def is_prose(text: str, words: int = 8) -> bool:
    """Whether somebody wrote this to be read: at least so many words, mostly letters, no code.

    >>> is_prose("Pears are cut in late winter, before the sap rises.")
    True
    >>> is_prose("https://example.com/a b c d e f g h")
    False
    """
    text = _TAG.sub(" ", text[:_LOOKED_AT])
    if word_count(text) < words or _NO_PROSE.search(text):
        return False
    dense = "".join(text.split())
    return len(_LETTER.findall(dense)) >= _LETTERS_SHARE * len(dense)


def word_count(text: str) -> int:
    """Words, each character of a script without spaces as one."""
    return count_words(text)[0]
