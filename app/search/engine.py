"""What a search engine behind HTTP is to us: what it offers, how it is asked, and how its answers are read.

An engine does no I/O; `app.search.over_http` sends what it makes. Before it is asked, a query is fitted to what it
offers, and whatever can't be fitted is said.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import httpx
from pydantic import BaseModel, ConfigDict

from app.search.domains import allows
from app.search.passages import cut
from app.search.protocol import Found, Hit, NotOffered, SearchQuery
from pruning.tokens import without_surrogates

# More of them make a query that no engine reads to its end.
MOST_SITES = 8
_DOMAIN = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class Offers:
    """What an engine has options for, and its limits.

    Attributes:
        domains: how it keeps to domains: by options of its own, or by `site:` in the query. What it finds is held
            against the query's domains in any case.
        paged: whether it gives later pages of results; of others, so much more is asked for and the beginning left out.
        results: hits of one answer, at most.
        characters: of a query, at most, and `words`; None: as many as there are.
    """

    domains: Literal["options", "operators", "none"] = "none"
    language: bool = False
    time_range: bool = False
    safe_search: bool = False
    paged: bool = False
    results: int = 100
    pages: int = 1_000
    characters: int = 2_000
    words: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to an engine, the address apart."""

    method: Literal["GET", "POST"]
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str | int] | None = None
    json: Mapping[str, Any] | None = None


class Engine(Protocol):
    """The wire format of one engine."""

    @property
    def name(self) -> str:
        """By which settings and requests call it."""
        ...

    @property
    def offers(self) -> Offers:
        """What it can be asked for."""
        ...

    @property
    def advice(self) -> Mapping[int, str]:
        """What to do about a status, where that is particular to this engine."""
        ...

    def request(self, query: SearchQuery) -> Request:
        """The query in its format."""
        ...

    def read(self, answer: bytes, query: SearchQuery) -> Found:
        """What it found. Raises pydantic.ValidationError, SearchError."""
        ...


class Wire(BaseModel):
    """The base of the answers' models: what we don't read is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A query as it is put to an engine, and what of it is lost in that."""

    query: SearchQuery
    degraded: tuple[str, ...]


def fit(name: str, offers: Offers, query: SearchQuery) -> Fitted:
    """Fit a query to what an engine offers. Raises NotOffered for a page of results that it doesn't give."""
    text, lost = _text(offers, query)
    notes = list(lost)
    domains = {side: tuple(_clean(getattr(query, side))) for side in ("include_domains", "exclude_domains")}
    changes: dict[str, Any] = {"text": text, **domains}
    for option in ("language", "time_range", "safe_search"):
        if getattr(query, option) is not None and not getattr(offers, option):
            changes[option] = None
            notes.append(f"{option} can't be asked for, so it was left out")
    if query.page > offers.pages:
        raise NotOffered(name, f"it gives {offers.pages} pages of results, not {query.page}")
    if not offers.paged:
        changes |= {"page": 1, "max_results": query.page * query.max_results}
        if query.page > 1 and changes["max_results"] > offers.results:
            raise NotOffered(name, f"it gives {offers.results} results at most, so page {query.page} is out of reach")
    if changes.get("max_results", query.max_results) > offers.results:
        changes["max_results"] = offers.results
        notes.append(f"it gives {offers.results} results at most")
    return Fitted(replace(query, **changes), tuple(f"{name}: {note}" for note in notes))


def select(offers: Offers, query: SearchQuery, hits: list[Hit]) -> list[Hit]:
    """Of all that an engine gave the hits that the query, as it was before it was fitted, asks for."""
    within = [hit for hit in hits if _is_web(hit.url) and allows(query, hit.url)]
    first = 0 if offers.paged else (query.page - 1) * query.max_results
    return within[first : first + query.max_results]


def _text(offers: Offers, query: SearchQuery) -> tuple[str, list[str]]:
    """The question with `site:` operators, within the engine's limits, and what is lost."""
    sites = _sites(query) if offers.domains == "operators" else ""
    lost = []
    if len(sites) > offers.characters // 2 or len(sites.split()) > 2 * MOST_SITES:
        sites = ""
        lost.append("there are more domains than fit into its query, so only what it found was held against them")
    words = without_surrogates(query.text).split()
    most_words = len(words) if offers.words is None else offers.words - len(sites.split())
    text = (cut(" ".join(words[:most_words]), offers.characters - len(sites) - 1) or [""])[0]
    if text != " ".join(words):
        limits = f"{offers.characters} characters" + (f" and {offers.words} words" if offers.words else "")
        lost.append(f"it reads {limits} of a question, so the end was left out")
    return f"{text} {sites}".strip(), lost


def _sites(query: SearchQuery) -> str:
    """The query's domains as operators.

    >>> _sites(SearchQuery("q", include_domains=("a.org", "B.org."), exclude_domains=("x.a.org",)))
    '(site:a.org OR site:b.org) -site:x.a.org'
    """
    wanted = " OR ".join(f"site:{domain}" for domain in _clean(query.include_domains))
    unwanted = " ".join(f"-site:{domain}" for domain in _clean(query.exclude_domains))
    grouped = f"({wanted})" if " " in wanted else wanted
    return f"{grouped} {unwanted}".strip()


def _clean(domains: tuple[str, ...]) -> Iterator[str]:
    bare = (domain.lower().strip(".") for domain in domains)
    return (domain for domain in bare if _DOMAIN.fullmatch(domain))


def _is_web(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in {"http", "https"} and bool(parsed.host)
