"""Applications at work: in the test client, and under a real server."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient
from starlette.types import Receive, Scope, Send

from tests.examples import Files, written

_PATIENCE = 10.0
"""Seconds after which something that should happen has not."""


@dataclass
class Run:
    """An application at work: its module, and clients that note what it lets through to the server."""

    module: Any
    errors: list[str] = field(default_factory=list)
    loops: list[asyncio.AbstractEventLoop] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.loops:
            self.loops.append(asyncio.get_running_loop())
        try:
            await self.module.app(scope, receive, send)
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            raise

    @property
    def kinds(self) -> list[str]:
        """The classes of the errors so far."""
        return [error.partition(":")[0] for error in self.errors]

    @property
    def client(self) -> TestClient:
        """A client in this process; as a context manager it runs the lifespan."""
        return TestClient(self, raise_server_exceptions=False)

    @contextlib.contextmanager
    def server(self) -> Iterator[httpx.Client]:
        """A client of a real server in a thread of this process."""
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            config = uvicorn.Config(self, log_level="critical", lifespan="off")
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
            thread.start()
            wait_until(lambda: server.started)
            with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=_PATIENCE) as client:
                yield client
            server.should_exit = True
            server.force_exit = True
            thread.join(_PATIENCE)

    def longest_standstill(self, work: Callable[[], object], done: Callable[[], bool]) -> float:
        """Seconds for which the server's loop stood still at a stretch while the work was done."""
        gaps = [0.0]

        async def tick() -> None:
            loop = asyncio.get_running_loop()
            while True:
                before = loop.time()
                await asyncio.sleep(0.005)
                gaps.append(loop.time() - before)

        ticking = asyncio.run_coroutine_threadsafe(tick(), self.loops[0])
        time.sleep(0.02)
        work()
        wait_until(done)
        time.sleep(0.02)
        ticking.cancel()
        return max(gaps)


def wait_until(true: Callable[[], bool], seconds: float = _PATIENCE) -> bool:
    """Whether something came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return true()


def imported(files: Files, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The application of these files, fresh, with the folder as working directory."""
    written(files, folder)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    for name in [name for name in files if name.endswith(".py")]:
        monkeypatch.delitem(sys.modules, Path(name).stem, raising=False)
    importlib.invalidate_caches()
    return importlib.import_module("app")


@contextlib.contextmanager
def silent_peer() -> Iterator[str]:
    """The address of a peer that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def deaf_address() -> str:
    """An address where nobody listens."""
    with silent_peer() as url:
        return url
