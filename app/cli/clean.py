"""`secateurs clean`: one page, without a question and without a model."""

import argparse

from app.cli.files import read, write
from pruning.clean import clean_page
from pruning.document import Page


def run(arguments: argparse.Namespace) -> None:
    """Clean one file to stdout."""
    page = Page(html=read(arguments.files), url=arguments.url)
    write(clean_page(page, links=arguments.links).content)
