"""The circuit breaker: when it opens, when it lets an attempt through, and what tells it nothing."""

import asyncio

import pytest

from app.breaker import Breaker, Unavailable
from pruning.errors import ModelError, SecateursError


class Server:
    """What is asked through a breaker, and a clock to turn."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked = 0
        self.breaker = Breaker(ModelError, failures=3, seconds=10, clock=lambda: self.now)

    def ask(self, failure: BaseException | None = None) -> str:
        """What becomes of one attempt."""
        try:
            with self.breaker.attempt():
                self.asked += 1
                if failure:
                    raise failure
        except (SecateursError, asyncio.CancelledError) as error:
            return str(error)
        return "answered"

    def fail(self, times: int) -> None:
        """As many failures, one after the other."""
        for number in range(times):
            assert f"down {number}" == self.ask(Unavailable(f"down {number}"))


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    """Then nothing is asked, and the last failure told."""
    server = Server()
    server.fail(3)
    server.now += 4

    assert "down 2; it is asked again in 6 s" == server.ask()
    assert 3 == server.asked


@pytest.mark.parametrize("between", [None, ModelError("no such model")])
def test_an_answer_in_between_counts_from_the_start(between: ModelError | None) -> None:
    """Also one that refuses: who refuses is up."""
    server = Server()
    server.fail(2)
    server.ask(between)
    server.fail(2)

    assert "answered" == server.ask()


def test_a_good_trial_closes_it() -> None:
    """After its time one attempt goes through; if it succeeds, all do."""
    server = Server()
    server.fail(3)
    server.now += 10

    assert ["answered", "answered"] == [server.ask(), server.ask()]
    server.fail(2)
    assert "answered" == server.ask()


def test_a_bad_trial_opens_it_again() -> None:
    """One failure is enough then."""
    server = Server()
    server.fail(3)
    server.now += 10

    assert "still down" == server.ask(Unavailable("still down"))
    assert "still down; it is asked again in 10 s" == server.ask()


def test_only_one_attempt_tries() -> None:
    """The others don't wait for what may be down."""
    server = Server()
    server.fail(3)
    server.now += 10

    with server.breaker.attempt():
        assert "down 2; it is being asked again" == server.ask()
    assert "answered" == server.ask()


def test_a_cancelled_trial_leaves_the_place_to_the_next() -> None:
    """It has told nothing about the server."""
    server = Server()
    server.fail(3)
    server.now += 10

    assert "gone" == server.ask(asyncio.CancelledError("gone"))
    assert "still down" == server.ask(Unavailable("still down"))
