"""What counts as visible, held against a browser's `innerText`: on a page for each row of the table, and on real pages.

`chromium.py` opens what a click opens. What is left of the differences stands here, in `CASES`, each with its reason.
"""

import gzip
import unicodedata
from difflib import SequenceMatcher
from pathlib import Path

import html5lib
import pytest

from pruning import Limits, Page, clean
from pruning.document import utf8
from pruning.elements import IS_BLOCK, NAMES
from tests import needs
from tests.pruning import chromium as browser

BLOCKS = {name for name, is_block in zip(NAMES, IS_BLOCK, strict=True) if is_block}

# Part of a page -> what a reader sees of it, which is what is kept and what Chromium shows.
SEEN = {
    "text": ("<p>one <b>two</b>three<!-- no -->", "one twothree"),
    "hidden": ("<p hidden>no</p><p>yes", "yes"),
    "hidden until found": ("<p hidden=until-found>found</p><p hidden=UNTIL-FOUND>found too", "found found too"),
    "display none": ("<p style='color:red;DISPLAY : none'>no</p><p style='display:none !important;'>no</p>yes", "yes"),
    "visibility": ("<p style='visibility:hidden'>no</p><p style='visibility:collapse'>no</p>yes", "yes"),
    "styles that hide nothing": (
        "<p style='display:block'>a<p style='visibility:visible'>b<p style='color:none;--display:none'>c"
        "<p style='font-size:0.5em'>d",
        "a b c d",
    ),
    "opacity": ("<p style='opacity:0'>fades in", "fades in"),
    "aria-hidden": ("<p aria-hidden=true>seen", "seen"),
    "details": ("<details><summary>sum</summary>more</details>", "sum more"),
    "accordion": ("<button aria-controls=a>open</button><div id=a hidden>panel</div>", "open panel"),
    "accordion of Bootstrap": (
        "<a data-bs-target='#a'>open</a><div id=a style='display:none'>panel</div>",
        "open panel",
    ),
    "tab panel": ("<div role=tabpanel hidden>one</div><div role=region hidden>two</div>", "one two"),
    "popover": ("<button popovertarget=a>open</button><div id=a popover>over</div>", "open over"),
    "dialog": ("<dialog>no</dialog><dialog open>yes</dialog>", "yes"),
    "noscript": ("<noscript><p>no</noscript>yes", "yes"),
    "noscript left open inside": ("<noscript><div><table><td>no</noscript>yes", "yes"),
    "template": ("<template>no</template>yes", "yes"),
    "template left open inside": ("<template><li><div>no</template>yes<template><tr><td>no</template>yes", "yesyes"),
    "templates within templates": ("<template>no<template>no<div></template>no</template>yes", "yes"),
    "script and style": ("<script>no</script><style>no</style>yes", "yes"),
    "head": ("<head><title>no</title><meta content=no><link rel=no></head>yes", "yes"),
    "iframe": ("<iframe><div>no</iframe>yes", "yes"),
    "noembed and noframes": ("<noembed><div>no</noembed><noframes><div>no</noframes>yes", "yes"),
    "media": ("<video>no</video><audio>no</audio><canvas>no</canvas>yes", "yes"),
    "void elements": ("<embed>a<track>b<source>c<param>d<area>e<wbr>f<input value=no>g", "abcdefg"),
    "form controls": ("<label>name</label> <textarea>no</textarea><button>send</button>", "name send"),
    "options": ("<select><option>one<option>two<optgroup><option>three</select>", "one two three"),
    "datalist": ("<datalist><option>no</datalist>yes", "yes"),
    "fieldset": ("<fieldset><legend>legend</legend>field</fieldset>", "legend field"),
    "ruby": ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", "漢 kan"),
    "math": ("<math><mi>x</mi><mo>+</mo><annotation>no</annotation><annotation-xml>no</annotation-xml></math>", "x +"),
    "svg text": (
        "<svg><title>no</title><desc>no</desc><style>no</style><defs><text>no</text></defs>"
        "<g><text>score</text></g><foreignObject><p>text</p></foreignObject></svg>",
        "score text",
    ),
    "table": (
        "<table><caption>cap</caption><thead><tr><th>h</thead><colgroup><col><tr><td>a<td>b<tfoot><tr><td>f</table>",
        "cap h a b f",
    ),
    "old elements": (
        "<center>a</center><marquee>b</marquee><xmp><i></xmp><listing>c</listing><plaintext></b>",
        "a b <i> c </b>",
    ),
    "alternative text": ("<img alt='a dog'>yes", "yes"),
    "characters nobody sees": ("<p>so\xadft ze\u200bro \ufeff b\u202eidi \U000e0041tag", "soft zero bidi tag"),
    "pre": ("<pre>\n  a\n  b  c</pre>", "a b c"),
}

# Part of a page, what is kept, what Chromium says it shows: where the two differ on purpose.
DIFFERENT = {
    "an answer that a click on its question shows is read; other hidden text behind a question is not": (
        "<div>Who?</div><div class=faq-answer style='display:none'>Me.</div>"
        "<div>Why?</div><div style='display:none'>odd</div>yes",
        "Who? Me. Why? yes",
        "Who? Why? yes",
    ),
    "innerText looks at no sizes; text of size 0 is the classic place of hidden prompts": (
        "<p style='font-size:0'>tiny</p><p>yes",
        "yes",
        "tiny yes",
    ),
    "an outer element's hiding ends the look at what is in it": (
        "<div style='visibility:hidden'>no <b style='visibility:visible'>shown</b></div>yes",
        "yes",
        "shownyes",
    ),
    "whatever hides by one word of an inline style and is shown by another is suspicious": (
        "<p style='display:none;display:block'>odd</p><p hidden style='display:block'>odd</p>yes",
        "yes",
        "odd odd yes",
    ),
    "an object's fallback is shown here for want of a network; mostly it is not": (
        "<object data=film.swf>get the plugin</object>yes",
        "yes",
        "get the pluginyes",
    ),
    "a gauge's text says what its bar shows": (
        "<p>load <meter value=0.7>70%</meter><progress value=0.1>10%</progress>",
        "load 70% 10%",
        "load",
    ),
    "innerText asks no option whether it is hidden": (
        "<select><option hidden>Choose…<option>one</select>",
        "one",
        "Choose… one",
    ),
    "a button has edges": ("a<button>b</button>c", "a b c", "abc"),
}

REAL = dict.fromkeys(
    path
    for pattern, each in (
        ("extract/html/aeb/*.html.gz", 15),
        ("extract/html/wcxb_dev/*.html.gz", 14),
        ("qa/pages/faqweb/*.gz", 60),
        ("qa/pages/wtq/*.gz", 250),
        ("qa/pages/pydocs/*.gz", 50),
        # Texts in SVG, in popovers, and behind templates whose elements are left open.
        *(("extract/html/wcxb_dev/4825.html.gz", 1), ("extract/html/wcxb_dev/3071.html.gz", 1)),
        *(("extract/html/wcxb_dev/4010.html.gz", 1), ("qa/pages/faqweb/wcxb-4614.html.gz", 1)),
    )
    for path in needs.data_files(pattern)[::each]
)
AT_LEAST = 0.995  # of the words, either way


@pytest.fixture(scope="module")
def shown(
    chromium: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str | Path, str]:
    """What Chromium shows of every page of this module's tests, which it is asked for once."""
    pages: dict[str | Path, str] = {f"seen: {name}": part for name, (part, _) in SEEN.items()}
    pages |= {f"different: {name}": part for name, (part, _, _) in DIFFERENT.items()}
    pages |= {case.values[0]: text_of(case.values[0]) for case in REAL if case.values[0]}
    texts = browser.shown(chromium, list(pages.values()), tmp_path_factory.mktemp("chromium"))
    return dict(zip(pages, texts, strict=True))


def text_of(path: Path) -> str:
    """A real page, decoded as it is before cleaning: encodings are another test's matter."""
    return utf8(Page(gzip.decompress(path.read_bytes())), Limits()).decode()


def words(text: str) -> list[str]:
    """The words of a text as a reader tells them apart: by letters, not by how they are encoded or cased."""
    letters = (
        letter
        for letter in unicodedata.normalize("NFKC", text)
        if letter.isspace() or unicodedata.category(letter) not in ("Cc", "Cf", "Cn")
    )
    return "".join(letters).casefold().split()


def kept(html: str) -> list[str]:
    """The words that cleaning keeps, by another parser's reading of its result."""

    def text(element: object) -> str:
        gap = " " if element.tag in BLOCKS else ""  # type: ignore[attr-defined]
        inner = "".join(text(child) + (child.tail or "") for child in element)  # type: ignore[attr-defined]
        return f"{gap}{element.text or ''}{inner}{gap}"  # type: ignore[attr-defined]

    return words(text(html5lib.parse(clean(html), namespaceHTMLElements=False)))


def differences(ours: list[str], theirs: list[str]) -> tuple[list[str], list[str]]:
    """Words that only one side has; the same letters, parted into other words, are no difference."""
    only_ours, only_theirs = [], []
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind != "equal" and "".join(ours[a:b]) != "".join(theirs[c:d]):
            only_ours += ours[a:b]
            only_theirs += theirs[c:d]
    return only_ours, only_theirs


@pytest.mark.parametrize("name", SEEN)
def test_kept_is_what_is_shown(name: str, shown: dict[str | Path, str]) -> None:
    """Of a small page, exactly what Chromium shows is kept."""
    page, seen = SEEN[name]
    assert words(seen) == kept(page)
    assert words(seen) == words(shown[f"seen: {name}"]) or name in LINED


# Chromium writes no white space where the elements of these stand side by side in one line.
LINED = {"ruby", "svg text", "void elements"}


@pytest.mark.parametrize("reason", DIFFERENT)
def test_different_on_purpose(reason: str, shown: dict[str | Path, str]) -> None:
    """Where the table differs from Chromium, both still do as the reason says."""
    page, ours, theirs = DIFFERENT[reason]
    assert words(ours) == kept(page)
    assert words(theirs) == words(shown[f"different: {reason}"])


@pytest.mark.parametrize("path", REAL)
def test_real_page(path: Path, shown: dict[str | Path, str]) -> None:
    """Of a real page, the words that are kept are those that Chromium shows, in its order."""
    ours, theirs = kept(text_of(path)), words(shown[path])
    only_ours, only_theirs = differences(ours, theirs)
    explained = f"only kept: {' '.join(only_ours[:200])}\nonly shown: {' '.join(only_theirs[:200])}"
    assert len(only_ours) <= (1 - AT_LEAST) * len(ours), explained
    assert len(only_theirs) <= (1 - AT_LEAST) * len(theirs), explained
