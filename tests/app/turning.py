"""An event loop whose clock a test turns on: nobody waits for a deadline, and no machine is too slow for one."""

import asyncio


class TurnedLoop(asyncio.SelectorEventLoop):
    """The loop; what it times ends when its clock is turned past that moment."""

    _ahead = 0.0

    def time(self) -> float:
        """The moment, in seconds."""
        return super().time() + self._ahead

    def turn_to(self, moment: float) -> None:
        """It is that moment at once, or later; from any thread."""
        self.call_soon_threadsafe(self._turn_to, moment)

    def _turn_to(self, moment: float) -> None:
        self._ahead += max(0.0, moment - self.time())
