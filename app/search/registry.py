"""From a provider's name, as settings and requests say it, to the provider."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.search.local import LocalIndex, LocalProvider
from app.search.protocol import SearchProvider
from pruning.document import Limits
from pruning.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What providers need to know. `index` is the local index's file, `limits` hold for its pages."""

    index: Path
    limits: Limits | None = None


PROVIDERS: dict[str, Callable[[ProviderSettings], SearchProvider]] = {
    "local": lambda settings: LocalProvider(LocalIndex(settings.index, settings.limits)),
}


def load_provider(name: str, settings: ProviderSettings) -> SearchProvider:
    """The provider with this name. Raises InvalidInput for a name that there is none of."""
    if name not in PROVIDERS:
        raise InvalidInput(f"there is no search provider {name!r}, only {', '.join(sorted(PROVIDERS))}")
    return PROVIDERS[name](settings)
