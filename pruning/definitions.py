"""Definition lists: which terms (`dt`) a text explains. Glossaries and manuals are written so."""

import numpy as np

from pruning.elements import CODES
from pruning.nodes import NodeTable

_DT, _DD = CODES["dt"], CODES["dd"]


class Definitions:
    """The terms of a page, and what explains them.

    Args:
        table: the page.
    """

    def __init__(self, table: NodeTable) -> None:
        self._terms = _terms(table)
        self._around = np.full(len(table), -1)  # for each node the innermost `dd` that it is or stands in
        for explanation in self._terms:
            self._around[explanation : table.end[explanation]] = explanation

    def explained(self, node: int) -> list[int]:
        """The `dt` nodes that the innermost `dd` around a node explains; none where there is none."""
        return self._terms.get(int(self._around[node]), [])


def _terms(table: NodeTable) -> dict[int, list[int]]:
    """Each `dd` -> the `dt` that stand before it in its list, those that follow each other together."""
    found: dict[int, list[int]] = {}
    last: dict[int, int] = {}  # list -> its last `dt` or `dd`
    for node in np.flatnonzero((table.tag == _DT) | (table.tag == _DD)).tolist():
        before = last.get(around := int(table.parent[node]), -1)
        if table.tag[node] == _DD:
            found[node] = found.get(before, [])
        else:  # one list for all that follow each other: a copy for each would take the square of their number
            found[node] = found[before] if before >= 0 and table.tag[before] == _DT else []
            found[node].append(node)
        last[around] = node
    return {node: terms for node, terms in found.items() if table.tag[node] == _DD}
