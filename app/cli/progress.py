"""Progress bars: on stderr, and only where a person looks at it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def file_progress(about: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for work that says how many of how many files are done."""
    with tqdm(desc=about, unit="file", disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
