"""Observations of BGT3xx: whether the event loop stands still, and what happens on the wrong side of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
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


def bgt306(run: Run) -> str:
    """How long a request waits for the event, on a loop that has nothing else to do."""

    async def waited() -> float:
        transport = httpx.ASGITransport(run)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            loop = asyncio.get_running_loop()
            waiting = asyncio.create_task(client.get("/orders"))
            await asyncio.sleep(0.05)
            before = loop.time()
            working = asyncio.create_task(client.post("/orders"))
            (await waiting).raise_for_status()
            after = loop.time()
            (await working).raise_for_status()
            return after - before

    return "wakes late" if asyncio.run(waited()) > 0.8 else "works"


class _Peer(BaseHTTPRequestHandler):
    """Keeps its connections open."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def _peer() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Peer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def bgt307(run: Run) -> str:
    with _peer() as url:
        for _ in range(2):
            run.client.post("/pages", params={"url": url}).raise_for_status()
    return "works" if run.module.fetched == [200, 200] else "RuntimeError"
