"""Words, as blocks are measured in them: in scripts that are written without spaces, each character counts as one."""

import numpy as np

from pruning.characters import GAP, SLICE, UNSPACED, is_unspaced, kinds_of


def words_between(kinds: np.ndarray, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Words in each stretch, unspaced scripts by character; and words as white space separates them.

    Args:
        kinds: uint8 (n,), of a text's characters.
        start, stop: int (k,), where each stretch begins and ends.
    """
    begins_any, begins = word_begins(kinds)
    spaced = _number_between(begins, start, stop)
    return (spaced if begins_any is begins else _number_between(begins_any, start, stop)), spaced


def word_begins(kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """bool (n,): where words begin, each character of unspaced scripts being one; and as white space has it."""
    gap = np.ones(len(kinds) + 1, bool)  # before each character, whether a gap is
    np.bitwise_and(kinds, GAP, out=gap[1:].view(np.uint8))  # GAP is 1
    begins = gap[:-1] > gap[1:]
    if not (kinds & UNSPACED).any():
        return begins, begins
    single = kinds & UNSPACED != 0
    begins_any = begins | single
    begins_any[1:] |= single[:-1] & ~gap[2:]
    return begins_any, begins


def words_joined(before: str, after: str) -> tuple[int, int]:
    """How many words fewer there are where nothing stands between two characters: 1 or 0; counted in either way."""
    if before <= " " or after <= " ":
        return 0, 0
    return int(not (is_unspaced(before) or is_unspaced(after))), 1


def _number_between(flags: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    before = count_before(flags)
    return before[stop.astype(np.intp)] - before[start.astype(np.intp)]  # a type that numpy need not look at


def count_before(flags: np.ndarray) -> np.ndarray:
    """int32 (n + 1,): how many flags are set before each place."""
    sums = np.zeros(len(flags) + 1, np.int32)
    for at in range(0, len(flags), SLICE):
        part = sums[at + 1 : at + 1 + SLICE]
        np.cumsum(flags[at : at + SLICE], out=part)
        part += sums[at]
    return sums


def count_words(text: str) -> tuple[int, int]:
    """Words in a text, unspaced scripts by character; and words as white space separates them."""
    words, spaced = words_between(kinds_of(text), np.array([0]), np.array([len(text)]))
    return int(words[0]), int(spaced[0])
