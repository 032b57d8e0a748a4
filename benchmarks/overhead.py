"""What HTML costs beside its text: tokens of cleaned pages over tokens of the words that they show.

The last line of stdout is one JSON document.
"""

import argparse
import json
from pathlib import Path
from statistics import median

from machine import describe
from pages import all_pages, data_folder, read, sample
from tqdm import tqdm

from pruning import Page, TokenCounter
from pruning.blocks import plain
from pruning.clean import clean_page
from pruning.parse import node_table


def main() -> None:
    """Measure, and print the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder(), help="the folder of real pages")
    parser.add_argument("--pages", type=int, default=80, help="pages to measure, equally many of each collection")
    options = parser.parse_args()
    for name, value in describe("tiktoken").items():
        print(f"{name}: {value}")
    chosen = sample(all_pages(options.data), options.pages)
    counter = TokenCounter.load()
    result = overhead([tokens(path, counter) for path in tqdm(chosen, unit="page", disable=None)])
    for name, figure in result.items():
        print(f"{name:30} {figure}")
    print(json.dumps(result))


def tokens(path: Path, counter: TokenCounter) -> tuple[int, int]:
    """Tokens of a cleaned page, and of its words alone, images' texts among both."""
    page = Page(read(path))
    return counter.count(clean_page(page).content), counter.count(" ".join(plain(node_table(page).text).split()))


def overhead(measured: list[tuple[int, int]]) -> dict[str, float]:
    """Over all pages, and at the median page; pages without a word are left out."""
    some = [(html, text) for html, text in measured if text]
    return {
        "pages": len(some),
        "tokens_per_text_token": round(sum(html for html, _ in some) / sum(text for _, text in some), 3),
        "tokens_per_text_token_median_page": round(median(html / text for html, text in some), 3),
    }


if __name__ == "__main__":
    main()
