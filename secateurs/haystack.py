"""Haystack's component: one document for each page that something was kept of, best search result first."""

from typing import Any, Self

try:
    from haystack import Document, component, default_from_dict, default_to_dict
    from haystack.utils import Secret
except ImportError as error:
    raise ImportError('secateurs.haystack needs Haystack: pip install "secateurs[haystack]"') from error

from secateurs.answer import Answer
from secateurs.client import KEY_VARIABLE, Client

_KEY = Secret.from_env_var(KEY_VARIABLE, strict=False)


@component
class SecateursRetriever:
    """Searches the web, or what the service's provider has, for what answers a question; a Haystack `TextRetriever`.

    A document's `content` is what was kept of the page, as HTML unless `options` names another `format`; its `meta` has
    `source`, `title`, `tokens`, `status` and what else the page says of itself.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: Secret | None = _KEY,
        *,
        max_results: int = 10,
        max_tokens: int = 4096,
        options: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> None:
        """Make the component; nothing is asked yet.

        :param url: The service's address; by default that in SECATEURS_URL.
        :param api_key: One of the service's keys; by default that in SECATEURS_API_KEY, if any.
        :param max_results: Pages to read, at most.
        :param max_tokens: Budget of all pages together.
        :param options: Other fields of `POST /v1/search`.
        :param timeout: Seconds within which the service is to answer.
        """
        self.url = url
        self.api_key = api_key
        self.max_results = max_results
        self.max_tokens = max_tokens
        self.options = options or {}
        self.timeout = timeout
        self._client()

    @component.output_types(documents=list[Document], degraded=list[str])
    def run(self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None) -> dict[str, Any]:
        """Ask the service.

        :param query: The question.
        :param filters: None: a search knows no metadata; `options` has `include_domains`, `time_range` and others.
        :param top_k: Pages to read, instead of `max_results`.
        :returns: `documents`, and in `degraded` what fell short of them.
        """
        return _output(self._client().search(query, **self._asked(filters, top_k)))

    @component.output_types(documents=list[Document], degraded=list[str])
    async def run_async(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, Any]:
        """The same on an event loop."""
        return _output(await self._client().asearch(query, **self._asked(filters, top_k)))

    def to_dict(self) -> dict[str, Any]:
        """The component for a pipeline's file; its key must come from the environment."""
        return default_to_dict(
            self,
            url=self.url,
            api_key=self.api_key,
            max_results=self.max_results,
            max_tokens=self.max_tokens,
            options=self.options,
            timeout=self.timeout,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The component of a pipeline's file."""
        return default_from_dict(cls, data)

    def _client(self) -> Client:
        return Client(self.url, self.api_key.resolve_value() if self.api_key else None, self.timeout)

    def _asked(self, filters: dict[str, Any] | None, top_k: int | None) -> dict[str, Any]:
        """The fields of a request. Raises ValueError for filters."""
        if filters:
            raise ValueError("a search can't be filtered by metadata; set `options`, such as include_domains")
        pages = self.max_results if top_k is None else top_k
        return {"max_tokens": self.max_tokens, **self.options, "max_results": pages}


def _output(answer: Answer) -> dict[str, Any]:
    documents = [Document(content=page.content, meta=page.metadata(), score=page.score) for page in answer.kept()]
    return {"documents": documents, "degraded": list(answer.degraded)}
