"""How likely it is that the answer stands in each block.

    chance(block) = exp(weights · signals(block)) / the sum of that over all blocks

A conditional logit: of all blocks of a question's pages one holds the answer, and the signals (signals.py) say which.
Its few weights are fitted on questions whose answers are known (benchmarks/fit.py; LOG.md has what was tried), so that
word matches, similarity, headings and tables count for what they are worth beside each other.

Chances can be compared with costs: the fit keeps the blocks that have the most chance per token.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from pruning import signals
from pruning.blocks import BlockTree
from pruning.embedding import Scored, Similarities
from pruning.errors import ModelError
from pruning.lexical import bm25
from pruning.outline import Outline

RankBy = Literal["both", "words", "embedding"]

# Words in a passage that the embedding model is asked about: neighbours say what a single row doesn't.
PASSAGE_WORDS = 80
_CONTEXT_CHARACTERS = 300  # of title, headings and table header before a passage's own text
_NEAREST = 2  # headings

# Where the words alone are this sure that the answer is among some passages, no further one is asked about, though
# never fewer than one in four of those that might be: as much is kept, for a fifth to a third less (benchmarks/LOG.md).
_ALMOST_SURE = 0.98
_LEAST_PART = 4

_LEAST_REPEATED = 8  # words, from which on a repeated block is kept once

# Fitted by benchmarks/fit.py; but for "explains", which has 4 instead of 5.5 (LOG.md says why).
WEIGHTS_BY_WORDS = {
    "header": 3.9,
    "every": 6.3,
    "block": 2.9,
    "before": 1.1,
    "neighbours": 3.3,
    "passage": 2.4,
    "section": 3.3,
    "best_passage_of_page": 6.6,
    "best_of_table": 4.4,
    "heading": -1.2,
    "row": 2.1,
    "explains": 4.0,
    "answers": 7.0,
    "length": 0.1,
}
WEIGHTS = {
    "header": 2.9,
    "every": 4.9,
    "block": 2.9,
    "before": 1.1,
    "neighbours": 2.7,
    "passage": 1.5,
    "section": 2.0,
    "best_passage_of_page": 2.4,
    "best_of_table": 3.1,
    "heading": -1.3,
    "row": 1.7,
    "explains": 4.0,
    "answers": 6.7,
    "length": 0.1,
    "rank": 0.6,
    "rank_of_page": 0.6,
}


@dataclass(frozen=True, slots=True)
class Ranked:
    """How blocks were ranked.

    Attributes:
        scores: float (n,), what is told of each block.
        ranks: float (n,), in whose order blocks are visited, the highest first.
        model: whose scores they are.
        asked: blocks that it was asked about.
        failure: why the model that should have been asked was not heard.
    """

    scores: np.ndarray
    ranks: np.ndarray
    model: str
    asked: int
    failure: ModelError | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Blocks that are to be ranked for a question.

    Attributes:
        question: what is asked.
        tree: the blocks of all pages.
        blocks: int (n,), in reading order, none within another.
        texts: what each says.
        outline: where they stand.
        signals: name -> float (n,), what their words tell about the question.
    """

    question: str
    tree: BlockTree
    blocks: np.ndarray
    texts: list[str]
    outline: Outline
    signals: dict[str, np.ndarray]

    @classmethod
    def of(cls, tree: BlockTree, blocks: np.ndarray, question: str) -> "Candidates":
        """Read the blocks with the question in mind."""
        texts = [tree.text(block) for block in blocks.tolist()]
        outline = Outline.of(tree, blocks, PASSAGE_WORDS)
        return cls(question, tree, blocks, texts, outline, signals.lexical(tree, blocks, texts, outline, question))

    def by_words(self) -> np.ndarray:
        """float (n,): the logarithm of each block's chance, by words alone."""
        return _log_chances(self.signals, WEIGHTS_BY_WORDS)

    def promising(self, number: int | None) -> np.ndarray:
        """int (k,): the passages most likely to hold the answer by words alone, ascending.

        They are `number` at most, fewer where fewer hold it almost surely; None is all of them.
        """
        chances = np.bincount(self.outline.passage, np.exp(self.by_words()))
        best = np.argsort(-chances, kind="stable")
        if number is not None:
            likely = 1 + int(np.searchsorted(np.cumsum(chances[best]), _ALMOST_SURE))
            best = best[: min(number, max(likely, number // _LEAST_PART))]
        return np.sort(best)

    def passage(self, number: int) -> str:
        """A passage as an embedding model should read it: with title, nearest headings and table header before it."""
        first, last = np.searchsorted(self.outline.passage, (number, number + 1)).tolist()
        title = self.outline.title[self.tree.page[self.blocks[first]]]
        over = [heading for heading in self.outline.headings[first] if heading != title][-_NEAREST:]
        before = " ".join(filter(None, (title, *over, self.outline.header[first])))[:_CONTEXT_CHARACTERS]
        return " ".join((before + ":", *self.texts[first:last]))

    def similar(self, passages: np.ndarray, cosines: np.ndarray) -> dict[str, np.ndarray]:
        """What the similarity of some passages tells of all blocks: signals by name."""
        known = np.full(self.outline.passage.max(initial=-1) + 1, -np.inf)
        known[passages] = cosines
        return signals.similar(known, self.outline.passage, self.tree.page[self.blocks])

    def by_all(self, passages: np.ndarray, cosines: np.ndarray) -> np.ndarray:
        """float (n,): the logarithm of each block's chance, by words and the similarity of some passages."""
        return _log_chances(self.signals | self.similar(passages, cosines), WEIGHTS)


def _log_chances(known: dict[str, np.ndarray], weights: dict[str, float]) -> np.ndarray:
    total = np.stack([known[name] for name in weights], axis=1) @ np.array(list(weights.values()))
    total -= total.max(initial=-np.inf)
    return total - np.log(np.exp(total).sum())


def once(log_chances: np.ndarray, texts: list[str], words: np.ndarray) -> np.ndarray:
    """float (n,): as given, but of blocks that say the same only the best keeps its chance; the others have none.

    Whatever the one answers, so do its copies: a menu that each page has, a row of a table that stands on two pages.
    Short ones all keep theirs, since "yes" answers here what it doesn't answer there.
    """
    best: dict[str, int] = {}
    lone = log_chances.copy()
    for number in np.flatnonzero(words >= _LEAST_REPEATED).tolist():
        text = texts[number].casefold()
        other = best.setdefault(text, number)
        if other != number:
            worse, best[text] = sorted((number, other), key=log_chances.__getitem__)
            lone[worse] = -np.inf
    return lone


def per_token(log_chances: np.ndarray, tree: BlockTree, blocks: np.ndarray) -> np.ndarray:
    """float (n,): the logarithm of each block's chance per token, as far as its tokens can be told without counting."""
    characters = (tree.stop[blocks] - tree.start[blocks]).astype(float)
    nodes = tree.last[blocks] - tree.node[blocks]
    return log_chances - np.log(characters / _CHARACTERS_PER_TOKEN + nodes * _TOKENS_PER_NODE + 1)


_CHARACTERS_PER_TOKEN, _TOKENS_PER_NODE = 4, 1


def rank(candidates: Candidates, by: RankBy, sieve: int | None) -> Generator[Similarities, Any, Ranked]:
    """Rank blocks, asking a model for similarities where it has a say; see `Options`."""
    if not len(candidates.blocks):
        return Ranked(np.zeros(0), np.zeros(0), "none", 0)
    if by == "words":
        return _by_words(candidates)
    try:
        return (yield from (_by_similarity if by == "embedding" else _by_both)(candidates, sieve))
    except ModelError as error:
        return replace(_by_words(candidates), failure=error)


def _by_words(candidates: Candidates) -> Ranked:
    return _ranked(candidates, candidates.by_words(), "bm25", len(candidates.blocks))


def _by_both(candidates: Candidates, sieve: int | None) -> Generator[Similarities, Any, Ranked]:
    passages = candidates.promising(sieve)
    answer = yield from _ask(candidates.question, [candidates.passage(number) for number in passages.tolist()])
    asked = int(np.isin(candidates.outline.passage, passages).sum())
    return _ranked(candidates, candidates.by_all(passages, answer.scores), answer.model, asked)


def _by_similarity(candidates: Candidates, sieve: int | None) -> Generator[Similarities, Any, Ranked]:
    """Those that a sieve holds back rank behind all that passed, by BM25."""
    texts = candidates.texts
    lexical = bm25(candidates.question, texts)
    passed = np.sort(np.argsort(-lexical, kind="stable")[:sieve])
    answer = yield from _ask(candidates.question, [texts[number] for number in passed.tolist()])
    scores = lexical / (1 + lexical.max()) - 2  # below every cosine
    scores[passed] = answer.scores
    return Ranked(scores, scores, answer.model, len(passed))


def _ask(question: str, texts: list[str]) -> Generator[Similarities, Any, Scored]:
    need = Similarities(question, tuple(texts))
    answer: Scored = yield need
    return answer.checked(need)


def _ranked(candidates: Candidates, log_chances: np.ndarray, model: str, asked: int) -> Ranked:
    lone = once(log_chances, candidates.texts, candidates.tree.words[candidates.blocks])
    ranks = per_token(lone, candidates.tree, candidates.blocks)
    return Ranked(np.exp(log_chances), ranks, model, asked)
