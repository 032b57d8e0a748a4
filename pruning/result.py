"""What pruning gives back: the pruned pages, where each part comes from, and how it came about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pruning.blocks import BlockTree
from pruning.budget import Fit
from pruning.errors import InvalidInput
from pruning.metadata import Metadata
from pruning.render import Writer, render
from pruning.tokens import TokenCounter

Format = Literal["html", "markdown", "text"]
Fate = Literal["kept", "context", "dropped"]


@dataclass(frozen=True, slots=True)
class Source:
    """One page's part of the result.

    Attributes:
        id: its number, from 1, as in `data-source`.
        content: what was kept of it, a document of its own.
        tokens: of `content`.
        score: of its best block; None for a page without text.
    """

    id: int
    url: str | None
    title: str | None
    published: str | None
    author: str | None
    language: str | None
    content: str
    tokens: int
    score: float | None

    @classmethod
    def of(cls, about: Metadata, *, id: int, content: str, tokens: int, score: float | None) -> "Source":  # noqa: A002
        """The part of a page that says this of itself."""
        return cls(id, about.url, about.title, about.published, about.author, about.language, content, tokens, score)


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did.

    Attributes:
        name: "embed" or "generate".
        model: whose scores they are.
        blocks_in: blocks that were ranked.
        blocks_read: those of them that the model was asked about.
        blocks_out: those that were kept, for their scores or as context.
        tokens_in: of the blocks that were ranked, estimated from the result's tokens per character: only what may fit
            is counted.
        tokens_out: of what was kept.
    """

    name: str
    model: str
    milliseconds: float
    blocks_in: int
    blocks_read: int
    blocks_out: int
    tokens_in: int
    tokens_out: int

    def counts(self) -> Mapping[str, int]:
        """The numbers of blocks and tokens, by name."""
        names = ("blocks_in", "blocks_read", "blocks_out", "tokens_in", "tokens_out")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class BlockTrace:
    """A block's way through the steps."""

    id: str
    source: int
    path: str
    text: str
    tokens: int
    score: float
    fate: Fate


@dataclass(frozen=True, slots=True)
class Pruned:
    """The result.

    Attributes:
        content: the kept blocks of all pages, in `format`.
        tokens: of `content`, counted whole with `tokenizer`.
        sources: one for each page, in the order given.
        steps: what each step did.
        degraded: stages that did less than was asked for, and why.
        removed: what cleaning took away, by kind.
        trace: every block's fate, in reading order; None unless asked for.
    """

    content: str
    format: Format
    tokens: int
    tokenizer: str
    sources: tuple[Source, ...]
    steps: tuple[Step, ...]
    degraded: tuple[str, ...]
    removed: dict[str, int]
    trace: tuple[BlockTrace, ...] | None = None

    @property
    def html(self) -> str:
        """`content`, where it was asked for as HTML."""
        if self.format != "html":
            raise InvalidInput(f"the result was asked for as {self.format}")
        return self.content


def step_of(  # noqa: PLR0913 - the facts of one step
    name: str, model: str, seconds: float, tree: BlockTree, blocks: np.ndarray, asked: int, kept: Fit
) -> Step:
    """The account of one step."""
    characters = int((tree.stop[blocks] - tree.start[blocks]).sum())
    per_token = len(kept.content) / kept.tokens if kept.tokens else 4.0  # characters; 4 is usual for English
    return Step(
        name=name,
        model=model,
        milliseconds=round(1000 * seconds, 3),
        blocks_in=len(blocks),
        blocks_read=asked,
        blocks_out=len(kept.kept) + len(kept.context),
        tokens_in=round(characters / per_token),
        tokens_out=kept.tokens,
    )


def sources(writer: Writer, blocks: np.ndarray, scores: np.ndarray, kept: Fit) -> tuple[Source, ...]:
    """Each page's part of the result."""
    tree = writer.tree
    chosen = tree.in_order([*kept.kept, *kept.context])
    found = []
    for page, table in enumerate(tree.tables):
        mine = scores[tree.page[blocks] == page]
        found.append(
            Source.of(
                table.metadata,
                id=page + 1,
                content=render(writer, chosen[tree.page[chosen] == page], joined=False),
                tokens=kept.page_tokens.get(page, 0),
                score=float(mine.max()) if len(mine) else None,
            )
        )
    return tuple(found)


def removed(tree: BlockTree) -> dict[str, int]:
    """What cleaning took away, of all pages, by kind."""
    total: dict[str, int] = {}
    for table in tree.tables:
        for kind, number in table.removed.items():
            total[kind] = total.get(kind, 0) + number
    return total


def trace(
    writer: Writer, blocks: np.ndarray, scores: np.ndarray, kept: Fit, counter: TokenCounter
) -> tuple[BlockTrace, ...]:
    """Every scored block; where the best one was split to fit, its kept parts with its score."""
    tree = writer.tree
    score_of = dict(zip(blocks.tolist(), scores.tolist(), strict=True))
    for part in (block for block in kept.kept if block not in score_of):
        score_of[part] = score_of[tree.nearest(part, score_of)]
    fates: dict[int, Fate] = dict.fromkeys(kept.kept, "kept") | dict.fromkeys(kept.context, "context")  # type: ignore[assignment]
    ordered = tree.in_order(list(score_of)).tolist()
    tokens = counter.count_many([writer.piece(block) for block in ordered])
    return tuple(
        BlockTrace(
            id=tree.name(block),
            source=int(tree.page[block]) + 1,
            path=tree.path(block),
            text=tree.text(block),
            tokens=count,
            score=score_of[block],
            fate=fates.get(block, "dropped"),
        )
        for block, count in zip(ordered, tokens, strict=True)
    )
