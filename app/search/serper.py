"""Serper, which sells Google's results: POST /search with the key in X-API-KEY."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from app.search.engine import Offers, Request, Wire
from app.search.protocol import Found, Hit, SearchQuery


class _Result(Wire):
    link: str
    title: str | None = None
    snippet: str | None = None
    date: str | None = None


class _Answer(Wire):
    organic: list[_Result]


class Serper:
    """Google by way of Serper."""

    name = "serper"
    offers = Offers(domains="operators", language=True, time_range=True, paged=True)
    advice: Mapping[int, str] = {400: "it refuses the query, or the account has no credit left"}

    def __init__(self, key: SecretStr) -> None:
        self._headers = {"x-api-key": key.get_secret_value()}

    def request(self, query: SearchQuery) -> Request:
        """The query in Google's parameters, as Serper takes them."""
        body: dict[str, Any] = {"q": query.text, "num": query.max_results, "page": query.page}
        language, region = query.language_and_region()
        if language:
            body["hl"] = f"{language}-{region}".lower() if region else language
        if region:
            body["gl"] = region.lower()
        if query.time_range:
            body["tbs"] = f"qdr:{query.time_range[0]}"
        return Request(method="POST", headers=self._headers, json=body)

    def read(self, answer: bytes, query: SearchQuery) -> Found:
        """The organic results."""
        rows = _Answer.model_validate_json(answer).organic
        return Found([Hit(url=row.link, title=row.title, snippet=row.snippet, published=row.date) for row in rows])
