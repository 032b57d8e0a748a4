"""The errors of conversion. What is no page is refused by name, so that the caller knows what the address leads to.

PageError
├── Unreadable            an image, an archive, a program, nothing at all; a PDF that is encrypted, damaged or scanned
├── PageTooLarge          (of the core) more bytes, or more PDF pages, than the limit allows
└── PageTimeout           (of the core) conversion took too long
"""

from pruning.errors import PageError


class Unreadable(PageError):
    """The bytes are nothing that can be read as a page; the message names what they are: "a PNG image"."""
