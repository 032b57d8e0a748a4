"""A served model's own tokenizer, asked over HTTP: vLLM's `/tokenize`."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

import httpx2

from app.http_client import open_sync_client
from app.models import upstream
from pruning.errors import TokenizerError
from pruning.observe import Observer, asking, unobserved
from pruning.tokens import TokenCounter, without_surrogates

# The route takes one text a request, so those of a batch are asked side by side.
CONCURRENCY = 8


class ServedTokenCounter(TokenCounter):
    """Counts as a served model does; safe to share between threads, and for worker threads only, since it waits.

    No special tokens are added. Text that spells one is counted as the server counts it, mostly as one token, which
    is how the model will read it.

    Attributes:
        name: the model's name; for a counter that was not made by `connect`, and without one, the server's host.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        key: str | None = None,
        seconds: float = 30.0,
        observer: Observer = unobserved,
    ) -> None:
        """Name the server; nothing is sent yet.

        Args:
            url: of the server (`http://host:8000`, with or without `/v1`), or of the route itself.
            model: the model that counts; without it, the server's own choice.
            key: sent as a bearer token.
            seconds: for one text.
            observer: is told of each batch of texts that is counted.

        Raises:
            InvalidInput: the address is none.
        """
        self.url = upstream.address(url, "/tokenize")
        self.name = model or self.url.host
        self._asked = {"model": model} if model else {}
        self._client = open_sync_client(traced=True, headers=upstream.headers(key), timeout=seconds)
        self._observer = observer
        self._threads = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="tokenize")

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        model: str | None = None,
        key: str | None = None,
        seconds: float = 30.0,
        observer: Observer = unobserved,
    ) -> "ServedTokenCounter":
        """A counter that is named after its model and has counted a first text. Takes what the constructor takes.

        Raises:
            InvalidInput: the address is none.
            TokenizerError: as `count_many`.
        """
        counter = cls(url, model=model, key=key, seconds=seconds, observer=observer)
        if model is None:
            listed = upstream.first_model(counter._send("GET", upstream.beside(counter.url, "/v1/models")))
            counter.name = listed or counter.name
        counter.count("warm")
        return counter

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """See the base class.

        Raises:
            TokenizerError: the server is down, busy, too slow, refuses, or answers nonsense.
        """
        with asking(self._observer, "tokenizer"):
            if len(texts) == 1:
                return [self._count(texts[0])]
            # Each thread in a context of its own, for one can't be entered twice at once.
            count = [partial(copy_context().run, self._count, text) for text in texts]
            return list(self._threads.map(lambda counted: counted(), count))

    def close(self) -> None:
        """Close the connections and end the threads."""
        self._threads.shutdown()
        self._client.close()

    def __str__(self) -> str:
        return f"the tokenizer server at {self.url.netloc.decode()}"

    def _count(self, text: str) -> int:
        if not text:
            return 0
        body = {"prompt": without_surrogates(text), "add_special_tokens": False, **self._asked}
        answer = self._send("POST", self.url, json=body)
        if not answer.is_success:
            raise TokenizerError(f"{self} {upstream.explain(answer)}")
        try:
            return int(answer.json()["count"])
        except (ValueError, LookupError, TypeError) as error:
            raise TokenizerError(f"{self} answered without a count: is it vLLM's /tokenize?") from error

    def _send(self, method: str, url: httpx2.URL, **body: Any) -> httpx2.Response:
        outcome = self._outcome(method, url, **body)
        pause = upstream.pause(outcome)
        if pause is not None:
            time.sleep(pause)
            outcome = self._outcome(method, url, **body)
        if isinstance(outcome, httpx2.HTTPError):
            raise TokenizerError(f"{self} {upstream.explain(outcome)}") from outcome
        return outcome

    def _outcome(self, method: str, url: httpx2.URL, **body: Any) -> httpx2.Response | httpx2.HTTPError:
        try:
            return self._client.request(method, url, **body)
        except httpx2.HTTPError as error:
            return error
