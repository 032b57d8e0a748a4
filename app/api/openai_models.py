"""The bodies of OpenAI's chat completions: what is ours to understand, with all else kept to be passed on."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.api.v1_models import Domain, Language, Name, TimeRange
from app.chat import OUR_MODEL, ChatRequest
from app.messages import SearchRequest
from app.settings import Settings

Budget = Annotated[int, Field(ge=1, le=1_000_000)]

# Ours, or an offer of a search that is made here anyhow: nothing of it is for the chat model.
_NOT_PASSED_ON = frozenset({"model", "messages", "stream", "secateurs", "context_tokens", "web_search_options"})


class OpenAIErrorObject(BaseModel):
    """An error as OpenAI's clients read it."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(BaseModel):
    """What went wrong."""

    error: OpenAIErrorObject


class Message(BaseModel):
    """One message; whatever else it has is passed on."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    role: str
    content: str | list[dict[str, Any]] | None = None


class Options(BaseModel):
    """What a request may say about the search: our own, so unknown names are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    retrieval: bool = Field(True, description="Whether anything is searched for.")
    context_tokens: Budget | None = Field(None, description="Budget of the pages in the prompt.")
    events: bool | None = Field(None, description="Whether the stream carries Open WebUI's events.")
    provider: Name | None = Field(None, description="Search provider.")
    max_results: int = Field(10, ge=1, le=50, description="Pages to read, at most.")
    include_domains: list[Domain] = Field([], description="Only pages of these.")
    exclude_domains: list[Domain] = Field([], description="No pages of these.")
    language: Language | None = Field(None, description="Of the pages.")
    time_range: TimeRange | None = Field(None, description="When they were published.")


class ChatBody(BaseModel):
    """A conversation to continue. What is not listed here is passed on to the chat model."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    model: str = Field(OUR_MODEL, max_length=200, description="One of `GET /v1/models`.")
    messages: list[Message] = Field(min_length=1)
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    context_tokens: Budget | None = Field(None, description="Budget of the pages in the prompt; ours.")
    secateurs: Options = Field(Options(), description="About the search; ours.")

    def request(self, settings: Settings) -> ChatRequest:
        """As the chat understands it."""
        passed = self.model_dump(exclude_unset=True, exclude=set(_NOT_PASSED_ON))
        if not self.stream:
            passed.pop("stream_options", None)
        return ChatRequest(
            messages=tuple(message.model_dump(exclude_unset=True) for message in self.messages),
            model=self.model,
            search=self._search(settings) if self.secateurs.retrieval else None,
            parameters=passed,
        )

    def _search(self, settings: Settings) -> SearchRequest:
        options = self.secateurs
        return SearchRequest(
            query="",  # the conversation says it
            max_tokens=options.context_tokens or self.context_tokens or settings.context_tokens,
            provider=options.provider,
            max_results=options.max_results,
            include_domains=tuple(options.include_domains),
            exclude_domains=tuple(options.exclude_domains),
            language=options.language,
            time_range=options.time_range,
        )


class ModelCard(BaseModel):
    """A model that a request may name."""

    id: str
    object: str
    created: int
    owned_by: str
    name: str = Field(description="As a person may be shown it; ours.")


class ModelList(BaseModel):
    """The models."""

    object: str
    data: list[ModelCard]


class Completion(BaseModel):
    """The chat model's answer as it gives it, with citations."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: str
    created: int
    model: str
    choices: list[dict[str, Any]]
    secateurs: dict[str, Any] = Field(description="What it was made from; ours.")
