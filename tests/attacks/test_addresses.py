"""Spellings of addresses: however an address of our own network is written, nothing is fetched from it."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.fetch import Guard, Refused
from app.fetch.addresses import REFUSED, refusal

pytestmark = pytest.mark.anyio


async def numbers_only(host: str, port: int) -> Sequence[str]:
    """What the system's resolver makes of a host, octal and hexadecimal numbers too, without asking any server."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(sockaddr[0]) for *_, sockaddr in found]


GUARD = Guard(resolver=numbers_only)

INSIDE_4 = [network for network, _ in REFUSED if network.version == 4]
inside = st.sampled_from(INSIDE_4).flatmap(
    lambda network: st.integers(int(network[0]), int(network[-1])).map(IPv4Address)
)


def parts(address: IPv4Address) -> list[int]:
    return list(address.packed)


# What programs have been known to read as an IPv4 address.
SPELLINGS: dict[str, Callable[[IPv4Address], str]] = {
    "plain": str,
    "decimal": lambda address: str(int(address)),
    "hexadecimal": lambda address: hex(int(address)),
    "HEXADECIMAL": lambda address: hex(int(address)).upper(),
    "octal": lambda address: f"0{int(address):o}",
    "octal parts": lambda address: ".".join(f"0{part:o}" for part in parts(address)),
    "hexadecimal parts": lambda address: ".".join(map(hex, parts(address))),
    "mixed parts": lambda address: "{}.{:#x}.0{:o}.{}".format(*parts(address)),
    "padded": lambda address: ".".join(f"{part:03}" for part in parts(address)),
    "three parts": lambda address: "{}.{}.{}".format(*parts(address)[:2], parts(address)[2] * 256 + parts(address)[3]),
    "two parts": lambda address: f"{parts(address)[0]}.{int(address) % 2**24}",
    "final dot": lambda address: f"{address}.",
    "user": lambda address: f"page.example@{address}",
    "escaped": lambda address: str(address).replace(".", "%2e"),
    "escaped digits": lambda address: "".join(f"%{ord(letter):02x}" for letter in str(address)),
    "fullwidth": lambda address: "".join(chr(ord(letter) + 0xFEE0) for letter in str(address)),
    "ideographic dots": lambda address: str(address).replace(".", "。"),
    "circled": lambda address: str(address).translate({ord("0") + n: "⓪①②③④⑤⑥⑦⑧⑨"[n] for n in range(10)}),
    "spaces": lambda address: f" {address} ",
    "null": lambda address: f"{address}\0.page.example",
    "mapped": lambda address: f"[::ffff:{address}]",
    "mapped in hexadecimal": lambda address: f"[::ffff:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}]",
    "compatible": lambda address: f"[::{address}]",
    "translated": lambda address: f"[::ffff:0:{address}]",
    "NAT64": lambda address: f"[64:ff9b::{address}]",
    "local NAT64": lambda address: f"[64:ff9b:1::{address}]",
    "6to4": lambda address: f"[{IPv6Address((0x2002 << 112) | (int(address) << 80))}]",
    "Teredo": lambda address: f"[{IPv6Address((0x2001 << 112) | (int(address) ^ 0xFFFFFFFF))}]",
    "long": lambda address: f"[{IPv6Address(int(address)).exploded}]",
    "zone": lambda address: f"[fe80::{address}%25eth0]",
}


async def reached(url: str) -> list[str]:
    """The addresses that would be connected to; none where the URL is refused or is none."""
    try:
        parsed = httpx.URL(url)
        GUARD.check_url(parsed)
        return await GUARD.addresses(parsed.raw_host.decode("ascii"), parsed.port or 80)
    except (Refused, httpx.InvalidURL, socket.gaierror):
        return []


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(address=inside)
@example(IPv4Address("127.0.0.1"))
@example(IPv4Address("169.254.169.254"))
async def test_no_spelling_leads_inside(spelling: str, address: IPv4Address) -> None:
    """Each is refused: by its form, by its number, or by what the resolver makes of it."""
    for scheme in ("http", "https"):
        assert [] == await reached(f"{scheme}://{SPELLINGS[spelling](address)}/")


@given(st.ip_addresses(v=6))
async def test_whatever_is_reached_is_on_the_open_web(address: IPv6Address) -> None:
    """Addresses of IPv6 as they come."""
    for found in await reached(f"http://[{address}]/"):
        assert refusal(found) is None
        assert ip_address(found).is_global


@given(st.text("0123456789abcdefxX.:[]%@/\\?#。１oO-", max_size=30))
async def test_any_mixture_of_such_letters_leads_outside_or_nowhere(host: str) -> None:
    """Whatever the parser and the resolver make of it."""
    for found in await reached(f"http://{host}"):
        assert refusal(found) is None


@pytest.mark.parametrize("url", ["http://1.1.1.1/", "https://[2606:4700:4700::1111]/", "http://8.8.8.8:8080/x"])
async def test_addresses_of_the_open_web_are_reached(url: str) -> None:
    """Or all of the above would say nothing."""
    assert 1 == len(await reached(url))
