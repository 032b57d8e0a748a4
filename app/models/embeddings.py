"""Embeddings from any `/v1/embeddings` server: OpenAI's, vLLM, Text Embeddings Inference, Infinity, Ollama …"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from app.models import upstream
from app.seam import in_thread
from pruning.embedding import Windows, cut, legible, word_starts
from pruning.errors import ModelError, reason


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
    """

    batch: int = 32
    concurrency: int = 4
    window_words: int = 256
    seconds: float = 60.0
    query_prefix: str = ""
    passage_prefix: str = ""


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
        self._client = httpx.AsyncClient(headers=upstream.headers(key), timeout=self._options.seconds)
        self.name = model or self.url.host

    async def load(self) -> None:
        """Get a first vector, and before it the model's name where none was given.

        Raises:
            ModelError: as `similarities`.
        """
        await self.similarities("warm", [])

    async def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """Cosine similarity of the question and the best window of each passage, float32 (len(passages),).

        An empty passage scores 0 and is not sent, since some servers refuse it.

        Raises:
            ModelError: the server is down, busy, too slow, refuses, or answers nonsense.
        """
        try:
            async with asyncio.timeout(self._options.seconds):
                return await self._similarities(question, passages)
        except TimeoutError:
            raise ModelError(f"{self} did not answer within {self._options.seconds:g} s") from None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def __str__(self) -> str:
        return f"the embedding server at {self.url.netloc.decode()}"

    async def _similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        options = self._options
        if not self._named:
            await self._ask_name()
        windows = await in_thread(cut, passages, options.window_words, word_starts)
        rows = [row for row, text in enumerate(windows.texts) if text.strip()]
        # Servers pad what comes together to one length; the longest first, so that none of them is left to the end.
        rows.sort(key=lambda row: len(windows.texts[row]), reverse=True)
        batches = [rows[at : at + options.batch] for at in range(0, len(rows), options.batch)]
        texts = [[options.passage_prefix + windows.texts[row] for row in batch] for batch in batches]
        answers = await self._embed_all([[legible(options.query_prefix + question)], *texts])
        try:
            return await in_thread(_best, windows, batches, answers)
        except ValueError as error:
            raise ModelError(f"{self} answered with something else than asked for: {reason(error)}") from error

    async def _ask_name(self) -> None:
        """A server without a list of models has one only, and need not be told which."""
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
        answer = await self._send("POST", self.url, json=body)
        if not answer.is_success:
            raise ModelError(f"{self} {upstream.explain(answer)}")
        return answer.content

    async def _send(self, method: str, url: httpx.URL, **body: Any) -> httpx.Response:
        async with self._asking:
            outcome = await upstream.send(self._client, method, url, **body)
        if isinstance(outcome, httpx.HTTPError):
            raise ModelError(f"{self} {upstream.explain(outcome)}") from outcome
        return outcome


def _best(windows: Windows, batches: list[list[int]], answers: list[bytes]) -> np.ndarray:
    """Scores of the passages from the server's answers, the question's first. Raises ValueError, ModelError."""
    query = _vectors(answers[0], 1)[0]
    scores = np.zeros(len(windows.texts), np.float32)
    for batch, answer in zip(batches, answers[1:], strict=True):
        vectors = _vectors(answer, len(batch))
        if vectors.shape[1] != len(query):
            raise ValueError(f"vectors of {vectors.shape[1]} and of {len(query)} numbers")
        scores[batch] = vectors @ query
    return windows.best(scores)


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
