"""Prose is found in whatever state a page's scripts start from."""

import json

import pytest

from app.convert.state import state_html

ONE = "Pears are cut in late winter, before the sap rises."
TWO = "Plums are cut in summer, once the fruit has been picked."
RICH = {
    "content": [{"type": "text", "text": "Cut pears in "}, {"children": [{"text": "late winter"}]}, {"text": " only."}]
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": {"b": [ONE, {"c": TWO}]}}, f"<p>{ONE}</p>\n<p>{TWO}</p>\n"),
        ({"title": "Pears", "body": ONE}, f"<h2>Pears</h2>\n<p>{ONE}</p>\n"),
        ({"title": "Pears", "slug": "pears", "url": "https://garden.example/a/b"}, ""),
        ({"x": ONE, "y": ONE}, f"<p>{ONE}</p>\n"),
        ({"html": f"<p>{ONE}</p><p>{TWO}</p>"}, f"<p>{ONE}\n<p>{TWO}\n"),
        ({"content": [RICH, RICH]}, "<p>Cut pears in late winter only.</p>\n"),
        ({"translations": {"a": ONE}, "footer": {"text": TWO}}, ""),
        ({"code": "function () { return a && b || c && d || e && f; } // and so on for ever"}, ""),
        (
            {"text": "木は冬の終わりに切る。樹液が上がる前がよい。"},
            "<p>木は冬の終わりに切る。樹液が上がる前がよい。</p>\n",
        ),
        ([[1, None, True], 2.5], ""),
    ],
)
def test_prose_is_found(value: object, expected: str) -> None:
    """Texts, HTML, and rich text put together again; in order, each once, and none of the site's own phrases."""
    assert expected == state_html(json.dumps(value, ensure_ascii=False))


def test_react_streams_are_read() -> None:
    """`self.__next_f` is pushed a stream of rows in pieces that part anywhere."""
    row = "1:" + json.dumps(["$", "p", None, {"children": ONE}]) + "\n2:" + json.dumps([TWO]) + "\n"
    script = "".join(f"self.__next_f.push([1,{json.dumps(part)}])\n" for part in (row[:30], row[30:]))

    assert f"<p>{ONE}</p>\n<p>{TWO}</p>\n" == state_html(script)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a":' * 100_000, "window.x = {", "window.x = " * 10_000])
def test_broken_state_says_nothing(text: str) -> None:
    """Whatever its depth."""
    assert "" == state_html(text)
