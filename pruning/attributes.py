"""The attributes that a cleaned page keeps: what cells merge, how lists count, where links lead."""

import html
import re
from collections.abc import Callable, Mapping

from pruning.elements import CODES

_NUMBER = re.compile(r"\s*-?\d{1,6}(?!\d)")
_MAX_SPAN = 1000  # of columns, by the HTML standard
_A = CODES["a"]
_KEPT = {
    **dict.fromkeys((CODES["td"], CODES["th"]), ("colspan", "rowspan")),
    CODES["ol"]: ("start", "reversed"),
    CODES["li"]: ("value",),
}

# Elements with none of these have nothing to keep.
WATCHED = frozenset(("colspan", "rowspan", "start", "value", "reversed", "alt", "href"))


def written(code: int, attributes: Mapping[str, str], resolve: Callable[[str], str | None]) -> str:
    """An element's kept attributes, as they are written again: ` colspan="2"`.

    Args:
        code: the element's.
        attributes: all that it has.
        resolve: a link's absolute address, or None where it leads nowhere.
    """
    if code == _A:
        href = resolve(attributes.get("href", ""))
        return f' href="{html.escape(href)}"' if href else ""
    return "".join(_number(name, attributes[name]) for name in _KEPT.get(code, ()) if name in attributes)


def _number(name: str, value: str) -> str:
    """A number; a span of one, and nonsense, says nothing."""
    if name == "reversed":
        return " reversed"
    number = _NUMBER.match(value)
    if number is None or (name in ("colspan", "rowspan") and not 1 < int(number[0]) <= _MAX_SPAN):
        return ""
    return f' {name}="{int(number[0])}"'
