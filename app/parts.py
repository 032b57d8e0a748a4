"""The parts that the pipeline works with, made as the settings name them: search, fetch, models."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial

from pydantic import SecretStr

from app.cache import Cache, CachedEmbedder, Tables
from app.errors import ProviderNotConfigured, TokenizerNotAllowed
from app.fetch.configured import browser_of, fetcher_of
from app.mistakes import Mistakes
from app.models.chat import ChatModel
from app.models.embeddings import EmbeddingOptions, EmbeddingServer
from app.models.in_process import AwaitedEmbedder, AwaitedPathModel, InProcess, InProcessPathModel, NoEmbedder
from app.models.observed import ObservedEmbedder
from app.models.tokenize import ServedTokenCounter
from app.models.vllm import VllmOptions, VllmPathModel
from app.seam import in_thread
from app.search import Expansion, SearchProvider, load_providers
from app.settings import Settings
from app.store import Store, open_store
from pruning.embedding import Scored, Similarities
from pruning.errors import InvalidInput, ModelError, SecateursError, own_words
from pruning.generative import PathReader
from pruning.local.causal import CausalPathModel
from pruning.local.sentence_transformer import SentenceTransformerEmbedder
from pruning.observe import Observer, asking, unobserved
from pruning.prune import Given, Need
from pruning.tokens import TokenCounter

log = logging.getLogger("secateurs")

# Between two attempts to load what could not be loaded.
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_LOADED = ("the embedding model", "the tokenizer", "the path model")


class Parts:
    """Search providers, fetcher, models and tokenizers of one service.

    Attributes:
        store: what worker processes share, the cache among it.
        cache: what is kept for the next time; None where the settings want none.
        tables: reads pages.
        path_model: scores blocks by their paths; None where none is configured.
        stopping: the service takes its leave, whatever is loaded.
    """

    def __init__(self, settings: Settings, observer: Observer = unobserved) -> None:
        """Make the parts; nothing is sent yet, and no model loaded. Raises Misconfigured, which tells all mistakes."""
        self._settings = settings
        self._observer = observer
        mistakes = Mistakes()
        self.cache: Cache | None = None
        with mistakes.of("store_url"):
            self.store: Store = open_store(_secret(settings.store_url), settings.store_file(), settings.cache_bytes)
            self.cache = _cache(settings, self.store, observer)
        self.tables = Tables(self.cache)
        with mistakes.of("provider"):
            self.providers: Mapping[str, SearchProvider] = load_providers(settings, observer)
        with mistakes.of("chat_model_url"):
            self.chat = _chat(settings, observer)
        with mistakes.of("fetch_proxy"):
            self.fetcher = fetcher_of(settings, self.cache, observer)
        with mistakes.of("browser_url" if settings.browser_url else "browser_command"):
            self.browser = browser_of(settings)
        with mistakes.of("embedder"):
            self.embedder = _embedder(settings, self.cache, observer)
        with mistakes.of("path_model"):
            self.path_model = _path_model(settings)
        mistakes.tell()
        self._served: dict[str, ServedTokenCounter] = {}
        self._connecting = asyncio.Lock()
        self._loading: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self.stopping = False
        self._not_loaded_because = "the models are not loaded yet"
        self._told: set[str] = set()

    def provider(self, name: str | None) -> SearchProvider:
        """The search provider of that name, the default one without a name. Raises ProviderNotConfigured."""
        wanted = name or self._settings.provider
        if wanted not in self.providers:
            known = ", ".join(sorted(self.providers))
            raise ProviderNotConfigured(f"the provider {wanted!r} is not configured; these are: {known}")
        return self.providers[wanted]

    def expansion(self, asked: int | None) -> Expansion | None:
        """How a question is split into so many sub-questions, the settings' number without one; None: not at all.

        Raises InvalidInput.
        """
        most = self._settings.sub_questions if asked is None else asked
        if not most:
            return None
        if self.chat is None:
            raise InvalidInput("sub_questions need a chat model: set SECATEURS_CHAT_MODEL_URL")
        return Expansion(self.chat.ask, most)

    async def counter(self, name: str | None) -> TokenCounter:
        """The tokenizer of that name, the default one without a name. Only an offered one: a name may be a path.

        Raises TokenizerNotAllowed, TokenizerError.
        """
        offered = self._settings.offered_tokenizers()
        wanted = name or self._settings.tokenizer
        if wanted not in offered:
            raise TokenizerNotAllowed(f"the tokenizer {wanted!r} is not offered; these are: {', '.join(offered)}")
        if not is_url(wanted):
            return await in_thread(TokenCounter.load, wanted)
        async with self._connecting:
            if wanted not in self._served:
                key = _secret(self._settings.tokenizer_key)
                connect = partial(ServedTokenCounter.connect, key=key, observer=self._observer)
                self._served[wanted] = await in_thread(connect, wanted)
            return self._served[wanted]

    async def path_reader(self, until: float) -> PathReader | None:
        """What planning must know of the path model; None where none is configured.

        The model of a server that is down is no error here: whoever reads from it is told why.
        """
        if self.path_model is None:
            return None
        with suppress(ModelError):
            await self.path_model.load(deadline=until)
        return self.path_model.reader

    async def supply(self, need: Need, until: float) -> Given:
        """What the method needs of a model; past that moment, of `time.monotonic()`, nobody waits for it.

        Raises ModelError.
        """
        if isinstance(need, Similarities):
            scores = await self.embedder.similarities(need.question, need.passages, deadline=until)
            return Scored(scores, self.embedder.name)
        assert self.path_model is not None, "only the plan for a path model asks for probabilities"
        with asking(self._observer, "path_model"):
            return await self.path_model.logprobs(need, deadline=until)

    @property
    def not_ready_because(self) -> str:
        """Why requests should go elsewhere; empty when they may come."""
        return "the service is shutting down" if self.stopping else self._not_loaded_because

    @property
    def ready(self) -> bool:
        """The models and the default tokenizer are loaded, and the service is not stopping."""
        return not self.not_ready_because

    def start_loading(self) -> None:
        """Load the models in the background; requests that come before wait for what they need."""
        self._loading = asyncio.create_task(self._load_until_ready())

    async def loaded(self) -> None:
        """Wait until they have been loaded, or it was tried once."""
        if self._loading is not None:
            await self._tried.wait()

    async def becomes_ready(self) -> None:
        """Wait until they have been loaded; for ever, where that fails for ever."""
        if self._loading is not None:
            await asyncio.shield(self._loading)

    async def _load_until_ready(self) -> None:
        """Again and again, in longer and longer intervals: what is down now may be up in a minute."""
        pause = _FIRST_PAUSE_SECONDS
        while not await self._load():
            self._tried.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        self._tried.set()

    async def _load(self) -> bool:
        works = self.embedder.load(), self.counter(None), self._load_path_model()
        outcomes = zip(_LOADED, await asyncio.gather(*works, return_exceptions=True), strict=True)
        failed = {what: error for what, error in outcomes if isinstance(error, Exception)}
        for what, error in failed.items():
            self._tell(what, error)
        # Whoever asks `/readyz` reads it, without a key: errors name addresses and folders.
        self._not_loaded_because = f"{' and '.join(failed)} can't be loaded; the log says why" if failed else ""
        return not failed

    def _tell(self, what: str, error: Exception) -> None:
        """Once: nobody awaits the task of loading before the end, so what is not told here is never told."""
        foreseen = isinstance(error, SecateursError)
        told = own_words(str(error)) if foreseen else f"loading {what} failed: {error or type(error).__name__}"
        if told not in self._told:
            log.error("not ready, trying again: %s", told, exc_info=None if foreseen else error)
        self._told.add(told)

    async def _load_path_model(self) -> None:
        """Answers can do without it, so the service is ready all the same: it is tried again when it is needed."""
        if self.path_model is None:
            return
        try:
            await self.path_model.load()
        except SecateursError as error:
            log.warning("without the step generate for now: %s", own_words(str(error)))

    async def aclose(self) -> None:
        """Close what is kept open."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        for counter in self._served.values():
            await in_thread(counter.close)
        await self.embedder.aclose()
        if self.path_model is not None:
            await self.path_model.aclose()
        await self.fetcher.aclose()
        if self.browser is not None:
            await self.browser.aclose()
        if self.chat is not None:
            await self.chat.aclose()
        for provider in self.providers.values():
            await provider.aclose()
        await self.store.aclose()


@asynccontextmanager
async def open_parts(settings: Settings, observer: Observer = unobserved) -> AsyncIterator[Parts]:
    """The parts that the settings name, closed at the end. Raises InvalidInput where the settings name none."""
    parts = Parts(settings, observer)
    try:
        yield parts
    finally:
        await parts.aclose()


def _cache(settings: Settings, store: Store, observer: Observer) -> Cache | None:
    if not settings.cache:
        return None
    return Cache(store, settings.cache_entry_bytes, rest_seconds=settings.rest_seconds, observer=observer)


def _chat(settings: Settings, observer: Observer) -> ChatModel | None:
    if settings.chat_model_url is None:
        if settings.sub_questions:
            raise InvalidInput("SECATEURS_SUB_QUESTIONS: they need a chat model: set SECATEURS_CHAT_MODEL_URL")
        return None
    key = _secret(settings.chat_model_key)
    rest = settings.rest_seconds
    return ChatModel(settings.chat_model_url, model=settings.chat_model, key=key, rest_seconds=rest, observer=observer)


def _embedder(settings: Settings, cache: Cache | None, observer: Observer) -> AwaitedEmbedder:
    if settings.embedder == "none":
        return NoEmbedder()
    model = ObservedEmbedder(_vector_model(settings), observer)
    return model if cache is None else CachedEmbedder(model, cache, observer)


def _vector_model(settings: Settings) -> InProcess | EmbeddingServer:
    if not is_url(settings.embedder):
        return InProcess(SentenceTransformerEmbedder(settings.embedder), settings.deadline_seconds)
    options = EmbeddingOptions(
        query_prefix=settings.embedder_query_prefix,
        passage_prefix=settings.embedder_passage_prefix,
        seconds=settings.deadline_seconds,
        rest_seconds=settings.rest_seconds,
    )
    key = _secret(settings.embedder_key)
    return EmbeddingServer(settings.embedder, model=settings.embedder_model, key=key, options=options)


def _path_model(settings: Settings) -> AwaitedPathModel | None:
    if settings.path_model is None:
        if "generate" in settings.steps:
            raise InvalidInput("SECATEURS_STEPS: the step generate needs a model: set SECATEURS_PATH_MODEL")
        return None
    if not is_url(settings.path_model):
        model = CausalPathModel(settings.path_model, context_length=settings.path_model_context)
        return InProcessPathModel(model, settings.deadline_seconds)
    return VllmPathModel(
        settings.path_model,
        model=settings.path_model_name,
        tokenizer=settings.path_model_tokenizer,
        key=_secret(settings.path_model_key),
        options=VllmOptions(
            context_length=settings.path_model_context,
            seconds=settings.deadline_seconds,
            rest_seconds=settings.rest_seconds,
        ),
    )


def is_url(name: str) -> bool:
    """Whether a model or a tokenizer is one behind HTTP."""
    return name.startswith(("http://", "https://"))


def _secret(key: SecretStr | None) -> str | None:
    return key.get_secret_value() if key else None
