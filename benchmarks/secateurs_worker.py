"""This project, as `speed.py` measures it."""

import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from lxml import html
from pages import large_page, read
from worker import serve, timed

from pruning.blocks import BlockTree
from pruning.budget import Fit, fit
from pruning.characters import BLOCK_MARK, INLINE_MARK
from pruning.document import Limits, Page, utf8
from pruning.elements import CODES
from pruning.nodes import NodeTable
from pruning.render import HtmlWriter
from pruning.tokens import TokenCounter
from tests.pruning import oracle

MAX_WORDS = 256
# All in this process, as for the peer; and no machine is too slow to be measured.
LIMITS = Limits(isolate_over=1 << 40, seconds=3600)


class Secateurs:
    """Holds the page that is being measured."""

    def __init__(self) -> None:
        self._counter = TokenCounter.load("tekken")
        self._data = b""
        self._tree = BlockTree.from_tables([])

    def load(self, page: str) -> dict[str, Any]:
        """Read a page; nothing of that is measured."""
        self._name, self._data = Path(page).name, read(Path(page))
        return {"bytes": len(self._data)}

    def build(self) -> dict[str, Any]:
        """From the page's bytes to its blocks."""
        times, self._tree = timed(lambda: BlockTree.from_pages([Page(self._data)], MAX_WORDS, LIMITS))
        return times | {"blocks": len(self._tree.cut(MAX_WORDS))}

    def lxml(self) -> dict[str, Any]:
        """A bare parse of the same bytes, with nothing done to the tree."""
        times, _ = timed(lambda: html.document_fromstring(self._data))
        return times

    def prune(self, max_tokens: int) -> dict[str, Any]:
        """From scores to pruned HTML, with the tree that `build` made last."""
        blocks = self._tree.cut(MAX_WORDS)
        scores = np.random.default_rng(zlib.crc32(self._name.encode())).random(len(blocks))
        times, kept = timed(lambda: self._fit(blocks, scores, max_tokens))
        if kept.tokens > max_tokens or kept.tokens != self._counter.count(kept.content):
            raise AssertionError(f"{kept.tokens} tokens said, budget {max_tokens}")
        everything = self._fit(blocks, scores, 1 << 30).tokens
        return times | {"tokens": kept.tokens, "tokens_of_page": everything}

    def _fit(self, blocks: np.ndarray, scores: np.ndarray, max_tokens: int) -> Fit:
        return fit(HtmlWriter(self._tree), blocks, scores, self._counter, max_tokens)

    def check(self, page: str) -> dict[str, Any]:
        """Whether the words of a page's table are those that another walk sees, and its blocks hold all of them."""
        data = read(Path(page))
        tree = BlockTree.from_pages([Page(data)], MAX_WORDS, LIMITS)
        kept, markup = _words(tree.tables[0]), utf8(Page(data), LIMITS)
        visible = oracle.visible_words(markup)
        if kept != visible:  # libxml2 alone parses what stands in `template` and `noscript`
            visible = oracle.visible_text(oracle.parsed_as_html5(markup.decode())).split()
        in_blocks = "".join(tree.text(block) for block in tree.cut(MAX_WORDS).tolist())
        whole = _letters(tree.tables[0].text) == _letters(in_blocks)
        return {"words": len(visible), "equal": kept == visible and whole}

    def grow(self, pages: list[str], megabytes: int, max_tokens: int) -> dict[str, Any]:
        """A page of so many times the same megabyte, from bytes to blocks and from scores to HTML."""
        self._name = "large"
        self._data = large_page(map(Path, pages), 1_000_000, megabytes)
        build = self.build()
        prune, _ = timed(lambda: self._fit(*self._scored(), max_tokens))
        return {
            "build": build["seconds"],
            "prune": prune["seconds"],
            "bytes": len(self._data),
            "nodes": len(self._tree.tables[0]),
        }

    def _scored(self) -> tuple[np.ndarray, np.ndarray]:
        blocks = self._tree.cut(MAX_WORDS)
        return blocks, np.random.default_rng(1).random(len(blocks))


def _words(table: NodeTable) -> list[str]:
    """All words but those of alternative texts, which a reader does not see; their marks go with them."""
    text = table.text
    for node in np.flatnonzero(table.tag == CODES["img"])[::-1].tolist():
        text = text[: table.start[node] - 1] + text[table.stop[node] + 1 :]
    return text.replace(INLINE_MARK, "").replace(BLOCK_MARK, " ").split()


def _letters(text: str) -> str:
    return re.sub(r"[\s\x00\x01]+", "", text)


if __name__ == "__main__":
    secateurs = Secateurs()
    names = ("load", "build", "lxml", "prune", "check", "grow")
    serve({name: getattr(secateurs, name) for name in names})
