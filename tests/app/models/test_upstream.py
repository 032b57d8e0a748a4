"""Addresses of model servers and what is read from their answers."""

import httpx2
import pytest

from app.models import upstream


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://host:8000", "http://host:8000/v1/embeddings"),
        ("http://host:8000/", "http://host:8000/v1/embeddings"),
        ("https://host/api/v1", "https://host/api/v1/embeddings"),
        ("https://host/v1/embeddings", "https://host/v1/embeddings"),
        ("http://host/embeddings", "http://host/embeddings"),
        ("https://host/deployments/x/embeddings?api-version=3", "https://host/deployments/x/embeddings?api-version=3"),
    ],
)
def test_an_address_is_completed_only_where_it_names_no_route(given: str, expected: str) -> None:
    """A full address is taken as it is, whatever its path."""
    completed = upstream.address(given, "/v1/embeddings")

    assert expected == str(completed)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (httpx2.Response(200), None),
        (httpx2.Response(500), None),
        (httpx2.Response(429), 0.5),
        (httpx2.Response(503, headers={"retry-after": "2"}), 2.0),
        (httpx2.Response(503, headers={"retry-after": "86400"}), 5.0),
        (httpx2.Response(503, headers={"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}), 0.0),
        (httpx2.RemoteProtocolError("closed"), 0.0),
        (httpx2.ConnectError("refused"), None),
        (httpx2.ReadTimeout("slow"), None),
    ],
)
def test_only_what_may_pass_is_asked_again(outcome: httpx2.Response | httpx2.HTTPError, expected: float | None) -> None:
    """A dropped connection at once, a busy server after the time it names, within bounds; nothing else."""
    assert expected == upstream.pause(outcome)
