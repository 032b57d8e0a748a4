"""Counting what each key asks, in the store that all worker processes share.

Where the store is down, a rate is counted by each process for itself: it protects the machine, which must go on without
its store. A quota is a promise about cost, and is not given by guessing: keys that have one are refused, with 503.
"""

import logging
import math
import time
from collections.abc import Callable

from app.auth.allowance import Allowance, Window
from app.auth.keys import Key
from app.breaker import Breaker
from app.errors import QuotaUnknown, QuotaUsedUp, RateLimited
from app.store import Store, StoreError

log = logging.getLogger("secateurs")

# A store that failed is left alone for so long.
REST_SECONDS = 5.0
# A counter lives a little longer than its window: clocks differ.
_SPARE_SECONDS = 60.0


class KeyLimits:
    """The limits of the keys of one process; every process with the same store counts together."""

    def __init__(
        self,
        store: Callable[[], Store],
        *,
        clock: Callable[[], float] = time.time,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        """Nothing is counted yet.

        Args:
            store: gives the store, once the service runs.
            clock: seconds since 1970, the same in all processes.
            rest_seconds: how long the store is left alone after a failure.
        """
        self._store = store
        self._clock = clock
        self._breaker = Breaker(StoreError, failures=1, seconds=rest_seconds)
        self._rest_seconds = rest_seconds
        self._failed = False
        # By limit, what this process knows to be used up, or has counted without the store.
        self._used_up: dict[str, str] = {}
        self._alone: dict[str, tuple[str, int]] = {}

    async def count(self, key: Key) -> None:
        """One more request of the key. What its rate refuses doesn't count for its quota.

        Raises RateLimited, QuotaUsedUp, QuotaUnknown.
        """
        if key.rate is not None and not await self._allowed(key, key.rate, self._count_alone):
            left = key.rate.window(self._clock()).left
            told = f"the key {key.name} has used up its rate of {key.rate}"
            raise RateLimited(f"{told}; try again in {math.ceil(left)} s", left)
        if key.quota is not None and not await self._allowed(key, key.quota, self._refuse):
            left = key.quota.window(self._clock()).left
            raise QuotaUsedUp(f"the key {key.name} has used up its quota of {key.quota}", left)

    async def used(self, key: Key, allowance: Allowance) -> int:
        """What has been counted of it in the present window. Raises StoreError."""
        window = allowance.window(self._clock())
        return await self._store().add(_counter(key, window), 0, seconds=window.left + _SPARE_SECONDS)

    async def _allowed(self, key: Key, allowance: Allowance, without: Callable[[str, Window, StoreError], int]) -> bool:
        limit, window = f"{key.sha256} {allowance}", allowance.window(self._clock())
        if self._used_up.get(limit) == window.name:  # whoever is refused costs the store nothing
            return False
        try:
            with self._breaker.attempt():
                number = await self._store().add(_counter(key, window), seconds=window.left + _SPARE_SECONDS)
            self._tell(None)
        except StoreError as error:
            self._tell(error)
            number = without(limit, window, error)
        if number > allowance.requests:
            self._used_up[limit] = window.name
        return number <= allowance.requests

    def _count_alone(self, limit: str, window: Window, _: StoreError) -> int:
        name, number = self._alone.get(limit, ("", 0))
        number = number + 1 if name == window.name else 1
        self._alone[limit] = (window.name, number)
        return number

    def _refuse(self, limit: str, window: Window, error: StoreError) -> int:
        raise QuotaUnknown(f"quotas can't be counted: {error}", self._rest_seconds) from error

    def _tell(self, error: StoreError | None) -> None:
        """Log once that the store fails, and once that it works again."""
        if error is not None and not self._failed:
            log.error("rates of keys hold for each process alone, and keys with a quota are refused: %s", error)
        elif error is None and self._failed:
            log.warning("keys are counted together again")
        self._failed = error is not None


def _counter(key: Key, window: Window) -> str:
    """The hash's beginning, so that a new key of the same name begins anew."""
    return f"key:{key.sha256[:16]}:{window.name}"
