"""Wrong settings, gathered so that all of them are told at once, and names that nothing reads."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from app.wording import nearest
from pruning.errors import InvalidInput, MissingExtra, SecateursError

PREFIX = "SECATEURS_"

# What Kubernetes puts into the containers beside a service that is called `secateurs`.
_OF_KUBERNETES = re.compile(r"SECATEURS_(SERVICE_(HOST|PORT.*)|PORT_\d+_(TCP|UDP)(_\w+)?)")
# Those of the tests, of the files in docker/, and of the client in secateurs/.
_OF_OTHERS = re.compile(r"SECATEURS_(DATA|TESTS_\w+|IMAGE|PUBLISH|VARIANT|URL|API_KEY)")


class Misconfigured(InvalidInput):
    """Settings that can't be served: `problems` has a line for each, which begins with its variable."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class Mistakes:
    """What has been found wrong so far."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextmanager
    def of(self, setting: str, *kinds: type[SecateursError]) -> Iterator[None]:
        """What is raised within, and is of these kinds or of those that settings cause, is wrong with this setting."""
        try:
            yield
        except Misconfigured as error:
            self.found += error.problems
        except SecateursError as error:
            if not isinstance(error, (InvalidInput, MissingExtra, *kinds)):
                raise
            told = str(error)
            self.found.append(told if told.startswith(PREFIX) else f"{variable(setting)}: {told}")

    def tell(self) -> None:
        """Raises Misconfigured where there is something to tell."""
        if self.found:
            raise Misconfigured(tuple(dict.fromkeys(self.found)))


def variable(setting: str) -> str:
    """The environment variable of a setting.

    >>> variable("searxng_url")
    'SECATEURS_SEARXNG_URL'
    """
    return f"{PREFIX}{setting.upper()}"


def unknown_names(given: Iterable[str], settings: Iterable[str]) -> list[str]:
    """A line for each variable that is called like a setting and is none.

    >>> unknown_names(["SECATEURS_PROVIDR", "SECATEURS_SERVICE_HOST", "PATH"], ["provider", "port"])
    ['SECATEURS_PROVIDR: there is no such setting; did you mean SECATEURS_PROVIDER?']
    """
    known = [variable(name) for name in settings]
    unknown = sorted(name for name in given if name.upper().startswith(PREFIX) and name.upper() not in known)
    others = [name for name in unknown if not (_OF_KUBERNETES.fullmatch(name) or _OF_OTHERS.fullmatch(name))]
    return [f"{name}: there is no such setting{_meant(name, known)}" for name in others]


def _meant(name: str, known: Iterable[str]) -> str:
    found = nearest(name.upper(), known)
    return f"; did you mean {found}?" if found else "; docs/settings.md lists them"
