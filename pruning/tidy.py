"""The second half of lossless cleaning: what says nothing is taken out of the table of nodes."""

from collections.abc import Iterable

import numpy as np

from pruning import elements
from pruning.characters import BLOCK_MARK, INLINE_MARK
from pruning.elements import CODES, TEXT
from pruning.nodes import NodeTable
from pruning.paragraphs import with_paragraphs
from pruning.words import count_before, words_joined

_SUP, _IMG, _TABLE, _THEAD, _TR, _P = (CODES[name] for name in ("sup", "img", "table", "thead", "tr", "p"))
_ORDINALS = ("st", "nd", "rd", "th")


def tidied(table: NodeTable) -> NodeTable:
    """The table without what says nothing: empty elements, wrappers around one, what parts a text."""
    gone = _superfluous(table)
    _keep_apart(table, gone)
    table = _with_whole_texts(_without(table, gone))
    _set_images_apart(table)
    return with_paragraphs(table)


def _superfluous(table: NodeTable) -> np.ndarray:
    """bool (n,): nodes that go, their children taking their place."""
    tag, words, around = table.tag, table.words, table.around()
    is_text = tag == TEXT
    gone = words == 0
    gone &= ~_keeps_table_shape(table)
    of_image = is_text & (tag[around] == _IMG)
    gone |= of_image  # an alt text belongs to its image
    gone &= ~is_text | of_image | (words > 0)  # a space in a line stays: all others are folded away
    empty = int(np.count_nonzero(gone & ~is_text))
    inline = ~is_text & ~table.is_block()
    if (inline & (table.number_below(~is_text) > 0)).any():
        gone |= inline & (table.number_below(table.is_block()) > 0)  # a link around a whole card
        gone |= _in_its_like(table, inline)
    gone |= (tag == _SUP) & _is_no_exponent(table)
    if (heads := tag == _THEAD).any():
        gone |= heads & (table.number_below(_spans_rows(table)) == 0)  # all of its cells are headers
    gone |= _needless_wrappers(table, gone)
    gone[0] = False
    _count_removed(table, empty, gone)
    return gone


def _keep_apart(table: NodeTable, gone: np.ndarray) -> None:
    """An empty block between two texts that stay beside each other leaves a space in its place."""
    empty = np.flatnonzero(gone & (table.words == 0) & table.is_block())
    texts = np.flatnonzero(~gone & ((table.tag == TEXT) | (table.tag == _IMG)))
    behind = np.searchsorted(texts, empty)
    between = (behind > 0) & (behind < len(texts))
    empty, before, after = empty[between], texts[behind[between] - 1], texts[behind[between]]
    stays = ~gone & table.is_block()
    blocks = count_before(stays)
    together = blocks[before] == blocks[after]
    if not together.any():
        return
    around = table.nearest_without(~stays)
    together &= around[before] == around[after]
    first = np.flatnonzero(together)[np.unique(before[together], return_index=True)[1]]
    if len(first):
        _become_spaces(
            table, gone, empty[first], zip(table.stop[before[first]], table.start[after[first]], strict=True)
        )


def _become_spaces(table: NodeTable, gone: np.ndarray, empty: np.ndarray, gaps: Iterable[tuple[int, int]]) -> None:
    """Turn empty blocks into texts of one space, where the mark of their start was; no other mark tells of a block.

    Args:
        table: the nodes.
        gone: bool (n,), nodes that go.
        empty: int (k,), the empty blocks.
        gaps: for each, the stretch between the texts around it.
    """
    out, at = [], 0
    for space, (start, stop) in zip((table.start[empty] - 1).tolist(), gaps, strict=True):
        out += [table.text[at:start], INLINE_MARK * (space - start), " ", INLINE_MARK * (stop - space - 1)]
        at = stop
    table.text = "".join((*out, table.text[at:]))
    table.tag[empty], gone[empty] = TEXT, False
    table.start[empty] -= 1
    table.stop[empty] = table.start[empty] + 1
    table.end[empty] = empty + 1
    for node in empty.tolist():
        table.attributes.pop(node, None)


def _with_whole_texts(table: NodeTable) -> NodeTable:
    """The table with texts as one that nothing parts any more, and no marks within them."""
    number = np.arange(len(table))
    goes_on = np.zeros(len(table), bool)
    goes_on[1:] = (table.tag[1:] == TEXT) & (table.tag[:-1] == TEXT) & (table.parent[1:] == table.parent[:-1])
    more = np.flatnonzero(goes_on)
    if not len(more):
        return table
    gaps = np.stack((table.stop[more - 1], table.start[more]), axis=1)
    first = np.maximum.accumulate(np.where(goes_on, 0, number))[more]
    np.add.at(table.words, first, table.words[more])
    np.add.at(table.spaced, first, table.spaced[more])
    table.stop[first] = table.stop[more]  # that of the last one stays
    _join_words(table, gaps)
    _cut_out(table, gaps)
    return _without(table, goes_on)


def _join_words(table: NodeTable, gaps: np.ndarray) -> None:
    """Words that a gap parted, int (k, 2), count once in all that is around it."""
    joined = np.array([words_joined(table.text[start - 1], table.text[stop]) for start, stop in gaps.tolist()])
    before = np.concatenate((np.zeros((1, 2), np.int32), np.cumsum(joined, axis=0, dtype=np.int32)))
    within = np.searchsorted(gaps[:, 0], (table.start, table.stop))
    for column, counts in enumerate((table.words, table.spaced)):
        counts -= before[within[1], column] - before[within[0], column]


def _cut_out(table: NodeTable, gaps: np.ndarray) -> None:
    """Take stretches, int (k, 2), out of the text. No node begins or ends within one."""
    out, at = [], 0
    for start, stop in gaps.tolist():
        out.append(table.text[at:start])
        at = stop
    table.text = "".join((*out, table.text[at:]))
    missing = np.concatenate(([0], np.cumsum(gaps[:, 1] - gaps[:, 0], dtype=np.int32)))
    for places in (table.start, table.stop):
        places -= missing[np.searchsorted(gaps[:, 1], places, side="right")]


def _set_images_apart(table: NodeTable) -> None:
    """An image's text is no part of the words beside it: marks as of a block stand around it."""
    out, at = [], 0
    for image in np.flatnonzero(table.tag == _IMG).tolist():
        start, stop = int(table.start[image]), int(table.stop[image])
        out += [table.text[at : start - 1], BLOCK_MARK, table.text[start:stop], BLOCK_MARK]
        at = stop + 1
    if out:
        table.text = "".join((*out, table.text[at:]))


def _keeps_table_shape(table: NodeTable) -> np.ndarray:
    """bool (n,): empty cells before others with text, and, where cells span rows, empty rows."""
    tag, parent, words = table.tag, table.around(), table.words
    keeps = elements.IS_CELL[tag]
    if not keeps.any():
        return keeps
    keeps &= (words[parent] > 0) & ~_ends_row(table)
    rows = (tag == _TR) & (words == 0)
    spanning = [cell for cell, written in table.attributes.items() if "rowspan" in written and words[parent[cell]]]
    if spanning and rows.any():
        above = np.where(tag[parent] == _TABLE, parent, parent[parent])  # a row stands in a table or in its thead
        merged = np.zeros(len(table), bool)
        merged[above[parent[spanning]]] = True
        keeps |= rows & merged[above]
        keeps |= elements.IS_CELL[tag] & keeps[parent]
    return keeps


def _spans_rows(table: NodeTable) -> np.ndarray:
    """bool (n,): cells that reach into the rows below."""
    spans = np.zeros(len(table), bool)
    spans[[node for node, written in table.attributes.items() if "rowspan" in written]] = True
    return spans


def _ends_row(table: NodeTable) -> np.ndarray:
    """bool (n,): cells behind the last one in their row that says something or reaches into rows below."""
    matters = elements.IS_CELL[table.tag] & (table.words > 0) | _spans_rows(table)
    cells, last = np.flatnonzero(matters), np.zeros(len(table), np.int32)
    last[table.parent[cells]] = cells  # of those in one row, the last one stays
    return np.arange(len(table)) > last[table.around()]


def _in_its_like(table: NodeTable, inline: np.ndarray) -> np.ndarray:
    """bool (n,): inline elements, chosen by bool (n,), that stand in one of the same name."""
    within = inline & table.is_below(inline)
    for code in np.unique(table.tag[within]):
        same = table.tag == code
        within &= ~same | table.is_below(same)
    return within


def _is_no_exponent(table: NodeTable) -> np.ndarray:
    """bool (n,): each `sup` that reads the same without its tag: `[3]`, `®`, `*`, the `th` of `19th`."""
    plain = np.zeros(len(table), bool)
    for node in np.flatnonzero(table.tag == _SUP).tolist():
        text = table.text[table.start[node] : table.stop[node]].strip(INLINE_MARK + " ").lower()
        plain[node] = text.startswith("[") or text in _ORDINALS or not any(map(str.isalnum, text))
    return plain


def _needless_wrappers(table: NodeTable, gone: np.ndarray) -> np.ndarray:
    """bool (n,): wrappers around one block, then wrappers, or paragraphs, that are all that is left in their parent."""
    wrapper = elements.IS_WRAPPER[table.tag] & ~gone
    wrapper[0] = False
    parent, stays = table.nearest_without(gone), ~gone
    stays[0] = False
    children = np.bincount(parent[stays], minlength=len(table))
    blocks = np.bincount(parent[stays & table.is_block()], minlength=len(table))
    around_one = wrapper & (children == 1) & (blocks == 1)
    # Its one child takes its place, so no parent has more or fewer children than before.
    parent = table.nearest_without(gone | around_one)
    alone = children[parent] == 1
    needless = wrapper & ~elements.HOLDS_NO_TEXT[table.tag[parent]]
    needless |= (table.tag == _P) & elements.IS_PARAGRAPH[table.tag[parent]]
    return around_one | (alone & needless & ~gone)


def _count_removed(table: NodeTable, empty: int, gone: np.ndarray) -> None:
    wrappers = int(np.count_nonzero(gone & (table.tag != TEXT))) - empty
    for kind, number in (("empty", empty), ("wrappers", wrappers)):
        if number > 0:
            table.removed[kind] = number


def _without(table: NodeTable, gone: np.ndarray) -> NodeTable:
    new = count_before(~gone)
    kept = np.flatnonzero(~gone)  # as numbers: numpy picks ten times as fast by them as by flags
    parent = new[table.nearest_without(gone)]
    parent[0] = -1
    return NodeTable(
        tag=table.tag[kept],
        parent=parent[kept],
        end=new[table.end[kept]],
        start=table.start[kept],
        stop=table.stop[kept],
        words=table.words[kept],
        spaced=table.spaced[kept],
        attributes={int(new[node]): value for node, value in table.attributes.items() if not gone[node]},
        text=table.text,
        metadata=table.metadata,
        removed=table.removed,
    )
