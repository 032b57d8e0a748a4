"""LlamaIndex's retriever: one node for each page that something was kept of, best search result first."""

from collections.abc import Mapping
from typing import Any

try:
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
except ImportError as error:
    raise ImportError('secateurs.llamaindex needs LlamaIndex: pip install "secateurs[llamaindex]"') from error

from secateurs.answer import Answer, Page
from secateurs.client import Client

# What of its metadata stands before a node's text in a prompt; the rest is for the program.
_SHOWN = {"source", "title"}


class SecateursRetriever(BaseRetriever):
    """Searches the web, or what the service's provider has, for what answers a question.

    A node's text is what was kept of the page, as HTML unless `options` names another `format`; its `metadata` has
    `source`, `title`, `tokens`, `status` and what else the page says of itself.

    Args:
        url: the service's address; by default that in SECATEURS_URL.
        api_key: one of the service's keys; by default that in SECATEURS_API_KEY.
        max_results: pages to read, at most.
        max_tokens: budget of all pages together.
        options: other fields of `POST /v1/search`.
        timeout: seconds within which the service is to answer.
        callback_manager: LlamaIndex's own.
    """

    def __init__(  # noqa: PLR0913 - its parameters are its options
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        max_results: int = 10,
        max_tokens: int = 4096,
        options: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(callback_manager=callback_manager)
        self._client = Client(url, api_key, timeout)
        self._options = {"max_results": max_results, "max_tokens": max_tokens, **(options or {})}

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _nodes(self._client.search(query_bundle.query_str, **self._options))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _nodes(await self._client.asearch(query_bundle.query_str, **self._options))


def _nodes(answer: Answer) -> list[NodeWithScore]:
    return [NodeWithScore(node=_node(page), score=page.score) for page in answer.kept()]


def _node(page: Page) -> TextNode:
    metadata = page.metadata()
    hidden = sorted(metadata.keys() - _SHOWN)
    return TextNode(
        text=page.content,
        metadata=metadata,
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=hidden,
    )
