"""Several answers as one: reciprocal rank fusion, each page once, and failures told.

    score(page) = sum over the answers that have it of  1 / (K + rank)

Cormack, Clarke, Büttcher: "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods" (2009).
Engines' own scores are not comparable; ranks are.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any

from app.search.protocol import Found, Hit, ProviderBusy, SearchError
from app.search.same_page import page_key

# Of the paper; how much a first place counts against being found at all.
K = 60


def fuse(answers: Iterable[Sequence[Hit]], most: int) -> list[Hit]:
    """The best hits of all answers, each page once, as the answer says it that ranks it best.

    What that one doesn't say of a page (snippet, date, the page itself) is taken from the others.
    """
    scores: dict[str, float] = {}
    merged: dict[str, tuple[int, Hit]] = {}
    for answer in answers:
        ranked = {page_key(hit.url): hit for hit in reversed(answer)}
        for rank, key in enumerate(dict.fromkeys(page_key(hit.url) for hit in answer), 1):
            scores[key] = scores.get(key, 0.0) + 1 / (K + rank)
            merged[key] = _merged(merged.get(key), (rank, ranked[key]))
    best = sorted(merged, key=lambda key: (-scores[key], merged[key][0]))[:most]
    return [replace(merged[key][1], score=scores[key]) for key in best]


def _merged(one: tuple[int, Hit] | None, other: tuple[int, Hit]) -> tuple[int, Hit]:
    if one is None:
        return other
    (rank, hit), (_, rest) = (other, one) if other[0] < one[0] else (one, other)
    said = {name: getattr(hit, name) or getattr(rest, name) for name in ("title", "snippet", "published", "page")}
    return rank, replace(hit, **said)


async def outcome(search: Coroutine[Any, Any, Found]) -> Found | SearchError:
    """What became of a search."""
    try:
        return await search
    except SearchError as error:
        return error


def combine(outcomes: Sequence[Found | SearchError], most: int, name: str) -> Found:
    """What several searches found, and what failed of them. Raises SearchError if all of them did."""
    found = [one for one in outcomes if isinstance(one, Found)]
    failures = list(dict.fromkeys(str(one) for one in outcomes if isinstance(one, SearchError)))
    if not found:
        raise _all_failed(name, [one for one in outcomes if isinstance(one, SearchError)])
    notes = [note for one in found for note in one.degraded]
    notes += [f"without {failure}" for failure in failures]
    return Found(fuse((one.hits for one in found), most), tuple(dict.fromkeys(notes)))


async def side_by_side(searches: Sequence[Coroutine[Any, Any, Found]]) -> list[Found | SearchError]:
    """What became of each search; no task outlives the caller."""
    return await asyncio.gather(*map(outcome, searches))


def _all_failed(name: str, failures: Sequence[SearchError]) -> SearchError:
    told = list(dict.fromkeys(map(str, failures)))
    waits = [failure.retry_after for failure in failures if failure.retry_after is not None]
    kind = ProviderBusy if all(isinstance(failure, ProviderBusy) for failure in failures) else SearchError
    problem = "none of them answers: " + "; ".join(told) if len(told) > 1 else failures[0].problem
    return kind(name if len(told) > 1 else failures[0].provider, problem, min(waits, default=None))
