"""Elements that a parser would move elsewhere become others, so that a page written again is read as the same tree.

What a parser moves depends on the parser: here are the rules of the HTML standard and those of libxml2, which reads our
own output when a cleaned page is cleaned again.
"""

import numpy as np

from pruning import elements
from pruning.elements import CODES
from pruning.nodes import NodeTable

_DIV, _P, _PRE, _ADDRESS, _TABLE = (CODES[name] for name in ("div", "p", "pre", "address", "table"))
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
    _repair_lists(table, holding)
    _repair_tables(table)
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
    """No list stands in an address or a term; no address and no preformatted text stands between a list's items."""
    tag = table.tag
    if ((tag == _DT) & holding).any():
        tag[(tag == _DT) & (table.number_below(tag == _DL) > 0)] = _DD
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
    """A table with text outside its cells is broken; one without headers that holds headings or tables is a layout.

    The parts of both become divs, and no word moves: there are no columns that they could tell of.
    """
    tag = table.tag
    if not (tag == _TABLE).any():
        return
    around = table.nearest_without(tag != _TABLE)
    stray = elements.HOLDS_NO_TEXT[tag[table.parent]] & ~(_TABLE_PARTS[tag] & (tag != _TABLE)) & (table.words > 0)
    structure = (elements.IS_HEADING[tag] | (tag == _TABLE)) & (table.words > 0)
    broken, layout, headed = (np.zeros(len(table), bool) for _ in range(3))
    headed[around[_HEADS[tag] & (table.words > 0)]] = True
    broken[around[stray]] = True
    layout[around[structure]] = True
    layout &= ~headed & ~broken
    demoted = (broken | layout) & (tag == _TABLE)
    for kind, which in (("broken_tables", broken), ("layout_tables", layout)):
        if (which & demoted).any():
            table.removed[kind] = int(np.count_nonzero(which & demoted))
    owner = np.where(tag == _TABLE, np.arange(len(table)), around)
    tag[demoted[owner] & _TABLE_PARTS[tag]] = _DIV
