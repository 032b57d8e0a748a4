"""Errors of fetching travel between processes and stay one line, whatever the URL."""

import pickle

from app.fetch import BadStatus, FetchError


def test_an_error_survives_pickling() -> None:
    """Batches run in other processes; their errors come home whole."""
    led = BadStatus("http://a", "the server answers 404", 404)
    led.reached_from("http://b")
    for error in (FetchError("http://a", "gone"), led):
        copy = pickle.loads(pickle.dumps(error))
        assert (type(error), str(error), vars(error)) == (type(copy), str(copy), vars(copy))


def test_a_long_url_is_shortened_and_line_breaks_are_gone() -> None:
    """The message is one line that a person can read."""
    message = str(FetchError("http://a/\n" + "x" * 1000, "two\nlines"))
    assert (1, True) == (len(message.splitlines()), len(message) < 250)
