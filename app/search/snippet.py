"""The passage of a page that answers a question best by its words: what a reader is shown of a hit."""

import re

from pruning.lexical import bm25

# At most 240 characters and up to the end of a word; what has no spaces is cut where it is full.
_PASSAGE = re.compile(r"\S.{0,238}\S(?!\S)|\S{1,240}", re.DOTALL)
# Text behind this is not looked at: a few milliseconds are enough for a snippet.
MOST_CHARACTERS = 100_000


def best_passage(text: str, question: str) -> str | None:
    """The passage of a page's text that scores highest by BM25; None if there is no text."""
    passages = _PASSAGE.findall(text[:MOST_CHARACTERS])
    if not passages:
        return None
    return " ".join(passages[int(bm25(question, passages).argmax())].split())
