"""Elements that a parser would move elsewhere become others, so that a page written again is read as the same tree.

What a parser moves depends on the parser: here are the rules of the HTML standard and those of libxml2, which reads our
own output when a cleaned page is cleaned again.
"""

import numpy as np

from pruning import elements
from pruning.elements import CODES
from pruning.nodes import NodeTable

_DIV, _P, _PRE, _ADDRESS, _TABLE = (CODES[name] for name in ("div", "p", "pre", "address", "table"))
_THEAD, _TR, _TD, _TH = (CODES[name] for name in ("thead", "tr", "td", "th"))
_UL, _LI, _DL, _DT, _DD = (CODES[name] for name in ("ul", "li", "dl", "dt", "dd"))
_MAY_GO = elements.IS_WRAPPER | ~elements.IS_BLOCK  # tidy.py may take them out around blocks
_TABLE_PARTS = np.isin(np.arange(len(elements.NAMES)), [CODES[t] for t in "table thead tr td th caption".split()])
_HEADS = np.isin(np.arange(len(elements.NAMES)), [CODES[t] for t in "caption thead th".split()])
_LISTS = np.isin(np.arange(len(elements.NAMES)), [CODES["ul"], CODES["ol"]])
_LIST_PARTS = np.isin(np.arange(len(elements.NAMES)), [CODES[t] for t in "ul ol li dl dt dd".split()])


def repair(table: NodeTable) -> None:
    """Rename what a parser would move elsewhere, so that the page written again is read as the same tree."""
    tag, around = table.tag, table.around()
    while (misplaced := elements.MISPLACED[tag[around], tag]).any():  # a row that goes takes its cells along
        tag[misplaced] = _DIV
    holding = table.number_below(table.is_block()) > 0  # blocks; no repair makes one of anything else
    tag[(tag == _P) & holding] = _DIV
    _repair_headings(table, holding)
    _repair_preformatted(table, holding)
    _repair_tables(table)
    _demote_lists_of_one(table)
    _repair_definitions(table, holding)
    _repair_lists(table, holding)
    _demote_definitions(table)
    for node in [node for node in table.attributes if tag[node] == _DIV]:
        del table.attributes[node]


def _repair_headings(table: NodeTable, holding: np.ndarray) -> None:
    """No heading stands within another, none holds paragraphs or tables."""
    tag = table.tag
    if not (elements.IS_HEADING[tag] & holding).any():
        return
    heading = elements.IS_HEADING[tag]
    tag[heading & table.is_below(heading)] = _DIV
    tag[elements.IS_HEADING[tag] & (table.number_below(tag == _TABLE) > 0)] = _DIV
    tag[(tag == _P) & table.is_below(elements.IS_HEADING[tag])] = _DIV


def _repair_preformatted(table: NodeTable, holding: np.ndarray) -> None:
    """Preformatted text holds no lists and tables."""
    tag = table.tag
    if ((tag == _PRE) & holding).any():
        tag[table.is_below(tag == _PRE) & (_TABLE_PARTS[tag] | _LIST_PARTS[tag])] = _DIV


def _repair_lists(table: NodeTable, holding: np.ndarray) -> None:
    """No list stands in an address; no address and no preformatted text stands between a list's items."""
    tag = table.tag
    address, pre = tag == _ADDRESS, tag == _PRE
    if not ((address & holding).any() or ((address | pre).any() and (tag == _UL).any())):
        return
    around = table.nearest_without(_MAY_GO[tag])
    in_list = tag[around] == _UL
    tag[address & (in_list | (table.number_below(_LIST_PARTS[tag]) > 0))] = _DIV
    pending = around[pre & in_list].tolist()
    while pending:  # what stood in a list that is none may then stand in the list around that
        node = pending.pop()
        if tag[node] == _UL:
            tag[node] = _DIV
            pending.append(int(around[node]))
    tag[(tag == _LI) & ~_LISTS[tag[table.parent]]] = _DIV


def _demote_lists_of_one(table: NodeTable) -> None:
    """A list of a single item is none, unless it has a number; nor among another's items, whose place it would take."""
    tag, parent = table.tag, table.parent
    items = np.flatnonzero((tag == _LI) & (table.words > 0))
    children = np.bincount(parent[1:][table.words[1:] > 0], minlength=len(table)) if len(items) else items
    for item in items[(children == 1)[parent[items]] & (tag[parent[items]] == _UL)].tolist():
        around = int(parent[parent[item]])
        while around > 0 and _MAY_GO[tag[around]]:
            around = int(parent[around])
        if not _LISTS[tag[around]]:
            tag[[item, parent[item]]] = _DIV


def _repair_definitions(table: NodeTable, holding: np.ndarray) -> None:
    """No list stands in a term; terms alone define nothing, nor do definitions alone: headings, mostly, and indents."""
    tag, parent, says = table.tag, table.around(), table.words > 0
    if not (tag == _DL).any():
        return
    if ((tag == _DT) & holding).any():
        tag[(tag == _DT) & (table.number_below(tag == _DL) > 0)] = _DD
    terms, definitions = (np.bincount(parent[says & (tag == part)], minlength=len(table)) for part in (_DT, _DD))
    half = (tag == _DL) & ((terms == 0) | (definitions == 0))
    tag[half[parent] & ((tag == _DT) | (tag == _DD))] = _DIV
    tag[half] = _DIV


def _demote_definitions(table: NodeTable) -> None:
    """A `dl` that holds a `div` is broken: its parts become divs. (Those around terms are gone: see settle.py.)"""
    tag = table.tag
    if not (_MAY_GO[tag] & (tag[table.parent] == _DL)).any():
        return
    around = table.nearest_without(_MAY_GO[tag])
    pending = around[(tag == _DIV) & (tag[around] == _DL) & (table.words > 0)].tolist()
    while pending:
        node = pending.pop()
        if tag[node] == _DL:
            tag[node] = _DIV
            pending.append(int(around[node]))
    tag[((tag == _DT) | (tag == _DD)) & (tag[table.parent] != _DL)] = _DIV


def _repair_tables(table: NodeTable) -> None:
    """A table with text outside its cells is broken; one without headers may be a layout (see `_is_layout`).

    The parts of both become divs, and no word moves: there are no columns that they could tell of.
    """
    tag = table.tag
    if not (tag == _TABLE).any():
        return
    around = table.nearest_without(tag != _TABLE)
    stray = elements.HOLDS_NO_TEXT[tag[table.parent]] & ~(_TABLE_PARTS[tag] & (tag != _TABLE)) & (table.words > 0)
    broken = np.zeros(len(table), bool)
    broken[around[stray]] = True
    layout = _is_layout(table, around) & ~broken
    demoted = (broken | layout) & (tag == _TABLE)
    for kind, which in (("broken_tables", broken), ("layout_tables", layout)):
        if (which & demoted).any():
            table.removed[kind] = int(np.count_nonzero(which & demoted))
    owner = np.where(tag == _TABLE, np.arange(len(table)), around)
    tag[demoted[owner] & _TABLE_PARTS[tag]] = _DIV
    if (tag == _THEAD).any():
        tag[(tag == _TD) & (tag[table.around()[table.around()]] == _THEAD)] = _TH  # which says as much as its `thead`


def _is_layout(table: NodeTable, around: np.ndarray) -> np.ndarray:
    """bool (n,): tables without headers whose cells hold headings or tables, or stand in one row or column.

    Args:
        table: the nodes.
        around: int (n,), the table that each node stands in.
    """
    tag, parent, says = table.tag, table.around(), table.words > 0
    headed, layout = np.zeros(len(table), bool), np.zeros(len(table), bool)
    headed[around[_HEADS[tag] & says]] = True
    layout[around[(elements.IS_HEADING[tag] | (tag == _TABLE)) & says]] = True
    row = (tag == _TR) & says
    side_by_side = np.bincount(parent[elements.IS_CELL[tag] & says], minlength=len(table)) > 1
    rows = np.bincount(around[row], minlength=len(table))
    has_columns = np.bincount(around[row & side_by_side], minlength=len(table)) > 0
    return ~headed & (layout | ((tag == _TABLE) & ((rows == 1) | ~has_columns)))
