"""What a causal language model reads when it picks blocks, and of which blocks, where not all fit its context."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pruning.blocks import BlockTree
from pruning.errors import ModelError
from pruning.numbered import Element, NumberedPages
from pruning.prompt import PathReader, PathTokenizer


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
    if reading.longest <= reader.context_length:
        return reading
    around = reading.longest - len(reader.tokenizer.encode(reading.html))
    chosen = _choose(tree, blocks, coarse, reader.context_length - around, reader.tokenizer)
    while chosen:
        read = np.zeros(len(blocks), bool)
        read[[number for number, _ in chosen]] = True
        reading = _read(tree, blocks, read, question, reader)
        over = reading.longest - reader.context_length
        if over <= 0:
            return reading
        while chosen and over > 0:  # what was counted piece by piece differs a little from the whole
            over -= chosen.pop()[1]
    raise ModelError(f"no block fits the context of {reader.name}, {reader.context_length} tokens, beside the question")


def _read(tree: BlockTree, blocks: np.ndarray, read: np.ndarray, question: str, reader: PathReader) -> Reading:
    pages = NumberedPages(tree, blocks[read])
    return Reading(
        context=reader.prompt.ids(reader.tokenizer, pages.html, question),
        html=pages.html,
        paths=pages.paths,
        path_ids=[reader.tokenizer.encode(path) for path in pages.paths],
        read=read,
    )


def _choose(
    tree: BlockTree, blocks: np.ndarray, coarse: np.ndarray, room: int, tokenizer: PathTokenizer
) -> list[tuple[int, int]]:
    """Indices of the blocks that fit, best first, each with the tokens that it takes with the tags it needs."""
    leaves: Sequence[Element] = NumberedPages(tree, blocks).elements
    written: set[int] = set()
    chosen = []
    for number in np.argsort(-np.asarray(coarse), kind="stable").tolist():
        new = [element for element in _upwards(leaves[number]) if id(element) not in written]
        tokens = sum(len(tokenizer.encode(part)) for element in new for part in (element.start(), element.end()))
        if tokens <= room:
            room -= tokens
            written |= {id(element) for element in new}
            chosen.append((number, tokens))
    return chosen


def _upwards(leaf: Element) -> list[Element]:
    chain = [leaf]
    while chain[-1].above is not None:
        chain.append(chain[-1].above)
    return chain
