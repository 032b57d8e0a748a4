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
    """What was added to the metrics since the beginning; filled in at the end."""

    def __init__(self) -> None:
        self.before: Samples = {}
        self.after: Samples = {}

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
    found = Counted()
    found.before = samples(client.get("/metrics").text)
    yield found
    found.after = samples(client.get("/metrics").text)
