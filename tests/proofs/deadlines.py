"""Observations of BGT4xx: what waits without end, and what a failure takes along."""

from __future__ import annotations

import threading

from tests.proofs.running import Run, deaf_address, silent_peer


def _ends_by_itself(run: Run) -> str:
    """Whether the task has ended after a second with a peer that accepts and never answers."""
    with silent_peer() as url:
        asking = threading.Thread(target=lambda: run.client.post("/orders", params={"url": url}))
        asking.start()
        asking.join(1)
        ended = not asking.is_alive()
    asking.join(10)
    return "works" if ended else "waits on"


bgt401 = _ends_by_itself
bgt402 = _ends_by_itself


def bgt403(run: Run) -> str:
    status = run.client.post("/orders/7", params={"url": deaf_address()}).status_code
    assert status == 200
    if run.kinds == ["ConnectError"] and not run.module.archive:
        return "later tasks lost"
    return "works" if run.module.archive == ["7"] and not run.errors else "other"
