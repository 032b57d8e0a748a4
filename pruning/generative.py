"""The generative step: a causal language model scores blocks by the probability of their paths. It does no I/O.

The model reads the pages as numbered HTML (see numbered.py) and the question, and is asked for the path of the block
that answers, such as `<html1><body><div2><p>`. The paths, each encoded whole, form a trie of token ids (see trie.py).
At a node with several children, their probabilities are the softmax over their logits alone; an only child has
probability 1. A block's score is the sum of log-probabilities along its path, so those of all blocks read sum to 1 as
probabilities. Only the branching nodes need the model.

Two ways to use it:

    # as part of a generator that is driven with awaits, or in process
    ranking = yield from rank_paths(tree, blocks, coarse, question, reader)

    # step by step
    plan = plan_paths(tree, blocks, coarse, question, reader)   # pure, takes the time of encoding the page once
    answer = model.logprobs(plan.need) if plan.need.prefixes else []
    ranking = score_paths(plan, answer)

where `blocks` are those that the coarse step kept, refined: `tree.cut(128)` restricted to what is kept; `coarse` their
scores in it; `reader` whatever knows the model's tokenizer, prompt and context length (a `PathReader`), be it the model
in this process (pruning.local.causal) or a client of one behind HTTP.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pruning.blocks import BlockTree
from pruning.errors import ModelError
from pruning.prompt import PathReader
from pruning.reading import read_within
from pruning.trie import Trie

__all__ = ["PathLogprobs", "PathModel", "PathReader", "Plan", "Ranking", "plan_paths", "rank_paths", "score_paths"]


@dataclass(frozen=True, slots=True)
class PathLogprobs:
    """A need: what a model thinks comes next at each branching node of the trie.

    The answer is a list with one float array for each prefix, of the length of its children: the logits of these
    tokens, right behind `context + prefix`, or their log-probabilities: any constant may be added to all of a node.

    Attributes:
        context: ids of the prompt, at least one.
        prefixes: for each branching node, the ids between the context and it, in depth-first order; the root's are ().
        children: for each branching node the ids that may follow, ascending, at least two.
    """

    context: tuple[int, ...]
    prefixes: tuple[tuple[int, ...], ...]
    children: tuple[tuple[int, ...], ...]


class PathModel(PathReader, Protocol):
    """A causal language model in this process; safe to share between threads."""

    def logprobs(self, need: PathLogprobs, *, deadline: float | None = None) -> list[np.ndarray]:
        """Answer a need.

        Args:
            need: what is asked; any number of prefixes, also none.
            deadline: a time of `time.monotonic()`; past it ModelError is raised instead.

        Raises:
            ModelError: the model can't be loaded, fails, or is too slow.
        """
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be asked, and what is needed to read the answer.

    Attributes:
        need: what the model is asked; without prefixes (fewer than two blocks) nothing need be asked.
        trie: of the paths; its nodes are those of `need`.
        html: the numbered HTML that the model reads.
        paths: for each block read, in the order of `blocks`, its path.
        read: bool (n,), the blocks that the model reads: all of them, unless the page is longer than its context.
        coarse: float (n,), the scores of the coarse step.
    """

    need: PathLogprobs
    trie: Trie
    html: str
    paths: tuple[str, ...]
    read: np.ndarray
    coarse: np.ndarray


@dataclass(frozen=True, slots=True)
class Ranking:
    """The step's result.

    Attributes:
        scores: float64 (n,), for each block. Of a block read: the log-probability of its path, up to 0. Blocks that
            were not read rank behind all others, by their coarse scores.
        blocks_read: how many blocks the model read.
        tokens_read: ids of the prompt that it read.
        branchings: nodes of the trie that it was asked about.
    """

    scores: np.ndarray
    blocks_read: int
    tokens_read: int
    branchings: int


def rank_paths(
    tree: BlockTree, blocks: np.ndarray, coarse: np.ndarray, question: str, reader: PathReader
) -> Generator[PathLogprobs, Sequence[np.ndarray], Ranking]:
    """Plan, ask once if there is anything to ask, and score. Arguments and errors: `plan_paths`, `score_paths`."""
    plan = plan_paths(tree, blocks, coarse, question, reader)
    answer = (yield plan.need) if plan.need.prefixes else []
    return score_paths(plan, answer)


def plan_paths(tree: BlockTree, blocks: np.ndarray, coarse: np.ndarray, question: str, reader: PathReader) -> Plan:
    """What to ask a model about blocks.

    Where the prompt would be longer than the model's context, blocks are read from best to worst by their coarse
    scores, each one that still fits with the tags around it; none is cut.

    Args:
        tree: the blocks' tree.
        blocks: int (n,), numbers of blocks, none within another, in any order.
        coarse: float (n,), their scores in the step before; which blocks are read first, where not all can be.
        question: what is asked.
        reader: the model's tokenizer, prompt and context length.

    Raises:
        ModelError: the question leaves no room for any block, or the model's files can't be read.
        TokenizerError: the model's tokenizer fails.
    """
    reading = read_within(tree, blocks, coarse, question, reader)
    trie = Trie(reading.path_ids)
    return Plan(
        need=PathLogprobs(tuple(reading.context), trie.prefixes, trie.children),
        trie=trie,
        html=reading.html,
        paths=reading.paths,
        read=reading.read,
        coarse=np.asarray(coarse, np.float64),
    )


def score_paths(plan: Plan, answer: Sequence[np.ndarray]) -> Ranking:
    """The scores that a model's answer gives.

    Args:
        plan: what was asked.
        answer: float arrays, one for each of `plan.need.prefixes`; see `PathLogprobs`.

    Raises:
        ModelError: arrays are missing, or of the wrong length, or hold what is no number.
    """
    need = plan.need
    shapes = [(len(children),) for children in need.children]
    arrays = [np.asarray(values, np.float64) for values in answer]
    if shapes != [values.shape for values in arrays] or not all(np.isfinite(values).all() for values in arrays):
        raise ModelError(f"the model gave no usable answer for each of {len(shapes)} branching nodes")
    scores = np.empty(len(plan.read))
    scores[plan.read] = plan.trie.logprobs(arrays)
    unread = np.flatnonzero(~plan.read)
    ranked = unread[np.argsort(-plan.coarse[unread], kind="stable")]
    scores[ranked] = scores[plan.read].min(initial=0) - 1 - np.arange(len(ranked))
    return Ranking(scores, int(plan.read.sum()), len(need.context), len(need.prefixes))
