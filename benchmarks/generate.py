#!/usr/bin/env python3
"""The generative step in process: what the pass over a tree takes, beside the prefill alone and a full pass per node.

The model has random weights, since time does not depend on them. It reads a page of about 4k tokens, whose paths have
100 branching nodes. `tree_vs_prefill` is the whole answer (prefill and tree) over the prefill alone; `naive_vs_tree` is
one full forward pass per branching node over the whole answer; `max_abs_dp` the largest difference between their
probabilities. The last line of stdout is one JSON document.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
import tokenizers
import torch
from machine import describe
from tqdm import tqdm
from transformers import AutoModelForCausalLM, DynamicCache, LlamaConfig

from pruning import BlockTree, Page
from pruning.generative import PathLogprobs, plan_paths
from pruning.local.tree_pass import prefill, tree_logits
from pruning.model_tokenizer import ModelTokenizer
from pruning.prompt import Prompt

CONTEXT, NODES = 4096, 100
SECTIONS, GROUPS = 9, 5  # of a heading and two paragraphs each: two branching nodes a group, one a section, one above

PRESETS: dict[str, dict[str, Any]] = {
    "small": {
        "vocab_size": 4096,
        "hidden_size": 256,
        "intermediate_size": 768,
        "num_hidden_layers": 6,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
    },
    "1b": {  # the shape of Llama 3.2 1B
        "vocab_size": 128_256,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 64,
        "tie_word_embeddings": True,
    },
}

# What the project asks of itself, in float32.
BARS: dict[str, Callable[[float], bool]] = {
    "tree_vs_prefill": lambda value: value <= 1.5,
    "naive_vs_tree": lambda value: value >= 50,
    "max_abs_dp": lambda value: value <= 1e-4,
}


@dataclass
class Reader:
    """What planning needs to know of the model."""

    name: str
    tokenizer: ModelTokenizer
    prompt: Prompt
    context_length: int


def main() -> None:
    """Measure, print a table, and the same as JSON."""
    options = _options()
    torch.set_num_threads(options.threads)
    for name, value in describe("torch", "transformers").items():
        print(f"{name}: {value}")
    model, need = _model(options), _need(CONTEXT)
    result = {
        "device": torch.cuda.get_device_name(model.device) if model.device.type == "cuda" else "cpu",
        "dtype": str(model.dtype).removeprefix("torch."),
        "preset": options.preset,
        "threads": torch.get_num_threads(),
        "context_tokens": len(need.context),
        "branching_nodes": len(need.prefixes),
        **_measure(model, need, options),
    }
    _print_table(result)
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help='"cpu" or "cuda"')
    parser.add_argument("--preset", choices=sorted(PRESETS), help="the model's shape; 1b on a GPU, else small")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], help="bfloat16 on a GPU, else float32")
    parser.add_argument("--threads", type=int, default=1, help="of torch, on a CPU")
    parser.add_argument("--rounds", type=int, default=10, help="of prefill and tree, between the nodes")
    parser.add_argument(
        "--naive-seconds", type=float, default=240, help="of single nodes; then a sample stands for all"
    )
    options = parser.parse_args()
    on_gpu = options.device.startswith("cuda")
    options.preset = options.preset or ("1b" if on_gpu else "small")
    options.dtype = options.dtype or ("bfloat16" if on_gpu else "float32")
    return options


def _model(options: argparse.Namespace) -> Any:
    torch.manual_seed(0)
    # With the usual spread of 0.02 the context hardly shows in the probabilities, with 0.2 they are all 0 or 1.
    config = LlamaConfig(**PRESETS[options.preset], max_position_embeddings=131_072, initializer_range=0.05)
    dtype = getattr(torch, options.dtype)
    with torch.device(options.device):
        return AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=dtype).eval()


def _need(context: int) -> PathLogprobs:
    """What the method asks about a page of that many tokens with its prompt, or a few less."""
    words = 12
    need = _asked(words)
    while len(longer := _asked(words + 1).context) <= context:
        words += max((context - len(longer)) // (2 * SECTIONS * GROUPS), 1)
        need = _asked(words)
    return PathLogprobs(need.context, need.prefixes[:NODES], need.children[:NODES])


def _asked(words: int) -> PathLogprobs:
    """What the method asks about a page whose paragraphs have that many words."""
    draw = random.Random(1)
    vocabulary = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 8))) for _ in range(800)]

    def text(number: int) -> str:
        return " ".join(draw.choices(vocabulary, k=number))

    def group() -> str:
        return f"<div><h3>{text(3)}</h3><p>{text(words)}</p><p>{text(words)}</p></div>"

    html = "".join(f"<section>{''.join(group() for _ in range(GROUPS))}</section>" for _ in range(SECTIONS))
    tree = BlockTree.from_pages([Page(html)], max_words=words)
    blocks = tree.cut(words)
    reader = Reader("benchmark", _tokenizer(" ".join(vocabulary)), Prompt.default(), 10**9)
    return plan_paths(tree, blocks, np.zeros(len(blocks)), "what is it?", reader).need


def _tokenizer(text: str) -> ModelTokenizer:
    """A small byte-level BPE, trained on the page's words and tags."""
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=4000, initial_alphabet=alphabet, special_tokens=["<s>"], show_progress=False
    )
    bpe.train_from_iterator([text, "<html><body><section><div><h3><p>" * 50, Prompt.default().template], trainer)
    return ModelTokenizer(bpe.to_str())


def _measure(model: Any, need: PathLogprobs, options: argparse.Namespace) -> dict[str, Any]:
    """All three in turn, so that whatever else the machine does falls on all of them; medians count."""
    answer = tree_logits(model, need)  # the first pass of each kind sets up kernels and memory
    prefills, trees, naive = [], [], []
    plain: dict[int, np.ndarray] = {}
    nodes = random.Random(0).sample(range(len(need.prefixes)), len(need.prefixes))
    for place, at in enumerate(tqdm(nodes, "a pass for each node", leave=False, disable=None)):
        if place * options.rounds // len(nodes) >= len(trees):
            prefills.append(_timed(model, lambda: _prefill(model, need))[0])
            trees.append(_timed(model, lambda: tree_logits(model, need))[0])
        if sum(naive) < options.naive_seconds:
            seconds, plain[at] = _timed(model, lambda at=at: _plain(model, need, at))
            naive.append(seconds)
    return {
        "prefill_ms": 1000 * median(prefills),
        "tree_ms": 1000 * median(trees),
        "naive_ms": 1000 * median(naive) * len(nodes),
        "naive_nodes_measured": len(naive),
        "tree_vs_prefill": median(trees) / median(prefills),
        "naive_vs_tree": median(naive) * len(nodes) / median(trees),
        "max_abs_dp": max(float(np.abs(_softmax(answer[at]) - _softmax(values)).max()) for at, values in plain.items()),
    }


def _prefill(model: Any, need: PathLogprobs) -> None:
    with torch.inference_mode():
        prefill(model, need.context[:-1], DynamicCache())


def _plain(model: Any, need: PathLogprobs, at: int) -> np.ndarray:
    ids = torch.tensor([[*need.context, *need.prefixes[at]]], device=model.device)
    with torch.inference_mode():
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1]
    return logits[list(need.children[at])].float().cpu().numpy()


def _timed(model: Any, work: Callable[[], Any]) -> tuple[float, Any]:
    if model.device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    result = work()
    if model.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def _softmax(values: np.ndarray) -> np.ndarray:
    shifted = np.exp(values.astype(np.float64) - values.max())
    return shifted / shifted.sum()


def _print_table(result: dict[str, Any]) -> None:
    width = max(map(len, result))
    for name, value in result.items():
        shown = f"{value:.3g}" if isinstance(value, float) else str(value)
        asked = name in BARS and result["dtype"] == "float32"
        print(f"{name:{width}}  {shown:>12}  {('met' if BARS[name](value) else 'NOT MET') if asked else ''}".rstrip())


if __name__ == "__main__":
    main()
