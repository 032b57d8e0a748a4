"""Which blocks to keep within a token budget.

Greedy, by score: the best block first, then each next one that still fits, with the tags that must be written around
it. Costs are added up piece by piece, each piece counted once and only as far as the budget reaches; in the end the
whole result is counted. Where that count differs from the sum (a tokenizer whose tokens reach over the borders of
pieces), the choice is made again with whole counts wherever the sum is too close to tell.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np

from pruning.characters import BLOCK_MARK, INLINE_MARK
from pruning.context import Context
from pruning.render import Writer, render
from pruning.tokens import TokenCounter

# Pieces are counted ahead, since some tokenizers are faster at many; but only as many as are expected to fit.
_BATCH = 32
# Of text, tags being written around it; a guess, which decides nothing but what is counted first. Over 40 pages and
# Tekken it is 1.5 to 4.2.
_CHARACTERS_PER_TOKEN = 3

# A tokenizer whose tokens reach over line breaks makes sums of pieces wrong by at most that many tokens a border. Where
# that could decide, the whole is counted. The others are taken at their word, but for the last two tokens.
_OFF_AT_BORDER = 3
_NEAR = 2
# Counting the whole takes milliseconds. Once it has refused so many blocks in a row, sums are taken at their word: of
# 20,000 list items the first 1,000 fill the budget, and each of the others could be the one that still fits.
_REFUSALS = 32
# Headings and terms that explain what is kept have an eighth of the budget, or what two of them take: they say what a
# text is about, but those of many sections would push answers out (benchmarks/LOG.md).
_EXPLAINING_PART, _EXPLAINING_LEAST = 8, 24
_PROBES = ("<!DOCTYPE html>\n", "<section>\n", "<p>a b\n", "c 1.\n", "<ul>\n", "<li>d\n", "</ul>\n")


@dataclass(frozen=True, slots=True)
class Fit:
    """What was kept.

    Attributes:
        content: the kept blocks, written.
        tokens: of `content`, counted whole.
        kept: the blocks kept for their scores, in reading order.
        context: the blocks kept because they give others their meaning.
        page_tokens: page -> tokens of its blocks, written as a document of their own.
    """

    content: str
    tokens: int
    kept: tuple[int, ...]
    context: tuple[int, ...]
    page_tokens: dict[int, int]


def fit(
    writer: Writer,
    blocks: np.ndarray,
    scores: np.ndarray,
    counter: TokenCounter,
    max_tokens: int,
    *,
    context: bool = True,
) -> Fit:
    """Keep the best blocks that fit.

    Greedy policy: blocks are visited from best to worst (equal scores in reading order), and each is kept that fits
    with what must be written around it. After a kept block its table's header is added, if that fits; then the term and
    headings over it, which have a share of the budget (`for_explaining`). If the best block does not fit, it is split,
    and its parts are visited in its place. Where only counting the whole can tell whether a block fits, and it did not
    for `_REFUSALS` blocks in a row, sums decide from then on.

    Args:
        writer: the output format, over the tree of blocks.
        blocks: int (n,), block numbers, none within another, in reading order.
        scores: float (n,), a score for each.
        counter: counts tokens.
        max_tokens: the budget that `content` never exceeds.
        context: add headings and table headers.
    """
    prices = _Prices(writer, counter)
    everything = _everything(writer, blocks, prices, max_tokens)
    if everything:
        return everything
    around = Context(writer.tree, blocks) if context else None
    whole = not adds_up(counter)
    greedy = _Greedy(writer, prices, max_tokens, around, whole=whole)
    greedy.visit(blocks, scores)
    content, tokens = greedy.count_whole()
    if tokens != greedy.used and not whole:
        greedy = _Greedy(writer, prices, max_tokens, around, whole=True)
        greedy.visit(blocks, scores)
        content, tokens = greedy.count_whole()
    while tokens > max_tokens:
        greedy.drop_last()
        content, tokens = greedy.count_whole()
    return greedy.result(content, tokens)


@lru_cache(maxsize=16)
def adds_up(counter: TokenCounter) -> bool:
    """Whether a tokenizer starts afresh behind a line break, as those do that split text at white space."""
    counts = counter.count_many([*_PROBES, "".join(_PROBES)])
    return sum(counts[:-1]) == counts[-1]


def for_explaining(max_tokens: int) -> int:
    """Tokens that headings and terms may take of a budget, by themselves."""
    return max(_EXPLAINING_LEAST, max_tokens // _EXPLAINING_PART)


def _everything(writer: Writer, blocks: np.ndarray, prices: "_Prices", max_tokens: int) -> Fit | None:
    """All blocks, if they are few and fit. Counted once, they cost half of what choosing among them would."""
    tree = writer.tree
    if int((tree.stop[blocks] - tree.start[blocks]).sum()) > max_tokens * _CHARACTERS_PER_TOKEN:
        return None
    content, tokens = prices.whole(blocks)
    if tokens > max_tokens:
        return None
    pages = np.unique(tree.page[blocks]).tolist()
    if len(pages) == 1:
        page_tokens = {pages[0]: tokens - prices.tags(writer.open_page(pages[0]), writer.close_page(pages[0]))}
    else:
        page_tokens = {page: prices.whole(blocks[tree.page[blocks] == page], joined=False)[1] for page in pages}
    return Fit(content=content, tokens=tokens, kept=tuple(blocks.tolist()), context=(), page_tokens=page_tokens)


class _Prices:
    """What pieces and tags cost in tokens, each counted once."""

    def __init__(self, writer: Writer, counter: TokenCounter) -> None:
        self.pieces: dict[int, int] = {}
        self._around: dict[int, tuple[int, int]] = {}
        self._tags: dict[str, int] = {"": 0, "\n": 0}  # a second line break joins the first one's token
        self._writer = writer
        self._counter = counter

    def tags(self, *written: str) -> int:
        """Tokens of what is written around pieces, together."""
        unknown = [text for text in written if text not in self._tags]
        if unknown:
            self._tags |= dict(zip(unknown, self._counter.count_many(unknown), strict=True))
        return sum([self._tags[text] for text in written])

    def around(self, wrapper: int) -> tuple[int, int]:
        """Tokens of an element's tags and of all that are opened along with it, and how many elements these are."""
        if wrapper not in self._around:
            opened = [wrapper, *self._writer.hollow(wrapper)]
            tokens = sum(self.tags(self._writer.open(one), self._writer.close(one)) for one in opened)
            self._around[wrapper] = tokens, len(opened)
        return self._around[wrapper]

    def count(self, blocks: list[int]) -> None:
        """Make the prices of these blocks known."""
        pieces = [self._writer.piece(block) for block in blocks]
        self.pieces |= dict(zip(blocks, self._counter.count_many(pieces), strict=True))

    def whole(self, blocks: Iterable[int], *, joined: bool = True) -> tuple[str, int]:
        """A result with these blocks, and its tokens."""
        content = render(self._writer, blocks, joined=joined)
        return content, self._counter.count(content) if content else 0

    def at_least(self, blocks: np.ndarray) -> np.ndarray:
        """int (n,): tokens that each block costs at least, known without counting."""
        tree = self._writer.tree
        least = np.ones(len(blocks), np.int64)
        if self._counter.words_per_token:
            least = np.maximum(least, -(-tree.spaced[blocks] // self._counter.words_per_token))
        longest = self._counter.longest_token_bytes
        if longest:
            size = tree.stop[blocks] - tree.start[blocks]
            for number in np.flatnonzero(size // longest > least).tolist():
                least[number] = max(least[number], self._letters(int(blocks[number])) // longest)
        return least

    def _letters(self, block: int) -> int:
        """Characters that are written in any case: neither the buffer's own marks nor white space."""
        tree = self._writer.tree
        text, start, stop = tree.tables[tree.page[block]].text, int(tree.start[block]), int(tree.stop[block])
        return (
            stop - start - sum(text.count(other, start, stop) for other in (BLOCK_MARK, INLINE_MARK, " ", "\n", "\t"))
        )


class _Greedy:
    """The blocks kept so far, and what they cost."""

    def __init__(
        self, writer: Writer, prices: _Prices, max_tokens: int, context: Context | None, *, whole: bool = False
    ) -> None:
        self.used = 0
        self._writer = writer
        self._prices = prices
        self._max = max_tokens
        self._context = context
        self._whole = whole
        self._borders = 0  # between pieces that were added up
        self._refused = 0  # in a row, by counting the whole
        self._explaining = 0  # tokens of kept headings and terms
        self._kept: dict[int, bool] = {}  # block -> kept for its score (or as context), in the order of keeping
        self._open: set[int] = set()
        self._pages: set[int] = set()
        self._waiting: deque[int] = deque()
        self._least: dict[int, int] = {}

    def visit(self, blocks: np.ndarray, scores: np.ndarray) -> None:
        """Keep what fits, best first."""
        ranked = blocks[np.argsort(-scores, kind="stable")]
        best = ranked[:1].tolist()
        waiting = self._waiting = deque(ranked.tolist())
        least = self._least = dict(zip(waiting, self._prices.at_least(ranked).tolist(), strict=True))
        while waiting and self.used - self._doubt() < self._max:
            block = waiting.popleft()
            if block in self._kept:
                continue  # as the context of a better one
            if least.get(block, 0) <= self._max - self.used + self._doubt() and self._keep(block, True):
                self._explain(block)
            elif block in best and not self._kept:
                parts = self._writer.tree.split(block)
                best += parts
                waiting.extendleft(reversed(parts))

    def count_whole(self) -> tuple[str, int]:
        """The kept blocks, written, and the tokens of that."""
        return self._prices.whole(self._kept)

    def drop_last(self) -> None:
        """Let go of the block that was kept last."""
        self._kept.popitem()

    def result(self, content: str, tokens: int) -> Fit:
        """What was kept, in reading order."""
        tree, writer, prices = self._writer.tree, self._writer, self._prices
        ordered = tree.in_order(list(self._kept)).tolist()
        page_tokens: dict[int, int] = {}
        for block in ordered:
            page = int(tree.page[block])
            page_tokens.setdefault(page, prices.tags(writer.head()))
            page_tokens[page] += prices.pieces[block]
        for wrapper in self._open:
            page_tokens[int(tree.page[wrapper])] += prices.tags(writer.open(wrapper), writer.close(wrapper))
        return Fit(
            content=content,
            tokens=tokens,
            kept=tuple(block for block in ordered if self._kept[block]),
            context=tuple(block for block in ordered if not self._kept[block]),
            page_tokens=page_tokens,
        )

    def _keep(self, block: int, for_its_score: bool) -> bool:
        """Keep a block if it fits, and say whether it did."""
        if block not in self._prices.pieces:
            self._prices.count([block, *self._next()])
        if self._is_hopeless(block):
            return False
        wrappers = self._new_wrappers(block)
        page = int(self._writer.tree.page[block])
        borders = self._borders + 1 + 2 * len(wrappers) + 3 * (page not in self._pages)
        total = self.used + self._cost(block, page, wrappers)
        if self._whole or total > self._max:
            doubt = _OFF_AT_BORDER * borders if self._whole else _NEAR
            if abs(total - self._max) <= doubt and self._refused < _REFUSALS:
                total, borders = self._prices.whole((*self._kept, block))[1], 0
                self._refused = self._refused + 1 if total > self._max else 0
            if total > self._max:
                return False
        self.used, self._borders = total, borders
        self._kept[block] = for_its_score
        self._open.update(wrappers)
        self._pages.add(page)
        return True

    def _explain(self, block: int) -> None:
        """Keep what gives a kept block its meaning, as far as it fits; headings and terms only up to their share."""
        if not self._context:
            return
        for head in self._context.table_heads(block):
            if head not in self._kept:
                self._keep(head, False)
        for other in self._context.over(block):
            if other in self._kept:
                continue
            if other not in self._prices.pieces:
                self._prices.count([other])
            price = self._prices.pieces[other]
            if self._explaining + price <= for_explaining(self._max) and self._keep(other, False):
                self._explaining += price

    def _is_hopeless(self, block: int) -> bool:
        """Whether the tags around a block alone are too much; in a row of a thousand cells each brings all of them."""
        around = [self._prices.around(one) for one in self._writer.wrappers(block) if one not in self._open]
        least = self.used + self._prices.pieces[block] + max((tokens for tokens, _ in around), default=0)
        borders = self._borders + 4 + 2 * sum(number for _, number in around)
        return least - self._max > (_OFF_AT_BORDER * borders if self._whole else _NEAR)

    def _doubt(self) -> int:
        """How many tokens the sum may be off."""
        return _OFF_AT_BORDER * self._borders if self._whole else 0

    def _cost(self, block: int, page: int, wrappers: list[int]) -> int:
        """Tokens that keeping a block adds: its own, those of elements that must be opened, of its page's frame."""
        writer, tags = self._writer, self._prices.tags
        cost = self._prices.pieces[block]
        for wrapper in wrappers:
            cost += tags(writer.open(wrapper), writer.close(wrapper))
        if not self._pages:
            cost += tags(writer.head())
        if page not in self._pages:
            cost += tags(writer.open_page(page), writer.close_page(page))
        return cost

    def _new_wrappers(self, block: int) -> list[int]:
        """Elements not open yet that keeping a block opens, the other cells of a split row among them."""
        new = [wrapper for wrapper in self._writer.wrappers(block) if wrapper not in self._open]
        along = [cell for wrapper in new for cell in self._writer.hollow(wrapper) if cell not in new]
        return new + along

    def _next(self) -> list[int]:
        """The blocks that will be looked at next, as many as are expected to fit."""
        tree, room, found = self._writer.tree, self._max - self.used, list[int]()
        for block in islice(self._waiting, _BATCH):
            if block not in self._prices.pieces and self._least.get(block, 0) <= room:
                found.append(block)
                room -= int(tree.stop[block] - tree.start[block]) // _CHARACTERS_PER_TOKEN
        return found
