"""htmlrag as published, as `speed.py` measures it. Runs under the peer's Python."""

import base64
import importlib.resources
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tiktoken
from htmlrag import build_block_tree, clean_html
from htmlrag.pruner import Pruner
from pages import read
from worker import serve, timed

MAX_WORDS = 256


class Tekken:
    """What htmlrag asks of a tokenizer, answered by the encoder that this project counts with."""

    def __init__(self) -> None:
        folder = importlib.resources.files("mistral_common") / "data"
        newest = max((path for path in folder.iterdir() if path.name.startswith("tekken_")), key=lambda path: path.name)
        model = json.loads(newest.read_text())
        size = model["config"]["default_vocab_size"] - model["config"]["default_num_special_tokens"]
        self._encoding = tiktoken.Encoding(
            "tekken",
            pat_str=model["config"]["pattern"],
            mergeable_ranks={base64.b64decode(word["token_bytes"]): word["rank"] for word in model["vocab"][:size]},
            special_tokens={},
        )

    def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
        return self._encoding.encode_ordinary(text)

    def tokenize(self, text: str) -> list[int]:
        return self._encoding.encode_ordinary(text)

    def convert_tokens_to_string(self, tokens: list[int]) -> str:
        return self._encoding.decode(tokens)


class HtmlRag:
    """Holds the page that is being measured."""

    def __init__(self) -> None:
        self._tokenizer = Tekken()
        self._pruner = Pruner()
        self._page = ""
        self._tree: list[Any] = []
        self._html = ""

    def load(self, page: str) -> dict[str, Any]:
        """Read a page. htmlrag takes text: decoding the bytes is left out of its time."""
        self._name, self._page = Path(page).name, read(Path(page)).decode("utf-8", "replace")
        return {}

    def build(self) -> dict[str, Any]:
        """From the page to its blocks."""
        times, (self._tree, self._html) = timed(
            lambda: build_block_tree(clean_html(self._page), max_node_words=MAX_WORDS)
        )
        return times | {"blocks": len(self._tree)}

    def prune(self, max_tokens: int) -> dict[str, Any]:
        """From scores, as the ranking that they give, to pruned HTML."""
        scores = np.random.default_rng(zlib.crc32(self._name.encode())).random(len(self._tree))
        ranking = np.argsort(-scores, kind="stable").tolist()
        times, pruned = timed(
            lambda: self._pruner.prune_HTML(self._html, self._tree, ranking, self._tokenizer, max_tokens)
        )
        tokens, everything = len(self._tokenizer.encode(pruned)), len(self._tokenizer.encode(self._html))
        return times | {"tokens": tokens, "tokens_of_page": everything}


if __name__ == "__main__":
    peer = HtmlRag()
    serve({name: getattr(peer, name) for name in ("load", "build", "prune")})
