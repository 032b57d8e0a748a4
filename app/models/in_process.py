"""Models as the pipeline knows them, in this process or behind HTTP, and those of this process."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np

from app.seam import in_thread
from pruning.embedding import Windows
from pruning.errors import ModelError
from pruning.generative import PathLogprobs, PathReader
from pruning.local.causal import CausalPathModel
from pruning.local.sentence_transformer import SentenceTransformerEmbedder


class AwaitedEmbedder(Protocol):
    """An embedding model as the pipeline knows it, in this process or behind HTTP."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    async def similarities(
        self, question: str, passages: Sequence[str], *, deadline: float | None = None
    ) -> np.ndarray:
        """Cosine similarity of the question and each passage, float32 (len(passages),).

        Raises ModelError, also past that time of `time.monotonic()`.
        """
        ...

    async def load(self) -> None:
        """Have the model ready, so that no request waits for it. Raises ModelError, MissingExtra."""
        ...

    async def aclose(self) -> None:
        """Close what is kept open."""
        ...


class InProcess:
    """A model of this process, which computes in worker threads, no call longer than a request may take."""

    def __init__(self, model: SentenceTransformerEmbedder, seconds: float) -> None:
        self._model = model
        self._seconds = seconds
        self.name = model.name

    async def similarities(
        self, question: str, passages: Sequence[str], *, deadline: float | None = None
    ) -> np.ndarray:
        """See `AwaitedEmbedder`."""
        score = partial(self._model.similarities, deadline=_latest(deadline, self._seconds))
        return await in_thread(score, question, passages)

    async def identity(self, *, deadline: float | None = None) -> str:
        """What the vectors depend on: see `app.cache.vectors.VectorModel`."""
        return await in_thread(lambda: self._model.identity)

    async def windows(self, passages: Sequence[str]) -> Windows:
        """The passages, cut for the model."""
        return await in_thread(self._model.windows, passages)

    async def embed_question(self, question: str, *, deadline: float | None = None) -> np.ndarray:
        """The question's vector."""
        return await in_thread(self._model.embed_question, question)

    async def embed_passages(self, texts: Sequence[str], *, deadline: float | None = None) -> np.ndarray:
        """The vectors of windows."""
        embed = partial(self._model.embed_passages, deadline=_latest(deadline, self._seconds))
        return await in_thread(embed, texts)

    async def load(self) -> None:
        """See `AwaitedEmbedder`."""
        await in_thread(self._model.load)

    async def aclose(self) -> None:
        """Nothing is kept open."""


class NoEmbedder:
    """No model: blocks are ranked by BM25, and every answer says so."""

    name = "none"

    async def similarities(
        self, question: str, passages: Sequence[str], *, deadline: float | None = None
    ) -> np.ndarray:
        """Always raises ModelError."""
        raise ModelError("no embedding model is configured")

    async def load(self) -> None:
        """There is nothing to load."""

    async def aclose(self) -> None:
        """Nothing is kept open."""


class AwaitedPathModel(Protocol):
    """A causal language model as the pipeline knows it, in this process or behind HTTP."""

    @property
    def reader(self) -> PathReader:
        """What planning must know of the model. What of it is not known yet raises ModelError."""
        ...

    async def logprobs(self, need: PathLogprobs, *, deadline: float | None = None) -> list[np.ndarray]:
        """Answer a need, before that time of `time.monotonic()`. Raises ModelError."""
        ...

    async def load(self, *, deadline: float | None = None) -> None:
        """Have the model ready; at once where it is. Raises ModelError, MissingExtra."""
        ...

    async def aclose(self) -> None:
        """Close what is kept open."""
        ...


class InProcessPathModel:
    """A causal language model of this process, which computes in worker threads."""

    def __init__(self, model: CausalPathModel, seconds: float) -> None:
        self.reader: PathReader = model
        self._model = model
        self._seconds = seconds

    async def logprobs(self, need: PathLogprobs, *, deadline: float | None = None) -> list[np.ndarray]:
        """See `AwaitedPathModel`."""
        ask = partial(self._model.logprobs, deadline=_latest(deadline, self._seconds))
        return await in_thread(ask, need)

    async def load(self, *, deadline: float | None = None) -> None:
        """See `AwaitedPathModel`; reading files takes the time that it takes."""
        await in_thread(self._model.load)

    async def aclose(self) -> None:
        """Nothing is kept open."""


def _latest(deadline: float | None, seconds: float) -> float:
    """When to stop: cancelling a thread's caller leaves the thread at work."""
    latest = time.monotonic() + seconds
    return latest if deadline is None else min(deadline, latest)
