"""Which host a URL is of, and whether it is within the domains that a query asks for."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from app.search.protocol import SearchQuery


def allows(query: SearchQuery, url: str) -> bool:
    """Whether the query's domains let this URL through; `file:` URLs are of no domain.

    >>> query = SearchQuery("q", include_domains=("a.org",), exclude_domains=("old.a.org",))
    >>> [allows(query, f"https://{host}/") for host in ("www.a.org", "x.old.a.org", "bada.org")]
    [True, False, False]
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    if query.include_domains and not _is_within(host, query.include_domains):
        return False
    return not _is_within(host, query.exclude_domains)


def _is_within(host: str, domains: Iterable[str]) -> bool:
    wanted = (domain.lower().strip(".") for domain in domains)
    return any(host == domain or host.endswith(f".{domain}") for domain in wanted if domain)
