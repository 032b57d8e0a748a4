"""The trie of token ids that the paths of blocks form, and the probability of each path in it."""

from collections.abc import Iterable, Sequence

import numpy as np


class Trie:
    """Sequences of token ids, merged where they begin alike.

    A path ends with `>`, so none begins with another whole one unless the tokenizer is at fault (it may know fewer
    characters than paths have, and give two paths the same ids). Sequences that can't be told apart, because one is
    the beginning of others, or the same, share the probability of where it ends in equal parts.

    Attributes:
        prefixes: the branching nodes in depth-first order, each as the ids from the root to it.
        children: for each of them, the ids that may follow, ascending; at least two.
    """

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        """Build it.

        Args:
            sequences: one for each block; they may be empty, or the same.
        """
        self._size = len(sequences)
        self._next: list[dict[int, int]] = [{}]  # node -> id -> node below
        self._ends: list[list[int]] = [[]]  # node -> sequences that end there
        for number, sequence in enumerate(sequences):
            self._ends[self._add(sequence)].append(number)
        self._join_the_same()
        branching = [(node, prefix) for node, prefix in self._walk() if len(self._next[node]) > 1]
        self._branching = {node: place for place, (node, _) in enumerate(branching)}
        self.prefixes = tuple(prefix for _, prefix in branching)
        self.children = tuple(tuple(sorted(self._next[node])) for node, _ in branching)

    def logprobs(self, answers: Sequence[np.ndarray]) -> np.ndarray:
        """The log-probability of each sequence; as probabilities they sum to 1.

        Args:
            answers: for each branching node, float (children,), the logits of its children, or their log-probabilities
                among any others.

        Returns:
            float64 (sequences,).
        """
        among = [_log_softmax(np.asarray(answer, np.float64)) for answer in answers]
        found = np.zeros(self._size)
        waiting = [(0, 0.0)]
        while waiting:
            node, reached = waiting.pop()
            ends, below = self._ends[node], self._next[node]
            if ends:
                found[ends] = reached - np.log(len(ends))
            elif len(below) == 1:
                waiting += ((child, reached) for child in below.values())
            else:
                steps = among[self._branching[node]].tolist() if below else []
                waiting += [(below[i], reached + step) for i, step in zip(sorted(below), steps, strict=True)]
        return found

    def _add(self, sequence: Iterable[int]) -> int:
        node = 0
        for token in sequence:
            if token not in self._next[node]:
                self._next[node][token] = len(self._next)
                self._next.append({})
                self._ends.append([])
            node = self._next[node][token]
        return node

    def _join_the_same(self) -> None:
        """Where a sequence ends, end all that go on."""
        for node, ends in enumerate(self._ends):  # a node's number is lower than those below it
            below = list(self._next[node].values()) if ends else []
            while below:
                child = below.pop()
                ends += self._ends[child]
                self._ends[child] = []
                below += self._next[child].values()
            if ends:
                self._next[node] = {}

    def _walk(self) -> Iterable[tuple[int, tuple[int, ...]]]:
        """The nodes and their prefixes, depth first, children by their ids."""
        waiting: list[tuple[int, tuple[int, ...]]] = [(0, ())]
        while waiting:
            node, prefix = waiting.pop()
            yield node, prefix
            below = self._next[node]
            waiting += [(below[token], (*prefix, token)) for token in sorted(below, reverse=True)]


def _log_softmax(values: np.ndarray) -> np.ndarray:
    shifted = values - values.max()
    return shifted - np.log(np.exp(shifted).sum())
