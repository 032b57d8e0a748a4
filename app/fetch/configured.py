"""The fetcher and its browser as the settings want them."""

import re

from app.cache import Cache
from app.fetch.browser import Browser, BrowserOptions
from app.fetch.fetcher import Fetcher
from app.fetch.guard import Guard
from app.fetch.limits import FetchLimits
from app.fetch.manners import Manners, user_agent
from app.fetch.proxies import Proxies
from app.settings import Settings
from pruning.errors import InvalidInput
from pruning.observe import Observer, unobserved


def fetcher_of(settings: Settings, cache: Cache | None = None, observer: Observer = unobserved) -> Fetcher:
    """The fetcher of one service, with a cache or without one. Raises InvalidInput for a proxy that can't be used."""
    stack = guard_of(settings), limits_of(settings), manners_of(settings), proxies_of(settings)
    fetcher = Fetcher(*stack, cache=cache)
    fetcher.observer = observer
    return fetcher


def browser_of(settings: Settings) -> Browser | None:
    """The browser of one service, where there is one. Raises InvalidInput."""
    if not settings.browser_url and not settings.browser_command:
        return None
    options = BrowserOptions(
        url=settings.browser_url,
        command=settings.browser_command,
        pages=settings.browser_pages,
        recycle=settings.browser_recycle,
        seconds=settings.browser_seconds,
        proxy_listen=settings.browser_proxy_listen,
        proxy_url=settings.browser_proxy_url,
    )
    return Browser(guard_of(settings), options, proxies_of(settings), user_agent=user_agent(settings.fetch_contact))


def guard_of(settings: Settings) -> Guard:
    """What may be fetched. Raises InvalidInput for an allowed host that no URL could have."""
    for host in settings.fetch_allowed_hosts:
        if re.search(r"[/@?#*\s]", host):
            raise InvalidInput(
                f"SECATEURS_FETCH_ALLOWED_HOSTS: {host!r} is no host; write wiki.corp, or wiki.corp:8080 for one port"
            )
    allowed = frozenset(host.lower() for host in settings.fetch_allowed_hosts)
    return Guard(allowed_hosts=allowed, ports=frozenset(settings.fetch_ports))


def limits_of(settings: Settings) -> FetchLimits:
    """What one page may cost."""
    return FetchLimits(
        bytes=settings.page_bytes,
        redirects=settings.fetch_redirects,
        seconds=settings.fetch_seconds,
        connect_seconds=settings.fetch_connect_seconds,
        first_byte_seconds=settings.fetch_first_byte_seconds,
        pace_seconds=settings.fetch_pace_seconds,
        pace_bytes=settings.fetch_pace_bytes,
        header_bytes=settings.fetch_header_bytes,
        headers=settings.fetch_headers,
    )


def manners_of(settings: Settings) -> Manners:
    """How we behave: a worker process has its part of what the service may do."""
    return Manners(
        user_agent=user_agent(settings.fetch_contact),
        robots=settings.fetch_robots,
        per_host=max(1, settings.fetch_per_host // settings.workers),
        connections=max(1, settings.fetch_connections // settings.workers),
        host_delay=settings.fetch_host_delay_seconds * settings.workers,
        crawl_delay=settings.fetch_crawl_delay_seconds,
    )


def proxies_of(settings: Settings) -> Proxies:
    """Which forward proxies are gone through."""
    proxy = settings.fetch_proxy
    return Proxies.configured(
        None if proxy is None else proxy.get_secret_value(), environment=settings.fetch_proxy_environment
    )
