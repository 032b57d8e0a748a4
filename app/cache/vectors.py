"""Passages that were embedded before: a passage of the same words costs a model nothing.

A vector's key is the hash of the very text that the model was given, so it holds whatever cuts and writes the blocks.
What belongs to the model in it is its identity and a probe: before anything else the model embeds one known text, and
where that gives another vector than last time, the name stands for another model now, and nothing of the old is used.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np

from app.cache.entries import Cache, key_of
from app.seam import in_thread
from pruning.embedding import Windows
from pruning.errors import ModelError
from pruning.observe import Event, Observer, unobserved

KIND = "vector"
MODEL_KIND = "model"
PROBE = "Secateurs cut what has had its time, so that what bears fruit gets the light."
# The same model's vectors of a text differ with batches, kernels and precisions: by 0.0001 in bfloat16.
SAME_MODEL = 0.999
_STORED = np.dtype("<f4")


class VectorModel(Protocol):
    """An embedding model that gives its vectors, as `pruning.local` and `app.models.embeddings` do.

    A deadline is a time of `time.monotonic()`; past it ModelError is raised instead.
    """

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    async def identity(self, *, deadline: float | None = None) -> str:
        """What the vectors of passages depend on, as far as it can be told. Raises ModelError."""
        ...

    async def windows(self, passages: Sequence[str]) -> Windows:
        """The passages, cut for the model. Raises ModelError."""
        ...

    async def embed_question(self, question: str, *, deadline: float | None = None) -> np.ndarray:
        """The question's vector of length 1, float32 (dimensions,). Raises ModelError."""
        ...

    async def embed_passages(self, texts: Sequence[str], *, deadline: float | None = None) -> np.ndarray:
        """The vectors of windows, of length 1 or 0: float32 (len(texts), dimensions). Raises ModelError."""
        ...

    async def load(self) -> None:
        """Have the model ready. Raises ModelError, MissingExtra."""
        ...

    async def aclose(self) -> None:
        """Close what is kept open."""
        ...


class CachedEmbedder:
    """An embedder as the pipeline knows it, that asks its model only for what the cache does not have.

    Attributes:
        name: the model's.
    """

    def __init__(self, model: VectorModel, cache: Cache, observer: Observer = unobserved) -> None:
        self._model = model
        self._cache = cache
        self._observer = observer
        self._probing = asyncio.Lock()
        self._generation: str | None = None

    @property
    def name(self) -> str:
        return self._model.name

    async def similarities(
        self, question: str, passages: Sequence[str], *, deadline: float | None = None
    ) -> np.ndarray:
        """Cosine similarity of the question and each passage's best window, float32 (len(passages),).

        Tells the observer of hits and misses. Raises ModelError, also past that time of `time.monotonic()`.
        """
        windows = await self._model.windows(passages)
        if not windows.texts:
            return np.zeros(0, np.float32)
        try:
            query = await self._model.embed_question(question, deadline=deadline)
            vectors = await self._vectors(windows.texts, len(query), deadline)
        except ModelError:
            self._generation = None  # who knows what comes up in its place
            raise
        return await in_thread(_best, windows, vectors, query)

    async def load(self) -> None:
        """Have the model ready, so that no request waits for it. Raises ModelError, MissingExtra."""
        await self._model.load()

    async def aclose(self) -> None:
        """Close the model; the cache is its owner's."""
        await self._model.aclose()

    async def _vectors(self, texts: list[str], dimensions: int, deadline: float | None) -> np.ndarray:
        """The vectors of all texts, float32 (len(texts), dimensions); each distinct one is looked up or embedded."""
        generation = await self._known_generation(deadline)
        keys = await in_thread(lambda: {text: key_of(KIND, generation, text) for text in texts})
        found = await self._cache.get(list(keys.values()))
        known = {text: found[key] for text, key in keys.items() if len(found.get(key, b"")) == 4 * dimensions}
        missing = [text for text in keys if text not in known]
        hits = sum(text in known for text in texts)
        self._observer(Event("embed", "cache", {"hits": hits, "misses": len(texts) - hits}))
        if missing:
            fresh = await self._model.embed_passages(missing, deadline=deadline)
            if fresh.shape != (len(missing), dimensions) and fresh.size:
                raise ModelError(f"{self.name} gave vectors of {fresh.shape[1]} and of {dimensions} numbers")
            packed = {text: vector.astype(_STORED).tobytes() for text, vector in zip(missing, fresh, strict=True)}
            await self._cache.set({keys[text]: data for text, data in packed.items() if data})
            known |= packed
        return await in_thread(partial(_stacked, [known[text] for text in texts], dimensions))

    async def _known_generation(self, deadline: float | None) -> str:
        """What tells this model's vectors from those of others that bore its name."""
        async with self._probing:
            if self._generation is None:
                identity = await self._model.identity(deadline=deadline)
                (probe,) = await self._model.embed_passages([PROBE], deadline=deadline)
                key = key_of(MODEL_KIND, identity)
                before = (await self._cache.get([key])).get(key, b"")
                if not _is_same(before, probe):
                    before = probe.astype(_STORED).tobytes()
                    await self._cache.set({key: before})
                self._generation = key_of(MODEL_KIND, identity, before)
            return self._generation


def _is_same(before: bytes, probe: np.ndarray) -> bool:
    vector = np.frombuffer(before, _STORED) if len(before) % _STORED.itemsize == 0 else np.zeros(0)
    return len(vector) == len(probe) and float(vector @ probe) > SAME_MODEL


def _stacked(vectors: list[bytes], dimensions: int) -> np.ndarray:
    """The vectors as rows; one that was blank and not embedded is zeros."""
    rows = [np.frombuffer(data, _STORED) if data else np.zeros(dimensions, np.float32) for data in vectors]
    return np.stack(rows).astype(np.float32, copy=False)


def _best(windows: Windows, vectors: np.ndarray, query: np.ndarray) -> np.ndarray:
    return windows.best(vectors @ query)
