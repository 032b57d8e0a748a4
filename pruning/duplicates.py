"""Pages that say the same: mirrors, and articles that several sites carry.

What two pages share is measured on runs of characters that begin at words, by the Jaccard index of the two sets of
runs: shared over all. Each set is reduced to the smallest hash of each of its parts (Li, Owen and Zhang, "One
Permutation Hashing", 2012), so comparing takes microseconds, however long the pages are.

Sites put the same article between different menus, and different articles between the same menus. So paragraphs alone
are compared where both pages are made of them, and whole pages otherwise. The thresholds stand in the middle of the gap
between pages that differ and copies; benchmarks/LOG.md tells on which pages they were measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pruning.characters import kinds_of, slices
from pruning.nodes import NodeTable
from pruning.words import word_begins

PROSE_ALIKE = 0.65
WHOLE_ALIKE = 0.8
# Where pages say that they have the same address. Many sites name one and the same for all of their pages.
ALIKE_AT_ONE_ADDRESS = 0.5

_RUN = 24  # characters: four words
_PARAGRAPH = 20  # words from which a block is no menu entry, headline or teaser
_LEAST_RUNS = 100  # below, a few words more or less decide
_LEAST_PROSE = 1 / 3  # of the page's runs
_BINS = 9  # bits of a hash: with 512 parts the index is off by 0.02
_MOST_CHARACTERS = 1 << 20  # of a page; nobody mirrors a page and changes what comes after


def duplicates(tables: Sequence[NodeTable], addresses: Sequence[str | None] = ()) -> list[int | None]:
    """Which pages repeat an earlier one.

    Args:
        tables: the pages, the best one first.
        addresses: for each page where it says to be from, in a form in which equal addresses are equal texts.

    Returns:
        For each page the index of the first one that says the same, itself no duplicate; None where there is none.
    """
    sketches = [_Sketch.of(table) for table in tables]
    known = [*addresses, *[None] * (len(tables) - len(addresses))]
    found: list[int | None] = []
    for page, sketch in enumerate(sketches):
        firsts = (earlier for earlier, of in enumerate(found) if of is None)
        found.append(
            next(
                (
                    first
                    for first in firsts
                    if sketch.repeats(sketches[first], known[page] is not None and known[page] == known[first])
                ),
                None,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Sketch:
    """What is left of a page for comparing.

    Attributes:
        text: all of it.
        whole: uint64 (2**_BINS,), the smallest hash of its runs in each part, or `_NONE`; None for pages with few runs.
        prose: the same of its paragraphs; None where the page is not made of them.
    """

    text: str
    whole: np.ndarray | None
    prose: np.ndarray | None

    @classmethod
    def of(cls, table: NodeTable) -> "_Sketch":
        text = table.text[:_MOST_CHARACTERS]
        if len(text) < _RUN:
            return cls(table.text, None, None)
        at = np.flatnonzero(word_begins(kinds_of(text))[0][: len(text) - _RUN + 1])
        hashes = _hashes(text, at)
        in_prose = hashes[_within_paragraphs(table, at)]
        has_prose = len(in_prose) >= max(_LEAST_RUNS, _LEAST_PROSE * len(hashes))
        return cls(
            table.text,
            _smallest(hashes) if len(hashes) >= _LEAST_RUNS else None,
            _smallest(in_prose) if has_prose else None,
        )

    def repeats(self, other: "_Sketch", at_one_address: bool) -> bool:
        """Whether the pages say the same."""
        if self.text == other.text:
            return bool(self.text.strip("\0\1"))
        if self.prose is not None and other.prose is not None:
            return _jaccard(self.prose, other.prose) >= (ALIKE_AT_ONE_ADDRESS if at_one_address else PROSE_ALIKE)
        if self.whole is None or other.whole is None:
            return False
        return _jaccard(self.whole, other.whole) >= (ALIKE_AT_ONE_ADDRESS if at_one_address else WHOLE_ALIKE)


def _within_paragraphs(table: NodeTable, at: np.ndarray) -> np.ndarray:
    """bool (n,): whether the runs that begin there lie inside a paragraph."""
    blocks = table.is_block()
    paragraphs = np.flatnonzero(blocks & (table.number_below(blocks) == 0) & (table.words >= _PARAGRAPH))
    if not len(paragraphs):
        return np.zeros(len(at), bool)
    around = np.searchsorted(table.start[paragraphs], at, side="right") - 1
    return (around >= 0) & (at + _RUN <= table.stop[paragraphs][around])


_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(int(_BASE), -1, 1 << 64))
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_NONE = np.uint64((1 << 64) - 1)


def _hashes(text: str, at: np.ndarray) -> np.ndarray:
    """uint64 (n,): a hash of each run of characters that begins there."""
    characters = np.concatenate([chars for _, chars in slices(text)]).astype(np.uint64)
    sums = np.zeros(len(characters) + 1, np.uint64)
    np.cumsum(characters * _powers(_BASE, len(characters)), out=sums[1:])
    hashes = (sums[at + _RUN] - sums[at]) * _powers(_INVERSE, len(characters))[at]
    hashes ^= hashes >> np.uint64(31)
    hashes *= _MIX
    return hashes ^ (hashes >> np.uint64(29))


def _powers(base: np.uint64, number: int) -> np.ndarray:
    return np.multiply.accumulate(np.full(number, base))


def _smallest(hashes: np.ndarray) -> np.ndarray:
    """uint64 (2**_BINS,): the smallest hash in each part of their range."""
    hashes.sort()
    part = hashes >> np.uint64(64 - _BINS)
    first = np.flatnonzero(np.concatenate(([True], part[1:] != part[:-1])))
    smallest = np.full(1 << _BINS, _NONE)
    smallest[part[first].astype(np.intp)] = hashes[first]
    return smallest


def _jaccard(one: np.ndarray, other: np.ndarray) -> float:
    """Of the parts in which either has a hash, the share in which both have the same."""
    either = np.count_nonzero(np.minimum(one, other) != _NONE)
    equal = np.count_nonzero((one == other) & (one != _NONE))
    return equal / either if either else 0.0
