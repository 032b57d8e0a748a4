"""A page's main content, where there is no question to prune it by: for loaders and readers.

Which text is the page's own, and which navigation, advertisement or comment, `trafilatura` tells (extra "local"); it
keeps text, but little of its structure. So its text only chooses: a block of our tree stays where most of its words
stand in that text, and is written with its table, list or heading as every other result.
"""

import logging
import re
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from pruning.blocks import BlockTree
from pruning.context import Context
from pruning.document import Limits, Page, utf8
from pruning.errors import MissingExtra
from pruning.nodes import NodeTable
from pruning.render import render
from pruning.result import Format, Source
from pruning.tokens import TokenCounter
from pruning.writers import writer_for

_BLOCK_WORDS = 40
_RUN = 3  # words in a row: single ones stand everywhere
_SHARE = 0.5
# What is larger is all but never an article, and would hold a thread for seconds.
_MOST_BYTES = 2_000_000
_ROOT = re.compile("<html|<body", re.IGNORECASE)
_WORD = re.compile(r"\w+")

# It calls a page without text an error.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class MainContent:
    """Some blocks of a page, to be written in any format.

    Attributes:
        tree: the page's blocks.
        blocks: int (n,), those that were kept, in reading order.
    """

    tree: BlockTree
    blocks: np.ndarray

    def written(self, form: Format, counter: TokenCounter, max_tokens: int | None = None) -> Source:
        """The blocks as a document, from the first one as far as the budget reaches.

        Raises:
            TokenizerError: the counter can't count the result.
        """
        writer = writer_for(form, self.tree)

        def counted(blocks: int) -> tuple[int, str]:
            content = render(writer, self.blocks[:blocks].tolist(), joined=False)
            return counter.count(content) if content else 0, content

        all_blocks = len(self.blocks)
        tokens, content = counted(all_blocks)
        if max_tokens is not None and tokens > max_tokens:
            too_many = bisect_right(range(all_blocks), max_tokens, key=lambda blocks: counted(blocks)[0])
            tokens, content = counted(too_many - 1)
        return Source.of(self.tree.tables[0].metadata, id=1, content=content, tokens=tokens, score=None)


def main_content(page: Page, table: NodeTable) -> MainContent:
    """The page without what surrounds its content; all of it, where nothing stands out.

    Args:
        page: the page as it arrived.
        table: what was read of it (`pruning.isolate.read_page`).

    Raises:
        MissingExtra: trafilatura is not installed.
    """
    tree = BlockTree.from_tables([table], _BLOCK_WORDS)
    return MainContent(tree, _main_blocks(tree, tree.cut(_BLOCK_WORDS), _main_text(page)))


def whole_content(table: NodeTable) -> MainContent:
    """All of the page."""
    tree = BlockTree.from_tables([table], _BLOCK_WORDS)
    return MainContent(tree, tree.lines())


def _main_text(page: Page) -> str:
    """The words of the page's main content; none where it has none."""
    try:
        import trafilatura
    except ImportError as error:
        raise MissingExtra(
            'finding a page\'s main content needs trafilatura: pip install "secateurs[local]"'
        ) from error
    if len(page.html) > _MOST_BYTES:
        return ""
    markup = utf8(page, Limits()).decode("utf-8", "replace")
    if not _ROOT.search(markup):  # a page that leaves its tags out is none to it
        markup = f"<html><body>{markup}"
    return trafilatura.extract(markup, include_comments=False, include_tables=True) or ""


def _main_blocks(tree: BlockTree, blocks: np.ndarray, text: str) -> np.ndarray:
    """The blocks whose runs of words stand in the text, with the headings over them; all, where there are none."""
    words = _words(text)
    runs = [_runs(words, length) for length in range(1, _RUN + 1)]
    candidates = [block for block in blocks.tolist() if _stands_in(_words(tree.text(block)), runs)]
    main = _as_often(candidates, [_line(_words(tree.text(block))) for block in candidates], _line(words))
    if not main:
        return blocks
    context = Context(tree, blocks)
    return tree.in_order(list({*main, *(other for block in main for other in context.of(block))}))


def _as_often(blocks: list[int], lines: list[str], text: str) -> list[int]:
    """The blocks without the repetitions that the text lacks: pages say the same to wide and to narrow screens."""
    left = {line: max(1, text.count(line)) for line in lines}
    kept = []
    for block, line in zip(blocks, lines, strict=True):
        if left[line]:
            kept.append(block)
            left[line] -= 1
    return kept


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _line(words: list[str]) -> str:
    """Words as one text in which others can be found whole."""
    return f" {' '.join(words)} "


def _stands_in(words: list[str], runs: list[set[tuple[str, ...]]]) -> bool:
    if not words:
        return False
    known = runs[min(len(words), _RUN) - 1]
    own = _runs(words, min(len(words), _RUN))
    return len(own & known) >= _SHARE * len(own)


def _runs(words: list[str], length: int) -> set[tuple[str, ...]]:
    """All runs of that many words."""
    return set(zip(*(words[start:] for start in range(length)), strict=False))
