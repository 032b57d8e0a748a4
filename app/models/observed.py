"""An embedding model whose questions an observer hears of."""

from collections.abc import Sequence

import numpy as np

from app.models.embeddings import EmbeddingServer
from app.models.in_process import InProcess
from pruning.embedding import Windows
from pruning.observe import Observer, asking

NAME = "embedder"


class ObservedEmbedder:
    """Another model, as it is: an `AwaitedEmbedder` that gives its vectors, too."""

    def __init__(self, model: InProcess | EmbeddingServer, observer: Observer) -> None:
        self._model = model
        self._observer = observer

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    async def similarities(
        self, question: str, passages: Sequence[str], *, deadline: float | None = None
    ) -> np.ndarray:
        """See `AwaitedEmbedder`."""
        with asking(self._observer, NAME):
            return await self._model.similarities(question, passages, deadline=deadline)

    async def identity(self, *, deadline: float | None = None) -> str:
        """What the vectors depend on: see `app.cache.vectors.VectorModel`."""
        return await self._model.identity(deadline=deadline)

    async def windows(self, passages: Sequence[str]) -> Windows:
        """The passages, cut for the model."""
        return await self._model.windows(passages)

    async def embed_question(self, question: str, *, deadline: float | None = None) -> np.ndarray:
        """The question's vector."""
        with asking(self._observer, NAME):
            return await self._model.embed_question(question, deadline=deadline)

    async def embed_passages(self, texts: Sequence[str], *, deadline: float | None = None) -> np.ndarray:
        """The vectors of windows."""
        with asking(self._observer, NAME):
            return await self._model.embed_passages(texts, deadline=deadline)

    async def load(self) -> None:
        """See `AwaitedEmbedder`."""
        with asking(self._observer, NAME):
            await self._model.load()

    async def aclose(self) -> None:
        """Close what is kept open."""
        await self._model.aclose()
