"""A chat model behind any OpenAI-compatible `/v1/chat/completions`: vLLM, Ollama, llama.cpp, OpenAI …"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from typing import Any

import httpx2

from app.breaker import Breaker
from app.http_answers import message, retry_after
from app.http_client import open_client
from app.models import upstream
from pruning.errors import SAID, ModelError
from pruning.observe import Observer, asking, unobserved

# Without a deadline of the caller's.
SECONDS = 60.0
_CONNECT_SECONDS = 10.0
# A server that has not answered in so many is taken for one that hangs.
_PATIENT_SECONDS = 10.0
# What comes behind the end of a stream is read so long, so that the connection can be used again.
_DRAIN_SECONDS = 0.2
# Of these it is the request that is wrong: what it asks for, or how long it is.
_REFUSED = frozenset({400, 413, 422})
_BUSY = 429
# Servers may list hundreds of models.
_MOST_NAMED = 10


class ChatRefused(ModelError):
    """The server finds the request wrong; `said` is what it says, as OpenAI's error object."""

    def __init__(self, message: str, said: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.said = said


class ChatBusy(ModelError):
    """The server takes no more requests for now; `retry_after` is in seconds, where it says so."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ChatMisconfigured(ModelError):
    """The server wants another key, address or model than it is given; nobody who asks us can mend that."""


class ChatTimeout(ModelError):
    """The answer was not there in time."""


class ChatHangs(ChatTimeout, upstream.ModelUnavailable):
    """The answer was not there in a time that would do for any; who is in a hurry learns nothing about the server."""


class ChatModel:
    """One chat model; used from one event loop, closed by `aclose`."""

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        key: str | None = None,
        rest_seconds: float = 10.0,
        observer: Observer = unobserved,
    ) -> None:
        """Name the server; nothing is sent yet.

        Args:
            url: of the route itself, of the server, or one that ends in `/v1`.
            model: the model to ask for; without it, the first one that the server lists.
            key: sent as a bearer token.
            rest_seconds: for which a server that has failed again and again is left alone.
            observer: is told of each question.

        Raises:
            InvalidInput: the address is none.
        """
        self.url = upstream.address(url, "/v1/chat/completions")
        self._model = model
        self._observer = observer
        self._breaker = Breaker(ModelError, seconds=rest_seconds)
        # As many as there are answers under way: what bounds those is not this client's business.
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
        self._client = open_client(traced=True, headers=upstream.headers(key), timeout=SECONDS, limits=limits)

    async def ask(self, messages: Sequence[Mapping[str, str]], deadline: float | None) -> str:
        """What the model says to these messages, before that moment on the event loop's clock.

        Raises:
            ModelError: the server is down, busy, too slow, refuses, or answers nonsense.
        """
        with asking(self._observer, "chat_model"), self._breaker.attempt(), self._in_time(deadline):
            async with asyncio.timeout_at(deadline):
                return await self._ask(messages)

    async def check(self) -> None:
        """Ask for the list of its models, which costs nothing.

        Raises:
            ModelError: the server is down, refuses the key, or has no such model.
        """
        outcome = await upstream.send(self._client, "GET", self._models_url())
        if isinstance(outcome, httpx2.Response) and outcome.status_code in (401, 403):
            raise self._failure(outcome)
        if isinstance(outcome, httpx2.Response) and not outcome.is_server_error:
            listed = upstream.model_names(outcome)  # some servers have no list
        else:
            listed = upstream.model_names(upstream.answered(self, outcome))
        if self._model and listed and self._model not in listed:
            raise ModelError(f"{self} has no model {self._model!r}, but {', '.join(listed[:_MOST_NAMED])}")

    async def complete(self, body: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        """The answer to a request in OpenAI's format, whole, as the server gives it.

        Raises:
            ChatRefused, ChatBusy, ChatMisconfigured, ChatTimeout, ModelError.
        """
        with asking(self._observer, "chat_model"), self._breaker.attempt(), self._in_time(deadline):
            try:
                async with asyncio.timeout_at(deadline):
                    response = await self._open(body, stream=False)
                    try:
                        return self._completion(await response.aread())
                    finally:
                        await response.aclose()
            except httpx2.HTTPError as error:
                raise upstream.ModelUnavailable(f"{self} broke off: {upstream.explain(error)}") from error

    async def stream(self, body: Mapping[str, Any], deadline: float) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of an answer as they come. Closing the iterator ends the request.

        Raises:
            ChatRefused, ChatBusy, ChatMisconfigured, ChatTimeout, ModelError: before the first chunk or between two.
        """
        with asking(self._observer, "chat_model"):
            async with aclosing(self._stream(body, deadline)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _stream(self, body: Mapping[str, Any], deadline: float) -> AsyncGenerator[dict[str, Any], None]:
        # Only until the answer begins: a long one holds up nobody's attempt.
        with self._breaker.attempt(), self._in_time(deadline):
            async with asyncio.timeout_at(deadline):
                response = await self._open(body, stream=True)
        try:
            async with aclosing(_data(response)) as lines, aclosing(self._chunks(lines, deadline)) as chunks:
                async for chunk in chunks:
                    yield chunk
                with suppress(TimeoutError, httpx2.HTTPError):
                    async with asyncio.timeout(_DRAIN_SECONDS):
                        await anext(lines, None)
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def __str__(self) -> str:
        return f"the chat model at {self.url.netloc.decode()}"

    @contextmanager
    def _in_time(self, deadline: float | None) -> Iterator[None]:
        """Raises ChatTimeout where what is within raises TimeoutError."""
        patient = deadline is None or deadline - asyncio.get_running_loop().time() >= _PATIENT_SECONDS
        try:
            yield
        except TimeoutError:
            raise (ChatHangs if patient else ChatTimeout)(f"{self} did not answer in time") from None

    async def _ask(self, messages: Sequence[Mapping[str, str]]) -> str:
        body = await self._named({"messages": list(messages)})
        answer = await self._send("POST", self.url, json=body)
        try:
            return str(answer.json()["choices"][0]["message"]["content"] or "")
        except (ValueError, LookupError, TypeError, RecursionError):
            raise upstream.ModelUnavailable(f"{self} answered with something else than a message") from None

    async def _named(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body with the model's name, unless it has one or the server names none."""
        if self._model is None and not body.get("model"):
            listed = await self._send("GET", self._models_url())
            self._model = upstream.first_model(listed)
        return ({"model": self._model} if self._model else {}) | dict(body)

    def _models_url(self) -> httpx2.URL:
        return upstream.beside(upstream.beside(self.url, ""), "/models")

    async def _send(self, method: str, url: httpx2.URL, **body: Any) -> httpx2.Response:
        return upstream.answered(self, await upstream.send(self._client, method, url, **body))

    async def _open(self, body: Mapping[str, Any], *, stream: bool) -> httpx2.Response:
        """A good answer of which only the head is read."""
        # ASCII: what a user writes may hold lone surrogates, which UTF-8 can't encode.
        content = json.dumps(await self._named(body) | {"stream": stream}).encode()
        outcome = await self._begun(content)
        if isinstance(outcome, httpx2.HTTPError) and upstream.pause(outcome) is not None:  # an idle connection, dropped
            outcome = await self._begun(content)
        if isinstance(outcome, httpx2.HTTPError):
            raise upstream.ModelUnavailable(f"{self} {upstream.explain(outcome)}") from outcome
        if not outcome.is_success:
            try:
                await outcome.aread()
            finally:
                await outcome.aclose()
            raise self._failure(outcome)
        return outcome

    async def _begun(self, content: bytes) -> httpx2.Response | httpx2.HTTPError:
        headers = {"content-type": "application/json"}
        timeout = httpx2.Timeout(None, connect=_CONNECT_SECONDS)
        request = self._client.build_request("POST", self.url, content=content, headers=headers, timeout=timeout)
        try:
            return await self._client.send(request, stream=True)
        except httpx2.HTTPError as error:
            return error

    def _failure(self, response: httpx2.Response) -> ModelError:
        """What a bad status means."""
        told = f"{self} {upstream.explain(response)}"
        if response.status_code == _BUSY:
            return ChatBusy(told, retry_after(response.headers.get("retry-after")))
        if response.status_code in _REFUSED:
            return ChatRefused(told, _error_object(response.content))
        if response.is_server_error:
            return upstream.ModelUnavailable(told)
        advice = "; check SECATEURS_CHAT_MODEL_URL, SECATEURS_CHAT_MODEL and SECATEURS_CHAT_MODEL_KEY"
        return ChatMisconfigured(f"{self} {upstream.explain(response, advice)}")

    def _completion(self, content: bytes) -> dict[str, Any]:
        read = self._object(content)
        choices = read.get("choices")
        if not isinstance(choices, list) or not all(isinstance(_inner(choice, "message"), dict) for choice in choices):
            raise upstream.ModelUnavailable(f"{self} answered with something else than a message")
        return read

    async def _chunks(self, lines: AsyncIterator[bytes], deadline: float) -> AsyncGenerator[dict[str, Any], None]:
        """Each chunk, up to the end that the server declares. Raises ModelUnavailable where it breaks off before."""
        finished = False
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    line = await anext(lines, None)
            except TimeoutError:
                raise ChatTimeout(f"{self} did not end its answer in time") from None
            except httpx2.HTTPError as error:
                if finished:
                    return
                raise upstream.ModelUnavailable(f"{self} broke off: {upstream.explain(error)}") from error
            if line == b"[DONE]" or (line is None and finished):
                return
            if line is None:
                raise upstream.ModelUnavailable(f"{self} broke off in the middle of its answer")
            chunk = self._chunk(line)
            finished = finished or any(choice.get("finish_reason") for choice in chunk["choices"])
            yield chunk

    def _chunk(self, line: bytes) -> dict[str, Any]:
        read = self._object(line)
        if read.get("error"):
            said = _error_object(line)["message"]
            raise upstream.ModelUnavailable(f"{self} failed in the middle of its answer{SAID}{said}")
        read["choices"] = read.get("choices") or []  # some servers send null with the usage
        if not isinstance(read["choices"], list) or not all(isinstance(choice, dict) for choice in read["choices"]):
            raise upstream.ModelUnavailable(f"{self} sent something else than a chunk of its answer")
        return read

    def _object(self, content: bytes) -> dict[str, Any]:
        try:
            read = json.loads(content)
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            raise upstream.ModelUnavailable(f"{self} sent something else than JSON objects")
        return read


async def _data(response: httpx2.Response) -> AsyncGenerator[bytes, None]:
    """The `data` lines of server-sent events. The client's own lines also end at characters that JSON may hold."""
    rest = b""
    async for part in response.aiter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
    if rest.startswith(b"data:"):
        yield rest[5:].strip()


def _error_object(content: bytes) -> dict[str, Any]:
    """OpenAI's error object of a body; servers with forms of their own have a message at least."""
    try:
        error = _inner(json.loads(content), "error")
    except (ValueError, RecursionError):
        error = None
    said = {name: error.get(name) for name in ("type", "param", "code")} if isinstance(error, dict) else {}
    return {"message": message(content)} | said


def _inner(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
