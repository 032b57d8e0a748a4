"""What every attack is held to: the whole method, from a page to a result, with scores that need no model."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from pruning import Limits, Options, Page, Pruned, SecateursError, TokenCounter, clean_page, prune
from tests.pruning import oracle

MAX_TOKENS = 1000
_FORBIDDEN = re.compile(
    r"<\s*(?:script|style|iframe|object|embed|template|noscript|link|meta|base|svg)\b", re.IGNORECASE
)


class Overlap:
    """Scores a passage by the question's words that it holds: a stand-in for a model that always answers the same."""

    name = "overlap"

    def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """float32 (n,): the share of the question's words that each passage holds."""
        wanted = set(question.casefold().split())
        shares = [len(wanted.intersection(passage.casefold().split())) / len(wanted) for passage in passages]
        return np.array(shares, np.float32)


@cache
def counter() -> TokenCounter:
    """Tekken, loaded once."""
    return TokenCounter.load()


def pruned(page: Page | str | bytes, question: str, **options: object) -> Pruned:
    """The page pruned (to `MAX_TOKENS` if not told otherwise), the budget counted again, and nothing harmful in it."""
    asked = replace(Options(max_tokens=MAX_TOKENS), **options)  # type: ignore[arg-type]
    result = prune([page], question, embedder=Overlap(), counter=counter(), options=asked)
    assert counter().count(result.content) == result.tokens <= asked.max_tokens
    assert () == result.degraded
    if asked.format == "html":
        assert_harmless(result.content)
    return result


def assert_harmless(html: str) -> None:
    """No element runs, loads or hides anything; no attribute does either."""
    assert _FORBIDDEN.search(html) is None
    for element in oracle.parsed_as_html5(html).iter():
        assert element.tag not in {"script", "style", "context", "source"}
        assert not any(name.startswith(("on", "style", "src", "srcdoc")) for name in element.attrib)
        assert re.match(r"\s*(?:javascript|data|vbscript)\s*:", element.attrib.get("href", ""), re.IGNORECASE) is None


def words_of(html: str) -> list[str]:
    """The words of a result, without a parser: it is far too large for those that tests trust."""
    text = re.sub(r"<[^>]*>", " ", html.replace("<!DOCTYPE html>", ""))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").split()


def result_or_error(page: Page, limits: Limits | None = None) -> str | None:
    """The cleaned page; None where one of our own errors came out, in one line."""
    try:
        return clean_page(page, limits).content
    except SecateursError as caught:
        error = caught
    assert re.fullmatch(".+", str(error))
    return None
