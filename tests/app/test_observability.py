"""What is told about a request: its id, its one line, its stages."""

import logging
import re

import pytest
from fastapi import FastAPI

from app.observability import RequestLog, observe
from pruning.observe import Event
from tests.app.asgi import get


@pytest.fixture
def app() -> FastAPI:
    """A service whose route goes through two stages."""
    app = FastAPI()
    app.add_middleware(RequestLog)

    @app.get("/work")
    async def work() -> None:
        observe(Event("embed", "started"))
        observe(Event("embed", "finished", milliseconds=12.25))
        observe(Event("fit", "finished", milliseconds=1.0))
        observe(Event("fit", "finished", milliseconds=2.0))

    @app.get("/poor")
    async def poor() -> None:
        observe(Event("embed", "degraded", detail="the model is down"))

    @app.get("/healthz")
    async def healthz() -> None: ...

    return app


def test_a_request_gets_an_id(app: FastAPI) -> None:
    """Two requests have two ids."""
    first, second = (get(app, "/work").headers["x-request-id"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


def test_the_callers_id_is_kept(app: FastAPI) -> None:
    """An id given by the caller names the request."""
    assert "abc-1" == get(app, "/work", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "é"])
def test_an_id_that_could_forge_the_log_is_replaced(app: FastAPI, given: str) -> None:
    """Only harmless ids are taken over."""
    headers = {"X-Request-ID": given.encode()}
    assert re.fullmatch("[0-9a-f]{32}", get(app, "/work", headers=headers).headers["x-request-id"])


def test_stages_are_told_in_a_header(app: FastAPI) -> None:
    """`Server-Timing` has each stage's time, summed over its turns, and the total."""
    value = get(app, "/work").headers["server-timing"]
    assert re.fullmatch(r"embed;dur=12\.2, fit;dur=3\.0, total;dur=\d+\.\d", value)


def test_one_line_a_request(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """The log has one line with method, path, status, id and stages."""
    caplog.set_level(logging.INFO, "secateurs")
    get(app, "/work", headers={"X-Request-ID": "abc"})
    (line,) = [record.getMessage() for record in caplog.records if record.name == "secateurs"]
    assert line.startswith("GET /work 200 embed;dur=12.2, fit;dur=3.0, total;dur=")


def test_a_path_is_not_in_the_log(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """It may hold what was asked, a key, or line breaks: only the route that it led to is."""
    caplog.set_level(logging.INFO, "secateurs")
    get(app, "/%0AGET%20/forged?key=forged")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "secateurs"]
    assert line.startswith("GET unknown 404 total;dur=")


def test_degradation_is_a_warning_with_the_request_id(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """A stage that does less than asked for is logged under the request's id."""
    get(app, "/poor", headers={"X-Request-ID": "abc"})
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "embed degraded: the model is down" == line


def test_health_checks_do_not_fill_the_log(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever watches the service asks every few seconds."""
    caplog.set_level(logging.INFO, "secateurs")
    get(app, "/healthz")
    assert [] == [record for record in caplog.records if record.name == "secateurs"]


def test_events_outside_a_request_do_no_harm() -> None:
    """The observer also serves where there is no request."""
    assert None is observe(Event("fit", "finished", milliseconds=1.0))
