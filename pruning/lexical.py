"""BM25: how well texts match a question by its words alone, with no model.

    score(q, d) = sum over the terms t of q of  idf(t) * tf / (tf + K1 * (1 - B + B * |d| / average |d|))
    idf(t) = ln(1 + (N - n + 0.5) / (n + 0.5))

with tf occurrences of t in d, and n of the N texts holding t: Robertson and Zaragoza, "The Probabilistic
Relevance
Framework: BM25 and Beyond" (2009), with the idf that Lucene takes, which is never negative. A term that the
question says twice counts twice. Statistics are those of the given texts, so scores compare only within one
call.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Lucene's defaults, which are also the middle of the ranges that Robertson and Zaragoza found to work
# everywhere.
K1 = 1.2
B = 0.75

# Scripts whose words no space separates (Thai, Lao, Myanmar, Khmer, Han, kana), and Hangul, whose words
# carry their particles along: pairs of neighbouring characters stand for words, as in Lucene's CJK
# analysis.
PAIRED = (
    r"\u0e00-\u0eff\u1000-\u1049\u1050-\u109f\u1780-\u17d3\u17dc-\u17ff\u3005-\u3007\u3040-\u30fa\u30fc-\u30ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# The vowel signs of India's scripts are parts of words, yet no \w.
_INDIC = r"\u0900-\u0963\u0966-\u0dff"
_WORD = re.compile(rf"[\w{PAIRED}{_INDIC}]+")
_HAS_PAIRED = re.compile(f"[{PAIRED}]")
_RUN = re.compile(f"[{PAIRED}]+|[^{PAIRED}]+")
_SHORTEST_PLURAL = 4
# Accents of Latin, Greek and Cyrillic letters, points of Hebrew and Arabic: left out as often as written.
_ACCENTS = re.compile(r"[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670]+")


@dataclass(frozen=True, slots=True)
class Matches:
    """How often texts say what a question asks for, term by term.

    Plurals in -s count as their singulars, here and in the question.

    Attributes:
        counts: float (n, terms), occurrences of each of the question's terms.
        lengths: float (n,), terms of each text.
    """

    counts: np.ndarray
    lengths: np.ndarray

    def joined(self, group: np.ndarray) -> "Matches":
        """Those of groups of neighbouring texts: `group` (n,) ascends, and each number from 0 on occurs."""
        if not len(group):
            return self
        first = np.flatnonzero(np.diff(group, prepend=-1))
        return Matches(np.add.reduceat(self.counts, first), np.add.reduceat(self.lengths, first))

    def rarity(self) -> np.ndarray:
        """float (terms,): the idf of each term."""
        holding = np.count_nonzero(self.counts, axis=0)
        return np.log1p((len(self.counts) - holding + 0.5) / (holding + 0.5))

    def bm25(self, weights: np.ndarray) -> np.ndarray:
        """float (n,): the score of each text, terms weighing `weights` (terms,)."""
        average = self.lengths.mean() if self.lengths.any() else 1
        saturation = self.counts / (self.counts + K1 * (1 - B + B * self.lengths[:, None] / average))
        return saturation @ weights


class Question:
    """A question's terms, to be looked for in texts.

    Attributes:
        repeats: float (terms,), how often the question says each.
    """

    def __init__(self, question: str) -> None:
        said = Counter(map(singular, terms(question)))
        self.repeats = np.array(list(said.values()), float)
        self._column = {form: number for number, term in enumerate(said) for form in _forms(term)}
        self._wanted = frozenset(self._column)

    def matches(self, texts: Sequence[str]) -> Matches:
        """What the texts say of it."""
        counts, lengths = np.zeros((len(texts), len(self.repeats))), np.zeros(len(texts))
        for row, text in enumerate(texts):
            words = terms(text)
            lengths[row] = len(words)
            for term in self._wanted.intersection(words):
                counts[row, self._column[term]] += words.count(term)
        return Matches(counts, lengths)


def singular(term: str) -> str:
    """An English plural in -s without its ending, by the rule of Harman (1991); other words as they are.

    >>> [singular(word) for word in ("cities", "mayors", "glass", "bus", "gas")]
    ['city', 'mayor', 'glass', 'bus', 'gas']
    """
    if len(term) < _SHORTEST_PLURAL or not term.endswith("s") or term.endswith(("ss", "us", "is")):
        return term
    return term[:-3] + "y" if term.endswith("ies") and len(term) > _SHORTEST_PLURAL else term[:-1]


def _forms(term: str) -> set[str]:
    """All words of which `term` is the singular."""
    return {form for form in (term, term + "s", term[:-1] + "ies") if singular(form) == term}


def bm25(question: str, texts: Sequence[str]) -> np.ndarray:
    """Score each text against the question.

    Returns:
        float32 (len(texts),), 0 for a text that shares no term with the question; higher is better,
        unbounded.
    """
    weights = Counter(terms(question))
    column = {term: number for number, term in enumerate(weights)}
    frequency = np.zeros((len(texts), len(column)))
    length = np.zeros((len(texts), 1))
    wanted = set(column)
    for row, text in enumerate(texts):
        words = terms(text)
        length[row] = len(words)
        for term in wanted.intersection(words):
            frequency[row, column[term]] = words.count(term)
    if not length.any() or not column:
        return np.zeros(len(texts), np.float32)
    holding = np.count_nonzero(frequency, axis=0)
    idf = np.log1p((len(texts) - holding + 0.5) / (holding + 0.5))
    saturation = frequency / (frequency + K1 * (1 - B + B * length / length.mean()))
    return (saturation @ (idf * list(weights.values()))).astype(np.float32)


def terms(text: str) -> list[str]:
    """The text's terms in order: words without case, accents or compatibility forms; character pairs for
    CJK, Thai.

    >>> terms("Über 東京都 and ﬁsh")
    ['uber', '東京', '京都', 'and', 'fish']
    """
    if text.isascii():
        return _WORD.findall(text.lower())
    folded = _ACCENTS.sub("", unicodedata.normalize("NFKD", text).casefold())
    folded = unicodedata.normalize("NFKC", folded)  # Hangul and kana become whole characters again
    words = _WORD.findall(folded)
    if not _HAS_PAIRED.search(folded):
        return words
    return [term for word in words for run in _RUN.findall(word) for term in _pairs(run)]


def _pairs(run: str) -> list[str]:
    """The neighbouring pairs of a run in a paired script; any other run as it is."""
    if len(run) < 3 or not _HAS_PAIRED.match(run):
        return [run]
    return [run[at : at + 2] for at in range(len(run) - 1)]
