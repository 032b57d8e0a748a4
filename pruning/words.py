"""Words, as blocks are measured in them: in scripts that are written without spaces, each character counts as one."""

from collections.abc import Iterator

import numpy as np

# Scripts written without spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han, and Han's extensions.
_UNSPACED = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF)),
    *((0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
)


# Characters that are numbers at one time: as numbers they take four times the room of a Latin page.
_SLICE = 1 << 18


def words_between(text: str, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Words in each stretch, unspaced scripts by character; and words as white space separates them."""
    begins_any, begins = word_begins(text)
    spaced = _number_between(begins, start, stop)
    return (spaced if begins_any is begins else _number_between(begins_any, start, stop)), spaced


def word_begins(text: str) -> tuple[np.ndarray, np.ndarray]:
    """bool (len(text),): where words begin, each character of unspaced scripts being one; and as white space has it."""
    gap = np.ones(len(text) + 1, bool)  # before each character, whether a gap is
    single = None
    for at, chars in slices(text):
        here = slice(at, at + len(chars))
        gap[1:][here] = chars <= 32
        if chars.max() >= _UNSPACED[0][0]:
            single = np.zeros(len(text), bool) if single is None else single
            for low, high in _UNSPACED:
                single[here] |= (chars >= low) & (chars <= high)
    begins = gap[:-1] > gap[1:]
    if single is None:
        return begins, begins
    begins_any = begins | single
    begins_any[1:] |= single[:-1] & ~gap[2:]
    return begins_any, begins


def words_joined(before: str, after: str) -> tuple[int, int]:
    """How many words fewer there are where nothing stands between two characters: 1 or 0; counted in either way."""
    if before <= " " or after <= " ":
        return 0, 0
    unspaced = any(low <= ord(character) <= high for character in (before, after) for low, high in _UNSPACED)
    return int(not unspaced), 1


def _number_between(flags: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    before = count_before(flags)
    return before[stop] - before[start]


def count_before(flags: np.ndarray) -> np.ndarray:
    """int32 (n + 1,): how many flags are set before each place."""
    sums = np.zeros(len(flags) + 1, np.int32)
    for at in range(0, len(flags), _SLICE):
        part = sums[at + 1 : at + 1 + _SLICE]
        np.cumsum(flags[at : at + _SLICE], out=part)
        part += sums[at]
    return sums


def count_words(text: str) -> tuple[int, int]:
    """Words in a text, unspaced scripts by character; and words as white space separates them."""
    words, spaced = words_between(text, np.array([0]), np.array([len(text)]))
    return int(words[0]), int(spaced[0])


def places_up_to(largest: int, text: str) -> np.ndarray:
    """int (n,): where the characters stand that have no larger number."""
    found = [np.flatnonzero(chars <= largest) + at for at, chars in slices(text)]
    return found[0] if len(found) == 1 else np.concatenate(found or [np.zeros(0, np.intp)])


def slices(text: str) -> Iterator[tuple[int, np.ndarray]]:
    """The text's characters as numbers, uint32, some at a time, and where these stand."""
    for at in range(0, len(text), _SLICE):
        yield at, np.frombuffer(text[at : at + _SLICE].encode("utf-32-le", "surrogatepass"), np.uint32)
