"""Lossless cleaning, step by step: a page's markup in, the flat table of what a reader sees out."""

import numpy as np

from pruning.characters import MARK, kinds_of
from pruning.document import Limits, Page, utf8
from pruning.elements import CODES
from pruning.events import read_events
from pruning.fold import fold, keep_space
from pruning.nodes import Events, Nesting, NodeTable, from_events
from pruning.rawtext import readable
from pruning.repair import repair
from pruning.settle import settled
from pruning.tidy import tidied

# Bump when the same page would give another table: cached tables carry it.
VERSION = 5

_PRE = CODES["pre"]


def node_table(page: Page, limits: Limits | None = None, *, links: bool = False) -> NodeTable:
    """Parse and clean one page.

    Args:
        page: the page as it arrived.
        limits: what it may cost.
        links: keep links, with their addresses resolved.

    Raises:
        PageError: the page exceeds a limit.
    """
    limits = limits or Limits()
    events, metadata = read_events(page, readable(utf8(page, limits)), limits, links)
    nesting = Nesting.of(events)
    if not nesting.is_settled(limits.depth):
        events = settled(events, limits.depth)
        nesting = Nesting.of(events)
    kinds = _fold(events, nesting)
    table = from_events(events, kinds, nesting, metadata)
    repair(table)
    return tidied(table)


def _fold(events: Events, nesting: Nesting) -> np.ndarray:
    """Fold white space as a browser does, not in preformatted text; uint8 (n,), what characters are left."""
    if _PRE in events.codes:
        marks = np.flatnonzero(kinds_of(events.text) & MARK != 0)
        inside = np.array(nesting.outermost(_PRE))
        events.text = keep_space(events.text, (marks[inside] + (1, 0)).tolist())
    events.text, kinds = fold(events.text)
    return kinds
