"""Bytes in, text out: what a page is, how its encoding is found, and the limits that every page is held to."""

import codecs
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import webencodings

from pruning.errors import InvalidInput, PageTooLarge


@dataclass(frozen=True, slots=True)
class Page:
    """A web page as it arrived.

    Attributes:
        html: the document, as text or as bytes.
        url: where it comes from; relative links are resolved against it.
        title: its title where the caller knows a better one than the page's own.
        encoding: what the HTTP header said, for bytes; the page's own word and detection serve without it.
    """

    html: str | bytes
    url: str | None = None
    title: str | None = None
    encoding: str | None = None


_DEEPEST = 256  # writers call themselves for each level, and deeper tags cost more tokens than most budgets have
_LONGEST = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """What a page may cost. Past `bytes`, `nodes` or `seconds` there is a `PageError`, never a page cut short.

    Attributes:
        bytes: size of the page.
        nodes: elements and texts.
        depth: elements nested deeper than this are written without their tags; their text stays. At most 256.
        seconds: time to parse and clean, at most a day.
        isolate_over: bytes from which a page is parsed in a process of its own, which can be killed.
    """

    bytes: int = 20_000_000
    nodes: int = 3_000_000
    depth: int = 200
    seconds: float = 20.0
    isolate_over: int = 1_000_000

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= _DEEPEST:
            raise InvalidInput(f"the depth limit must be 1 to {_DEEPEST}, not {self.depth}")
        if not 0 < self.seconds <= _LONGEST:
            raise InvalidInput(f"the time limit must be above 0 and at most {_LONGEST} s, not {self.seconds}")


# WHATWG looks at the first 1024 bytes for a `meta` that names the encoding.
_PRESCAN = 1024
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_DECLARATION = re.compile(
    rb"(?:<meta[\s/][^>]*?charset|\A\s*<\?xml\s[^>]*?encoding)\s*=\s*[\"']?\s*([^\s\"'/;>]+)", re.IGNORECASE
)
# UTF-32 is not among WHATWG's encodings; its marks are tried first, because UTF-16's are a part of them.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DETECT_BYTES = 200_000  # some 40 ms
_WIDE_LOOKED_AT = 400
_TOO_FEW = 6  # bytes above ASCII: they tell nothing, and browsers take windows-1252
# Kana in Shift_JIS: a few words of it look like Cyrillic to the detector.
_KANA = re.compile(rb"\x82[\x9f-\xf1]|\x83[\x40-\x96]")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_ESCAPED_CHARSETS = (b"\x1b$B", b"\x1b$@", b"\x1b(J")  # ISO-2022-JP: all ASCII bytes, so UTF-8 would pass


def utf8(page: Page, limits: Limits) -> bytes:
    """The page's markup as valid UTF-8, without NUL characters.

    Raises:
        PageTooLarge: more bytes than `limits.bytes`.
        InvalidInput: `html` is neither text nor bytes.
    """
    markup = page.html
    if isinstance(markup, str):
        try:
            data = markup.encode()
        except UnicodeEncodeError:  # JSON can carry half a surrogate pair; a replacement character stands for it
            data = markup.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        _check_size(data, limits)
    elif isinstance(markup, bytes | bytearray | memoryview):
        data = bytes(markup)
        _check_size(data, limits)
        data = _to_utf8(data, page)
    else:
        raise InvalidInput(f"a page's html must be str or bytes, not {type(markup).__name__}")
    return data.replace(b"\0", b"") if b"\0" in data else data


def _check_size(data: bytes, limits: Limits) -> None:
    if len(data) > limits.bytes:
        raise PageTooLarge(f"the page has {len(data):,} bytes; the limit is {limits.bytes:,}")


def _to_utf8(data: bytes, page: Page) -> bytes:
    """Decode by WHATWG's rules: byte order mark, HTTP header, `meta`, then detection."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data.decode(name, "replace").encode()
    is_valid = _is_utf8(data)
    is_utf8 = is_valid or _is_damaged_utf8(data)
    encoding = _believed(_known(page.encoding), is_utf8) or _declared_inside(data, is_utf8)
    encoding = encoding or _detected(data, is_utf8, page.url)
    if encoding == "utf-8" and is_valid:
        return data
    return data.decode(encoding, "replace").encode("utf-8", "replace")


def _known(label: str | None) -> str | None:
    """The Python codec of a WHATWG label such as "latin1" (which means windows-1252), or None."""
    found = webencodings.lookup(label.strip()) if label else None
    if found is None or found.name in ("x-user-defined", "replacement"):
        return None
    return str(found.codec_info.name)


def _declared_inside(data: bytes, is_utf8: bool) -> str | None:
    declaration = _DECLARATION.search(_COMMENT.sub(b"", data[:_PRESCAN]))
    encoding = _known(declaration[1].decode("latin-1")) if declaration else None
    if encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        return "utf-8"  # the prescan read ASCII bytes, so it can't be UTF-16 (WHATWG says the same)
    return _believed(encoding, is_utf8)


def _believed(encoding: str | None, is_utf8: bool) -> str | None:
    """What is declared, unless it says utf-8 and is not: bytes that are UTF-8 by chance are rare."""
    return None if encoding == "utf-8" and not is_utf8 else encoding


def _detected(data: bytes, is_utf8: bool, url: str | None) -> str:
    if is_utf8 and not (b"\x1b" in data and any(escape in data for escape in _ESCAPED_CHARSETS)):
        return "utf-8"  # UTF-16 of ASCII alone, too: its zeros are dropped
    if unmarked := unmarked_wide(data):
        return unmarked
    # Markup is ASCII and tells nothing: begin a little before the text does.
    beyond = _BEYOND_ASCII.search(data)
    start = max(0, beyond.start() - 200) if beyond else 0
    sample = data[start : start + _DETECT_BYTES]
    above = len(_BEYOND_ASCII.findall(sample))
    if 4 * len(_KANA.findall(sample)) >= above > 0:
        return "shift_jis"
    if 0 < above < _TOO_FEW:
        return "windows-1252"
    from chardetng_py import EncodingDetector  # here: few pages need it

    detector = EncodingDetector()
    detector.feed(sample, last=True)
    guess: str = detector.guess(tld=_top_domain(url), allow_utf8=False)
    return _known(guess) or guess


def _top_domain(url: str | None) -> bytes | None:
    """The last part of the host's name: "hu" says much of what a page is written in."""
    try:
        host = urlsplit(url or "").hostname or ""
    except ValueError:
        return None
    last = host.rpartition(".")[2]
    return last.encode() if last.isascii() and last.isalpha() else None


def unmarked_wide(data: bytes) -> str | None:
    """Which UTF-16 or UTF-32 this is, without a mark that says so: much of its markup is 0. None for other bytes."""
    head = data[:_WIDE_LOOKED_AT]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if even + odd > 0.6 * len(head):
        return "utf-32-le" if head[0] else "utf-32-be"
    if max(even, odd) <= len(head) / 3 or max(even, odd) < 4 * min(even, odd):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether it is UTF-8 but for some bytes, such as a character cut in two: more of it is well than is not."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    return len(data) - len(text) > 2 * bad  # a good character above ASCII has a byte more than it has characters


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
