"""schema.org's things become HTML: articles, questions, recipes, products."""

import json

import pytest

from app.convert.linked_data import linked_data_html


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (
            {"@type": "NewsArticle", "headline": "Pears & plums", "articleBody": "One.\n\nTwo < three."},
            "<h1>Pears &amp; plums</h1>\n<p>One.</p>\n<p>Two &lt; three.</p>\n",
        ),
        (
            {
                "@type": "FAQPage",
                "mainEntity": [
                    {"@type": "Question", "name": "When?", "acceptedAnswer": {"text": "<p>In <b>winter</b>.</p>"}}
                ],
            },
            "<h3>When?</h3>\n<p>In winter.\n",
        ),
        (
            {
                "@graph": [
                    {"@type": "WebSite", "name": "Site"},
                    {
                        "@type": "Recipe",
                        "name": "Pie",
                        "totalTime": "PT1H",
                        "recipeIngredient": ["2 pears", "Flour"],
                        "recipeInstructions": [{"@type": "HowToStep", "text": "Peel."}, "Bake."],
                    },
                ]
            },
            "<h3>Pie</h3>\n<ul>\n<li>Total time: PT1H</li>\n</ul>\n<ul>\n<li>2 pears</li>\n<li>Flour</li>\n</ul>\n"
            "<p>Peel.</p>\n<p>Bake.</p>\n",
        ),
        (
            {
                "@type": "Product",
                "name": "Saw",
                "brand": {"name": "Ax"},
                "offers": {"price": 9.5, "priceCurrency": "EUR"},
            },
            "<h1>Saw</h1>\n<ul>\n<li>Brand: Ax</li>\n</ul>\n<ul>\n<li>Price: 9.5</li>\n<li>Currency: EUR</li>\n</ul>\n",
        ),
        ({"@type": "BreadcrumbList", "itemListElement": [{"name": "Home"}]}, ""),
        (["just", "words"], "<p>just</p>\n<p>words</p>\n"),
        (7, ""),
    ],
)
def test_things_become_html(thing: object, expected: str) -> None:
    """Names as headings, facts as lists, texts as paragraphs; what tells of the site is left out."""
    assert expected == linked_data_html(json.dumps(thing))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a":' * 100_000])
def test_broken_json_says_nothing(text: str) -> None:
    """Neither does JSON that is nested without end."""
    assert "" == linked_data_html(text)


def test_a_text_is_written_once() -> None:
    """Sites give the same text as description, as body and in the review."""
    thing = {"description": "The same.", "articleBody": "The same.", "review": {"reviewBody": "The same."}}

    assert "<p>The same.</p>\n" == linked_data_html(json.dumps(thing))
