"""What is known of each block about a question, as numbers: the signals that a ranking weighs.

What a block says itself is only a part of it. A row of a table answers a question whose words stand in the page's
title, in the heading above, in the table's header and in the row beside it. So each signal is taken at several
places: in the block, around it, in its passage, its section, its table, its page.
"""

import re

import numpy as np

from pruning import elements
from pruning.blocks import BlockTree
from pruning.characters import QUESTION_MARKS
from pruning.elements import CODES, TEXT
from pruning.lexical import Question
from pruning.outline import Outline, passages

SECTION_WORDS = 250
_BEST_ROWS = 2  # by which a table is judged
_RANKS = 48  # past which all are alike
_LONGEST_QUESTION, _LONGEST_ANSWER = 40, 100  # words
_ASKS = re.compile(rf"[{''.join(QUESTION_MARKS)}]\W*$")
_TAIL = 8  # characters, in which the sign of an opener (`+`, `▾`) may follow the question mark
_TR, _DT = CODES["tr"], CODES["dt"]


def lexical(
    tree: BlockTree, blocks: np.ndarray, texts: list[str], outline: Outline, question: str
) -> dict[str, np.ndarray]:
    """Signals by words alone: name -> float (n,).

    Args:
        tree: the blocks of all pages.
        blocks: int (n,), those to be ranked, in reading order, none within another.
        texts: what each of them says.
        outline: where they stand.
        question: what is asked.
    """
    asked = Question(question)
    own = asked.matches(texts)
    weights = asked.repeats * own.rarity()
    total = weights.sum() or 1
    share = weights / total  # so that a block that says all of the question has 1
    page, said = _from_zero(tree.page[blocks]), own.counts > 0
    header, over = _over(asked, outline, tree.page[blocks])
    every = (said | header | over) @ share
    passage = own.joined(outline.passage)
    around = passages(tree, blocks, SECTION_WORDS)
    block = said @ share
    best_passage = _best((passage.bm25(weights) / total)[outline.passage], page, 1)
    return {
        "block": block,
        "header": header @ share,
        "every": every,
        "before": _shifted(said, page, 1) @ share,
        "neighbours": _neighbours(said, page) @ share,
        "passage": ((passage.counts > 0) @ share)[outline.passage],
        "section": ((own.joined(around).counts > 0) @ share)[around],
        "best_passage_of_page": best_passage - best_passage.max(initial=0),
        "best_of_table": np.where(outline.table >= 0, _best(every, _from_zero(outline.table), _BEST_ROWS), 0),
        "heading": elements.IS_HEADING[tree.tag[blocks]].astype(float),
        "row": (tree.tag[blocks] == _TR).astype(float),
        "explains": _explains(tree, blocks, page),
        "answers": _answers(texts, tree.words[blocks], page, block),
        "length": np.log(np.maximum(tree.words[blocks], 1)),
    }


def similar(cosines: np.ndarray, passage: np.ndarray, page: np.ndarray) -> dict[str, np.ndarray]:
    """Signals by meaning: name -> float (n,). They are ranks, since models spread their cosines differently.

    Args:
        cosines: float (passages,), similarity of passage and question; -inf where the model was not asked.
        passage: int (n,), the passage of each block.
        page: int (n,), the page of each block.
    """
    number = _from_zero(page)
    best = np.full(number.max(initial=-1) + 1, -np.inf)
    np.maximum.at(best, number, cosines[passage])
    return {"rank": _depth(cosines)[passage], "rank_of_page": _depth(best)[number]}


def _depth(values: np.ndarray) -> np.ndarray:
    """float (n,): how far down each stands, 0 for the best, falling ever more slowly."""
    rank = np.empty(len(values))
    rank[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return -np.log1p(np.where(np.isfinite(values), np.minimum(rank, _RANKS), _RANKS))


def _over(asked: Question, outline: Outline, page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each term stands in the table header over each block; in title and headings: bool (n, terms) each."""
    headings = [" ".join((outline.title[at], *over)) for at, over in zip(page.tolist(), outline.headings, strict=True)]
    different = list(dict.fromkeys((*outline.header, *headings)))
    number = {text: at for at, text in enumerate(different)}
    said = asked.matches(different).counts > 0
    return said[[number[text] for text in outline.header]], said[[number[text] for text in headings]]


def _answers(texts: list[str], words: np.ndarray, page: np.ndarray, block: np.ndarray) -> np.ndarray:
    """float (n,): for what stands behind a question of the page's own, the square of its share of what is asked.

    Squared, since one that says all of it is far likelier the one that is meant than one that says half.
    """
    asks = np.array([bool(_ASKS.search(text[-_TAIL:])) for text in texts], bool) & (words <= _LONGEST_QUESTION)
    last = np.maximum.accumulate(np.where(asks, np.arange(len(texts)), -1)) if texts else np.zeros(0, int)
    ends = np.cumsum(words)
    near = (last >= 0) & (page[last] == page) & (ends - words - ends[last] <= _LONGEST_ANSWER)
    return np.where(near & ~asks, block[last] ** 2, 0.0)


def _explains(tree: BlockTree, blocks: np.ndarray, page: np.ndarray) -> np.ndarray:
    """float (n,): 1 for what follows a term (`dt`): of all that is said of it the first tells what it is."""
    around = np.zeros(len(blocks), np.uint8)  # the tag of what the block stands in, which a piece is a part of
    for number, table in enumerate(tree.tables):
        its = tree.page[blocks] == number
        around[its] = table.tag[table.around()[tree.node[blocks[its]]]]
    tag = tree.tag[blocks]
    term = (tag == _DT) | ((tag == TEXT) & (around == _DT))
    return (_shifted(term[:, None], page, 1)[:, 0] & ~term).astype(float)


def _neighbours(said: np.ndarray, page: np.ndarray) -> np.ndarray:
    """float (n, terms): 1 where a block beside says the term, 0.5 where the next one does."""
    return np.maximum.reduce([_shifted(said, page, by) * (1.0 if abs(by) == 1 else 0.5) for by in (-2, -1, 1, 2)])


def _shifted(said: np.ndarray, page: np.ndarray, by: int) -> np.ndarray:
    """bool (n, terms): what the block says that stands `by` blocks earlier on the same page."""
    moved = np.zeros_like(said)
    here, there = (slice(by, None), slice(None, -by)) if by > 0 else (slice(None, by), slice(-by, None))
    moved[here] = said[there] & (page[here] == page[there])[:, None]
    return moved


def _from_zero(group: np.ndarray) -> np.ndarray:
    """The groups numbered from 0, without gaps."""
    return np.unique(group, return_inverse=True)[1]


def _best(values: np.ndarray, group: np.ndarray, number: int) -> np.ndarray:
    """float (n,): the mean of the best few values of each one's group."""
    if not len(values):
        return values
    order = np.lexsort((-values, group))
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    place = np.arange(len(values)) - np.repeat(first, np.diff(np.append(first, len(values))))
    top = place < number
    sums = np.bincount(group[order][top], values[order][top])
    return (sums / np.bincount(group[order][top]))[group]
