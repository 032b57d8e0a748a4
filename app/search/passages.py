"""Text in passages: what the index ranks, and of the best one the part that a reader is shown."""

import re

import numpy as np

from app.search.files import LINK_MARK
from pruning.lexical import bm25

SNIPPET_CHARACTERS = 240
# Of parts that overlap and score so nearly the same, the last one: what matches stands at its beginning, and what is
# said about it follows. From 0.85 to 1 it hardly matters.
NEARLY = 0.95
# Where a sentence ends, in scripts with and without spaces between sentences.
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[。！？।])")


def cut(text: str, characters: int) -> list[str]:
    """All of the text in pieces of at most `characters`, up to the end of a word where there are spaces.

    >>> cut("one two three", 8)
    ['one two', 'three']
    """
    return re.findall(rf"\S.{{0,{characters - 2}}}\S(?!\S)|\S{{1,{characters}}}", text, re.DOTALL)


def snippet(text: str, question: str) -> str | None:
    """The part of the text, in one line, that answers best by BM25; None if there is no text.

    It begins where a line or a sentence does, and not in navigation, unless there is nothing else.
    """
    lines = text.splitlines()
    content = [line for line in lines if not line.startswith(LINK_MARK)] or [line.lstrip(LINK_MARK) for line in lines]
    sentences = [part for line in content for one in _SENTENCE.split(line) for part in cut(one, SNIPPET_CHARACTERS)]
    if not sentences:
        return None
    parts = [_part(sentences, first) for first in range(len(sentences))]
    scores = bm25(question, parts)
    nearly_best = np.flatnonzero(scores >= NEARLY * scores.max())
    return parts[int(nearly_best[-1]) if scores.any() else 0]


def _part(sentences: list[str], first: int) -> str:
    """As much as a snippet holds, from that sentence on."""
    taken: list[str] = []
    left = SNIPPET_CHARACTERS
    for sentence in sentences[first:]:
        taken.append(sentence)
        left -= len(sentence) + 1
        if left < 0:
            break
    return cut(" ".join(" ".join(taken).split()), SNIPPET_CHARACTERS)[0]
