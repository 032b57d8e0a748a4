"""Scoring passages by a model that embeds them: what such a model offers, and how long passages are cut for
it.

A model reads a window of some hundred tokens and silently drops the rest. So a longer passage is cut into
windows that the model reads whole, and its best window counts: no text goes unscored, and a long block is
not punished for saying other things too. The in-process models (pruning.local) and those behind HTTP
(app.models) share the cutting.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pruning.errors import ModelError
from pruning.lexical import PAIRED
from pruning.tokens import without_surrogates

# No word of any language is that long, and web addresses seldom are: what goes on without a space is data
# (base64, minified code), of which the beginning is scored. 5 MB of it would be 10,000 windows for one
# block.
LONGEST_WORD = 1_000

_BLOB = re.compile(rf"(?<![^\s{PAIRED}])([^\s{PAIRED}]{{{LONGEST_WORD}}})[^\s{PAIRED}]+")
# A word, or a part of 16 characters of one: some 1 to 5 tokens. One character where no spaces separate words.
_UNIT = re.compile(rf"[{PAIRED}]|[^\s{PAIRED}]{{1,16}}")


@dataclass(frozen=True, slots=True)
class Similarities:
    """A need: how similar each passage is to the question. The answer is a `Scored`."""

    question: str
    passages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """The answer to `Similarities`: float (n,), one score for each passage, and the model that gave them."""

    scores: np.ndarray
    model: str

    def checked(self, need: Similarities) -> "Scored":
        """The same as float32. Raises ModelError where there is not a finite score for each passage."""
        scores = np.asarray(self.scores, np.float32)
        if scores.shape != (len(need.passages),) or not np.isfinite(scores).all():
            raise ModelError(f"{self.model} gave no usable score for each of {len(need.passages)} passages")
        return Scored(scores, self.model)


class Embedder(Protocol):
    """A model in this process that scores passages by their embeddings; safe to share between threads."""

    name: str

    def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """Cosine similarity of the question and each passage, float32 (len(passages),), from -1 to 1.

        Raises:
            ModelError: the model can't be loaded, fails, or answers nonsense.
        """
        ...


@dataclass(frozen=True, slots=True)
class Windows:
    """The passages of one call, cut for a model.

    Attributes:
        texts: the windows of all passages, in order; at least one for each passage.
        first: int (passages,), the number of each passage's first window.
    """

    texts: list[str]
    first: np.ndarray

    def best(self, scores: np.ndarray) -> np.ndarray:
        """The best window's score of each passage, float32 (passages,), from those of all windows.

        Raises:
            ModelError: a score is not a number, or there is not one for each window.
        """
        if scores.shape != (len(self.texts),) or not np.isfinite(scores).all():
            raise ModelError("the embedding model answered with vectors that give no score")
        if not len(self.first):
            return np.zeros(0, np.float32)
        return np.maximum.reduceat(scores, self.first).astype(np.float32)


def cut(passages: Sequence[str], size: int, starts_of: Callable[[str], Sequence[int]]) -> Windows:
    """Cut passages into windows of at most `size` units.

    Args:
        passages: any texts; what no model reads (lone surrogates, the tail of endless words) is taken out
        first.
        size: units in a window, at least 1.
        starts_of: the ascending character positions at which a text's units begin, such as `word_starts`.
    """
    texts: list[str] = []
    first = []
    for passage in map(legible, passages):
        first.append(len(texts))
        texts += (
            [passage] if len(passage.encode()) <= size else _cut(passage, size, starts_of)
        )  # a unit is a byte or more
    return Windows(texts, np.array(first, dtype=np.intp))


def _cut(text: str, size: int, starts_of: Callable[[str], Sequence[int]]) -> list[str]:
    """One text's windows, each measured again by itself: a word that was cut can have more tokens than it had whole."""
    starts = starts_of(text)
    if len(starts) <= size:
        return [text]
    parts = [part for part in split(text, starts, size) if part]
    return [window for part in parts for window in _cut(part, size, starts_of)] if len(parts) > 1 else parts


def legible(text: str) -> str:
    """The text without lone surrogates, and without what stands past the beginning of an endless word."""
    return _BLOB.sub(r"\1", without_surrogates(text))


def word_starts(text: str) -> list[int]:
    """Where words begin; long words begin again every 16 characters, CJK and Thai text at each character."""
    return [unit.start() for unit in _UNIT.finditer(text)]


def split(text: str, starts: Sequence[int], size: int) -> list[str]:
    """Cut a text that has more than `size` units into windows of about equal length, at spaces where there
    are any.

    Equal, because a short rest scores by chance; the windows in order are the text.
    """
    windows = []
    begin, position = 0, 0
    while len(starts) - begin > size:
        left = len(starts) - begin
        end = _boundary(text, starts, begin, begin + -(-left // -(-left // size)))
        windows.append(text[position : starts[end]])
        begin, position = end, starts[end]
    return [*windows, text[position:]]


def _boundary(text: str, starts: Sequence[int], begin: int, end: int) -> int:
    """The last unit up to `end` after a space; without one nearby, the last that begins a character."""
    for unit in range(end, end - (end - begin) // 4, -1):
        around = text[max(starts[unit] - 1, 0) : starts[unit] + 1]
        if around != around.strip():
            return unit
    while end > begin + 1 and starts[end] == starts[end - 1]:  # tokens that share one character
        end -= 1
    return end
