"""Services for the tests of this folder, each served by uvicorn over a real socket."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.cache import tables
from app.cli.sample import index_sample
from app.main import create_app
from app.settings import Settings
from pruning.document import Limits, Page
from pruning.nodes import NodeTable
from tests.app.serving import served


@pytest.fixture(scope="session")
def sample_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with the sample site in its index."""
    folder = tmp_path_factory.mktemp("sample")
    index_sample(Settings(state_dir=folder))
    return folder


def client_of(**settings: Any) -> Iterator[httpx.Client]:
    """A client of a service with these settings, for a fixture to yield from."""
    with (
        served(create_app(Settings(**settings))) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", timeout=120) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def plain(sample_state: Path) -> Iterator[httpx.Client]:
    """The service over the sample site without a model, for everything that needs none."""
    yield from client_of(state_dir=sample_state, embedder="none")


@pytest.fixture(scope="session")
def whole(sample_state: Path) -> Iterator[httpx.Client]:
    """The service as a new user starts it, with its model."""
    yield from client_of(state_dir=sample_state)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[Page]:
    """Every page that is parsed from here on, and not read from the cache."""
    seen: list[Page] = []
    parse = tables.read_page

    def read_page(page: Page, limits: Limits, *, links: bool) -> NodeTable:
        seen.append(page)
        return parse(page, limits, links=links)

    monkeypatch.setattr(tables, "read_page", read_page)
    return seen
