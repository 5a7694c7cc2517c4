"""How long the event loop stood still. A blocking call in one task shows here, for every request waits for it."""

import asyncio
import time

TICK = 0.01


class Watch:
    """A clock on the event loop that notes its largest delay, in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK)
            self.longest = max(self.longest, time.monotonic() - before - TICK)
