"""A causal language model behind any vLLM server, asked what comes next at each branching of a tree of block paths.

One `POST /v1/completions` asks about a whole tree: a prompt for each branching node, as token ids, of which the server
reads only the first and then what is new in the others (its prefix cache); one token is generated, and the
log-probabilities of all children are returned with it. Past the server's limits a tree takes several requests.
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from app.http_client import open_client
from app.models import path_requests, upstream
from app.models.asking import read_checkpoint
from app.models.path_requests import Request
from app.models.upstream import ModelUnavailable
from app.seam import in_thread
from pruning.errors import ModelError, reason
from pruning.generative import PathLogprobs
from pruning.model_tokenizer import ModelTokenizer
from pruning.prompt import Prompt

# The server closes a connection that has been idle for 5 s.
_KEEP_SECONDS = 4.0
_CONNECT_SECONDS = 5.0

# Is our tokenizer the server's? In any vocabulary this is several tokens.
_SAMPLE = "<html0><body><div12><p>Which one?"


@dataclass(frozen=True, slots=True)
class VllmOptions:
    """How a server is asked.

    Attributes:
        context_length: ids that the model reads at most; None, or more than the server can, is all that it can.
        concurrency: requests at a time, of all callers together.
        seconds: for all requests of one call together.
        failures: calls that fail in a row until the server is left alone.
        rest_seconds: for which it is then left alone.
    """

    context_length: int | None = None
    concurrency: int = 4
    seconds: float = 60.0
    failures: int = 3
    rest_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class _Served:
    """What `load` finds out."""

    name: str
    tokenizer: ModelTokenizer
    prompt: Prompt
    context_length: int


class VllmPathModel:
    """Scores paths by a model behind HTTP; one per service, used from one event loop, closed by `aclose`.

    It is a `PathReader` whose attributes may be read from any thread; before `load` has succeeded, all but the name
    raise a ModelError that says why it has not.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        tokenizer: str | Path | None = None,
        key: str | None = None,
        options: VllmOptions | None = None,
    ) -> None:
        """Name the server; nothing is sent yet.

        Args:
            url: of the server (`http://host:8000`, with or without `/v1`), or of the route itself.
            model: the model to ask for; without it, the first one that the server lists.
            tokenizer: the folder of the model's checkpoint or of its tokenizer.json, or its name on the Hugging Face
                hub; without it, the folder or name by which the server was started.
            key: sent as a bearer token.
            options: how the server is asked.

        Raises:
            InvalidInput: the address is none.
        """
        self.url = upstream.address(url, "/v1/completions")
        self._model = model
        self._tokenizer = tokenizer
        self._options = options or VllmOptions()
        self._asking = asyncio.Semaphore(self._options.concurrency)
        self._loading = asyncio.Lock()
        self._attempts = upstream.Attempts(
            self,
            seconds=self._options.seconds,
            failures=self._options.failures,
            rest_seconds=self._options.rest_seconds,
        )
        self._client = open_client(
            traced=True,
            headers=upstream.headers(key) | {"content-type": "application/json"},
            timeout=httpx2.Timeout(None, connect=_CONNECT_SECONDS),  # `_attempt` limits the whole
            limits=httpx2.Limits(keepalive_expiry=_KEEP_SECONDS),
        )
        self._served: _Served | None = None
        self._problem = ModelError(f"{self} has not been asked yet")

    @property
    def name(self) -> str:
        """The model's name; where none was given, the server's host until the server has been asked."""
        return self._served.name if self._served else self._model or self.url.host

    @property
    def tokenizer(self) -> ModelTokenizer:
        """See `PathReader`."""
        return self._known().tokenizer

    @property
    def prompt(self) -> Prompt:
        """See `PathReader`."""
        return self._known().prompt

    @property
    def context_length(self) -> int:
        """See `PathReader`."""
        return self._known().context_length

    @property
    def reader(self) -> "VllmPathModel":
        """What planning must know of the model: this."""
        return self

    async def load(self, *, deadline: float | None = None) -> None:
        """Ask what is served, read its tokenizer, and get a first answer; at once where that has been done.

        Args:
            deadline: a time of `time.monotonic()`.

        Raises:
            ModelError: as `logprobs`; there is no such model, its tokenizer can't be read, or it is another one.
        """
        if self._served is None:
            try:
                async with self._attempts.within(deadline):
                    await self._load()
            except ModelError as error:
                self._problem = error
                raise

    async def logprobs(self, need: PathLogprobs, *, deadline: float | None = None) -> list[np.ndarray]:
        """The log-probabilities of each node's children, float64, as `PathLogprobs` says.

        Args:
            need: what is asked; any number of prefixes, also none.
            deadline: a time of `time.monotonic()`; past it ModelError is raised instead.

        Raises:
            ModelError: the server is down, busy, too slow, refuses, or answers nonsense; or it did so again and again
                just before; or `load` has not succeeded.
        """
        name = self._known().name
        if not need.prefixes:
            return []
        async with self._attempts.within(deadline):
            return await self._logprobs(need, name)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def __str__(self) -> str:
        return f"the model server at {self.url.netloc.decode()}"

    def _known(self) -> _Served:
        if self._served is None:
            raise ModelError(str(self._problem))
        return self._served

    async def _load(self) -> None:
        async with self._loading:
            if self._served is not None:
                return
            name, root, longest = self._entry(await self._send("GET", upstream.beside(self.url, "/models")))
            wanted = str(self._tokenizer or root)
            tokenizer, prompt = await in_thread(read_checkpoint, wanted)
            sample = tokenizer.encode(_SAMPLE)
            if await self._their_ids(name, _SAMPLE) not in (sample, None):
                raise ModelError(
                    f"the tokenizer in {wanted} is not the one that {self} has for {name}: name its folder"
                )
            await self._logprobs(PathLogprobs((sample[0],), ((),), (tuple(sorted(set(sample))),)), name)
            longest = min(self._options.context_length or longest, longest)
            self._served = _Served(name, tokenizer, prompt, longest)

    def _entry(self, answer: httpx2.Response) -> tuple[str, str, int]:
        """The model's name, the folder or name that it was loaded from, and its context length."""
        try:
            listed = {str(entry["id"]): entry for entry in answer.json()["data"]}
            name = self._model or next(iter(listed))
            if name not in listed:
                raise ModelError(f"{self} has no model {name!r}, but {', '.join(listed)}")
            base = listed.get(listed[name].get("parent"), listed[name])  # an adapter is listed below its model
            return name, str(base.get("root") or name), int(base["max_model_len"])
        except (ValueError, LookupError, TypeError, AttributeError, StopIteration) as error:
            raise ModelUnavailable(f"{self} did not list its models as vLLM does: {reason(error)}") from error

    async def _their_ids(self, name: str, text: str) -> list[int] | None:
        """The server's own ids for a text: with another tokenizer, scores would be noise. None if it does not say."""
        body = json.dumps({"model": name, "prompt": text, "add_special_tokens": False})
        route = upstream.beside(upstream.beside(self.url, ""), "/tokenize")
        try:
            answer = await self._send("POST", route, content=body.encode())
            return [int(token) for token in answer.json()["tokens"]]
        except (ModelError, ValueError, LookupError, TypeError):
            return None

    async def _logprobs(self, need: PathLogprobs, name: str) -> list[np.ndarray]:
        requests = await in_thread(path_requests.split, need)
        try:
            async with asyncio.TaskGroup() as group:  # the first failure ends all that is still under way
                tasks = [group.create_task(self._ask(need, request, name)) for request in requests]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return path_requests.joined(need, requests, [task.result() for task in tasks])

    async def _ask(self, need: PathLogprobs, request: Request, name: str) -> list[np.ndarray]:
        async with self._asking:
            content = await in_thread(path_requests.body, need, request, name)
            answer = await self._send("POST", self.url, content=content)
        try:
            return await in_thread(path_requests.read, need, request, answer.content)
        except ValueError as error:
            raise ModelUnavailable(f"{self} answered with something else than asked for: {reason(error)}") from error

    async def _send(self, method: str, url: httpx2.URL, **body: Any) -> httpx2.Response:
        return upstream.answered(self, await upstream.send(self._client, method, url, **body))
