"""What is wrong with a request, told in plain words, whichever wire format it is in."""

import doctest
from typing import Any

import httpx
import pytest

from app import wording

BLANK = "must be text that is not blank, without NUL characters"
ADDRESS = "must be an address that begins with http:// or https:// and a host"
WORDS: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/search", {}, "#/query: is missing"),
    ("/v1/search", {"query": 7}, "#/query: must be a string"),
    ("/v1/search", {"query": " \t"}, f"#/query: {BLANK}"),
    ("/v1/search", {"query": "q" * 4001}, "#/query: must have at most 4000 characters"),
    ("/v1/search", {"query": "q", "max_tokens": 0}, "#/max_tokens: must be at least 1"),
    ("/v1/search", {"query": "q", "max_tokens": 10**9}, "#/max_tokens: must be at most 1000000"),
    ("/v1/search", {"query": "q", "max_tokens": 1.5}, "#/max_tokens: must be a whole number"),
    ("/v1/search", {"query": "q", "max_token": 5}, "#/max_token: there is no such field; did you mean `max_tokens`?"),
    ("/v1/search", {"query": "q", "colour": 5}, "#/colour: there is no such field"),
    ("/v1/search", {"query": "q", "steps": []}, '#/steps: must be ["embed"] or ["embed", "generate"]'),
    ("/v1/search", {"query": "q", "steps": ["prune"]}, '#/steps/0: must be "embed" or "generate"'),
    ("/v1/search", {"query": "q", "format": "pdf"}, '#/format: must be "html", "markdown" or "text"'),
    ("/v1/search", {"query": "q", "links": "yes"}, "#/links: must be true or false"),
    (
        "/v1/search",
        {"query": "q", "language": "klingon"},
        "#/language: must be a language's code, such as `en` or `pt-BR`",
    ),
    ("/v1/search", {"query": "q", "time_range": "ever"}, '#/time_range: must be "day", "week", "month" or "year"'),
    (
        "/v1/search",
        {"query": "q", "include_domains": ["https://a.org/"]},
        "#/include_domains/0: must be a host's name, such as `example.org`, without a scheme, port or path",
    ),
    ("/v1/prune", {"query": "q"}, "#: must have either `pages` or `urls`"),
    ("/v1/prune", {"query": "q", "pages": []}, "#/pages: must have at least one item"),
    ("/v1/prune", {"query": "q", "pages": ["<p>"]}, "#/pages/0: must be a JSON object"),
    ("/v1/prune", {"query": "q", "pages": [{"html": 1}]}, "#/pages/0/html: must be a string"),
    ("/v1/prune", {"query": "q", "urls": ["ftp://a.org/"]}, f"#/urls/0: {ADDRESS}"),
    ("/v1/clean", {"html": "", "url": "a\0"}, "#/url: must hold no NUL character"),
    ("/v1/chat/completions", {"messages": []}, "#/messages: must have at least one item"),
    ("/v1/chat/completions", {"messages": [{}]}, "#/messages/0/role: is missing"),
    (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": 1}]},
        "#/messages/0/content: must be a string or a list",
    ),
    (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": ["a"]}]},
        "#/messages/0/content/0: must be a JSON object",
    ),
    (
        "/v1/chat/completions",
        {"messages": [{"role": "user"}], "secateurs": {"time_range": "ever"}},
        '#/secateurs/time_range: must be "day", "week", "month" or "year"',
    ),
    (
        "/v1/chat/completions",
        {"messages": [{"role": "user"}], "secateurs": {"retrival": False}},
        "#/secateurs/retrival: there is no such field; did you mean `retrieval`?",
    ),
    ("/tavily/search", {"query": "q", "max_results": 21}, "#/max_results: must be at most 20"),
    ("/tavily/search", {"query": "q", "time_range": []}, '#/time_range: must be "day", "week", "month" or "year"'),
    (
        "/tavily/search",
        {"query": "q", "include_raw_content": 0},
        '#/include_raw_content: must be true or false or "markdown" or "text"',
    ),
    ("/tavily/extract", {"urls": 1}, "#/urls: must be a string or a list"),
    ("/tavily/extract", {"urls": "a.org"}, f"#/urls: {ADDRESS}"),
    ("/tavily/extract", {"urls": ["https://a.org/", "a.org"]}, f"#/urls/1: {ADDRESS}"),
    ("/open-webui/search", {"query": "q", "count": 0}, "#/count: must be at least 1"),
    ("/open-webui/load", {"urls": []}, "#/urls: must have at least one item"),
    ("/r/", {"url": ""}, f"#/url: {ADDRESS}"),
    ("/r/", {"url": "a.org", "timeout": 500}, "#/timeout: must be at most 180"),
    ("/r/", {"url": "a.org", "targetSelector": 1}, "#/targetSelector: must be a CSS selector, or a list of them"),
    ("/r/", {"url": "a.org", "target_selector": [""]}, "#/target_selector/0: must have at least one character"),
    ("/r/", {"url": "a.org", "withLinksSummary": []}, '#/withLinksSummary: must be true or false or "all"'),
    ("/s/", {"q": ""}, f"#/q: {BLANK}"),
    (
        "/v2/scrape",
        {"url": "a.org", "formats": ["pdf"]},
        "#/formats/0: must be one of markdown, html, rawHtml, links, highlights",
    ),
    (
        "/v2/scrape",
        {"url": "a.org", "formats": [{"type": "highlights"}]},
        "#/formats/0: the format `highlights` needs a `query`",
    ),
    ("/v2/scrape", {"url": "a.org", "formats": [1]}, "#/formats/0: must be a name, or a JSON object with a `type`"),
    ("/v2/search", {"query": "q", "tbs": "ever"}, "#/tbs: must be one of qdr:d, qdr:w, qdr:m, qdr:y"),
]


@pytest.mark.parametrize(("path", "body", "told"), WORDS)
def test_a_wrong_value_is_told_in_plain_words(plain: httpx.Client, path: str, body: dict[str, Any], told: str) -> None:
    """Where it stands in the body, what is wrong, and what is allowed."""
    answer = plain.post(path, json=body)
    assert answer.status_code in (400, 422)
    assert told == message(answer)


def message(answer: httpx.Response) -> str:
    """What a wire format tells of an error."""
    if not answer.headers["content-type"].endswith("json"):
        return answer.text.partition(": ")[2].strip()  # Jina's, behind its name
    told = answer.json()
    found = told.get("error") or told["detail"]
    return str(found.get("message") or found["error"]) if isinstance(found, dict) else str(found)


def test_its_examples() -> None:
    """The examples in its docstrings hold."""
    assert 0 == doctest.testmod(wording).failed
