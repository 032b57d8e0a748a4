"""Embeddings from any `/v1/embeddings` server: OpenAI's, vLLM, Text Embeddings Inference, Infinity, Ollama …"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVarTuple

import httpx2
import numpy as np

from app.http_client import open_client
from app.models import upstream
from app.seam import in_thread
from pruning.embedding import Windows, cut, legible, word_starts
from pruning.errors import reason

Args = TypeVarTuple("Args")

_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class EmbeddingOptions:
    """How a server is asked.

    Attributes:
        batch: texts in one request; 32 is the most that Text Embeddings Inference takes by default.
        concurrency: requests at a time, of all callers together.
        window_words: words of a passage that are embedded as one text (a long word counts as several, a CJK or Thai
            character as one). 256 are some 350 tokens of English: a server with a window of 512 reads them whole.
        seconds: for all requests of one call together.
        query_prefix: what the model wants before a question, such as "query: ".
        passage_prefix: what it wants before a passage.
        failures: calls that fail in a row until the server is left alone.
        rest_seconds: for which it is then left alone.
    """

    batch: int = 32
    concurrency: int = 4
    window_words: int = 256
    seconds: float = 60.0
    query_prefix: str = ""
    passage_prefix: str = ""
    failures: int = 3
    rest_seconds: float = 10.0


class EmbeddingServer:
    """Scores passages by a model behind HTTP; one per service, used from one event loop, closed by `aclose`.

    Attributes:
        name: the model's name; where none was given, the server's host until the server has been asked.
    """

    def __init__(
        self, url: str, *, model: str | None = None, key: str | None = None, options: EmbeddingOptions | None = None
    ) -> None:
        """Name the server; nothing is sent yet.

        Args:
            url: of the route itself, whatever its path (`https://host/v1/embeddings`, Infinity's
                `http://host/embeddings`); a bare host or an address that ends in `/v1` is completed.
            model: the model to ask for; without it, the first one that the server lists.
            key: sent as a bearer token.
            options: how the server is asked.

        Raises:
            InvalidInput: the address is none.
        """
        self.url = upstream.address(url, "/v1/embeddings")
        self._model = model
        self._named = model is not None
        self._options = options or EmbeddingOptions()
        self._asking = asyncio.Semaphore(self._options.concurrency)
        self._attempts = upstream.Attempts(
            self,
            seconds=self._options.seconds,
            failures=self._options.failures,
            rest_seconds=self._options.rest_seconds,
        )
        timeout = httpx2.Timeout(None, connect=_CONNECT_SECONDS)  # `_attempts` limits the whole
        self._client = open_client(traced=True, headers=upstream.headers(key), timeout=timeout)
        self.name = model or self.url.host

    async def load(self) -> None:
        """Get a first vector, and before it the model's name where none was given.

        Raises:
            ModelError: as `similarities`.
        """
        await self.similarities("warm", [])

    async def similarities(
        self, question: str, passages: Sequence[str], *, deadline: float | None = None
    ) -> np.ndarray:
        """Cosine similarity of the question and the best window of each passage, float32 (len(passages),).

        An empty passage scores 0 and is not sent, since some servers refuse it.

        Args:
            question: what is asked.
            passages: any texts.
            deadline: a time of `time.monotonic()`; past it ModelError is raised instead.

        Raises:
            ModelError: the server is down, busy, too slow, refuses, or answers nonsense; or it did so again and again
                just before.
        """
        async with self._attempts.within(deadline):
            return await self._similarities(question, passages)

    async def identity(self, *, deadline: float | None = None) -> str:
        """What the vectors of passages depend on, as far as it can be told: address, model and prefix."""
        async with self._attempts.within(deadline):
            await self._ask_name()
        return repr((str(self.url), self._model, self._options.passage_prefix))

    async def windows(self, passages: Sequence[str]) -> Windows:
        """The passages, cut for the model."""
        return await in_thread(cut, passages, self._options.window_words, word_starts)

    async def embed_question(self, question: str, *, deadline: float | None = None) -> np.ndarray:
        """The question's vector of length 1, float32 (dimensions,). Raises ModelError, as `similarities`."""
        async with self._attempts.within(deadline):
            (answer,) = await self._embed_all([[self._question(question)]])
            return (await self._read(_vectors, answer, 1))[0]

    async def embed_passages(self, texts: Sequence[str], *, deadline: float | None = None) -> np.ndarray:
        """The vectors of windows, each of length 1: float32 (len(texts), dimensions).

        A blank text is not sent and has a vector of zeros; where all are blank, the vectors have no dimensions. Raises
        ModelError, as `similarities`.
        """
        async with self._attempts.within(deadline):
            batches = self._batches(texts)
            answers = await self._embed_all(self._prefixed(texts, batches))
            return await self._read(_placed, len(texts), batches, answers)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def __str__(self) -> str:
        return f"the embedding server at {self.url.netloc.decode()}"

    async def _similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        await self._ask_name()
        windows = await self.windows(passages)
        batches = self._batches(windows.texts)
        answers = await self._embed_all([[self._question(question)], *self._prefixed(windows.texts, batches)])
        return await self._read(_best, windows, batches, answers)

    def _question(self, question: str) -> str:
        return legible(self._options.query_prefix + question)

    def _batches(self, texts: Sequence[str]) -> list[list[int]]:
        """Numbers of the texts that are sent together; blank ones are in none."""
        rows = [row for row, text in enumerate(texts) if text.strip()]
        # Servers pad what comes together to one length; the longest first, so that none of them is left to the end.
        rows.sort(key=lambda row: len(texts[row]), reverse=True)
        return [rows[at : at + self._options.batch] for at in range(0, len(rows), self._options.batch)]

    def _prefixed(self, texts: Sequence[str], batches: list[list[int]]) -> list[list[str]]:
        return [[self._options.passage_prefix + texts[row] for row in batch] for batch in batches]

    async def _read(self, read: Callable[[*Args], np.ndarray], *args: *Args) -> np.ndarray:
        """Read answers elsewhere: it takes longer than the event loop may be held. Raises ModelError."""
        try:
            return await in_thread(read, *args)
        except ValueError as error:
            raise upstream.ModelUnavailable(
                f"{self} answered with something else than asked for: {reason(error)}"
            ) from error

    async def _ask_name(self) -> None:
        """A server without a list of models has one only, and need not be told which."""
        if self._named:
            return
        answer = await self._send("GET", upstream.beside(self.url, "/models"))
        self._model = upstream.first_model(answer)
        self.name = self._model or self.name
        self._named = answer.status_code < 500  # a server that is still starting is asked again

    async def _embed_all(self, batches: list[list[str]]) -> list[bytes]:
        """The answers in order; the first failure ends all that is still under way."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._embed(batch)) for batch in batches]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _embed(self, texts: list[str]) -> bytes:
        """The answer as it came: reading it takes longer than the event loop may be held."""
        body = {"input": texts, "encoding_format": "float"} | ({"model": self._model} if self._model else {})
        return upstream.answered(self, await self._send("POST", self.url, json=body)).content

    async def _send(self, method: str, url: httpx2.URL, **body: Any) -> httpx2.Response:
        async with self._asking:
            outcome = await upstream.send(self._client, method, url, **body)
        if isinstance(outcome, httpx2.HTTPError):
            raise upstream.ModelUnavailable(f"{self} {upstream.explain(outcome)}") from outcome
        return outcome


def _best(windows: Windows, batches: list[list[int]], answers: list[bytes]) -> np.ndarray:
    """Scores of the passages from the server's answers, the question's first. Raises ValueError, ModelError."""
    query = _vectors(answers[0], 1)[0]
    vectors = _placed(len(windows.texts), batches, answers[1:])
    if vectors.shape[1] not in (0, len(query)):
        raise ValueError(f"vectors of {vectors.shape[1]} and of {len(query)} numbers")
    return windows.best(vectors @ query if vectors.shape[1] else np.zeros(len(vectors), np.float32))


def _placed(count: int, batches: list[list[int]], answers: list[bytes]) -> np.ndarray:
    """The vectors of the answers, each in its text's row, zeros in the others. Raises ValueError."""
    found = [_vectors(answer, len(batch)) for batch, answer in zip(batches, answers, strict=True)]
    sizes = {vectors.shape[1] for vectors in found}
    if len(sizes) > 1:
        raise ValueError(f"vectors of {' and of '.join(map(str, sorted(sizes)))} numbers")
    placed = np.zeros((count, sizes.pop() if sizes else 0), np.float32)
    for batch, vectors in zip(batches, found, strict=True):
        placed[batch] = vectors
    return placed


def _vectors(answer: bytes, count: int) -> np.ndarray:
    """The vectors of one answer in the order asked for, of length 1: float32 (count, dimensions).

    Servers need not keep the order, and not all of them normalise. A vector of zeros stays one.
    """
    try:
        rows = json.loads(answer)["data"]
        placed = {row.get("index", place): row["embedding"] for place, row in enumerate(rows)}
        vectors = np.array([placed[number] for number in range(count)], dtype=np.float32)
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"no {count} vectors of numbers ({reason(error)})") from error
    if len(rows) != count or vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ValueError(f"no {count} vectors of finite numbers")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
