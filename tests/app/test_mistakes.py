"""Wrong settings, all at once, and names that nothing reads."""

import doctest

import pytest

from app import mistakes
from app.mistakes import Misconfigured, Mistakes, unknown_names
from pruning.errors import InvalidInput, ModelError
from secateurs.client import KEY_VARIABLE, URL_VARIABLE


def test_all_are_told_once_each_under_its_variable() -> None:
    """A message that begins with another variable keeps it."""
    found = Mistakes()
    for setting, told in (("port", "too high"), ("host", "SECATEURS_PORT: no"), ("port", "too high")):
        with found.of(setting):
            raise InvalidInput(told)
    with pytest.raises(Misconfigured, match=r"^SECATEURS_PORT: too high; SECATEURS_PORT: no$") as caught:
        found.tell()
    assert ("SECATEURS_PORT: too high", "SECATEURS_PORT: no") == caught.value.problems


def test_an_error_of_another_kind_is_no_mistake() -> None:
    """A server that is down is nothing that settings cause, unless it is asked for."""
    found = Mistakes()
    with pytest.raises(ModelError), found.of("embedder"):
        raise ModelError("down")
    with found.of("embedder", ModelError):
        raise ModelError("down")
    assert ["SECATEURS_EMBEDDER: down"] == found.found


def test_without_mistakes_nothing_is_told() -> None:
    """Nothing is raised."""
    Mistakes().tell()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("SECATEURS_PORT", []),
        ("secateurs_port", []),
        ("SECATEURS_PROT", ["SECATEURS_PROT: there is no such setting; did you mean SECATEURS_PORT?"]),
        ("SECATEURS_XYZZY", ["SECATEURS_XYZZY: there is no such setting; docs/settings.md lists them"]),
        ("SECATEURS_DATA", []),  # of the tests
        (URL_VARIABLE, []),  # of the client
        (KEY_VARIABLE, []),
        ("SECATEURS_PORT_8000_TCP_ADDR", []),  # of Kubernetes
        ("SECATEUR_PORT", []),
    ],
)
def test_names_that_nothing_reads(name: str, told: list[str]) -> None:
    """Each with the name that was probably meant; those of others are left alone."""
    assert told == unknown_names([name], ["host", "port"])


def test_its_examples() -> None:
    """The examples in its docstrings hold."""
    assert 0 == doctest.testmod(mistakes).failed
