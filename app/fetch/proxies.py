"""Which forward proxy a page is asked for through: the setting's, or the environment's."""

import ipaddress
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import httpx

from app.fetch.guard import DEFAULT_PORTS
from pruning.errors import InvalidInput

SCHEMES = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True)
class Proxies:
    """Proxies by the scheme of the page (`http`, `https`, or `all`), and the hosts that are asked directly.

    `no` is written as NO_PROXY is: names (their subdomains count too), addresses, networks such as 10.0.0.0/8, or
    `*` for all, separated by commas.
    """

    by_scheme: Mapping[str, httpx.Proxy] = field(default_factory=dict)
    no: str = ""

    @classmethod
    def configured(cls, proxy: str | None = None, *, environment: bool = False) -> Self:
        """The setting's proxy for all pages; without one, where the environment counts, its HTTP_PROXY, HTTPS_PROXY and
        ALL_PROXY. NO_PROXY counts with the environment.

        Raises InvalidInput when one of them can't be used.
        """
        found = urllib.request.getproxies_environment() if environment else {}
        no = found.pop("no", "")
        if proxy is not None:
            return cls({"all": _proxy(proxy, "SECATEURS_FETCH_PROXY")}, no)
        named = {scheme: url for scheme, url in found.items() if scheme in {"http", "https", "all"}}
        hint = "; SECATEURS_FETCH_PROXY_ENVIRONMENT=false ignores the environment"
        return cls({scheme: _proxy(url, f"{scheme.upper()}_PROXY", hint) for scheme, url in named.items()}, no)

    def proxy_for(self, url: httpx.URL) -> httpx.Proxy | None:
        """The proxy through which the page is asked for; None: directly."""
        proxy = self.by_scheme.get(url.scheme) or self.by_scheme.get("all")
        if proxy is None:
            return None
        host = url.raw_host.decode("ascii").lower()
        port = url.port or DEFAULT_PORTS.get(url.scheme)
        return None if any(_covers(entry.strip().lower(), host, port) for entry in self.no.split(",")) else proxy


def _covers(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry of NO_PROXY means this host.

    >>> [_covers(entry, "wiki.corp", 8080) for entry in ("corp", ".corp", "wiki.corp:8080", "iki.corp", "wiki.corp:80")]
    [True, True, True, False, False]
    """
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:  # one of them is a name
        name, _, only_port = entry.partition(":")
        name = name.removeprefix("*").removeprefix(".")
        return bool(name) and only_port in {"", str(port)} and (host == name or host.endswith(f".{name}"))


def _proxy(url: str, variable: str, hint: str = "") -> httpx.Proxy:
    """The message does not repeat the value: it may hold a password."""
    try:
        proxy = httpx.Proxy(url if "://" in url else f"http://{url}")
    except (httpx.InvalidURL, ValueError):
        proxy = None
    if proxy is None or proxy.url.scheme not in SCHEMES or not proxy.url.host:
        raise InvalidInput(f"{variable} is no proxy that can be used: it must begin with http:// or https://{hint}")
    return proxy
