"""What a causal language model reads when it picks blocks, and of which blocks, where not all fit its context."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pruning.blocks import BlockTree
from pruning.errors import ModelError
from pruning.numbered import Element, NumberedPages
from pruning.prompt import PathReader, PathTokenizer

# How often the choice is made again to use the room that is left. The first one leaves up to a quarter of a small
# context empty, and a few percent of one of some thousand tokens; after the third it is less than a block.
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """A prompt, and the paths that may follow it.

    Attributes:
        context: ids of the prompt.
        html: the numbered HTML in it.
        paths: the paths of the blocks read, in the order given.
        path_ids: each of them as ids, encoded whole.
        read: bool (n,), the blocks read.
    """

    context: list[int]
    html: str
    paths: tuple[str, ...]
    path_ids: list[list[int]]
    read: np.ndarray

    @property
    def longest(self) -> int:
        """Ids of the prompt with the longest path."""
        return len(self.context) + max(map(len, self.path_ids), default=0)


def read_within(tree: BlockTree, blocks: np.ndarray, coarse: np.ndarray, question: str, reader: PathReader) -> Reading:
    """The prompt over as many blocks as the model's context holds, best first. See `pruning.generative.plan_paths`."""
    reading = _read(tree, blocks, np.ones(len(blocks), bool), question, reader)
    left = reader.context_length - reading.longest
    if left >= 0:
        return reading
    queue = _Queue(tree, blocks, coarse, reader.tokenizer)
    room = left + len(reader.tokenizer.encode(reading.html))
    chosen: list[int] = []
    for _ in range(_ROUNDS):
        before, chosen = chosen, queue.within(room)
        if before == chosen:
            break
        reading = _read(tree, blocks, _flags(chosen, len(blocks)), question, reader)
        left = reader.context_length - reading.longest
        if left <= 0:
            break
        room += left  # fewer blocks have shorter numbers, and fewer wrappers around them
    while left < 0 and chosen:
        chosen = queue.without_last(chosen, -left)
        reading = _read(tree, blocks, _flags(chosen, len(blocks)), question, reader)
        left = reader.context_length - reading.longest
    if not chosen:
        raise ModelError(
            f"no block fits the context of {reader.name}, {reader.context_length} tokens, beside the question"
        )
    return reading


def _read(tree: BlockTree, blocks: np.ndarray, read: np.ndarray, question: str, reader: PathReader) -> Reading:
    pages = NumberedPages(tree, blocks[read])
    return Reading(
        context=reader.prompt.ids(reader.tokenizer, pages.html, question),
        html=pages.html,
        paths=pages.paths,
        path_ids=[reader.tokenizer.encode(path) for path in pages.paths],
        read=read,
    )


def _flags(numbers: Sequence[int], size: int) -> np.ndarray:
    flags = np.zeros(size, bool)
    flags[list(numbers)] = True
    return flags


class _Queue:
    """Blocks from best to worst, and what each takes with the tags it needs, counted piece by piece."""

    def __init__(self, tree: BlockTree, blocks: np.ndarray, coarse: np.ndarray, tokenizer: PathTokenizer) -> None:
        self._leaves: Sequence[Element] = NumberedPages(tree, blocks).elements
        self._ranked: list[int] = np.argsort(-np.asarray(coarse), kind="stable").tolist()
        self._tokenizer = tokenizer
        self._tokens: dict[int, int] = {}  # id of an element -> what its own parts take

    def within(self, room: int) -> list[int]:
        """Indices of the blocks that fit, best first; what does not fit is passed over."""
        written: set[int] = set()
        chosen = []
        for number in self._ranked:
            new = [element for element in _upwards(self._leaves[number]) if id(element) not in written]
            tokens = sum(map(self._count, new))
            if tokens <= room:
                room -= tokens
                written |= set(map(id, new))
                chosen.append(number)
        return chosen

    def without_last(self, chosen: Sequence[int], tokens: int) -> list[int]:
        """Without the worst, which alone take as many tokens; the worst one in any case."""
        kept = list(chosen)
        while kept and tokens > 0:
            tokens -= self._count(self._leaves[kept.pop()])
        return kept

    def _count(self, element: Element) -> int:
        if id(element) not in self._tokens:
            parts = (element.start(), element.end())
            self._tokens[id(element)] = sum(len(self._tokenizer.encode(part)) for part in parts)
        return self._tokens[id(element)]


def _upwards(leaf: Element) -> list[Element]:
    chain = [leaf]
    while chain[-1].above is not None:
        chain.append(chain[-1].above)
    return chain
