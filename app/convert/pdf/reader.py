"""What pdfium sees on a page: words with their places and fonts, and the straight lines that are drawn between them.

Places are in points, as the page is shown (rotation undone); x grows to the right, y upwards.
"""

import ctypes
import itertools
import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium

_MOST_SEGMENTS = 20_000  # of a page: maps and drawings have more, tables have not
_DEEPEST_FORM = 4
_HYPHENS = "\x02\xad\ufffe"  # what pdfium gives for the hyphen that parts a word at the end of a line
_BOLD = 600  # weight
_STRAIGHT = 1.0  # points that a line may be off
_THIN = 3.0  # points: a filled box as thin as that is a line
_DOT = (1.5, 8.0)  # points: a filled shape as small as that, and as wide as high, is a bullet


@dataclass(slots=True)
class Word:
    """A run of characters without a space. `size` is the font's, in points; `bottom` to `top` its line's height."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float
    bold: bool
    upright: bool = True


@dataclass(frozen=True, slots=True)
class Segment:
    """A horizontal or vertical line: at `at`, from `low` to `high` along the other axis."""

    horizontal: bool
    at: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PageContent:
    """One page: its words in the order in which they were written, its lines, the centres of the dots that may be
    bullets, and its height in points.
    """

    words: list[Word]
    segments: list[Segment]
    dots: list[tuple[float, float]]
    height: float
    has_images: bool = False


def read_content(page: Any) -> PageContent:
    """The content of a pypdfium2 page."""
    rotation = _Rotation(page.get_rotation() // 90 % 4, *page.get_size())
    text_page = page.get_textpage()
    try:
        words = list(_words(text_page.raw, rotation))
    finally:
        text_page.close()
    objects = _Objects(rotation)
    objects.collect(page.raw, pdfium.FPDFPage_CountObjects, pdfium.FPDFPage_GetObject, None, 0)
    segments = objects.segments if len(objects.segments) <= _MOST_SEGMENTS else []
    return PageContent(words, segments, objects.dots, page.get_size()[1], objects.has_images)


@dataclass(frozen=True, slots=True)
class _Rotation:
    """From the page's own coordinates to those in which it is shown; `width` and `height` as it is shown."""

    quarters: int
    width: float
    height: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        return ((x, y), (y, self.height - x), (self.width - x, self.height - y), (self.width - y, x))[self.quarters]

    def box(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        x0, y0 = self.point(left, bottom)
        x1, y1 = self.point(right, top)
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


@dataclass(frozen=True, slots=True)
class _Font:
    size: float
    bold: bool
    upright: bool


def _words(text_page: Any, rotation: _Rotation) -> Iterator[Word]:
    """Characters put together to words: while they follow each other on one line, without a space or a gap."""
    box = pdfium.FS_RECTF()
    fonts: dict[int, _Font] = {}
    word: Word | None = None
    for index in range(pdfium.FPDFText_CountChars(text_page)):
        character = _character(text_page, index)
        if character.isspace() or not character or not pdfium.FPDFText_GetLooseCharBox(text_page, index, box):
            if word:
                yield word
            word = None
            continue
        left, bottom, right, top = rotation.box(box.left, box.bottom, box.right, box.top)
        font = _font(text_page, index, rotation, fonts)
        if word and (_follows(word, left, right, bottom, top) or not (word.upright or font.upright)):
            word.text += character
            word.left, word.right = min(word.left, left), max(word.right, right)
            continue
        if word:
            yield word
        word = Word(character, left, right, bottom, top, font.size, font.bold, font.upright)
    if word:
        yield word


def _character(text_page: Any, index: int) -> str:
    code = pdfium.FPDFText_GetUnicode(text_page, index)
    if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return ""
    character = chr(code)
    if character in _HYPHENS:
        return "-"
    if character.isspace():
        return " "
    return unicodedata.normalize("NFKC", character) if "\ufb00" <= character <= "\ufb06" else character


def _follows(word: Word, left: float, right: float, bottom: float, top: float) -> bool:
    """Whether a character with this box goes on with the word. Scripts from right to left go on to the left."""
    height = min(top - bottom, word.top - word.bottom)
    if min(top, word.top) - max(bottom, word.bottom) < 0.5 * height:
        return False
    gap = min(abs(left - word.right), abs(word.left - right))
    return gap <= 0.2 * max(word.size, 1.0) or (left >= word.left and right <= word.right + 0.2 * word.size)


def _font(text_page: Any, index: int, rotation: _Rotation, fonts: dict[int, _Font]) -> _Font:
    """The font of a character; asked once for each text object, since all of that has the same."""
    text_object = pdfium.FPDFText_GetTextObject(text_page, index)
    key = ctypes.cast(text_object, ctypes.c_void_p).value or 0
    if key not in fonts or not key:
        matrix = pdfium.FS_MATRIX()
        pdfium.FPDFText_GetMatrix(text_page, index, matrix)
        turned = math.atan2(matrix.b, matrix.a) - rotation.quarters * math.pi / 2
        size = pdfium.FPDFText_GetFontSize(text_page, index) * math.hypot(matrix.c, matrix.d)
        fonts[key] = _Font(size or 1.0, _is_bold(text_page, index), math.cos(turned) > 0.9)
    return fonts[key]


def _is_bold(text_page: Any, index: int) -> bool:
    name = ctypes.create_string_buffer(256)
    flags = ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(text_page, index, name, 256, flags)
    said = name.value.decode("utf-8", "replace").lower()
    weight: int = pdfium.FPDFText_GetFontWeight(text_page, index)
    return weight >= _BOLD or any(word in said for word in ("bold", "black", "heavy", "cmbx", "-bd"))


class _Objects:
    """Gathers straight lines out of a page's drawings, and those of the forms within it."""

    def __init__(self, rotation: _Rotation) -> None:
        self.segments: list[Segment] = []
        self.dots: list[tuple[float, float]] = []
        self.has_images = False
        self._rotation = rotation

    def collect(self, owner: Any, count: Any, get: Any, outer: Any, depth: int) -> None:
        for number in range(count(owner)):
            if len(self.segments) > _MOST_SEGMENTS:
                return
            item = get(owner, number)
            kind = pdfium.FPDFPageObj_GetType(item)
            self.has_images |= kind == pdfium.FPDF_PAGEOBJ_IMAGE
            if kind not in (pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_FORM):
                continue
            matrix = pdfium.FS_MATRIX()
            pdfium.FPDFPageObj_GetMatrix(item, matrix)
            transform = _after(matrix, outer)
            if kind == pdfium.FPDF_PAGEOBJ_PATH:
                self._path(item, transform)
            elif depth < _DEEPEST_FORM:
                count_below, get_below = pdfium.FPDFFormObj_CountObjects, pdfium.FPDFFormObj_GetObject
                self.collect(item, count_below, get_below, transform, depth + 1)

    def _path(self, path: Any, matrix: Any) -> None:
        fill, stroke = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDFPath_GetDrawMode(path, fill, stroke)
        points: list[tuple[float, float]] = []
        for number in range(min(pdfium.FPDFPath_CountSegments(path), 1000)):
            segment = pdfium.FPDFPath_GetPathSegment(path, number)
            x, y = ctypes.c_float(), ctypes.c_float()
            pdfium.FPDFPathSegment_GetPoint(segment, x, y)
            if pdfium.FPDFPathSegment_GetType(segment) == pdfium.FPDF_SEGMENT_MOVETO:
                self._outline(points, bool(stroke.value))
                points = []
            points.append(self._rotation.point(*_moved(matrix, x.value, y.value)))
            if pdfium.FPDFPathSegment_GetClose(segment) and len(points) > 1:
                points.append(points[0])
        self._outline(points, bool(stroke.value))

    def _outline(self, points: list[tuple[float, float]], stroked: bool) -> None:
        """The lines of one outline: each of its sides where it is stroked, or the line that a thin box stands for."""
        if len(points) < 2:
            return
        xs, ys = [x for x, _ in points], [y for _, y in points]
        width, height = max(xs) - min(xs), max(ys) - min(ys)
        if min(width, height) <= _THIN < max(width, height):
            sides = [((min(xs), sum(ys) / len(ys)), (max(xs), sum(ys) / len(ys)))]
            if width < height:
                sides = [((sum(xs) / len(xs), min(ys)), (sum(xs) / len(xs), max(ys)))]
        elif _DOT[0] <= min(width, height) and max(width, height) <= min(_DOT[1], 1.3 * min(width, height)):
            self.dots.append((sum(xs) / len(xs), (max(ys) + min(ys)) / 2))
            return
        elif stroked:
            sides = list(itertools.pairwise(points))
        else:
            return
        for (x0, y0), (x1, y1) in sides:
            if abs(y0 - y1) <= _STRAIGHT < abs(x0 - x1):
                self.segments.append(Segment(True, (y0 + y1) / 2, min(x0, x1), max(x0, x1)))
            elif abs(x0 - x1) <= _STRAIGHT < abs(y0 - y1):
                self.segments.append(Segment(False, (x0 + x1) / 2, min(y0, y1), max(y0, y1)))


def _moved(matrix: Any, x: float, y: float) -> tuple[float, float]:
    return matrix.a * x + matrix.c * y + matrix.e, matrix.b * x + matrix.d * y + matrix.f


def _after(inner: Any, outer: Any) -> Any:
    """The transform that does `inner` and then `outer`."""
    if outer is None:
        return inner
    a, b = outer.a * inner.a + outer.c * inner.b, outer.b * inner.a + outer.d * inner.b
    c, d = outer.a * inner.c + outer.c * inner.d, outer.b * inner.c + outer.d * inner.d
    return pdfium.FS_MATRIX(a, b, c, d, *_moved(outer, inner.e, inner.f))
