"""Which URLs lead to the same page, as far as URLs can tell."""

import re
from urllib.parse import unquote, urlencode

import httpx

# What campaigns, social networks and mailings hang onto an address; no page depends on it.
_TRACKING = re.compile(r"utm_\w+|mtm_\w+|pk_\w+|gclid|dclid|gbraid|wbraid|fbclid|msclkid|yclid|igshid|mc_[ce]id|_hs\w+")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def page_key(url: str) -> str:
    """A text that is the same for all URLs of a page: they differ by scheme, `www.`, fragment, tracking, order.

    >>> page_key("http://www.Example.org:80/a%7Eb/?utm_source=x&b=2&a=1#part") == page_key("https://example.org/a~b?a=1&b=2")
    True
    """
    try:
        parsed = httpx.URL(url.strip())
        said = sorted(pair for pair in parsed.params.multi_items() if not _TRACKING.fullmatch(pair[0]))
    except (httpx.InvalidURL, ValueError):
        return url
    host = parsed.host.lower().rstrip(".").removeprefix("www.")
    if not host:
        return url
    port = parsed.port if parsed.port != _DEFAULT_PORTS.get(parsed.scheme) else None
    return f"{host}:{port or ''}{unquote(parsed.path).rstrip('/')}?{urlencode(said)}"
