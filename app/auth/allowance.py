"""How many requests are allowed in each minute, day or the like."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

Unit = Literal["second", "minute", "hour", "day", "month"]

_WRITTEN = re.compile(rf"([1-9][0-9]{{0,11}})/({'|'.join(get_args(Unit))})")
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Window:
    """One minute, day or the like: those of UTC, so that all processes have the same.

    Attributes:
        name: tells it from all others.
        left: seconds until it ends; above 0.
    """

    name: str
    left: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many requests in each second, minute, hour, day or calendar month."""

    requests: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> "Allowance":
        """Read `60/minute`. Raises ValueError.

        >>> Allowance.parse("60/minute")
        Allowance(requests=60, unit='minute')
        """
        found = _WRITTEN.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} should be a number of requests and a unit, such as 60/minute or 10000/month")
        return cls(int(found[1]), found[2])  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.requests}/{self.unit}"

    def window(self, now: float) -> Window:
        """The window in which the moment lies, in seconds since 1970."""
        if self.unit == "month":
            day = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            following = (day + timedelta(days=32)).replace(day=1)
            return Window(f"{day:%Y-%m}", following.timestamp() - now)
        seconds = _SECONDS[self.unit]
        number = int(now // seconds)
        return Window(f"{self.unit}-{number}", (number + 1) * seconds - now)
