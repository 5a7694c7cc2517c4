"""Observations of BGT3xx: whether the event loop stands still, and what happens on the wrong side of it."""

from __future__ import annotations

import asyncio

from sqlalchemy import event

from tests.proofs.running import Run


def bgt301(run: Run) -> str:
    with run.server() as client:
        client.get("/openapi.json").raise_for_status()
        stall = run.longest_standstill(
            lambda: client.post("/newsletters?address=a").raise_for_status(), lambda: run.module.sent == ["a"]
        )
    assert run.module.sent == ["a"]
    return "loop stands still" if stall > 0.4 else "works"


def bgt302(run: Run) -> str:
    sides: list[str] = []

    def note(*_: object) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            sides.append("thread")
        else:
            sides.append("loop")

    event.listen(run.module.session_factory.kw["bind"], "before_cursor_execute", note)
    run.client.get("/pages/home").raise_for_status()
    return {"loop": "on the loop", "thread": "works"}[",".join(sides)]


def bgt305(run: Run) -> str:
    run.client.post("/cache/a")
    run.client.delete("/cache/a")
    assert run.module.cache == {}
    return {"RuntimeError,RuntimeError": "RuntimeError", "": "works"}[",".join(run.kinds)]
