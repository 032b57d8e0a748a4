"""Exa: POST /search with the key in x-api-key. It finds by meaning, and can deliver the pages' texts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from app.search.delivered import delivered_page
from app.search.engine import Offers, Request, Wire
from app.search.passages import snippet
from app.search.protocol import DAYS, Found, Hit, SearchQuery

# Enough for a snippet.
SNIPPET_CHARACTERS = 1_000


class _Result(Wire):
    url: str
    title: str | None = None
    text: str | None = None
    score: float | None = None
    publishedDate: str | None = None  # noqa: N815 - Exa's name


class _Answer(Wire):
    results: list[_Result]


class Exa:
    """Exa's search.

    With `pages`, hits carry their page's text.
    """

    name = "exa"
    offers = Offers(domains="options", time_range=True, safe_search=True)
    advice: Mapping[int, str] = {}

    def __init__(self, key: SecretStr, *, pages: bool = False) -> None:
        self._headers = {"x-api-key": key.get_secret_value()}
        self._pages = pages

    def request(self, query: SearchQuery) -> Request:
        """The query in Exa's fields."""
        text: Any = True if self._pages else {"maxCharacters": SNIPPET_CHARACTERS}
        body: dict[str, Any] = {
            "query": query.text,
            "numResults": query.max_results,
            "contents": {"text": text},
        }
        if query.include_domains:
            body["includeDomains"] = list(query.include_domains)
        if query.exclude_domains:
            body["excludeDomains"] = list(query.exclude_domains)
        if query.time_range:
            since = datetime.now(UTC) - timedelta(days=DAYS[query.time_range])
            body["startPublishedDate"] = since.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        if query.safe_search:
            body["moderation"] = query.safe_search != "off"
        return Request(method="POST", headers=self._headers, json=body)

    def read(self, answer: bytes, query: SearchQuery) -> Found:
        """The results, with the passage of each text that answers best."""
        rows = _Answer.model_validate_json(answer).results
        return Found([self._hit(row, query) for row in rows])

    def _hit(self, row: _Result, query: SearchQuery) -> Hit:
        return Hit(
            url=row.url,
            title=row.title,
            snippet=snippet(row.text or "", query.text),
            score=row.score,
            published=row.publishedDate,
            page=delivered_page(row.text, row.url, row.title) if self._pages else None,
        )
