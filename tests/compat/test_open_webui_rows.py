"""What Open WebUI's external search and loader read; the program itself is tried by `make test-openwebui`."""

from collections.abc import Iterator

import httpx
import pytest

from tests.compat.conftest import QUESTION, TEXT


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    """Asks as Open WebUI does."""
    headers = {"Authorization": "Bearer key", "X-OpenWebUI-User-Name": "user"}
    with httpx.Client(base_url=f"{address}/open-webui", headers=headers, timeout=60) as client:
        yield client


def test_search(client: httpx.Client) -> None:
    """A bare array whose every row has a link; what was kept stands in the snippet."""
    rows = client.post("/search", json={"query": QUESTION, "count": 2}).json()

    assert 0 < len(rows) <= 2
    assert all({"link", "title", "snippet"} == row.keys() and row["link"] for row in rows)
    assert any("budget" in row["snippet"] for row in rows)


def test_load(client: httpx.Client, site: str) -> None:
    """`metadata.source` is the address as it was asked for; a page that fails is left out."""
    (row,) = client.post("/load", json={"urls": [f"{site}/roses", f"{site}/none"]}).json()

    assert {"source": f"{site}/roses", "title": "Roses"} == row["metadata"]
    assert TEXT in row["page_content"]
    assert "Home" not in row["page_content"]


def test_nothing_to_load_is_an_error(client: httpx.Client, site: str) -> None:
    """Not an empty list, which looks like pages without text."""
    answer = client.post("/load", json={"urls": [f"{site}/none"]})

    assert (502, "/problems/no-page-read") == (answer.status_code, answer.json()["type"])
    assert "404" in answer.json()["detail"]
