"""Parts of a page that a caller names by CSS selectors.

A selector can take as long as its writer likes: one with three descendant combinators takes minutes on a page of nested
elements. So all but the simplest are tried in a process of its own, which can be killed.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import soupsieve
from bs4 import BeautifulSoup, Tag

from pruning.document import Limits, Page, utf8
from pruning.errors import InvalidInput, PageTimeout

_MOST_SIMPLE = 10
_BRANCHING = re.compile(r"[:~|]|\(|\S\s+\S+\s+\S")
_BESIDE = re.compile(r"\s*[>+]\s*")
_START_SECONDS = 5.0  # a child's start costs 0.3 s; on a machine under load more
_COMMAND = ("-P", "-c", "import sys; sys.path[:] = sys.argv[1:]; from app.convert.selection import serve; serve()")
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])


def selected(page: Page, select: Sequence[str], drop: Sequence[str], limits: Limits) -> Page:
    """The page with only what `select` names, without what `drop` names; what it says of itself stays.

    Raises:
        InvalidInput: a selector is none.
        PageTooLarge: the page exceeds the limit.
        PageTimeout: the selectors took longer than a page may.
    """
    named = (", ".join(select), ", ".join(drop))
    for selectors in filter(None, named):
        _check(selectors)
    markup = utf8(page, limits)
    at_once = len(markup) <= limits.isolate_over and all(map(_is_simple, named))
    html = _picked(markup, *named) if at_once else _picked_apart(markup, named, limits.seconds)
    return replace(page, html=html, encoding=None)


def _check(selectors: str) -> None:
    try:
        soupsieve.compile(selectors)
    except (soupsieve.SelectorSyntaxError, NotImplementedError) as error:
        raise InvalidInput(f"{selectors!r} is no CSS selector: {str(error).splitlines()[0]}") from None


def _is_simple(selectors: str) -> bool:
    """Whether each element is compared but a few times: few selectors, each looking upwards once at most.

    >>> [_is_simple(selectors) for selectors in ("", "main > p.lead, #top", "article p", "a b c", "p:has(b)", "p ~ p")]
    [True, True, True, False, False, False]
    """
    each = [_BESIDE.sub(">", selector.strip()) for selector in selectors.split(",")]
    return len(each) <= _MOST_SIMPLE and not any(map(_BRANCHING.search, each))


def _picked(markup: bytes, select: str, drop: str) -> str:
    soup = BeautifulSoup(markup, "lxml", from_encoding="utf-8")
    for element in soup.select(drop) if drop else ():
        element.decompose()
    if not select:
        return str(soup)
    kept: list[Tag] = list(soup.select(select))
    named = set(map(id, kept))  # elements are equal where they look alike
    outermost = [element for element in kept if not any(id(around) in named for around in element.parents)]
    about = soup.find_all(["base", "link", "meta", "title"])
    return "".join(map(str, (*about, *outermost)))


def _picked_apart(markup: bytes, named: tuple[str, str], seconds: float) -> str:
    """As `_picked`, in another process. Raises PageTimeout."""
    try:
        done = subprocess.run(
            [sys.executable, *_COMMAND, *sys.path, _PACKAGE_ROOT],
            input=json.dumps(named).encode() + b"\n" + markup,
            stdout=subprocess.PIPE,
            timeout=seconds + _START_SECONDS,
            process_group=0,  # Ctrl-C is for the parent
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise PageTimeout(f"the selectors took longer than the {seconds:g} s that a page may") from None
    except (subprocess.CalledProcessError, OSError) as error:
        raise PageTimeout(f"the process that the selectors were tried in died: {error}") from None
    return done.stdout.decode()


def serve() -> None:
    """Answer one request: selectors in a line of JSON, then the page."""
    named, _, markup = sys.stdin.buffer.read().partition(b"\n")
    sys.stdout.buffer.write(_picked(markup, *json.loads(named)).encode("utf-8", "replace"))
