"""What one page may cost: time, bytes, headers, redirects."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one page may cost; each limit has its own error (`app.fetch.errors`).

    Attributes:
        bytes: of the page, on the wire as well as after decompression.
        redirects: hops after the first.
        seconds: for the whole page, with its redirects and all waiting.
        connect_seconds: for one connection, its lookup and TLS included.
        first_byte_seconds: for one hop, from the request to the answer's headers.
        pace_seconds: the window in which at least `pace_bytes` must arrive, until the page is there; 0 bytes
            switch it off.
        header_bytes: of one answer's headers.
        headers: of one answer.
        retry_seconds: the pause before the one retry after a failing server's 5xx.
    """

    bytes: int = 20_000_000
    redirects: int = 10
    seconds: float = 20.0
    connect_seconds: float = 5.0
    first_byte_seconds: float = 8.0
    pace_seconds: float = 5.0
    pace_bytes: int = 500
    header_bytes: int = 65_536
    headers: int = 200
    retry_seconds: float = 0.5


class Pace:
    """Whether bytes keep arriving: in no window of `seconds` fewer than `minimum`.

    >>> pace = Pace(minimum=10, seconds=5.0, now=100.0)
    >>> pace.arrived(20, now=103.0)
    >>> pace.deadline
    108.0
    """

    def __init__(self, minimum: int, seconds: float, now: float) -> None:
        self._minimum = minimum
        self._seconds = seconds
        self._start = now
        # The newest arrivals that together make up the minimum, the oldest first.
        self._arrivals: deque[tuple[float, int]] = deque()
        self._total = 0

    def arrived(self, size: int, now: float) -> None:
        """`size` bytes have come in."""
        if not size:
            return
        self._arrivals.append((now, size))
        self._total += size
        while self._arrivals and self._total - self._arrivals[0][1] >= self._minimum:
            self._total -= self._arrivals.popleft()[1]

    @property
    def deadline(self) -> float:
        """When the window is over in which too little has arrived, unless more arrives before."""
        if self._minimum <= 0:
            return float("inf")
        enough = self._total >= self._minimum
        return (self._arrivals[0][0] if enough else self._start) + self._seconds
