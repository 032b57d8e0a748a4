"""Jina Reader's wire format, as its users send it: curl, LangChain's loaders, Open WebUI's search."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest

from tests.compat.conftest import ODD_PATHS, QUESTION, TEXT

JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    """Any client."""
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


def read(client: httpx.Client, url: str, **headers: str) -> dict[str, Any]:
    """The data of a page, as JSON tells it."""
    named = {f"X-{name.replace('_', '-')}": value for name, value in headers.items()}
    answer = client.get(f"/r/{url}", headers={**JSON, **named})
    assert (200, 20000) == (answer.status_code, answer.json()["status"]), answer.text
    return dict(answer.json()["data"])


def test_text(client: httpx.Client, site: str) -> None:
    """The block that Reader is known for; a page of strangers is never shown as one of ours."""
    answer = client.get(f"/r/{site}/roses", headers={"Authorization": "jina_any"})

    assert answer.text.startswith(f"Title: Roses\n\nURL Source: {site}/roses\n\nMarkdown Content:\n# Roses\n{TEXT}\n")
    assert f"[in the book]({site}/more)" in answer.text
    assert "Home" not in answer.text
    assert "text/plain; charset=utf-8" == answer.headers["content-type"]
    assert "nosniff" == answer.headers["x-content-type-options"]


def test_json(client: httpx.Client, site: str) -> None:
    """The same, by field."""
    answer = client.get(f"/r/{site}/roses", headers={**JSON, "Authorization": "Bearer jina_any"}).json()

    data = answer["data"]
    assert (200, 20000, data["usage"]) == (answer["code"], answer["status"], answer["meta"]["usage"])
    assert ("Roses", "When to cut them.", f"{site}/roses") == (data["title"], data["description"], data["url"])
    assert TEXT in data["content"]
    assert data["usage"]["tokens"] > 50


def test_text_that_is_the_page_alone(client: httpx.Client, site: str) -> None:
    """What fell short, and what cleaning took away, stand beside it."""
    asked = {"X-Return-Format": "text", "X-Target-Selector": "#nothing"}
    answer = client.get(f"/r/{site}/roses", headers=asked)

    assert "" == answer.text
    assert "there is no text on the page where '#nothing' looks" == json.loads(answer.headers["x-warning"])
    assert {"empty": 1} == json.loads(answer.headers["x-removed"])


def test_events(client: httpx.Client, site: str) -> None:
    """One event, which is the last and most complete."""
    answer = client.get(f"/r/{site}/roses", headers={"Accept": "text/event-stream"})

    name, number, data = answer.text.strip().splitlines()
    assert ("event: data", "id: 1") == (name, number)
    assert TEXT in json.loads(data.removeprefix("data: "))["content"]
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("header", ["Respond-With", "Return-Format"])
def test_formats(client: httpx.Client, site: str, header: str) -> None:
    """By either name; HTML and text stand alone."""
    html = client.get(f"/r/{site}/roses", headers={f"X-{header}": "html"}).text
    text = client.get(f"/r/{site}/roses", headers={f"X-{header}": "text"}).text

    assert html.startswith("<!DOCTYPE html>")
    assert "<h1>Roses</h1>" in html
    assert text.startswith(f"Roses\n{TEXT}")
    data = read(client, f"{site}/roses", **{header: "html"})
    assert data["content"] == data["html"]


def test_selectors(client: httpx.Client, site: str) -> None:
    """Only what is named, without what is named."""
    data = read(client, f"{site}/roses", Target_Selector="article, nav", Remove_Selector="h1")

    assert "Home" in data["content"]
    assert "# Roses" not in data["content"]
    nothing = read(client, f"{site}/roses", Target_Selector="#nothing")
    assert ("", "there is no text on the page where '#nothing' looks") == (nothing["content"], nothing["warning"])


def test_tokens_and_links(client: httpx.Client, site: str) -> None:
    """A budget, and a list of links."""
    short = read(client, f"{site}/roses", Max_Tokens="40")
    pairs = read(client, f"{site}/roses", With_Links_Summary="all", Retain_Links="text")
    text = client.get(f"/r/{site}/roses", headers={"X-With-Links-Summary": "true"}).text

    assert 0 < short["usage"]["tokens"] <= 40
    assert [["in the book", f"{site}/more"]] == pairs["links"]
    assert {"in the book": f"{site}/more"} == read(client, f"{site}/roses", With_Links_Summary="true")["links"]
    assert text.endswith(f"\n\nLinks/Buttons:\n- [in the book]({site}/more)\n")
    assert "](" not in read(client, f"{site}/roses", Retain_Links="none")["content"]


def test_a_question(client: httpx.Client, site: str) -> None:
    """Then only what answers it is kept, in any format and of any part; in UTF-8 too, as curl sends it."""
    data = read(client, f"{site}/roses", Question="When are old roses cut?", Max_Tokens="60")
    html = read(client, f"{site}/roses", Question="When are old roses cut?", Max_Tokens="90", Respond_With="html")
    part = read(client, f"{site}/roses", Question="Roses?", Target_Selector="nav")
    answer = client.get(f"/r/{site}/roses", headers={b"X-Question": "Wann schneidet man „alte“ Rosen?".encode()})

    assert TEXT in data["content"]
    assert "week 8" not in data["content"]
    assert data["usage"]["tokens"] <= 60
    assert TEXT in html["html"]
    assert "Home" == part["content"].strip()
    assert 200 == answer.status_code


def test_post(client: httpx.Client, site: str) -> None:
    """The address and options in JSON; they count more than headers."""
    body = {"url": f"{site}/roses", "respondWith": "text", "removeSelector": "h1", "maxTokens": 60, "someOther": 1}
    answer = client.post("/r/", json=body, headers={**JSON, "X-Respond-With": "html", "X-No-Cache": "true"}).json()
    several = client.post("/r/", json={"url": f"{site}/roses", "targetSelector": ["h1", "nav"]}).text

    assert answer["data"]["text"].startswith(TEXT)
    assert answer["data"]["usage"]["tokens"] <= 60
    assert several.endswith(f"Markdown Content:\n[Home]({site}/)\n# Roses\n")


def test_what_was_removed_is_counted(client: httpx.Client, site: str) -> None:
    """Text that no reader sees is left out, and the answer says so, of a page and of a search."""
    assert {"hidden": 1} == read(client, f"{site}/roses")["removed"]
    meta = client.post("/s/", json={"q": QUESTION}, headers=JSON).json()["meta"]
    assert {"usage", "degraded", "removed"} == set(meta)


def test_search_as_open_webui_sends_it(client: httpx.Client) -> None:
    """Its engine `jina`: a bare key, `q` and `count`; each row has `url`, `title` and `content`."""
    headers = {**JSON, "Content-Type": "application/json", "Authorization": "jina_any", "X-Retain-Images": "none"}
    rows = client.post("/s/", json={"q": QUESTION, "count": 3}, headers=headers).json()["data"]

    assert 0 < len(rows) <= 3
    assert all(row["url"] and row["title"] and row["content"] for row in rows)
    assert any("budget" in row["content"] for row in rows)


@pytest.mark.parametrize("path", ODD_PATHS)
def test_addresses(client: httpx.Client, site: str, path: str) -> None:
    """Encoded or not, with the slashes that a proxy has joined, or in JSON: the site is asked what was meant."""
    url = f"{site}{path}"
    joined = url.replace("http://", "HTTP:/", 1)

    for written in (url, quote(url, safe=""), joined):
        assert url.lower() == read(client, written)["url"].lower()
    posted = {"url": unquote(url) if "?" not in url else url}
    assert client.post("/r/", json=posted, headers=JSON).json()["data"]["url"] == url


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("", 405, ""),
        ("ftp://a.example/", 422, "path url: must be an address that begins with http:// or https:// and a host"),
        ("file:///etc/passwd", 422, "path url: must be an address that begins with http:// or https:// and a host"),
        ("javascript:alert(1)", 422, "path url: must be an address that begins with http:// or https:// and a host"),
        ("http://10.0.0.1/", 403, ""),
        ("http://169.254.169.254/latest/meta-data/", 403, ""),
        ("http://localhost:22/", 403, ""),
        ("http://a.example@127.0.0.1/", 403, ""),
        ("http://nowhere.invalid/", 502, ""),
    ],
)
def test_addresses_that_are_not_read(client: httpx.Client, path: str, status: int, message: str) -> None:
    """In Jina's shape where JSON is asked for, else in plain text."""
    told = client.get(f"/r/{path}", headers=JSON)
    plain = client.get(f"/r/{path}")

    error = told.json()
    assert (status, status, 100 * status, None) == (told.status_code, error["code"], error["status"], error["data"])
    assert error["message"].startswith(message)
    assert f"{error['name']}: {error['message']}" == error["readableMessage"]
    assert (status, f"{error['readableMessage']}\n") == (plain.status_code, plain.text)
    assert "text/plain; charset=utf-8" == plain.headers["content-type"]


def test_a_page_that_is_not_there(client: httpx.Client, site: str) -> None:
    """It is no empty page."""
    assert (502, "PageNotFetched: the server answers 404 Not Found\n") == (
        (answer := client.get(f"/r/{site}/none")).status_code,
        answer.text,
    )


@pytest.mark.parametrize(
    ("header", "value", "said"),
    [
        ("X-Respond-With", "screenshot", 'header X-Respond-With: must be "content", "markdown", "html" or "text"'),
        ("X-Timeout", "-1", "header X-Timeout: must be more than 0"),
        ("X-Max-Tokens", "many", "header X-Max-Tokens: must be a whole number"),
        ("X-Remove-Selector", "p:::", "'p:::' is no CSS selector"),
        ("X-Target-Selector", "p" * 501, "header X-Target-Selector: must have at most 500 characters"),
    ],
)
def test_wrong_options(client: httpx.Client, site: str, header: str, value: str, said: str) -> None:
    """They are named."""
    answer = client.get(f"/r/{site}/roses", headers={header: value})
    assert (422, f"InvalidRequest: {said}") == (answer.status_code, answer.text[: 16 + len(said)])


def test_a_page_that_is_late(client: httpx.Client, site: str) -> None:
    """Within the caller's time."""
    assert 504 == client.get(f"/r/{site}/roses", headers={"X-Timeout": "0.001"}).status_code


def test_a_timeout_longer_than_is_allowed_is_as_long_as_is(client: httpx.Client, site: str) -> None:
    """Clients ask for minutes."""
    assert 200 == client.get(f"/r/{site}/roses", headers={"X-Timeout": "180"}).status_code
