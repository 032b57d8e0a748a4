"""The parts that the pipeline works with, made as the settings name them: search, fetch, models."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

import numpy as np
from pydantic import SecretStr

from app.errors import ProviderNotConfigured, TokenizerNotAllowed
from app.fetch import Fetcher, FetchLimits, Guard
from app.models.embeddings import EmbeddingOptions, EmbeddingServer
from app.models.tokenize import ServedTokenCounter
from app.seam import in_thread
from app.search import ProviderSettings, SearchProvider, load_provider
from app.settings import Settings
from pruning.errors import ModelError, SecateursError
from pruning.local.sentence_transformer import SentenceTransformerEmbedder
from pruning.tokens import TokenCounter

log = logging.getLogger("secateurs")


class AwaitedEmbedder(Protocol):
    """An embedding model as the pipeline knows it, in this process or behind HTTP."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    async def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """Cosine similarity of the question and each passage, float32 (len(passages),). Raises ModelError."""
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

    async def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """See `AwaitedEmbedder`."""
        # Cancelling a thread's caller leaves the thread at work.
        score = partial(self._model.similarities, deadline=time.monotonic() + self._seconds)
        return await in_thread(score, question, passages)

    async def load(self) -> None:
        """See `AwaitedEmbedder`."""
        await in_thread(self._model.load)

    async def aclose(self) -> None:
        """Nothing is kept open."""


class NoEmbedder:
    """No model: blocks are ranked by BM25, and every answer says so."""

    name = "none"

    async def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """Always raises ModelError."""
        raise ModelError("no embedding model is configured")

    async def load(self) -> None:
        """There is nothing to load."""

    async def aclose(self) -> None:
        """Nothing is kept open."""


class Parts:
    """Search providers, fetcher, embedder and tokenizers of one service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.providers: Mapping[str, SearchProvider] = _providers(settings)
        self.fetcher = _fetcher(settings)
        self.embedder = _embedder(settings)
        self._served: dict[str, ServedTokenCounter] = {}
        self._connecting = asyncio.Lock()
        self._loading: asyncio.Task[None] | None = None
        self.not_ready_because = "the models are not loaded yet"

    def provider(self, name: str | None) -> SearchProvider:
        """The search provider of that name, the default one without a name. Raises ProviderNotConfigured."""
        wanted = name or self._settings.provider
        if wanted not in self.providers:
            known = ", ".join(sorted(self.providers))
            raise ProviderNotConfigured(f"the provider {wanted!r} is not configured; these are: {known}")
        return self.providers[wanted]

    async def counter(self, name: str | None) -> TokenCounter:
        """The tokenizer of that name, the default one without a name. Only an offered one: a name may be a path.

        Raises TokenizerNotAllowed, TokenizerError.
        """
        offered = self._settings.offered_tokenizers()
        wanted = name or self._settings.tokenizer
        if wanted not in offered:
            raise TokenizerNotAllowed(f"the tokenizer {wanted!r} is not offered; these are: {', '.join(offered)}")
        if not _is_url(wanted):
            return await in_thread(TokenCounter.load, wanted)
        async with self._connecting:
            if wanted not in self._served:
                connect = partial(ServedTokenCounter.connect, key=_secret(self._settings.tokenizer_key))
                self._served[wanted] = await in_thread(connect, wanted)
            return self._served[wanted]

    @property
    def ready(self) -> bool:
        """The models and the default tokenizer are loaded."""
        return not self.not_ready_because

    def start_loading(self) -> None:
        """Load the models in the background; requests that come before wait for what they need."""
        self._loading = asyncio.create_task(self._load())

    async def loaded(self) -> None:
        """Wait until loading has ended, well or not."""
        if self._loading is not None:
            await asyncio.shield(self._loading)

    async def _load(self) -> None:
        try:
            await asyncio.gather(self.embedder.load(), self.counter(None))
        except SecateursError as error:
            self.not_ready_because = str(error)
            log.error("not ready: %s", error)
        else:
            self.not_ready_because = ""

    async def aclose(self) -> None:
        """Close what is kept open."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        for counter in self._served.values():
            await in_thread(counter.close)
        await self.embedder.aclose()
        await self.fetcher.aclose()
        for provider in self.providers.values():
            await provider.aclose()


@asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """The parts that the settings name, closed at the end. Raises InvalidInput where the settings name none."""
    parts = Parts(settings)
    try:
        yield parts
    finally:
        await parts.aclose()


def _providers(settings: Settings) -> dict[str, SearchProvider]:
    needs = ProviderSettings(index=settings.index_file(), limits=settings.page_limits())
    return {settings.provider: load_provider(settings.provider, needs)}


def _fetcher(settings: Settings) -> Fetcher:
    guard = Guard(allowed_hosts=frozenset(settings.fetch_allowed_hosts))
    return Fetcher(guard, FetchLimits(bytes=settings.page_bytes, seconds=settings.fetch_seconds))


def _embedder(settings: Settings) -> AwaitedEmbedder:
    if settings.embedder == "none":
        return NoEmbedder()
    if not _is_url(settings.embedder):
        return InProcess(SentenceTransformerEmbedder(settings.embedder), settings.deadline_seconds)
    options = EmbeddingOptions(
        query_prefix=settings.embedder_query_prefix, passage_prefix=settings.embedder_passage_prefix
    )
    key = _secret(settings.embedder_key)
    return EmbeddingServer(settings.embedder, model=settings.embedder_model, key=key, options=options)


def _is_url(name: str) -> bool:
    return name.startswith(("http://", "https://"))


def _secret(key: SecretStr | None) -> str | None:
    return key.get_secret_value() if key else None
