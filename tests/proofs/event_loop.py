"""Observations of BGT3xx: whether the event loop stands still, and what happens on the wrong side of it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path

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


def bgt303(run: Run) -> str:
    """The file is a pipe that is filled half a second after it is opened."""
    pipe = Path("report.txt").absolute()
    os.mkfifo(pipe)

    def fill() -> None:
        time.sleep(0.5)
        pipe.write_text("three short words")

    with run.server() as client:
        client.get("/openapi.json").raise_for_status()
        threading.Thread(target=fill).start()
        stall = run.longest_standstill(
            lambda: client.post("/reports", params={"path": str(pipe)}).raise_for_status(),
            lambda: run.module.counted == [3],
        )
    assert run.module.counted == [3]
    return "loop stands still" if stall > 0.3 else "works"


def bgt304(run: Run) -> str:
    with run.server() as client:
        client.get("/openapi.json").raise_for_status()
        stall = run.longest_standstill(
            lambda: client.post("/users/a?password=b").raise_for_status(), lambda: len(run.module.stored) == 1
        )
    assert len(run.module.stored) == 1
    return "loop stands still" if stall > 0.3 else "works"


def bgt305(run: Run) -> str:
    run.client.post("/cache/a")
    run.client.delete("/cache/a")
    assert run.module.cache == {}
    return {"RuntimeError,RuntimeError": "RuntimeError", "": "works"}[",".join(run.kinds)]
