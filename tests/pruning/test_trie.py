"""The trie of paths, against what the definition says: products of conditional probabilities, node by node."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pruning.trie import Trie

IDS = st.integers(0, 5)
# Paths end with an id that nothing else has, as they end with `>`: none begins with another.
PATHS = st.lists(st.lists(IDS, max_size=6).map(lambda ids: (*ids, 9)), max_size=20, unique=True)
ANY = st.lists(st.lists(IDS, max_size=4).map(tuple), max_size=12)
SEEDS = st.integers(0, 2**32 - 1)


def answers(trie: Trie, seed: int) -> list[np.ndarray]:
    """Random logits for each branching node."""
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 5, len(children)) for children in trie.children]


def plainly(path: Sequence[int], trie: Trie, logits: Sequence[np.ndarray]) -> float:
    """A path's probability, step by step; steps without a choice are certain."""
    asked = dict(zip(trie.prefixes, zip(trie.children, logits, strict=True), strict=True))
    probability = 1.0
    for end in range(len(path)):
        if tuple(path[:end]) in asked:
            children, values = asked[tuple(path[:end])]
            probability *= np.exp(values[children.index(path[end])]) / np.exp(values).sum()
    return probability


@given(PATHS)
def test_branching_nodes_are_where_paths_part(paths: list[tuple[int, ...]]) -> None:
    """A prefix is asked about if more than one id follows it, and with all of those."""
    trie = Trie(paths)

    expected = {}
    for prefix in {path[:end] for path in paths for end in range(len(path))}:
        following = {path[len(prefix)] for path in paths if path[: len(prefix)] == prefix and len(path) > len(prefix)}
        if len(following) > 1:
            expected[prefix] = tuple(sorted(following))
    assert expected == dict(zip(trie.prefixes, trie.children, strict=True))
    assert sorted(expected) == list(trie.prefixes)


@given(PATHS, SEEDS)
def test_a_path_has_the_product_of_its_steps(paths: list[tuple[int, ...]], seed: int) -> None:
    """The log-probability of a path is the sum over its steps, each among its siblings alone."""
    trie = Trie(paths)
    logits = answers(trie, seed)

    found = trie.logprobs(logits)

    assert np.allclose([plainly(path, trie, logits) for path in paths], np.exp(found), rtol=1e-9, atol=1e-300)


@given(ANY, SEEDS)
def test_all_paths_together_are_certain(paths: list[tuple[int, ...]], seed: int) -> None:
    """The probabilities of all paths sum to 1, even of such that a tokenizer can't tell apart."""
    trie = Trie(paths)

    total = np.exp(trie.logprobs(answers(trie, seed))).sum()

    assert np.isclose(1 if paths else 0, total)


@given(PATHS, SEEDS, st.floats(-1e6, 1e6))
def test_a_constant_changes_nothing(paths: list[tuple[int, ...]], seed: int, constant: float) -> None:
    """Logits and log-probabilities among a whole vocabulary give the same scores."""
    trie = Trie(paths)
    logits = answers(trie, seed)

    shifted = trie.logprobs([values + constant for values in logits])

    assert np.allclose(trie.logprobs(logits), shifted, atol=1e-6)


def test_paths_that_can_not_be_told_apart_share_a_probability() -> None:
    """The same ids, or those of one at the beginning of another's: in equal parts."""
    trie = Trie([(1, 2), (1, 2), (1, 2, 3), (1, 2, 4), (1, 5)])

    found = np.exp(trie.logprobs([np.log([0.8, 0.2])]))

    assert ((1,),) == trie.prefixes
    assert ((2, 5),) == trie.children
    assert np.allclose([0.2, 0.2, 0.2, 0.2, 0.2], found)


def test_very_unlikely_paths_keep_their_order() -> None:
    """Scores are logarithms: what has no probability as a number still has a rank."""
    paths = [(1,) * depth + (2,) for depth in range(40)]
    trie = Trie(paths)

    found = trie.logprobs([np.array([-100.0, 0.0])] * 39)

    assert np.allclose(-100 * np.arange(40), found)


def test_long_paths_need_no_deep_stack() -> None:
    """Paths of any length are walked without recursion."""
    trie = Trie([(1,) * 5000 + (2,), (1,) * 5000 + (3,)])

    assert [(1,) * 5000] == list(trie.prefixes)
    assert np.allclose(np.log([0.5, 0.5]), trie.logprobs([np.zeros(2)]))
