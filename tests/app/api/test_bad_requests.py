"""Bad requests to our own routes: a 4xx problem that says what is wrong and where."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

JSON = {"Content-Type": "application/json"}
PAGES = [{"html": "<p>x"}]


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/search", {}, "#/query"),
        ("/v1/search", {"query": ""}, "#/query"),
        ("/v1/search", {"query": " \n\t\u3000"}, "#/query"),
        ("/v1/search", {"query": "a\0b"}, "#/query"),
        ("/v1/search", {"query": 7}, "#/query"),
        ("/v1/search", {"query": None}, "#/query"),
        ("/v1/search", {"query": "q" * 4_001}, "#/query"),
        ("/v1/search", {"query": "q", "max_tokens": 0}, "#/max_tokens"),
        ("/v1/search", {"query": "q", "max_tokens": -1}, "#/max_tokens"),
        ("/v1/search", {"query": "q", "max_tokens": 10**50}, "#/max_tokens"),
        ("/v1/search", {"query": "q", "max_tokens": "4096"}, "#/max_tokens"),
        ("/v1/search", {"query": "q", "max_tokens": 1.5}, "#/max_tokens"),
        ("/v1/search", {"query": "q", "max_tokens": True}, "#/max_tokens"),
        ("/v1/search", {"query": "q", "max_results": 0}, "#/max_results"),
        ("/v1/search", {"query": "q", "deadline_ms": 0}, "#/deadline_ms"),
        ("/v1/search", {"query": "q", "deadline_ms": 0.5}, "#/deadline_ms"),
        ("/v1/prune", {"query": "q", "pages": PAGES, "deadline_ms": -1}, "#/deadline_ms"),
        ("/v1/search", {"query": "q", "language": "all of them"}, "#/language"),
        ("/v1/search", {"query": "q", "time_range": "ever"}, "#/time_range"),
        ("/v1/search", {"query": "q", "safe_search": "on"}, "#/safe_search"),
        ("/v1/search", {"query": "q", "page": 0}, "#/page"),
        ("/v1/search", {"query": "q", "page": "2"}, "#/page"),
        ("/v1/search", {"query": "q", "sub_questions": -1}, "#/sub_questions"),
        ("/v1/search", {"query": "q", "sub_questions": 9}, "#/sub_questions"),
        ("/v1/search", {"query": "q", "format": "pdf"}, "#/format"),
        ("/v1/search", {"query": "q", "links": 1}, "#/links"),
        ("/v1/search", {"query": "q", "tokenizer": ""}, "#/tokenizer"),
        ("/v1/search", {"query": "q", "include_domains": ["https://a.example/"]}, "#/include_domains/0"),
        ("/v1/search", {"query": "q", "exclude_domains": ["a", ""]}, "#/exclude_domains/1"),
        ("/v1/search", {"query": "q", "max_token": 5}, "#/max_token"),
        ("/v1/search", {"query": "q", "a/b~": 5}, "#/a~1b~0"),
        ("/v1/prune", {"query": "q"}, "#"),
        ("/v1/prune", {"query": "q", "pages": PAGES, "urls": ["https://a.example/"]}, "#"),
        ("/v1/prune", {"query": "q", "pages": []}, "#/pages"),
        ("/v1/prune", {"query": "q", "pages": {}}, "#/pages"),
        ("/v1/prune", {"query": "q", "pages": PAGES * 101}, "#/pages"),
        ("/v1/prune", {"query": "q", "pages": [{}]}, "#/pages/0/html"),
        ("/v1/prune", {"query": "q", "pages": [*PAGES, {"html": 1}]}, "#/pages/1/html"),
        ("/v1/prune", {"query": "q", "pages": [{"html": "", "url": "a\0"}]}, "#/pages/0/url"),
        ("/v1/prune", {"query": "q", "urls": ["file:///etc/passwd"]}, "#/urls/0"),
        ("/v1/prune", {"query": "q", "urls": ["not a url"]}, "#/urls/0"),
        ("/v1/prune", {"query": "q", "urls": ["https://"]}, "#/urls/0"),
        ("/v1/clean", {}, "#/html"),
        ("/v1/clean", {"html": None}, "#/html"),
        ("/v1/clean", [], "#"),
        ("/v1/clean", "html", "#"),
    ],
)
def test_a_wrong_value_is_pointed_at(plain: httpx.Client, path: str, body: Any, pointer: str) -> None:
    """The first error names the place of the wrong value."""
    answer = plain.post(path, json=body)

    assert (422, "/problems/invalid-request") == (answer.status_code, answer.json()["type"])
    assert pointer == answer.json()["errors"][0]["pointer"]
    assert answer.json()["detail"].startswith(f"{pointer}: ")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"query": ', "The body is not JSON: Expecting value at character 10."),
        (b'{"query": "\xff"}', "The body is not UTF-8 at byte 11."),
        (b"[" * 100_000, "The body nests arrays or objects too deeply."),
        (b'{"max_tokens": ' + b"9" * 5_000 + b"}", "The body has a number with too many digits."),
    ],
    ids=["cut off", "not UTF-8", "deep", "huge number"],
)
def test_what_is_no_json_is_malformed(plain: httpx.Client, body: bytes, detail: str) -> None:
    """What can't be read at all is 400."""
    answer = plain.post("/v1/search", content=body, headers=JSON)

    assert (400, "/problems/malformed-request", detail) == (
        answer.status_code,
        answer.json()["type"],
        answer.json()["detail"],
    )


def test_a_lone_surrogate_is_pointed_at(plain: httpx.Client) -> None:
    """Half a character in a question is no text."""
    answer = plain.post("/v1/search", content=rb'{"query": "\ud800"}', headers=JSON)

    assert (422, "#/query") == (answer.status_code, answer.json()["errors"][0]["pointer"])


@pytest.mark.parametrize("declared", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_must_be_declared_as_json(plain: httpx.Client, declared: str) -> None:
    """Without the header a web page could make a visitor's browser send requests."""
    answer = plain.post("/v1/search", content=b'{"query": "q"}', headers={"Content-Type": declared})

    assert (415, "/problems/unsupported-media-type") == (answer.status_code, answer.json()["type"])


def test_an_empty_body_is_missing(plain: httpx.Client) -> None:
    """No body at all is said to be missing."""
    assert "#: The body is missing" == plain.post("/v1/search", headers=JSON).json()["detail"]


@pytest.mark.parametrize("name", ["/etc/passwd", "tiktoken:cl100k_base", "https://a.example/", "../tekken"])
def test_only_offered_tokenizers_are_loaded(plain: httpx.Client, name: str) -> None:
    """A request can't have the service read a file or open an address."""
    for path, body in (
        ("/v1/search", {"query": "q"}),
        ("/v1/prune", {"query": "q", "pages": PAGES}),
        ("/v1/clean", {"html": ""}),
    ):
        answer = plain.post(path, json=body | {"tokenizer": name})
        assert (422, "/problems/tokenizer-not-allowed") == (answer.status_code, answer.json()["type"])


def test_only_configured_providers_are_asked(plain: httpx.Client) -> None:
    """The problem lists the providers that there are."""
    answer = plain.post("/v1/search", json={"query": "q", "provider": "nobody"})

    assert (422, "/problems/provider-not-configured") == (answer.status_code, answer.json()["type"])
    assert "local" in answer.json()["detail"]


def test_an_unknown_address(plain: httpx.Client) -> None:
    """404 is a problem too."""
    answer = plain.get("/v9/search")
    assert (404, "/problems/not-found") == (answer.status_code, answer.json()["type"])


def test_a_wrong_method(plain: httpx.Client) -> None:
    """405 names the methods that there are."""
    answer = plain.get("/v1/search")
    assert (405, "/problems/method-not-allowed", "POST") == (
        answer.status_code,
        answer.json()["type"],
        answer.headers["allow"],
    )


def test_many_wrong_values_make_no_large_answer(plain: httpx.Client) -> None:
    """The answer lists the first ones."""
    answer = plain.post("/v1/search", json={"query": "q"} | {f"x{n}": n for n in range(10_000)})
    assert 20 == len(answer.json()["errors"])


def test_a_wrong_value_is_not_repeated(plain: httpx.Client) -> None:
    """What was sent may be private, or large."""
    assert "hunter2" not in plain.post("/v1/search", json={"query": ["hunter2"]}).text


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
OPTIONS = ("query", "max_tokens", "tokenizer", "format", "links", "citations", "trace")
FIELDS = {
    "/v1/search": (*OPTIONS, "max_results", "provider", "include_domains", "exclude_domains"),
    "/v1/prune": (*OPTIONS, "pages", "urls"),
    "/v1/clean": ("html", "url", "title", "tokenizer", "links"),
}
NEEDED = {"/v1/search": ("query",), "/v1/prune": ("query", "pages"), "/v1/clean": ("html",)}
markup = st.text("<>/pdivtr &#x;abc\0\ud800\u0e01", max_size=200) | st.text(st.characters(), max_size=50)
plausible = {
    "query": st.text("abc \u0e01\u6c34?", min_size=1, max_size=50),
    "max_tokens": st.integers(1, 5_000),
    "tokenizer": st.just("tekken"),
    "format": st.sampled_from(["html", "markdown", "text"]),
    "max_results": st.integers(1, 3),
    "html": markup,
    "pages": st.lists(st.fixed_dictionaries({"html": markup}), min_size=1, max_size=2),
} | dict.fromkeys(("links", "citations", "trace"), st.booleans())


def bodies(path: str) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies for a route: with every field as it should be, or with anything anywhere."""
    needed = {name: plausible[name] for name in NEEDED[path]}
    rest = {name: plausible[name] for name in FIELDS[path] if name in plausible and name not in needed}
    anything = {name: plausible.get(name, values) | values for name in (*FIELDS[path], "unknown")}
    return st.fixed_dictionaries(needed, optional=rest) | st.fixed_dictionaries({}, optional=anything)


@pytest.mark.parametrize("path", FIELDS)
def test_every_string_of_bytes_has_an_answer(plain: httpx.Client, path: str) -> None:
    """Also what is no JSON at all."""

    @given(st.binary(max_size=200))
    def holds(body: bytes) -> None:
        answer = plain.post(path, content=body, headers=JSON)
        assert answer.status_code in (400, 422), answer.text
        assert "application/problem+json" == answer.headers["content-type"]

    holds()


@pytest.mark.parametrize("path", FIELDS)
def test_every_body_has_an_answer(plain: httpx.Client, path: str) -> None:
    """Whatever the fields hold: an answer of the documented shape or a problem, never a failure of the service."""
    seen = set()

    @given(bodies(path))
    def holds(body: dict[str, Any]) -> None:
        answer = plain.post(path, content=json.dumps(body), headers=JSON)
        seen.add(answer.status_code)
        if answer.status_code == 200:
            assert "content" in answer.json()
        else:
            assert answer.status_code in (400, 422), answer.text
            assert "application/problem+json" == answer.headers["content-type"]
            assert answer.status_code == answer.json()["status"]

    holds()
    assert {200, 422} <= seen


@pytest.mark.parametrize("path", ["/v1/search", "/v1/prune"])
@pytest.mark.parametrize("form", ["markdown", "text"])
def test_citations_without_a_place_for_them_are_refused(plain: httpx.Client, path: str, form: str) -> None:
    """Their ids are attributes of HTML: whoever asks for them elsewhere would look for them in vain."""
    body = {"query": "q", "citations": True, "format": form} | ({"pages": PAGES} if path == "/v1/prune" else {})
    answer = plain.post(path, json=body)
    assert (422, "/problems/invalid-request") == (answer.status_code, answer.json()["type"])
    assert f"citations are ids in HTML; the format {form} has no place for them" == answer.json()["detail"]


def test_a_deadline_beyond_the_services_own_is_refused(plain: httpx.Client) -> None:
    """The setting bounds what a request may ask for, and the error names it."""
    answer = plain.post("/v1/search", json={"query": "q", "deadline_ms": 60_001})
    assert (422, "/problems/invalid-request") == (answer.status_code, answer.json()["type"])
    assert "SECATEURS_DEADLINE_SECONDS" in answer.json()["detail"]
