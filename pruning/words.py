"""Words, as blocks are measured in them: in scripts that are written without spaces, each character counts as one."""

import numpy as np

# Scripts written without spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han, and Han's extensions.
_UNSPACED = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF)),
    *((0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
)


def words_between(chars: np.ndarray, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Words in each stretch, unspaced scripts by character; and words as white space separates them."""
    gap = chars <= 32
    begins = ~gap
    begins[1:] &= gap[:-1]
    spaced = count_before(begins)
    spaced = spaced[stop] - spaced[start]
    if not len(chars) or chars.max() < _UNSPACED[0][0]:
        return spaced, spaced
    single = np.zeros(len(chars), bool)
    for low, high in _UNSPACED:
        single |= (chars >= low) & (chars <= high)
    begins |= single
    begins[1:] |= single[:-1] & ~gap[1:]
    words = count_before(begins)
    return words[stop] - words[start], spaced


def count_before(flags: np.ndarray) -> np.ndarray:
    """int32 (n + 1,): how many flags are set before each place."""
    sums = np.zeros(len(flags) + 1, np.int32)
    np.cumsum(flags, out=sums[1:])
    return sums


def count_words(text: str) -> tuple[int, int]:
    """Words in a text, unspaced scripts by character; and words as white space separates them."""
    chars = code_points(text)
    words, spaced = words_between(chars, np.array([0]), np.array([len(chars)]))
    return int(words[0]), int(spaced[0])


def code_points(text: str) -> np.ndarray:
    """uint32 (len(text),): the text's characters as numbers."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
