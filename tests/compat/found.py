"""What every retriever gives of the sample site, in whichever framework's words."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# How the retrievers of the tests ask.
PAGES, TOKENS = 3, 512


class Found(NamedTuple):
    """A document or node: its text, what it says of itself, and its score."""

    text: str
    metadata: Mapping[str, Any]
    score: float | None


def assert_is_of_the_site(found: Sequence[Found]) -> None:
    """What was kept of each page, and where it is from; all within the budget."""
    assert 0 < len(found) <= PAGES
    assert any("budget" in one.text and "<" in one.text for one in found)
    assert all(one.metadata["source"].startswith("https://secateurs.example/") for one in found)
    assert all(one.metadata["title"] and one.metadata["status"] == "ok" and one.score is not None for one in found)
    assert sum(one.metadata["tokens"] for one in found) <= TOKENS
