"""`secateurs clean`: one page, without a question and without a model."""

import argparse

from app.cli.files import read_page, write
from pruning.clean import clean_page


def run(arguments: argparse.Namespace) -> None:
    """Clean one file to stdout."""
    page = read_page(arguments.files, arguments.url)
    write(clean_page(page, links=arguments.links).content)
