"""The errors of the pruning core, each with a message of one line that says what is wrong and what to do.

SecateursError
├── InvalidInput          an argument that can't be served: an empty question, a budget below zero
├── MissingExtra          an optional package is needed; the message names the extra to install
├── PageError             a page that can't be read
│   ├── PageTooLarge      more bytes than `Limits.bytes`
│   ├── TooManyNodes      more elements and texts than `Limits.nodes`
│   └── PageTimeout       parsing took longer than `Limits.seconds`
├── TokenizerError        a tokenizer that can't be had or can't read a text
│   └── UnknownTokenizer  there is none of that name, or its file can't be read: trying again is of no use
└── ModelError            a model that is down, too slow, or answers nonsense
"""


class SecateursError(Exception):
    """The root: every error that this project raises on purpose."""


class InvalidInput(SecateursError, ValueError):
    """An argument that can't be served."""


class MissingExtra(SecateursError, ImportError):
    """An optional package is not installed."""


class PageError(SecateursError):
    """A page that can't be read."""


class PageTooLarge(PageError):
    """The page has more bytes than the limit allows."""


class TooManyNodes(PageError):
    """The page has more elements and texts than the limit allows."""


class PageTimeout(PageError):
    """The page could not be parsed within the time limit."""


class TokenizerError(SecateursError):
    """A tokenizer that is unknown or can't be loaded."""


class UnknownTokenizer(TokenizerError):
    """There is no tokenizer of that name, or its file can't be read."""


class ModelError(SecateursError):
    """A model that is down, too slow, or answers with something else than asked for."""


# What follows it in a message are another's words, to the message's end.
SAID = "; it says: "


def own_words(message: str) -> str:
    """The part of a message that is ours: another's words may repeat what they were asked, so no log may have them.

    >>> own_words("the model refuses; it says: too long: Who wrote the Iliad?")
    'the model refuses'
    """
    return message.partition(SAID)[0]


def reason(error: BaseException) -> str:
    """What an error of another library says, in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__
