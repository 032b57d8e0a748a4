"""Brave's search API: GET /res/v1/web/search with the key in X-Subscription-Token."""

import html
import re
from collections.abc import Mapping

from pydantic import SecretStr

from app.search.engine import Offers, Request, Wire
from app.search.protocol import Found, Hit, SearchQuery

_TAG = re.compile(r"</?[a-z]+>")
# The languages that Brave knows by other codes than all others.
_CODES = {"ja": "jp", "no": "nb", "pt": "pt-pt", "zh": "zh-hans"}
_REGIONAL = {("en", "GB"): "en-gb", ("pt", "BR"): "pt-br", ("zh", "TW"): "zh-hant", ("zh", "HK"): "zh-hant"}
_FRESHNESS = {"day": "pd", "week": "pw", "month": "pm", "year": "py"}


class _Result(Wire):
    url: str
    title: str | None = None
    description: str | None = None
    extra_snippets: tuple[str, ...] = ()
    page_age: str | None = None


class _Web(Wire):
    results: tuple[_Result, ...] = ()


class _Answer(Wire):
    type: str
    web: _Web | None = None


class Brave:
    """Brave Search."""

    name = "brave"
    offers = Offers(
        domains="operators",
        language=True,
        time_range=True,
        safe_search=True,
        paged=True,
        results=20,
        pages=10,
        characters=400,
        words=50,
    )
    advice: Mapping[int, str] = {422: "it refuses the key or an option: check SECATEURS_BRAVE_KEY"}

    def __init__(self, key: SecretStr) -> None:
        self._headers = {"x-subscription-token": key.get_secret_value()}

    def request(self, query: SearchQuery) -> Request:
        """The query in Brave's parameters."""
        params: dict[str, str | int] = {
            "q": query.text,
            "count": query.max_results,
            "offset": query.page - 1,
            "text_decorations": "false",
        }
        language, region = query.language_and_region()
        if language:
            params["search_lang"] = _REGIONAL.get((language, region or ""), _CODES.get(language, language))
        if query.time_range:
            params["freshness"] = _FRESHNESS[query.time_range]
        if query.safe_search:
            params["safesearch"] = query.safe_search
        return Request(method="GET", headers=self._headers, params=params)

    def read(self, answer: bytes, query: SearchQuery) -> Found:
        """The web results. Without any, the answer has no part `web`."""
        web = _Answer.model_validate_json(answer).web or _Web()
        return Found([_hit(result) for result in web.results])


def _hit(result: _Result) -> Hit:
    snippets = filter(None, (result.description, *result.extra_snippets))
    return Hit(
        url=result.url,
        title=_plain(result.title) if result.title else None,
        snippet=" … ".join(map(_plain, snippets)) or None,
        published=result.page_age,
    )


def _plain(text: str) -> str:
    """Brave's texts are HTML."""
    return html.unescape(_TAG.sub("", text))
