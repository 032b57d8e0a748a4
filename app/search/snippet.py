"""The passage of a page that answers a question best by its words: what a reader is shown of a hit."""

import textwrap
from collections.abc import Iterator

from pruning.lexical import bm25

PASSAGE_CHARACTERS = 240
# Text behind this is not looked at: some milliseconds are enough for a snippet.
MOST_CHARACTERS = 100_000


def best_passage(text: str, question: str) -> str | None:
    """The passage of `text`, whose lines are a page's blocks, that scores highest; None if there is no
    text.
    """
    passages = list(_passages(text[:MOST_CHARACTERS]))
    return passages[int(bm25(question, passages).argmax())] if passages else None


def _passages(text: str) -> Iterator[str]:
    """The text in pieces of at most PASSAGE_CHARACTERS: short lines together, long ones cut between words."""
    passage = ""
    for line in text.splitlines():
        for piece in textwrap.wrap(line, PASSAGE_CHARACTERS):
            if passage and len(passage) + len(piece) >= PASSAGE_CHARACTERS:
                yield passage
                passage = ""
            passage = f"{passage} {piece}" if passage else piece
    if passage:
        yield passage
