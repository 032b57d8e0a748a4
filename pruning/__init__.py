"""The pruning core: HTML in, pruned HTML out. Knows no network, no settings, no web framework.

>>> from pruning import Page, prune
>>> result = prune([Page(html, url=address)], "who built the bridge?", max_tokens=1024)  # doctest: +SKIP
"""

from pruning.blocks import BlockTree
from pruning.clean import Cleaned, clean, clean_page
from pruning.document import Limits, Page
from pruning.embedding import Embedder, Scored, Similarities
from pruning.errors import (
    InvalidInput,
    MissingExtra,
    ModelError,
    PageError,
    PageTimeout,
    PageTooLarge,
    SecateursError,
    TokenizerError,
    TooManyNodes,
)
from pruning.observe import Event, Observer
from pruning.prune import Options, prune, prune_steps
from pruning.result import BlockTrace, Pruned, Source, Step
from pruning.tokens import TokenCounter

__all__ = [
    "BlockTrace",
    "BlockTree",
    "Cleaned",
    "Embedder",
    "Event",
    "InvalidInput",
    "Limits",
    "MissingExtra",
    "ModelError",
    "Observer",
    "Options",
    "Page",
    "PageError",
    "PageTimeout",
    "PageTooLarge",
    "Pruned",
    "Scored",
    "SecateursError",
    "Similarities",
    "Source",
    "Step",
    "TokenCounter",
    "TokenizerError",
    "TooManyNodes",
    "clean",
    "clean_page",
    "prune",
    "prune_steps",
]
