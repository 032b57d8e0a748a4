"""Search, prune and clean, over real sockets."""

import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import lxml.html
import pytest

from pruning import Limits, TokenCounter
from tests.needs import data_files

PAGE = (
    "<html lang=en><title>Opening hours</title><body><nav>Menu</nav><script>var x = 1</script>"
    "<h1>Hours</h1><p>Monday to Saturday: 8 to 18.</p><p>Sunday: <a href=/how>10 to 14</a>.</p>"
    f"<p>Parking is behind the house and costs nothing{' for the first hour' * 30}.</p>"
)
ASKED = {"query": "When does the shop open on Sunday?", "pages": [{"html": PAGE, "url": "https://shop.example/x"}]}


def post(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    """The answer to a request that is well."""
    answer = client.post(path, json=body)
    assert 200 == answer.status_code, answer.text
    return dict(answer.json())


class TestSearch:
    """POST /v1/search"""

    def test_the_main_job(self, whole: httpx.Client) -> None:
        """A question about the project is answered from the sample site, within the budget, with its sources."""
        answer = post(whole, "/v1/search", query="How is the token budget counted?", max_tokens=400, max_results=4)

        assert ("html", "tekken", []) == (answer["format"], answer["tokenizer"], answer["degraded"])
        assert TokenCounter.load("tekken").count(answer["content"]) == answer["tokens"] <= 400
        assert "whole" in answer["content"]
        assert [1, 2, 3, 4] == [result["id"] for result in answer["results"]]
        assert {"ok"} == {result["status"] for result in answer["results"]}
        sections = lxml.html.fragments_fromstring(answer["content"])
        by_id = {str(result["id"]): result for result in answer["results"]}
        assert [by_id[section.get("data-source")]["url"] for section in sections] == [
            section.get("data-url") for section in sections
        ]

    def test_steps_tell_what_was_done(self, whole: httpx.Client) -> None:
        """The embedding step names its model, and what went in and came out."""
        answer = post(whole, "/v1/search", query="What is a block?", max_tokens=200, max_results=2)

        (step,) = answer["steps"]
        assert ("embed", "all-MiniLM-L6-v2") == (step["name"], step["model"])
        assert step["blocks_in"] > step["blocks_out"] > 0
        assert step["tokens_in"] > step["tokens_out"] == answer["tokens"]
        assert answer["took_ms"] >= step["milliseconds"] > 0

    def test_what_the_page_says_of_itself(self, plain: httpx.Client) -> None:
        """Title, date, author and language come with each result."""
        answer = post(plain, "/v1/search", query="Schnellstart auf Deutsch", max_results=1)

        (result,) = answer["results"]
        assert ("de", "The Secateurs authors") == (result["language"], result["author"])
        assert result["published"].startswith("2026-")
        assert "Secateurs" in result["title"]
        assert result["snippet"]

    def test_domains(self, plain: httpx.Client) -> None:
        """Domains include and exclude; finding nothing is an answer, not an error."""
        found = post(plain, "/v1/search", query="block tree", include_domains=["secateurs.example"])
        nothing = post(plain, "/v1/search", query="block tree", exclude_domains=["secateurs.example"])

        assert len(found["results"]) > 1
        assert ("", 0, []) == (nothing["content"], nothing["tokens"], nothing["results"])

    def test_max_results(self, plain: httpx.Client) -> None:
        """No more pages are read than asked for."""
        assert 2 == len(post(plain, "/v1/search", query="token budget", max_results=2)["results"])

    def test_the_provider_may_be_named(self, plain: httpx.Client) -> None:
        """The configured provider answers by its name."""
        assert post(plain, "/v1/search", query="token budget", provider="local")["results"]

    def test_without_a_model_the_answer_says_so(self, plain: httpx.Client) -> None:
        """Blocks are ranked by BM25 then, visibly."""
        answer = post(plain, "/v1/search", query="token budget")

        assert "bm25" == answer["steps"][0]["model"]
        assert ["embed: no embedding model is configured; ranked by BM25 instead"] == answer["degraded"]


class TestPrune:
    """POST /v1/prune"""

    def test_given_pages(self, whole: httpx.Client) -> None:
        """The block that answers is kept, the rest goes."""
        answer = post(whole, "/v1/prune", **ASKED, max_tokens=100)

        assert "10 to 14" in answer["content"]
        assert answer["content"].count("first hour") < PAGE.count("first hour")
        assert TokenCounter.load("tekken").count(answer["content"]) == answer["tokens"] <= 100
        (result,) = answer["results"]
        assert ("https://shop.example/x", "Opening hours", "en", "ok") == (
            result["url"],
            result["title"],
            result["language"],
            result["status"],
        )
        assert answer["removed"]["script"] == 1

    @pytest.mark.parametrize(
        ("written", "heading"), [("html", "<h1>Hours"), ("markdown", "# Hours"), ("text", "Hours")]
    )
    def test_formats(self, plain: httpx.Client, written: str, heading: str) -> None:
        """The answer is written in the format asked for, and counted in it."""
        answer = post(plain, "/v1/prune", **ASKED, format=written)

        assert written == answer["format"]
        assert heading in answer["content"]
        assert TokenCounter.load("tekken").count(answer["content"]) == answer["tokens"]

    def test_links_are_kept_when_asked_for(self, plain: httpx.Client) -> None:
        """Links are left out, or resolved."""
        assert "href" not in post(plain, "/v1/prune", **ASKED)["content"]
        assert 'href="https://shop.example/how"' in post(plain, "/v1/prune", **ASKED, links=True)["content"]

    def test_citations(self, plain: httpx.Client) -> None:
        """Passages carry ids, the same in every answer and in the trace."""
        answer = post(plain, "/v1/prune", **ASKED, citations=True, trace=True)

        ids = [
            element.get("data-block") for element in lxml.html.fromstring(answer["content"]).xpath("//*[@data-block]")
        ]
        assert ids
        assert set(ids) <= {block["id"] for block in answer["trace"]}
        again = post(plain, "/v1/prune", **ASKED, citations=True)
        assert again["content"] == answer["content"]

    def test_trace(self, plain: httpx.Client) -> None:
        """Every block is traced, with its path, text, tokens, score and fate."""
        html = "".join(f"<p>Paragraph {n} {'filler ' * 100}</p>" for n in range(20)) + "<p>Sunday: 10 to 14.</p>"
        asked = {"query": "When is Sunday?", "pages": [{"html": html}], "max_tokens": 100}
        answer = post(plain, "/v1/prune", **asked, trace=True)

        assert answer["steps"][0]["blocks_in"] == len(answer["trace"])
        assert {"id", "source", "path", "text", "tokens", "score", "fate"} == set(answer["trace"][0])
        best = max(answer["trace"], key=lambda block: float(block["score"]))
        assert (1, "p", "Sunday: 10 to 14.", "kept") == (best["source"], best["path"], best["text"], best["fate"])
        assert {"kept", "dropped"} == {block["fate"] for block in answer["trace"]}
        assert None is post(plain, "/v1/prune", **asked)["trace"]

    def test_a_tiny_budget_gives_an_empty_answer(self, plain: httpx.Client) -> None:
        """Nothing fits into one token; that is no error."""
        assert ("", 0) == tuple(map(post(plain, "/v1/prune", **ASKED, max_tokens=1).get, ("content", "tokens")))

    @pytest.mark.parametrize("html", ["", " ", "\0", "\ufeff", "no tags", "<p>" * 3_000 + "deep"])
    def test_odd_pages(self, plain: httpx.Client, html: str) -> None:
        """Pages without text or shape are pages too."""
        answer = post(plain, "/v1/prune", query="deep tags", pages=[{"html": html}])
        assert "ok" == answer["results"][0]["status"]

    def test_a_lone_surrogate_in_a_page(self, plain: httpx.Client) -> None:
        """JSON can name half a character; in a page, which may hold anything, it becomes U+FFFD."""
        body = r'{"query": "q", "pages": [{"html": "<p>half \ud800</p>"}]}'
        answer = plain.post("/v1/prune", content=body, headers={"Content-Type": "application/json"})
        assert "half \ufffd" in answer.json()["content"]

    def test_a_page_in_json_is_unicode(self, plain: httpx.Client) -> None:
        """What a page says of its encoding was true where it came from; in JSON it is UTF-8, escaped or not."""
        html = '<meta charset="windows-1251"><p>Öffnungszeiten 🌿</p>'
        for ensure_ascii in (True, False):
            body = json.dumps({"query": "q", "pages": [{"html": html}]}, ensure_ascii=ensure_ascii).encode()
            answer = plain.post("/v1/prune", content=body, headers={"Content-Type": "application/json"})
            assert "Öffnungszeiten 🌿" in answer.json()["content"]

    def test_a_page_that_is_no_text(self, plain: httpx.Client) -> None:
        """The error speaks of JSON's types."""
        answer = plain.post("/v1/prune", json={"query": "q", "pages": [{"html": 1}]})
        assert [{"pointer": "#/pages/0/html", "detail": "must be a string"}] == answer.json()["errors"]

    def test_a_large_page(self, plain: httpx.Client) -> None:
        """A page that is read in a process of its own comes to the same end."""
        filler = "".join(f"<p>Paragraph {n} about nothing of interest.</p>" for n in range(30_000))
        html = f"{filler}<p>Sunday: 10 to 14.</p>{filler}"
        answer = post(plain, "/v1/prune", query="When does it open on Sunday?", pages=[{"html": html}], max_tokens=200)

        assert len(html) > Limits().isolate_over
        assert "Sunday: 10 to 14." in answer["content"]
        assert TokenCounter.load("tekken").count(answer["content"]) == answer["tokens"] <= 200

    @pytest.mark.parametrize("path", data_files("extract/html/aeb/0*.html.gz"))
    def test_real_pages(self, plain: httpx.Client, path: Path) -> None:
        """A real page is pruned to the budget, its own part counted too."""
        html = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        answer = post(plain, "/v1/prune", query="What happened?", pages=[{"html": html}], max_tokens=300)

        count = TokenCounter.load("tekken").count
        assert 0 < count(answer["content"]) == answer["tokens"] <= 300
        assert count(answer["results"][0]["content"]) == answer["results"][0]["tokens"]


class TestClean:
    """POST /v1/clean"""

    def test_clean(self, plain: httpx.Client) -> None:
        """A reader's view of the page, counted, and what is gone."""
        answer = post(plain, "/v1/clean", html=PAGE)

        assert "Parking" in answer["content"]
        assert "var x" not in answer["content"]
        assert TokenCounter.load("tekken").count(answer["content"]) == answer["tokens"]
        assert ("tekken", 1) == (answer["tokenizer"], answer["removed"]["script"])

    def test_links(self, plain: httpx.Client) -> None:
        """Links are resolved against the page's address."""
        answer = post(plain, "/v1/clean", html=PAGE, url="https://shop.example/x", links=True)
        assert 'href="https://shop.example/how"' in answer["content"]
