"""How many tokens a text costs: one interface over tiktoken encodings and Hugging Face tokenizer files.

Text that spells a special token (`<s>`, `<|endoftext|>`, `[SEP]`) is counted as the plain text it is, for a
page must not be able to name a control token; no special tokens are added, nothing is truncated or padded.
Lone surrogates count as U+FFFD, which is what they become on the wire.
"""

import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pruning import tokenizer_files
from pruning.errors import UnknownTokenizer
from pruning.tokenizer_files import library_errors

if TYPE_CHECKING:
    import tiktoken
    import tokenizers

DEFAULT = "tekken"

# tiktoken's regex engine keeps a backtracking entry for every character that `\s+(?!\S)` has eaten: 0.14
# panics between 500,000 and 1,000,000 white-space characters in a row. Nothing else does: 5 MB of any other
# one character take 2 to 5 seconds.
LONG_RUN = 100_000

_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_GAPS = b" " * 33 + bytes(range(33, 256))
_SPACES = re.compile(f"[{_WHITE_SPACE}]*")


class TokenCounter(ABC):
    """Counts tokens; safe to share between threads.

    Attributes:
        name: what answers call this tokenizer; `TokenCounter.load(name)` gives it again.
        longest_token_bytes: the most UTF-8 bytes that one token can stand for, so that a text of B bytes
            costs at least B / longest_token_bytes tokens; None where one token may stand for any number.
        words_per_token: the most words (as characters up to U+0020 separate them) that one token can hold
            parts of, so that a text of W words costs at least W / words_per_token tokens; None where that is
            unknown. It is 3 for Tekken, by tokens such as "}", line break, "//".
    """

    name: str
    longest_token_bytes: int | None = None
    words_per_token: int | None = None

    @property
    def splits_words(self) -> bool:
        """Whether a text costs at least one token for each of its words."""
        return self.words_per_token == 1

    def count(self, text: str) -> int:
        """The number of tokens of one text."""
        return self.count_many([text])[0]

    @abstractmethod
    def count_many(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text by itself, in the order given.

        Raises:
            TokenizerError: the tokenizer can't read one of them.
        """

    @staticmethod
    def load(name: str = DEFAULT) -> "TokenCounter":
        """The counter of that name, made once per process.

        Args:
            name: "tekken" (Mistral's, comes with mistral-common, needs no network), "tiktoken:NAME" (any
                encoding that tiktoken knows or a plugin adds), or the path of a Hugging Face tokenizer.json
                or of its folder.

        Raises:
            TokenizerError: no such tokenizer, or its file can't be read or fetched.
            MissingExtra: the package that reads it is not installed.
        """
        with _GUARD:
            lock = _LOCKS.setdefault(name, threading.Lock())
        with lock:  # one lock a name: fetching one tokenizer holds up nobody who wants another
            if name not in _LOADED:
                _LOADED[name] = _load(name)
            return _LOADED[name]


_GUARD = threading.Lock()
_LOCKS: dict[str, threading.Lock] = {}
_LOADED: dict[str, TokenCounter] = {}


class TiktokenCounter(TokenCounter):
    """Counts with a tiktoken encoding."""

    def __init__(self, name: str, encoding: "tiktoken.Encoding", *, long_run: int = LONG_RUN) -> None:
        self.name = name
        vocabulary = encoding.token_byte_values()
        self.longest_token_bytes = max(map(len, vocabulary))
        self.words_per_token = max(len(token.translate(_GAPS).split()) for token in vocabulary)
        self._encoding = encoding
        self._long_run = long_run

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """See the base class. A plain loop: 12-18 MB/s on one core for pieces of 5 to 250 words.

        `encode_ordinary_batch` is 2 to 9 times slower on pieces up to 50 words (a future for each) and gains
        nothing above; two threads on halves gain at most 1.5 times, and a service has better use for the
        core.
        """
        encode, long_run = self._encoding.encode_ordinary, self._long_run
        with library_errors(self.name):
            return [len(encode(text)) if len(text) < long_run else self._count_long(text) for text in texts]

    def _count_long(self, text: str) -> int:
        """Counts exactly around runs of white space that the regex engine can't read."""
        total = start = 0
        for run in _white_runs(text, self._long_run):
            for begin, end in self._pieces(text, *run):
                total += len(self._encoding.encode_ordinary(text[start:begin]))
                total += len(self._encoding._encode_single_piece(text[begin:end]))
                start = end
        return total + len(self._encoding.encode_ordinary(text[start:]))

    def _pieces(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The pieces inside a white-space run, as the encoding's pattern cuts it: never more than a handful.

        The cut depends on the run and the one character before and after it. What joins these (line breaks
        after punctuation, a space before a word) is left to the engine: it doesn't backtrack there.
        """
        import regex  # type: ignore[import-untyped]  # as tiktoken does: `re` can't read its patterns

        before, after = max(start - 1, 0), min(end + 1, len(text))
        for piece in regex.finditer(self._encoding._pat_str, text, pos=before, endpos=after):
            if piece.start() >= start and piece.end() <= end:
                yield piece.span()


class HuggingFaceCounter(TokenCounter):
    """Counts with a Hugging Face tokenizer file.

    A text without spaces is slow here (5 MB in 3 to 11 s: it's one word to the pre-tokenizer), but comes out
    right.
    """

    def __init__(self, name: str, tokenizer: "tokenizers.Tokenizer") -> None:
        tokenizer.no_truncation()  # files carry both: all-MiniLM-L6-v2's pads to and cuts at 128
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # that is: as plain text
        self.name = name
        vocabulary = tokenizer_files.byte_vocabulary(json.loads(tokenizer.to_str()))
        if vocabulary:
            self.longest_token_bytes = max(map(len, vocabulary))
            self.words_per_token = max(len(token.translate(_GAPS).split()) for token in vocabulary)
        self._tokenizer = tokenizer

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """See the base class. One batch without offsets: 1.1 to 2.3 times as fast as a call each."""
        with library_errors(self.name):
            batch = [without_surrogates(text) for text in texts]
            encodings = self._tokenizer.encode_batch_fast(batch, add_special_tokens=False)
            return [len(encoding) for encoding in encodings]


def _load(name: str) -> TokenCounter:
    if name == "tekken":
        return TiktokenCounter(name, tokenizer_files.tekken())
    if name.startswith("tiktoken:"):
        return TiktokenCounter(name, tokenizer_files.tiktoken_encoding(name.removeprefix("tiktoken:")))
    path = Path(name)
    if path.is_dir():
        path = path / "tokenizer.json"
    if path.is_file():
        return HuggingFaceCounter(name, tokenizer_files.hugging_face(path))
    raise UnknownTokenizer(
        f'unknown tokenizer {name!r}: name "tekken", "tiktoken:ENCODING" or the path of a tokenizer.json'
    )


def without_surrogates(text: str) -> str:
    """The text with surrogate pairs joined and lone surrogates replaced, as tiktoken does by itself."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _white_runs(text: str, length: int) -> Iterator[tuple[int, int]]:
    """Spans of all white-space runs of at least that length, found by a glance every length/2 characters."""
    step = max(length // 2, 1)
    end = 0
    for at in range(0, len(text), step):
        if at < end or not text[at : at + step].isspace():
            continue
        before = text[end:at] if at - end < step else text[at - step : at]
        start = at - len(before) + len(before.rstrip(_WHITE_SPACE))
        end = _SPACES.match(text, at).end()  # type: ignore[union-attr]  # it matches the empty string
        if end - start >= length:
            yield start, end
