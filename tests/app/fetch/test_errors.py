"""Errors of fetching travel between processes and stay one line, whatever the URL."""

import pickle

from app.fetch import FetchError, RateLimited


def test_an_error_survives_pickling() -> None:
    """Batches run in other processes; their errors come home whole."""
    led = RateLimited("http://a", "the server answers 429", 429, 30.0)
    led.reached_from("http://b")
    for error in (FetchError("http://a", "gone"), led):
        copy = pickle.loads(pickle.dumps(error))
        assert (type(error), str(error), vars(error)) == (type(copy), str(copy), vars(copy))


def test_the_message_is_one_line_without_the_url() -> None:
    """Whoever shows the error shows the page that it belongs to; only a page on the way is named, in short."""
    error = FetchError("http://b/\n" + "x" * 1000, "two\nlines")
    assert "two lines" == str(error)
    error.reached_from("http://a")
    assert ("http://a", 1, True) == (error.url, len(str(error).splitlines()), len(str(error)) < 250)
    assert str(error).startswith("on the way, at http://b/ xxx")
