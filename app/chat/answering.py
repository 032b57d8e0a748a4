"""A chatbot's request: what to search for, the pages for it, and the chat model's answer with its citations."""

import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass, replace
from typing import Any

from app.admission import Places
from app.chat.citations import Citations
from app.chat.conversation import Message, is_task, query_of, text_of
from app.chat.prompt import instructions, template, with_pages
from app.chat.retrieved import Retrieved, retrieved
from app.clock import RETRIEVAL_SHARE, Clock, caller
from app.errors import ChatModelNotConfigured, ModelNotOffered
from app.messages import SearchRequest
from app.models.chat import ChatModel
from app.pipeline import Pipeline
from app.seam import in_thread
from pruning.observe import Event, stage

# The name that stands for whatever chat model the settings name.
OUR_MODEL = "secateurs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A conversation to continue.

    Attributes:
        messages: in OpenAI's format.
        model: as the client names it.
        search: what to look for it in, but for the question; None: nothing is to be looked for.
        parameters: everything else, which the chat model is told as it is.
    """

    messages: tuple[Message, ...]
    model: str
    search: SearchRequest | None
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Searching:
    """The search for this query begins."""

    query: str


# What is told of an answer while it comes: steps, then what was found, then OpenAI's chunks.
Told = Searching | Retrieved | dict[str, Any]


class Chat:
    """Answers conversations; one for the whole service."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Over a pipeline and its chat model. Raises InvalidInput where the prompt of the settings can't be read."""
        self._pipeline = pipeline
        self.settings = pipeline.settings
        self._instructions = instructions(self.settings.chat_prompt)

    def models(self) -> tuple[str, ...]:
        """What a request may name; nothing without a chat model."""
        if self._pipeline.parts.chat is None:
            return ()
        return tuple(dict.fromkeys((OUR_MODEL, *self.settings.chat_models)))

    def check(self, request: ChatRequest) -> None:
        """See that the request can be served at all. Raises ChatModelNotConfigured, ModelNotOffered."""
        self._chat_model()
        if request.model not in (*self.models(), self.settings.chat_model):
            raise ModelNotOffered(f"there is no model {request.model!r} here; these are: {', '.join(self.models())}")

    async def complete(self, request: ChatRequest) -> tuple[Retrieved, dict[str, Any]]:
        """What was found, and the whole answer in OpenAI's format.

        Raises whatever `Pipeline.search` and `ChatModel.complete` raise, ChatModelNotConfigured, ModelNotOffered, Busy.
        """
        self.check(request)
        found = Retrieved()
        with self._admitted(request):
            async with aclosing(self._retrieve(request)) as steps:
                async for step in steps:
                    found = step if isinstance(step, Retrieved) else found
            body = self._body(request, found)
            with stage(self._pipeline.observer, "chat"):
                completion = await self._chat_model().complete(body, min(self._deadline(), caller().begun))
        for choice in completion["choices"]:
            _cite(choice["message"], found)
        if not completion.get("usage"):
            said = " ".join(text_of(choice["message"]) for choice in completion["choices"])
            completion["usage"] = await self._usage(body["messages"], said)
        return found, completion

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Told, None]:
        """The same, as it comes; the same errors, also between two chunks, but for Busy: that comes first or never."""
        self.check(request)
        with self._admitted(request):
            async with aclosing(self._stream(request)) as steps:
                async for step in steps:
                    yield step

    def _admitted(self, request: ChatRequest) -> AbstractContextManager[Places]:
        """The request's place at the chat model, if there is also room for the search before it. Raises Busy."""
        later = self._pipeline.stages_of(request.search) if self._searches(request) and request.search else ()
        return self._pipeline.admission.admit(["chat"], later)

    @staticmethod
    def _searches(request: ChatRequest) -> bool:
        return request.search is not None and not is_task(request.messages)

    async def _stream(self, request: ChatRequest) -> AsyncGenerator[Told, None]:
        found = Retrieved()
        async with aclosing(self._retrieve(request)) as steps:
            async for step in steps:
                found = step if isinstance(step, Retrieved) else found
                yield step
        body = self._body(request, found)
        said: dict[Any, Citations] = {}
        counted = False
        chunks = self._chat_model().stream(body, min(self._deadline(), caller().whole))
        with stage(self._pipeline.observer, "chat"):
            async with aclosing(chunks):
                async for chunk in chunks:
                    counted = counted or bool(chunk.get("usage"))
                    for choice in chunk["choices"]:
                        _cite_chunk(choice, said.setdefault(choice.get("index"), Citations(found.sources)))
                    yield chunk
        if not counted and (body.get("stream_options") or {}).get("include_usage"):
            text = " ".join(citations.text for citations in said.values())
            yield {"choices": [], "usage": await self._usage(body["messages"], text)}

    async def _retrieve(self, request: ChatRequest) -> AsyncGenerator[Searching | Retrieved, None]:
        """The pages for the conversation; nothing is searched for where it is not wanted or asks for nothing."""
        query, observer = None, self._pipeline.observer
        found_by = Clock.now() + RETRIEVAL_SHARE * (caller().begun - Clock.now())
        if self._searches(request):
            until = min(Clock.now() + self.settings.search_seconds, found_by)
            with stage(observer, "query"):
                query = await query_of(request.messages, self._chat_model().ask, until)
        if query is None or request.search is None:
            yield Retrieved()
            return
        for note in query.degraded:
            observer(Event("query", "degraded", detail=note))
        yield Searching(query.text)
        seconds = min(self.settings.deadline_seconds, found_by - Clock.now())
        search = replace(request.search, query=query.text, deadline_ms=max(1, math.floor(1000 * seconds)))
        answer = await self._pipeline.search(search)
        yield retrieved(answer, tuple(f"query: {note}" for note in query.degraded))

    def _body(self, request: ChatRequest, found: Retrieved) -> dict[str, Any]:
        """What the chat model is asked."""
        messages: list[Any] = list(request.messages)
        if found.query is not None:
            instructions = self._instructions if found.html else template("nothing")
            messages = with_pages(messages, found.html, instructions)
        named = {} if request.model == OUR_MODEL else {"model": request.model}
        return {**request.parameters, **named, "messages": messages}

    async def _usage(self, messages: list[Message], said: str) -> dict[str, Any]:
        """What the answer cost, where the server doesn't say: the texts, as the service's own tokenizer counts them."""
        counter = await self._pipeline.parts.counter(None)
        asked = "\n".join(map(text_of, messages))
        prompt, completion = await in_thread(counter.count, asked), await in_thread(counter.count, said)
        counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        return {**counts, "counted_with": counter.name}

    def _chat_model(self) -> ChatModel:
        chat = self._pipeline.parts.chat
        if chat is None:
            raise ChatModelNotConfigured("no chat model is configured: set SECATEURS_CHAT_MODEL_URL")
        return chat

    def _deadline(self) -> float:
        return Clock.now() + self.settings.chat_seconds


def _cite(message: dict[str, Any], found: Retrieved) -> None:
    """Put the annotations of a whole message beside those that it has."""
    citations = Citations(found.sources)
    marks = [*citations.add(text_of(message)), *citations.rest()]
    if marks:
        message["annotations"] = [*(message.get("annotations") or ()), *marks]


def _cite_chunk(choice: dict[str, Any], citations: Citations) -> None:
    """Put the annotations of the marks that a chunk completes into it."""
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        choice["delta"] = delta = {}
    content = delta.get("content")
    marks = citations.add(content) if isinstance(content, str) else []
    if choice.get("finish_reason"):
        marks += citations.rest()
    if marks:
        delta["annotations"] = [*(delta.get("annotations") or ()), *marks]
