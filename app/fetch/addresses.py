"""Which IP addresses and host names a fetched page may never come from: two tables, each row with its reason.

The rows follow the special-purpose registries of IANA (RFC 6890). Python's `is_global` is asked as well,
but is not enough: its lists differ between Python releases, and it knows no cloud's metadata service.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IPAddress = IPv4Address | IPv6Address

REFUSED = tuple(
    (ip_network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "this host"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "private (carrier-grade NAT)"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud metadata"),
        ("169.254.0.0/16", "link-local or cloud metadata"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved or cloud metadata"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved or broadcast"),
        ("::/128", "this host"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("fc00::/7", "private or cloud metadata"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "reserved or Teredo"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
    )
)
# The rest of IPv6 is not assigned to anybody, so nothing there is a web server.
GLOBAL_UNICAST = ip_network("2000::/3")

# Names that mean something else in every network, or are kept out of the public root for that use: nothing on the open
# web has them, whoever resolves them. By the name's last label.
PRIVATE_NAMES = {
    "localhost": "loopback",
    "localdomain": "loopback",
    "arpa": "infrastructure",  # home.arpa, reverse lookups
    "corp": "private",
    "home": "private",
    "internal": "private or cloud metadata",
    "intranet": "private",
    "lan": "private",
    "local": "private",
    "onion": "not in the public name system",
    "private": "private",
}


def name_refusal(name: str) -> str | None:
    """Why nothing may be fetched from the host `name` (no IP address), or None if its addresses decide.

    >>> name_refusal("metadata.google.internal")
    'private or cloud metadata'
    >>> name_refusal("wiki")
    'private (a name without a dot)'
    """
    reason = PRIVATE_NAMES.get(name.rpartition(".")[2])
    if reason is None and "." not in name:
        return "private (a name without a dot)"
    return reason


def refusal(address: str) -> str | None:
    """Why nothing may be fetched from `address` (an IP address, a scope id allowed), or None if it may.

    >>> refusal("169.254.169.254")
    'link-local or cloud metadata'
    >>> refusal("1.1.1.1") is None
    True
    """
    parsed = ip_address(address)
    for network, reason in REFUSED:
        if parsed.version == network.version and parsed in network:
            return reason
    if parsed.version == 6 and parsed not in GLOBAL_UNICAST:
        return "not assigned"
    return None if parsed.is_global else "not on the open web"
