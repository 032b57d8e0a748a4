"""Every kind of address that isn't on the open web is refused, and says why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fetch.addresses import refusal


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0.0.0.0", "this host"),
        ("10.1.2.3", "private"),
        ("100.100.100.200", "private (carrier-grade NAT)"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("168.63.129.16", "cloud metadata"),
        ("169.254.169.254", "link-local or cloud metadata"),
        ("172.31.255.255", "private"),
        ("192.0.0.192", "reserved or cloud metadata"),
        ("192.168.1.1", "private"),
        ("198.19.0.1", "benchmarking"),
        ("203.0.113.9", "documentation"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.250", "multicast"),
        ("255.255.255.255", "reserved or broadcast"),
        ("::", "this host"),
        ("::1", "loopback"),
        ("::127.0.0.1", "not assigned"),
        ("::ffff:127.0.0.1", "IPv4-mapped"),
        ("::ffff:93.184.216.34", "IPv4-mapped"),
        ("64:ff9b::a9fe:a9fe", "NAT64"),
        ("64:ff9b:1::7f00:1", "NAT64"),
        ("100::1", "not assigned"),
        ("2001::1", "reserved or Teredo"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::", "6to4"),
        ("fd00:ec2::254", "private or cloud metadata"),
        ("fe80::1%eth0", "link-local"),
        ("fec0::1", "not assigned"),
        ("ff02::1", "multicast"),
    ],
)
def test_addresses_inside_are_refused_with_their_reason(address: str, reason: str) -> None:
    """Each row of the table, and what it leaves to the rules for the rest, is refused."""
    assert reason == refusal(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111"])
def test_addresses_of_the_open_web_are_not_refused(address: str) -> None:
    """Neighbours of the refused networks, and well-known public addresses, may be asked."""
    assert refusal(address) is None


@given(st.ip_addresses())
def test_nothing_that_python_calls_not_global_is_let_through(address) -> None:  # type: ignore[no-untyped-def]
    """Our table refuses at least what the standard library would refuse."""
    assert refusal(str(address)) is not None or address.is_global
