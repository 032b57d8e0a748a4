"""What a service's `/metrics` says, as numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """Each sample of an exposition by its name and labels."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}


class Counted:
    """What was added to the metrics since the beginning, as of the last look; the end of `counted` is one."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.look()
        self.before = self.after

    def look(self) -> "Counted":
        """The same, as of now."""
        self.after = samples(self._client.get("/metrics").text)
        return self

    def __call__(self, name: str, /, **labels: Any) -> float:
        """By how much the sample `secateurs_{name}` with these labels has grown."""
        key = (f"secateurs_{name}", frozenset(labels.items()))
        return self.after.get(key, 0.0) - self.before.get(key, 0.0)

    def labels(self, name: str) -> list[dict[str, str]]:
        """The labels of all samples of this name that have grown."""
        grown = [key for key, value in self.after.items() if value != self.before.get(key, 0.0)]
        return [dict(labels) for sample, labels in grown if sample == f"secateurs_{name}"]


@contextmanager
def counted(client: httpx.Client) -> Iterator[Counted]:
    """What the requests within count for: the metrics are the process's, and other tests have counted before."""
    found = Counted(client)
    yield found
    found.look()
