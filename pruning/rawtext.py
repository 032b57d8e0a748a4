"""What libxml2 would misread is taken out of the markup before it is parsed.

What stands in `noscript` and `template` is no part of the page, but libxml2 parses it as if it were: a `<div>` there
that nobody closes keeps `</template>` from closing anything, and all that follows would stay hidden. Nor does it know
that `wbr`, `source` and their like hold nothing: it puts into them what stands behind them. What `script`, `iframe` and
their like hold it leaves unparsed by itself.
"""

import re

from pruning.elements import VOID_TO_US

_VOID = "|".join(sorted(VOID_TO_US))
_RAW = ("noscript", "script", "style", "title", "textarea", "iframe", "noembed", "noframes", "xmp")
# A page without any of these stays as it is. Two letters rule out most tags, in half of the time; below as well.
_NEEDED = re.compile(rf"<(?=/[nt][oe]|[bceikstw][gomerb])(?:/noscript|/template|{_VOID})[\s/>]".encode(), re.IGNORECASE)
# What ends the parsing of tags, up to an end of its own; templates, which nest; and what goes by itself.
_OPENING = re.compile(
    rf"<(?=[!nstixp][-oceimlft]|/te|[bceikstw][gomerb])"
    rf"(!--|(?:/?template|{'|'.join(_RAW)}|plaintext|{_VOID})(?=[\s/>]))".encode(),
    re.IGNORECASE,
)
_END = {name.encode(): re.compile(rf"</{name}(?=[\s/>])".encode(), re.IGNORECASE) for name in _RAW}
_END[b"!--"] = re.compile(rb"--!?>")
_REST_OF_TAG = re.compile(rb"(?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+>")
_LOOK_BACK = 4096  # bytes in which a tag is expected to have begun


def readable(data: bytes) -> bytes:
    """The page without the contents of `noscript` and `template`, and without void elements unknown to libxml2."""
    if not _NEEDED.search(data):
        return data
    kept, done = [], 0
    for start, stop in _misread(data):
        kept.append(data[done:start])
        done = stop
    return b"".join((*kept, data[done:]))


def _misread(data: bytes) -> list[tuple[int, int]]:
    """From where to where each stretch reaches that goes, in order."""
    found = []
    at = templates = begin = 0
    while opening := _OPENING.search(data, at):
        at, name = opening.end(), opening[1].lower()
        if _is_within_tag(data, opening.start()):
            continue
        if name == b"/template":
            templates -= templates > 0
            if not templates and begin:
                found.append((begin, opening.start()))
                begin = 0
            continue
        tag = opening if name == b"!--" else _REST_OF_TAG.match(data, at)
        if tag is None or name == b"plaintext":
            break
        at = tag.end()
        if name == b"template":
            templates += 1
            begin = begin or at
            continue
        if name not in _END:  # a void element
            found += [] if templates else [(opening.start(), at)]
            continue
        end = _END[name].search(data, at - 2 if name == b"!--" else at)  # `<!-->` is a whole comment
        if end is None:
            break
        if name == b"noscript" and not templates:
            found.append((at, end.start()))
        at = end.end() if name == b"!--" else end.start() + 1
    return found


def _is_within_tag(data: bytes, at: int) -> bool:
    """Whether what looks like a tag stands in an attribute of another one."""
    low = max(0, at - _LOOK_BACK)
    return data.rfind(b"<", low, at) > data.rfind(b">", low, at)
