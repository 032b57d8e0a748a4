"""What HTML costs beside its text: tokens over those of the words that it shows, of cleaned pages and of results.

For each kind of tag also what it would be without that kind alone, with the white space beside it. Results are those of
tuning questions, ranked by words. The last line of stdout is one JSON document.
"""

import argparse
import html
import json
import re
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from machine import describe
from pages import all_pages, data_folder, read, sample
from questions import load
from tqdm import tqdm

from pruning import Options, Page, TokenCounter, prune
from pruning.clean import clean_page

BUDGETS = (512, 1024, 4096)
_ALT = re.compile(r'<img alt="([^"]*)">')
_ANY = re.compile(r"<[^>]*>")


def _tags(names: str) -> re.Pattern[str]:
    return re.compile(rf"(?:\s*</?(?:{names})(?:\s[^>]*)?>)+\s*")


KINDS: dict[str, tuple[re.Pattern[str], str]] = {
    "tables": (_tags("table|caption|thead|tr|td|th"), " "),
    "lists": (_tags("ul|ol|li|dl|dt|dd"), " "),
    "headings": (_tags("h[1-6]"), " "),
    "paragraphs": (_tags("p"), " "),
    "images": (_ALT, r" \1"),
    "frame": (_tags("section|!DOCTYPE"), ""),  # with each page's address and title
    "others": (_tags(r"(?!table|caption|t[rdh]\b|[uo]l|li|d[ltd]|h[1-6]|p\b|img|section|!)[a-z]+"), " "),
    "numbers": (re.compile(r"(<(?:td|th|ol|li)) [^>]*>"), r"\1>"),  # of merged cells and of items
    "breaks": (re.compile(r"\n(?=<)"), ""),  # of lines, before tags
}


def main() -> None:
    """Measure, and print the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder(), help="the folder of real pages")
    parser.add_argument("--pages", type=int, default=80, help="pages to measure, equally many of each collection")
    parser.add_argument("--questions", type=int, default=10, help="questions of each set, whose results are measured")
    options = parser.parse_args()
    for name, value in describe("tiktoken").items():
        print(f"{name}: {value}")
    counter = TokenCounter.load()
    paths = tqdm(sample(all_pages(options.data), options.pages), unit="page", disable=None)
    found = [(path.parent.name, tokens(clean_page(Page(read(path))).content, counter)) for path in paths]
    parts = {name: overhead(measured for one, measured in found if one == name) for name in dict.fromkeys(dict(found))}
    parts |= results(options.data, options.questions, counter)
    pages = overhead(measured for _, measured in found)
    _print({"pages": pages, **parts})
    print(json.dumps({"pages": pages.pop("number"), **pages, "parts": parts}))


def _print(parts: dict[str, dict[str, Any]]) -> None:
    """A line for each part: how many, tokens over those of the text, at the median; and without each kind of tag."""
    print(f"\n{'':16}{'number':>8}{'all':>8}{'median':>8}  without" + "".join(f"{kind:>12}" for kind in KINDS))
    for name, figures in parts.items():
        number, ratio, middle, without = figures.values()
        shares = "".join(f"{share:12.3f}" for share in without.values())
        print(f"{name:16}{number:8}{ratio:8.3f}{middle:8.3f}         {shares}")


def results(data: Path, number: int, counter: TokenCounter) -> dict[str, dict[str, float]]:
    """The overhead of what is left of the pages of some questions, at each budget."""
    written: dict[int, list[str]] = {budget: [] for budget in BUDGETS}
    for question in tqdm(load(data, "tune", number), unit="question", disable=None):
        pages = [Page(page) for page in question.bytes()]
        for budget, contents in written.items():
            options = Options(max_tokens=budget, rank_by="words")
            contents.append(prune(pages, question.text, counter=counter, options=options).content)
    return {
        f"results at {budget}": overhead(tokens(content, counter) for content in contents)
        for budget, contents in written.items()
    }


def tokens(content: str, counter: TokenCounter) -> dict[str, int]:
    """Tokens of a page or result, of its words alone (images' texts among both), and without each kind of tag."""
    bare = html.unescape(_ANY.sub(" ", _ALT.sub(r" \1 ", content)))
    without = {kind: pattern.sub(instead, content) for kind, (pattern, instead) in KINDS.items()}
    texts = {"text": " ".join(bare.split()), "all": content, **without}
    return dict(zip(texts, counter.count_many(list(texts.values())), strict=True))


def overhead(measured: Iterable[dict[str, int]]) -> dict[str, Any]:
    """Over all, and at the median one; those without a word are left out. Raises SystemExit if no words are left."""
    some = [tokens for tokens in measured if tokens["text"]]
    if not some:
        raise SystemExit("nothing that was measured has a word")
    text = sum(tokens["text"] for tokens in some)
    ratios = {name: round(sum(tokens[name] for tokens in some) / text, 3) for name in some[0]}
    return {
        "number": len(some),
        "tokens_per_text_token": ratios["all"],
        "tokens_per_text_token_median_page": round(median(tokens["all"] / tokens["text"] for tokens in some), 3),
        "without": {kind: ratios[kind] for kind in KINDS},
    }


if __name__ == "__main__":
    main()
