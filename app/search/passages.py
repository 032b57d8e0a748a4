"""Text in passages: what the index ranks, and of the best one the part that a reader is shown."""

import re

from pruning.lexical import bm25

SNIPPET_CHARACTERS = 240


def cut(text: str, characters: int) -> list[str]:
    """All of the text in pieces of at most `characters`, up to the end of a word where there are spaces.

    >>> cut("one two three", 8)
    ['one two', 'three']
    """
    return re.findall(rf"\S.{{0,{characters - 2}}}\S(?!\S)|\S{{1,{characters}}}", text, re.DOTALL)


def snippet(text: str, question: str) -> str | None:
    """The part of the text, in one line, that answers best by BM25; None if there is no text."""
    parts = cut(text, SNIPPET_CHARACTERS)
    if not parts:
        return None
    return " ".join(parts[int(bm25(question, parts).argmax())].split())
