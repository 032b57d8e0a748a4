"""From a provider's name, as settings and requests say it, to the provider."""

from collections.abc import Callable, Mapping

from pydantic import SecretStr

from app.mistakes import Mistakes
from app.search import searxng
from app.search.brave import Brave
from app.search.duckduckgo import DuckDuckGo
from app.search.exa import Exa
from app.search.local import LocalIndex, LocalProvider
from app.search.multi import Multi
from app.search.observed import ObservedProvider
from app.search.over_http import Access, HttpProvider
from app.search.protocol import SearchProvider
from app.search.serper import Serper
from app.search.tavily import Tavily
from app.search.urls import FixedUrls
from app.settings import PREFIX, Settings
from pruning.errors import InvalidInput
from pruning.observe import Observer


def _brave(settings: Settings) -> SearchProvider:
    key = _key("brave", settings.brave_key)
    return HttpProvider(Brave(key), Access(settings.brave_url, key, settings.brave_rate), settings.rest_seconds)


def _serper(settings: Settings) -> SearchProvider:
    key = _key("serper", settings.serper_key)
    return HttpProvider(Serper(key), Access(settings.serper_url, key, settings.serper_rate), settings.rest_seconds)


def _exa(settings: Settings) -> SearchProvider:
    key = _key("exa", settings.exa_key)
    engine = Exa(key, pages=settings.provider_pages)
    return HttpProvider(engine, Access(settings.exa_url, key, settings.exa_rate), settings.rest_seconds)


def _tavily(settings: Settings) -> SearchProvider:
    key = _key("tavily", settings.tavily_key)
    engine = Tavily(key, pages=settings.provider_pages)
    return HttpProvider(engine, Access(settings.tavily_url, key, settings.tavily_rate), settings.rest_seconds)


def _searxng(settings: Settings) -> SearchProvider:
    if settings.searxng_url is None:
        raise InvalidInput(f"the search provider searxng needs the address of a server: set {PREFIX}SEARXNG_URL")
    return HttpProvider(
        searxng.SearXNG(),
        Access(searxng.address(settings.searxng_url), rate=settings.searxng_rate),
        settings.rest_seconds,
    )


def _urls(settings: Settings) -> SearchProvider:
    if not settings.urls:
        raise InvalidInput(f"the search provider urls needs addresses: set {PREFIX}URLS")
    return FixedUrls(settings.urls)


# But `multi`, which is made of these.
PROVIDERS: Mapping[str, Callable[[Settings], SearchProvider]] = {
    "local": lambda settings: LocalProvider(LocalIndex(settings.index_file(), settings.page_limits())),
    "searxng": _searxng,
    "brave": _brave,
    "serper": _serper,
    "exa": _exa,
    "tavily": _tavily,
    "ddgs": lambda settings: DuckDuckGo(rate=settings.ddgs_rate),
    "urls": _urls,
}


def load_providers(settings: Settings, observer: Observer | None = None) -> dict[str, SearchProvider]:
    """Every provider that the settings name, by its name; an observer is told of each question to one.

    Raises Misconfigured for names that there is none of, and those whose settings or packages are not complete.
    """
    mistakes = Mistakes()
    named_by = dict.fromkeys(settings.providers, "providers") | {settings.provider: "provider"}
    is_wanted = named_by.pop(Multi.name, None) is not None
    members = [name for name in dict.fromkeys(settings.multi) if name != Multi.name]
    with mistakes.of("multi"):
        if Multi.name in settings.multi or (is_wanted and len(members) < 2):
            raise InvalidInput(f"the search provider multi needs two others at least: list them in {PREFIX}MULTI")
    if is_wanted:
        named_by = dict.fromkeys(members, "multi") | named_by
    providers: dict[str, SearchProvider] = {}
    for name, setting in named_by.items():
        with mistakes.of(setting):
            providers[name] = _load(name, _shared(settings))
    mistakes.tell()
    if observer is not None:
        providers = {name: ObservedProvider(provider, observer) for name, provider in providers.items()}
    if is_wanted:
        providers[Multi.name] = Multi([providers[name] for name in members])
    return providers


def _shared(settings: Settings) -> Settings:
    """With a worker process's part of each rate: the settings bound what the service asks as a whole."""
    rates = {name: getattr(settings, name) for name in Settings.model_fields if name.endswith("_rate")}
    return settings.model_copy(update={name: rate and rate / settings.workers for name, rate in rates.items()})


def _load(name: str, settings: Settings) -> SearchProvider:
    if name not in PROVIDERS:
        known = ", ".join(sorted((*PROVIDERS, Multi.name)))
        raise InvalidInput(f"there is no search provider {name!r}, only {known}")
    return PROVIDERS[name](settings)


def _key(provider: str, key: SecretStr | None) -> SecretStr:
    if key is None or not key.get_secret_value():
        raise InvalidInput(f"the search provider {provider} needs a key: set {PREFIX}{provider.upper()}_KEY")
    return key
