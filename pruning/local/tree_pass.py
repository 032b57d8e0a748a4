"""All branching nodes of a trie of token ids in one forward pass of a causal language model, by transformers.

The prompt but for its last token is prefilled into a cache. Then one pass takes that last token, which is the trie's
root, and every node that branches or lies above one that does. A mask shows each node the prompt and the nodes above
it, and its position is the one it has behind the prompt: its logits are those of a pass over prompt and prefix alone.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pruning.generative import PathLogprobs

if TYPE_CHECKING:
    import torch

# The kinds of attention, as configurations name them, that a mask says everything about.
KINDS = frozenset(("full_attention", "sliding_attention"))

# Tokens in one forward pass of the prefill. The time is looked at between passes: of 256 tokens, a model of 135 million
# parameters takes 1.3 s of a core, and 4 % more in all than of 2,048 at once (of 128: 10 %). GPUs want more.
_CPU_CHUNK = 256
_GPU_CHUNK = 8192
# Entries of one mask: larger trees take several passes.
_MASK = 2**26


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes to pass through the model, each behind the one above it; the first is the prompt's last token.

    Attributes:
        tokens: int64 (n,), their ids.
        depth: int64 (n,), ids between them and the first.
        above: bool (n, n), whether a node (column) is another (row) or lies above it.
        asked: for each prefix asked about, its node.
    """

    tokens: np.ndarray
    depth: np.ndarray
    above: np.ndarray
    asked: tuple[int, ...]

    @classmethod
    def of(cls, last: int, prefixes: Sequence[tuple[int, ...]]) -> "Nodes":
        """The nodes of these prefixes, and of all that those begin with, behind the id `last`."""
        numbers: dict[tuple[int, ...], int] = {(): 0}
        tokens, parents, depth = [last], [0], [0]
        for prefix in prefixes:
            for end in range(1, len(prefix) + 1):
                if prefix[:end] not in numbers:
                    numbers[prefix[:end]] = len(tokens)
                    tokens.append(prefix[end - 1])
                    parents.append(numbers[prefix[: end - 1]])
                    depth.append(end)
        above = np.eye(len(tokens), dtype=bool)
        for node in range(1, len(tokens)):
            above[node] |= above[parents[node]]
        return cls(np.array(tokens), np.array(depth), above, tuple(numbers[prefix] for prefix in prefixes))


def tree_logits(
    model: Any, need: PathLogprobs, check: Callable[[], None] = lambda: None, *, chunk: int = 0, mask: int = _MASK
) -> list[np.ndarray]:
    """Answer a need.

    Args:
        model: a causal language model of transformers, on any device, of layers that are all in `KINDS`, loaded with
            `attn_implementation="sdpa"`. No other thread may use it meanwhile.
        need: what is asked.
        check: called before each forward pass; what it raises ends the work.
        chunk: tokens in one forward pass of the prefill; 0 is what suits the device.
        mask: entries of one mask of the tree, at most.

    Returns:
        float32 logits of each node's children.
    """
    import torch
    from transformers import DynamicCache

    if not need.prefixes:
        return []
    nodes = Nodes.of(need.context[-1], need.prefixes)
    length = len(need.context) + int(nodes.depth.max())
    # Without a config the cache keeps all keys, also those outside of sliding windows: the mask sees to these.
    cache = DynamicCache()
    with torch.inference_mode(), _one_set_of_factors(model, length):
        prefill(model, need.context[:-1], cache, check, chunk=chunk)
        return _read_tree(model, nodes, need, cache, check, rows=max(mask // length, 1))


def prefill(
    model: Any, ids: Sequence[int], cache: Any, check: Callable[[], None] = lambda: None, *, chunk: int = 0
) -> None:
    """Read ids into a cache, without logits. Arguments: `tree_logits`."""
    import torch

    chunk = chunk or (_CPU_CHUNK if model.device.type == "cpu" else _GPU_CHUNK)
    for start in range(0, len(ids), chunk):
        check()
        part = torch.tensor([ids[start : start + chunk]], device=model.device)
        positions = torch.arange(start, start + part.shape[1], device=model.device)[None]
        model.base_model(input_ids=part, position_ids=positions, past_key_values=cache, use_cache=True)


def _read_tree(
    model: Any, nodes: Nodes, need: PathLogprobs, cache: Any, check: Callable[[], None], *, rows: int
) -> list[np.ndarray]:
    import torch

    before = len(need.context) - 1
    found: dict[int, np.ndarray] = {}
    children = dict(zip(nodes.asked, need.children, strict=True))
    for start in range(0, len(nodes.tokens), rows):
        check()
        part = slice(start, min(start + rows, len(nodes.tokens)))
        asked = [node for node in range(part.start, part.stop) if node in children]
        logits = model(
            input_ids=torch.from_numpy(nodes.tokens[part])[None].to(model.device),
            position_ids=torch.from_numpy(nodes.depth[part] + before)[None].to(model.device),
            attention_mask=_masks(model, nodes, part, before),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=torch.tensor([node - start for node in asked], dtype=torch.long, device=model.device),
        ).logits[0]
        for row, node in enumerate(asked):
            found[node] = logits[row, list(children[node])].float().cpu().numpy()
    return [found[node] for node in nodes.asked]


def _masks(model: Any, nodes: Nodes, part: slice, before: int) -> Any:
    """What is added to the attention of these nodes to everything before them and themselves: 0 or very little.

    It is additive because models with eager attention take a boolean one for numbers. A dictionary where layers differ.
    """
    visible = np.ones((part.stop - part.start, before + part.stop), bool)
    visible[:, before:] = nodes.above[part, : part.stop]
    kinds, window = layer_kinds(model.config)
    masks = {}
    for kind in kinds:
        seen = visible
        if kind == "sliding_attention":
            positions = np.concatenate((np.arange(before), before + nodes.depth[: part.stop]))
            seen = visible & (before + nodes.depth[part, None] - positions < window)
        masks[kind] = _additive(seen, model)
    return masks if len(masks) > 1 else masks.popitem()[1]


def _additive(visible: np.ndarray, model: Any) -> "torch.Tensor":
    import torch

    hidden = torch.from_numpy(~visible).to(model.device)
    zeros = torch.zeros(hidden.shape, dtype=model.dtype, device=model.device)
    return zeros.masked_fill_(hidden, torch.finfo(model.dtype).min)[None, None]


def layer_kinds(config: Any) -> tuple[frozenset[str], int]:
    """The kinds of attention that a model's layers have, and the width of the sliding window (0: none)."""
    window = int(getattr(config, "sliding_window", None) or 0)
    kinds = frozenset(getattr(config, "layer_types", None) or ())
    return kinds or frozenset(["sliding_attention" if window else "full_attention"]), window


@contextmanager
def _one_set_of_factors(model: Any, length: int) -> Iterator[None]:
    """Turn positions by LongRoPE's long factors throughout, where the longest of the paths will need them.

    transformers chooses anew in each forward pass, by its largest position: the prefill's keys would not be those that
    the paths look for.

    Args:
        model: the model; only LongRoPE ones are touched.
        length: one more than the largest position.
    """
    rope = getattr(model.config, "rope_parameters", None) or {}
    original = int(rope.get("original_max_position_embeddings") or 0)
    if rope.get("rope_type") != "longrope" or length <= original:
        yield
        return
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    rotary = model.base_model.rotary_emb
    short = rotary.original_inv_freq
    rotary.original_inv_freq, _ = ROPE_INIT_FUNCTIONS["longrope"](model.config, model.device, seq_len=original + 1)
    try:
        yield
    finally:
        rotary.original_inv_freq = short
