"""DuckDuckGo, which has no API, by the library ddgs, which reads its pages."""

import asyncio
import importlib
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.search.engine import Offers, fit, select
from app.search.over_http import SECONDS, turn
from app.search.pace import Pace
from app.search.protocol import Found, Hit, ProviderBusy, SearchError, SearchQuery
from pruning.errors import SAID, MissingExtra, reason

NAME = "ddgs"
ADDRESS = "https://html.duckduckgo.com/html/"
# Its pages have some ten results.
OFFERS = Offers(domains="operators", language=True, time_range=True, paged=True, characters=500)
# It answers whoever asks too often, or looks like a program, with a puzzle and this status.
_PUZZLE = 202
_REST_SECONDS = 60.0
_NO_RESULTS = re.compile(r"No\s+results")
_EVERYWHERE = "wt-wt"


class DuckDuckGo:
    """DuckDuckGo's results without a key."""

    name = NAME

    def __init__(self, *, rate: float | None = None, url: str = ADDRESS) -> None:
        """Load the library. Raises MissingExtra."""
        self._pace = Pace(rate)
        self._engine = _engine(url)
        # The library waits for answers in threads. Not in those of `app.seam`: pages are read there.
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix=NAME)

    async def search(self, query: SearchQuery, *, deadline: float | None = None) -> Found:
        """See `SearchProvider`. Raises SearchError, ProviderBusy."""
        fitted = fit(NAME, OFFERS, query)
        loop = asyncio.get_running_loop()
        until = loop.time() + SECONDS if deadline is None else deadline
        await turn(NAME, self._pace, until)
        try:
            async with asyncio.timeout_at(until):
                hits = await loop.run_in_executor(self._threads, self._ask, fitted.query)
        except TimeoutError:
            raise SearchError(NAME, "no answer in the time that a search may take") from None
        except ProviderBusy:
            self._pace.rest(loop.time() + _REST_SECONDS)
            raise
        return Found(select(OFFERS, query, hits), (*fitted.degraded, *_lost(query)))

    async def aclose(self) -> None:
        """Let go of the threads; a request that nobody waits for any more ends by its own time limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, query: SearchQuery) -> list[Hit]:
        options = {"region": _region(query), "timelimit": query.time_range[0] if query.time_range else None}
        try:
            rows = self._engine.search(query.text, page=query.page, **options)
        except SearchError:
            raise
        except Exception as error:  # each layer of the library has its own
            raise SearchError(NAME, f"the library ddgs fails{SAID}{reason(error)}") from error
        if rows is None:
            raise SearchError(NAME, "DuckDuckGo's page is empty")
        return [Hit(url=row.href, title=row.title or None, snippet=row.body or None) for row in rows]


def _engine(url: str) -> Any:
    """The library's own engine, made to tell an answer without results from none."""
    try:
        base = importlib.import_module("ddgs.engines.duckduckgo").Duckduckgo
    except ImportError as error:
        raise MissingExtra('DuckDuckGo needs the package ddgs: pip install "secateurs[ddgs]"') from error

    class Engine(base):  # type: ignore[misc,valid-type]
        search_url = url

        def request(self, *arguments: Any, **options: Any) -> str:
            answer = self.http_client.request(*arguments, **options)
            if answer.status_code == _PUZZLE or answer.status_code == 429:
                raise ProviderBusy(NAME, "DuckDuckGo takes us for a bot or is asked too often", _REST_SECONDS)
            if answer.status_code != 200:
                raise SearchError(NAME, f"DuckDuckGo answers with status {answer.status_code}")
            return str(answer.text)

        def extract_results(self, html_text: str) -> list[Any]:
            rows = super().extract_results(html_text)
            if not rows and not _NO_RESULTS.search(html_text):
                raise SearchError(NAME, "DuckDuckGo's page can't be read: a newer release of ddgs may know it")
            return list(rows)

    return Engine(timeout=int(SECONDS))


def _region(query: SearchQuery) -> str:
    """DuckDuckGo has no languages, but regions, such as "br-pt"."""
    language, region = query.language_and_region()
    return f"{region}-{language}".lower() if region else _EVERYWHERE


def _lost(query: SearchQuery) -> tuple[str, ...]:
    if query.language and _region(query) == _EVERYWHERE:
        return (f"{NAME}: a language without a region can't be asked for (en-US can), so it was left out",)
    return ()
