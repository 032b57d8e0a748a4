"""What an error means to whoever watches."""

import asyncio

import httpx2
import pytest

from app import fetch
from app.failures import KINDS, kind_of
from app.models.chat import ChatBusy, ChatTimeout
from app.models.upstream import ModelUnavailable
from app.search import ProviderBusy, SearchError
from pruning.errors import InvalidInput, ModelError, PageTimeout, TokenizerError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (fetch.FirstByteTimeout("u", "late"), "timeout"),
        (PageTimeout("late"), "timeout"),
        (ChatTimeout("late"), "timeout"),
        (fetch.TlsFailed("u", "who?"), "unreachable"),
        (fetch.RateLimited("u", "later"), "busy"),
        (fetch.BadStatus("u", "404", 404), "status"),
        (fetch.DisallowedByRobots("u", "no"), "refused"),
        (fetch.UnreadableBody("u", "a picture"), "failed"),
        (ProviderBusy("brave", "later"), "busy"),
        (SearchError("brave", "no credit"), "failed"),
        (ChatBusy("later", None), "busy"),
        (InvalidInput("empty"), "refused"),
        (TokenizerError("unknown"), "failed"),
        (asyncio.CancelledError(), "cancelled"),
        (ValueError("nobody foresaw it"), "failed"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_has_a_kind(error: BaseException, expected: str) -> None:
    """By its class or the nearest base class that says something."""
    assert expected == kind_of(error)
    assert expected in KINDS


@pytest.mark.parametrize(
    ("cause", "expected"),
    [(httpx2.ReadTimeout("late"), "timeout"), (httpx2.ConnectError("no"), "unreachable"), (ValueError(), "failed")],
)
@pytest.mark.parametrize("shown", [True, False])
def test_an_error_that_says_nothing_is_its_causes(cause: Exception, expected: str, shown: bool) -> None:
    """Also where the cause is not to be shown."""

    def translated() -> None:
        try:
            raise cause
        except (ValueError, httpx2.HTTPError) as error:
            raise ModelUnavailable("the model does not answer") from (error if shown else None)

    with pytest.raises(ModelError) as caught:
        translated()
    assert expected == kind_of(caught.value)
