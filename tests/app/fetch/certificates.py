"""Both ends of TLS: a server with a certificate, and a client that trusts who signed it."""

import ssl
from datetime import datetime

import trustme


def server_of(authority: trustme.CA, *names: str, until: datetime | None = None) -> ssl.SSLContext:
    """For a server of these names, until its certificate ends."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names, not_after=until).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """For a client that takes what the authority signs, and what all others take."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
