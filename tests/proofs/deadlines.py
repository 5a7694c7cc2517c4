"""Observations of BGT4xx: what waits without end, and what a failure takes along."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import httpx

from tests.proofs.running import Run, deaf_address, silent_peer, wait_until


def _ends_by_itself(run: Run) -> str:
    """Whether the task has ended after a while with a peer that accepts and never answers."""
    with silent_peer() as url:
        asking = threading.Thread(target=lambda: run.client.post("/orders", params={"url": url}))
        asking.start()
        asking.join(1.5)
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


def bgt404(run: Run) -> str:
    told: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = told.append  # type: ignore[assignment,method-assign]
    run.module.logger.addHandler(handler)
    run.client.post("/orders", params={"url": deaf_address()}).raise_for_status()
    assert not run.errors
    return "works" if told else "unseen"


def bgt405(run: Run) -> str:
    with run.server() as client:
        client.post("/orders/7").raise_for_status()
        wait_until(lambda: len(run.module.looked) >= 5)
        ended = wait_until(lambda: run.module.archive == ["7"], 1.5)
    return "works" if ended else "never ends"


@contextlib.contextmanager
def _dripping_peer() -> Iterator[str]:
    """A peer that sends one byte of its answer every tenth of a second, for three seconds."""

    def answer(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
                for _ in range(30):
                    connection.sendall(b".")
                    time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def bgt406(run: Run) -> str:
    with _dripping_peer() as url, run.server() as client:
        client.post("/pages", params={"url": url}).raise_for_status()
        ended = wait_until(lambda: run.module.ended == [url], 2)
    return "works" if ended else "waits on"


def bgt407(run: Run) -> str:
    run.client.post("/orders").raise_for_status()
    assert len(run.module.seen) >= 1
    return "goes on" if len(run.module.seen) == 20 else "works"


def bgt412(run: Run) -> str:
    """In a server of its own, whose process ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "critical"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        wait_until(lambda: _answers(port))
        httpx.post(f"http://127.0.0.1:{port}/imports", params={"path": "a.txt"}).raise_for_status()
        stopped = wait_until(lambda: server.poll() is not None, 2.5)
        server.terminate()
    assert not stopped or server.returncode == 1
    return "server stops" if stopped else "works"


def _answers(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/openapi.json").status_code == 200
    return False
