"""The guard against server-side request forgery: the policy on URLs, names and addresses.

`app.fetch.transport` holds every hop of every redirect to it, and `app.fetch.network` connects to the very addresses
that it has checked.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import httpx

from app.fetch.addresses import name_refusal, refusal
from app.fetch.errors import Refused

DEFAULT_PORTS = {"http": 80, "https": 443}
OPEN_PORTS = frozenset({80, 443, 8080, 8443})

# A lookup can't be cancelled, and one for a dead domain takes its seconds: in a small pool, asyncio's own
# has six threads on two cores, a few of them would hold up the lookups of all other pages.
_lookups = ThreadPoolExecutor(max_workers=64, thread_name_prefix="lookup")

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """The IP addresses of `host` as the system's resolver has them. Raises OSError or UnicodeError."""
    if _is_address(host):
        return [host]
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_lookups, ask)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@dataclass(frozen=True, slots=True)
class Guard:
    """What may be fetched.

    `allowed_hosts` are exempt from the rules on addresses and ports, for intranets and tests: "wiki.corp"
    for all ports of that host, "127.0.0.1:8000" for one. An exempt host still must be asked by HTTP or
    HTTPS.
    """

    allowed_hosts: frozenset[str] = frozenset()
    ports: frozenset[int] = OPEN_PORTS
    resolver: Resolver = resolve

    def check_url(self, url: httpx.URL) -> None:
        """Raise Refused unless scheme, spelling of the host and port may be asked; resolves nothing.

        That is all that can be checked behind a forward proxy, so hosts that are inside by their mere name, and
        addresses written out, are refused here already.
        """
        if url.scheme not in DEFAULT_PORTS:
            raise Refused(str(url), f"only http and https are fetched, not {url.scheme or 'a URL without scheme'}")
        if not url.host:
            raise Refused(str(url), "the URL names no host")
        if url.userinfo:
            raise Refused(str(url.copy_with(userinfo=None)), "a URL with a user name or password is not fetched")
        host, port = url.raw_host.decode("ascii").lower(), DEFAULT_PORTS[url.scheme] if url.port is None else url.port
        if host.endswith("."):
            raise Refused(str(url), "a host name with a dot at its end is not fetched")
        if _is_odd_number(host):
            raise Refused(str(url), "an IPv4 address must be written as four decimal numbers")
        if self.is_allowed(host, port):
            return
        if port not in self.ports:
            raise Refused(str(url), f"port {port} is not fetched from; SECATEURS_FETCH_PORTS lists the ports that are")
        if reason := refusal(host) if _is_address(host) else name_refusal(host):
            raise Refused(str(url), _inside(reason))

    def is_allowed(self, host: str, port: int) -> bool:
        """Whether this host, all of it or this port, is exempt."""
        name = host.rstrip(".").lower()
        return not self.allowed_hosts.isdisjoint({name, f"{name}:{port}", f"[{name}]:{port}"})

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of `host`, each of them checked. Raises Refused if any of them may not be asked.

        One address of several inside our own network is a trick or a mistake; neither is a page of the open
        web.
        """
        try:
            found = await self.resolver(host, port)
        except UnicodeError as error:
            raise Refused(host, f"this is no host name: {error}") from error
        if not self.is_allowed(host, port):
            # The address itself stays out of the message: it would tell a stranger how our network looks.
            for reason in filter(None, map(refusal, found)):
                raise Refused(host, _inside(reason))
        return list(found)


def _inside(reason: str) -> str:
    return (
        f"the address of this host is not on the open web: {reason}; "
        "SECATEURS_FETCH_ALLOWED_HOSTS names the hosts for which that doesn't matter"
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_odd_number(host: str) -> bool:
    """Whether `host` is an IPv4 address in a spelling that only some programs read as one: octal, hex, 127.1.

    By the WHATWG's rule a host whose last label is a number is an IPv4 address.
    """
    last = host.rpartition(".")[2]
    return (last.isdigit() or last.startswith("0x")) and ":" not in host and not _is_address(host)
