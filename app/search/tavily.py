"""Tavily: POST /search with the key as a bearer token. It can deliver the pages' texts."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from app.search.delivered import delivered_page
from app.search.engine import Offers, Request, Wire
from app.search.protocol import Found, Hit, SearchQuery


class _Result(Wire):
    url: str
    title: str | None = None
    content: str | None = None
    raw_content: str | None = None
    score: float | None = None
    published_date: str | None = None


class _Answer(Wire):
    results: list[_Result]


class Tavily:
    """Tavily's search.

    With `pages`, hits carry their page's text.
    """

    name = "tavily"
    offers = Offers(domains="options", time_range=True, results=20, characters=400)
    advice: Mapping[int, str] = {
        432: "the key's or the plan's quota is used up",
        433: "the limit that was set for paying as you go is reached",
    }

    def __init__(self, key: SecretStr, *, pages: bool = False) -> None:
        self._headers = {"authorization": f"Bearer {key.get_secret_value()}"}
        self._pages = pages

    def request(self, query: SearchQuery) -> Request:
        """The query in Tavily's fields."""
        body: dict[str, Any] = {
            "query": query.text,
            "max_results": query.max_results,
            "include_domains": list(query.include_domains),
            "exclude_domains": list(query.exclude_domains),
            "include_raw_content": "text" if self._pages else False,
        }
        if query.time_range:
            body["time_range"] = query.time_range
        return Request(method="POST", headers=self._headers, json=body)

    def read(self, answer: bytes, query: SearchQuery) -> Found:
        """The results; `content` is the part of a page that answers best."""
        rows = _Answer.model_validate_json(answer).results
        return Found([self._hit(row) for row in rows])

    def _hit(self, row: _Result) -> Hit:
        return Hit(
            url=row.url,
            title=row.title,
            snippet=row.content or None,
            score=row.score,
            published=row.published_date,
            page=delivered_page(row.raw_content, row.url, row.title) if self._pages else None,
        )
