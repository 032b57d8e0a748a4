"""Who is measured: this project's variants, and the peers of the folder beside the data, unchanged."""

import importlib
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from questions import Question
from vectors import KeptVectors

from pruning import Options, Page, TokenCounter, prune
from pruning.generative import PathModel

Output = Callable[[Question, int], str]

_PAPER = Options(rank_by="embedding", max_words=256, sieve=None)
VARIANTS: Mapping[str, Options] = {
    "secateurs": Options(),
    "secateurs, without context": Options(context=False),
    "words": Options(rank_by="words"),
    "words, without context": Options(rank_by="words", context=False),
    "embedding": Options(rank_by="embedding", sieve=None),
    "embedding, without context": Options(rank_by="embedding", sieve=None, context=False),
    "paper's first step": _PAPER,
    "secateurs, no sieve": Options(sieve=None),
    "both steps": Options(steps=("embed", "generate")),
}
_NEEDS_PATH_MODEL = ("both steps",)


class Contestants:
    """All systems by name, with the same embedding model and the same token counter."""

    def __init__(self, peers: Path, vectors: KeptVectors, path_model: PathModel | None = None) -> None:
        sys.path.insert(0, str(peers))
        self.score: ModuleType = importlib.import_module("score")
        self.count = importlib.import_module("tokens").Counter()
        self._counter = TokenCounter.load()
        self._vectors, self._path_model = vectors, path_model
        self._peers: ModuleType = importlib.import_module("systems")
        _read_once(self._peers)

    def names(self) -> list[str]:
        """This project's variants first."""
        mine = [name for name in VARIANTS if self._path_model or name not in _NEEDS_PATH_MODEL]
        return [*mine, *self._peers.SYSTEMS]

    def output(self, name: str, question: Question, budget: int) -> str:
        """What a system would hand to the chat model."""
        if name in VARIANTS:
            return self._pruned(question, VARIANTS[name], budget)
        system = self._peers.SYSTEMS[name]
        return str(system(question.text, question.html(), budget, self.count, self._vectors))

    def _pruned(self, question: Question, options: Options, budget: int) -> str:
        result = prune(
            [Page(page) for page in question.bytes()],
            question.text,
            max_tokens=budget,
            embedder=self._vectors,
            path_model=self._path_model,
            counter=self._counter,
            options=options,
        )
        if result.degraded:
            raise RuntimeError(result.degraded[0])
        return result.content


def _read_once(peers: ModuleType) -> None:
    """What they make of pages is the same at every budget: it is kept, not changed."""
    peers._text = lru_cache(maxsize=2000)(peers._text)
    peers._htmlrag_parts = _last(peers._htmlrag_parts)


def _last(parts: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which answers at once where it is asked the same as the last time."""
    known: dict[str, Any] = {}

    def remembering(pages: list[str], question: str, embed: Any) -> Any:
        if known.get("asked") != (pages, question):
            known.update(asked=(pages, question), answer=parts(pages, question, embed))
        return known["answer"]

    return remembering
