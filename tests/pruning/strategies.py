"""Generated pages: well-formed ones of every shape that cleaning treats in its own way, and tag soup.

`PAGES` nest elements as the standard allows, so that every parser reads the same tree out of them. `SOUP` strings tags
together that nobody opened, closed or put there. `ANY_PAGES` are either.

Hypothesis draws one string of bytes, and a plain grammar reads its choices from it: a hundred times as fast as a
strategy for each element, and it shrinks as well, for where the bytes end or are zero, the grammar takes the smallest.
"""

from collections.abc import Callable, Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

LATIN = (
    "a I the gardener prunes 42 3.14 naïve don't Straße e\u0301te\u0301 x=1 C++ [1] v2.0! Really? (yes) 1,024".split()
)
OTHER_SCRIPTS = (
    "漢字かな交じり文です。改行もあります。 東京 สวัสดีชาวโลก ภาษาไทย مرحبا بالعالم שלום Привет ελληνικά हिन्दी 한국어 "
    "👩\u200d👩\u200d👧 ᠮᠣᠩ ကမ္ဘာ ລາວ 𠀋𠂊"
).split()
_ODD = [
    *(
        "soft\xadhyphen",
        "zero\u200bwidth",
        "no\xa0break",
        "\u2003em\u2003",
        "\ufeff",
        "line\u2028sep",
        "c\x0bv",
        "x\x85y",
    ),
    *("\x01", "\x02mark\x03", "tag\U000e0041s", "\u202eover", "\r\nline\rend\n", "\t", "  ", "\n\n", "\u3000"),
]
_REFERENCES = (
    "&amp; &lt;b&gt; &nbsp; &copy &#8212; &#x4e2d; &amp;lt; &amp;copy &notit; & &x &# &quot; &amp;#65; <3 <=".split()
)
_BITS = [*LATIN, *LATIN, *LATIN, *OTHER_SCRIPTS, *_REFERENCES, *_ODD]
_GAPS = [" ", " ", " ", "", "\n"]

_SHOWN = [
    *("", ' class="x"', " id=p1", ' style="color: red"', " onclick=\"alert('x')\"", ' dir="rtl"', ' style="opacity:0"'),
    *(' aria-hidden="true"', ' role="tabpanel"', ' aria-controls="p1 p2"', " data-x='<b>'", " title='a > b'"),
]
_HIDING = [
    *(" hidden", ' hidden="until-found"', ' style="display:none"', ' style="color:red; DISPLAY : none !important"'),
    *(' style="visibility: hidden"', " style='font-size:0'", ' style="display:none-such"', ' id="p1" hidden'),
    *(' hidden role="region"', ' style="font-size:0.5em"', ' id="p2" style="display:none;"', ' hidden=""'),
]
_ATTRIBUTES = [*[""] * 30, *_SHOWN, *_HIDING]
_NEVER_SHOWN = [
    *("<!-- comment <b>x</b> -->", "<script>var a = '<p>no</p>';</script>", "<style>p > b { color: red }</style>"),
    *("<template><i>no</i></template>", "<noscript>no script</noscript>"),
    "<svg><desc>no</desc><g><path d=x /></g><title>t</title></svg>",
    *("<iframe>no</iframe>", "<object>no</object>", "<input value=no>", "<textarea>no</textarea>", "<script></script>"),
    *("<video><source src=v>no</video>", "<canvas>no</canvas>", "<datalist><option>no</datalist>", "<meta content=no>"),
    *("<context>no</context>", "<audio>no<track></audio>", "<embed src=no></embed>", "<link rel=no>"),
]
_IMAGES = [
    *("<img>", "<img alt>", '<img src=a.png alt="a pruned hedge">', '<img alt="x.png">', "<img alt=logo>"),
    *("<img alt='\"<q>\" &amp; b'>", '<img alt=" spaced\tout ">', '<img alt="hidden" hidden>'),
]
_ADDRESSES = [
    *("/about?a=1&amp;b=2", "https://example.org/", "javascript:alert(1)", "#top", "", "x y", "data:text/html,x"),
    *("?q=a&copy=1", "//other.example/'", "/&quot;&lt;"),
]
_IN_LINE = [
    *_IMAGES,
    *_NEVER_SHOWN,
    *("<br>", "<br>", "<br/>", "<wbr></wbr>", "<br hidden>", "<select><option>one<option selected>two</select>"),
    "<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>",
]
_INLINE = "b i span em strong font code mark q u small abbr time label kbd bdi tt cite sub sup del ins s".split()
_APART = "button meter custom-tag".split()
_CONTAINERS = "div div div section article main header footer nav aside blockquote".split()
_TEXT_BLOCKS = "p p p h1 h2 h3 h4 h6 address blockquote div pre".split()
_LISTS = ["<ul>{}</ul>", "<ol>{}</ol>", '<ol start="7">{}</ol>', "<ol reversed start=x>{}</ol>", "<menu>{}</menu>"]
_MERGED = ["", "", "", "", " colspan=2", ' rowspan="2"', " colspan=0 rowspan=x", ' colspan="3" rowspan="2"']
_HEADS = [
    *("", "<!DOCTYPE html>", '<html lang="en">', "<title>A title</title>", "<base href='https://base.example/x/'>"),
    '<!DOCTYPE html><html lang=de><head><meta charset="utf-8"><title>A &amp; B</title><style>p{}</style></head><body>',
    '<head><script type="application/ld+json">{"headline": "H", "datePublished": "2024-02-03"}</script></head><body>',
]


class _Grammar:
    """Reads its choices from bytes; past their end every choice is the first, and every number 0."""

    def __init__(self, choices: bytes) -> None:
        self._choices = iter(choices)

    def one_of(self, options: Sequence[str]) -> str:
        return options[self.number(len(options) - 1)]

    def number(self, largest: int) -> int:
        return next(self._choices, 0) % (largest + 1)

    def some(self, part: Callable[[], str], largest: int, smallest: int = 0) -> str:
        return "".join(part() for _ in range(smallest + self.number(largest - smallest)))

    def page(self) -> str:
        return self.one_of(_HEADS) + self.some(self.block, 5)

    def words(self) -> str:
        return self.some(lambda: self.one_of(_BITS) + self.one_of(_GAPS), 5, 1)

    def line(self) -> str:
        """What stands in a line of text: words, markup within and between them, what is never shown."""
        return self.some(self._inline, 3, 1)

    def _inline(self) -> str:
        kind = self.number(9)
        if kind < 5:
            return self.words()
        if kind == 5:
            return self.one_of(_IN_LINE)
        if kind == 6:
            return f'<a href="{self.one_of(_ADDRESSES)}">{self.words()}</a>'
        if kind == 7:
            return self._element(self.one_of(_APART), self.words())
        return self._element(self.one_of(_INLINE), self.some(self._inline, 2))

    def _element(self, tag: str, inner: str) -> str:
        return f"<{tag}{self.one_of(_ATTRIBUTES)}>{inner}</{tag}>"

    def block(self) -> str:
        makers = (self.line, self._text_block, self._text_block, self._other, self._container, self._list, self._table)
        return makers[self.number(len(makers) - 1)]()

    def _blocks(self) -> str:
        return self.some(self.block, 4)

    def _flow(self) -> str:
        return self._blocks() if self.number(3) == 1 else self.line()

    def _text_block(self) -> str:
        tag = self.one_of(_TEXT_BLOCKS)
        spaces = ["", "", "\n", "  x", "\t\n", "\n\n y"]
        return self._element(
            tag, self.some(lambda: self.one_of(spaces) + self.line(), 3) if tag == "pre" else self.line()
        )

    def _container(self) -> str:
        return self._element(self.one_of(_CONTAINERS), self._blocks())

    def _list(self) -> str:
        if self.number(3) == 3:
            return f"<dl>{self.some(lambda: f'<dt>{self.line()}</dt><dd>{self._flow()}</dd>', 3)}</dl>"
        item = lambda: f"<li{self.one_of(_ATTRIBUTES)}>{self._flow()}{self.one_of(['</li>', ''])}"  # noqa: E731
        return self.one_of(_LISTS).format(self.some(item, 4))

    def _table(self) -> str:
        """A table with merged, empty and missing cells, header rows or columns, a caption."""
        caption = f"<caption>{self.line()}</caption>" if self.number(4) == 4 else ""
        head = f"<thead><tr><th>{self.line()}</th><th>{self.words()}</th></tr></thead>" if self.number(3) == 3 else ""
        body = self.some(self._row, 4)
        body = f"<tbody>{body}</tbody>" if self.number(1) else body
        return f"<table>{caption}{head}{body}{self.one_of(['', '', '<tfoot><tr><td>sum</td></tr></tfoot>'])}</table>"

    def _row(self) -> str:
        return self._element("tr", self.some(self._cell, 4))

    def _cell(self) -> str:
        tag, inner = (
            self.one_of(["td", "td", "th"]),
            self.one_of(["x", "", " "]) if self.number(2) == 2 else self._flow(),
        )
        return f"<{tag}{self.one_of(_MERGED)}>{inner}</{tag}>"

    def _other(self) -> str:
        makers: tuple[Callable[[], str], ...] = (
            lambda: self.one_of(["<hr>", *_NEVER_SHOWN]),
            lambda: f"<details{self.one_of(['', ' open'])}><summary>{self.line()}</summary>{self._blocks()}</details>",
            lambda: f"<figure>{self._blocks()}<figcaption>{self.line()}</figcaption></figure>",
            lambda: f"<fieldset><legend>{self.line()}</legend>{self._blocks()}</fieldset>",
            lambda: f"<dialog{self.one_of(['', ' open'])}>{self._blocks()}</dialog>",
            lambda: f'<a href="/card">{self.one_of(["<div>card</div>", "<h2>card</h2><p>x</p>"])}</a>',
        )
        return makers[self.number(len(makers) - 1)]()

    def soup(self) -> str:
        return self.some(self._ingredient, 16)

    def _ingredient(self) -> str:
        kind = self.number(9)
        if kind < 3:
            return self.words()
        if kind < 6:
            return f"<{self.one_of(_SOUP_NAMES)}{self.one_of(_ATTRIBUTES)}>"
        if kind < 8:
            return f"</{self.one_of(_SOUP_NAMES)}>"
        return self.one_of(_LITTER) if kind == 8 else self.block()


_SOUP_NAMES = (
    "p div span table tr td li b a html head body title base script style section article h1 h3 "
    "ul ol dl dt dd pre caption colgroup col thead tbody tfoot th figure figcaption details summary blockquote i "
    "em sub sup del s img image br hr wbr form fieldset legend label button select optgroup option input textarea "
    "ruby rt rp svg math mi iframe object source track param area map dialog center marquee menu dir listing xmp "
    "font nobr x-y frameset frame noframes isindex keygen command bgsound main nav address slot video audio "
    "canvas embed noembed meta link"
).split()
_LITTER = [
    *(
        "<!doctype html>",
        "<!-- x",
        "-->",
        "<!-->",
        "<![CDATA[x]]>",
        "<?php echo 1 ?>",
        "</>",
        "<>",
        "< p>",
        "<\0p>",
        "<!",
    ),
    *(
        "</p",
        "\0",
        "]]>",
        "--!>",
        "<a b='",
        "<p x=",
        '<td a="',
        "<br/",
        "\ufeff",
        "<P>",
        "</P >",
        "<TD",
        "\ud800",
        "<div/>",
    ),
]


def _written(make: Callable[[_Grammar], str]) -> SearchStrategy[str]:
    return st.binary(min_size=100, max_size=300).map(lambda choices: make(_Grammar(choices)))


PAGES = _written(_Grammar.page)
SOUP = _written(_Grammar.soup)
ANY_PAGES = PAGES | SOUP
QUESTIONS = st.lists(st.sampled_from([*LATIN, *OTHER_SCRIPTS]), min_size=1, max_size=4).map(" ".join)
