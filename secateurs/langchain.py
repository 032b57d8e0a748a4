"""LangChain's retriever: one document for each page that something was kept of, best search result first."""

from typing import Any, Self

from pydantic import ConfigDict, Field, SecretStr, model_validator

try:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.utils import secret_from_env
except ImportError as error:
    raise ImportError('secateurs.langchain needs LangChain: pip install "secateurs[langchain]"') from error

from secateurs.answer import Answer
from secateurs.client import KEY_VARIABLE, Client


class SecateursRetriever(BaseRetriever):
    """Searches the web, or what the service's provider has, for what answers a question.

    A document's `page_content` is what was kept of the page, as HTML unless `options` names another `format`; its
    `metadata` has `source`, `title`, `tokens`, `score`, `status` and what else the page says of itself.
    """

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(None, description="The service's address; by default SECATEURS_URL.")
    api_key: SecretStr | None = Field(
        default_factory=secret_from_env(KEY_VARIABLE, default=None), description="One of the service's keys."
    )
    max_results: int = Field(10, description="Pages to read, at most.")
    max_tokens: int = Field(4096, description="Budget of all pages together, in tokens.")
    options: dict[str, Any] = Field(default_factory=dict, description="Other fields of `POST /v1/search`.")
    timeout: float | None = Field(None, description="Seconds within which the service is to answer.")

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        self._client()
        return self

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """It is, but for its key."""
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Where the key is found when the retriever is loaded again."""
        return {"api_key": KEY_VARIABLE}

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        return _documents(self._client().search(query, **self._asked(options)))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        return _documents(await self._client().asearch(query, **self._asked(options)))

    def _client(self) -> Client:
        """Made anew for each question: it costs nothing, and the fields may have been changed."""
        return Client(self.url, self.api_key.get_secret_value() if self.api_key else None, self.timeout)

    def _asked(self, options: dict[str, Any]) -> dict[str, Any]:
        """The fields of a request: those of the call count more than the retriever's own."""
        return {"max_results": self.max_results, "max_tokens": self.max_tokens, **self.options, **options}


def _documents(answer: Answer) -> list[Document]:
    scored = [(page, {} if page.score is None else {"score": page.score}) for page in answer.kept()]
    return [Document(page.content, metadata=page.metadata() | score) for page, score in scored]
