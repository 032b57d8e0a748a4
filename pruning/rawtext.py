"""What stands in `noscript` and `template` is no part of the page, but libxml2 parses it as if it were.

There a `<div>` that nobody closes keeps `</template>` from closing anything, and all that follows would stay hidden. So
the contents of both are taken out before. What `script`, `iframe` and their like hold libxml2 itself leaves unparsed.
"""

import re

_NEEDED = re.compile(rb"</(?:noscript|template)[\s/>]", re.IGNORECASE)
_RAW = ("noscript", "script", "style", "title", "textarea", "iframe", "noembed", "noframes", "xmp")
# What ends the parsing of tags, up to an end of its own; and templates, which nest.
_OPENING = re.compile(rf"<(!--|(?:/?template|{'|'.join(_RAW)}|plaintext)(?=[\s/>]))".encode(), re.IGNORECASE)
_END = {name.encode(): re.compile(rf"</{name}(?=[\s/>])".encode(), re.IGNORECASE) for name in _RAW}
_END[b"!--"] = re.compile(rb"--!?>")
_REST_OF_TAG = re.compile(rb"(?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+>")
_LOOK_BACK = 4096  # bytes in which a tag is expected to have begun


def emptied(data: bytes) -> bytes:
    """The page without what stands in its `noscript` and `template` elements; nothing else is touched."""
    if not _NEEDED.search(data):
        return data
    kept, done = [], 0
    for start, stop in _contents(data):
        kept.append(data[done:start])
        done = stop
    return b"".join((*kept, data[done:]))


def _contents(data: bytes) -> list[tuple[int, int]]:
    """From where to where the contents of each outermost element reach."""
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
