"""How background tasks get lost or fail, and what stays unseen."""

# ruff: noqa: ANN001, ANN401, B008

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import httpx
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware

from tests.proofs.rows import Rows, Seen

ROWS = Rows()
row, split = ROWS.row, ROWS.split


@row("task raises, and Exception has a handler", "handler called; ValueError")
def _() -> str:
    seen = Seen()

    @seen.app.exception_handler(Exception)
    async def handle(request: Request, error: Exception) -> Response:
        seen.note("handler called")
        return JSONResponse({})

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.fail)
        tasks.add_task(seen.note, "later")

    seen.get()
    return seen.outcome


@row("async function behind lru_cache, to_thread(async_f)", "never runs")
def _() -> str:
    seen = Seen()
    cached = functools.lru_cache(seen.note_later)

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(cached)
        tasks.add_task(asyncio.to_thread, seen.note_later)

    seen.get()
    return seen.outcome


@row("add_task of another BackgroundTasks", "ran")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        inner = BackgroundTasks()
        inner.add_task(seen.note)
        tasks.add_task(inner)

    seen.get()
    return seen.outcome


@row("custom APIRoute sets response.background", "route")
def _() -> str:
    seen = Seen()

    class Route(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Any]:
            original = super().get_route_handler()

            async def handle(request: Request) -> Response:
                response: Response = await original(request)
                response.background = BackgroundTask(seen.note, "route")
                return response

            return handle

    seen.app.router.route_class = Route

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.note, "endpoint")

    seen.get()
    return seen.outcome


@row("a dependency registers, the handler raises", "never runs")
def _() -> str:
    seen = Seen()

    def dependency(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.note)

    @seen.app.get("/")
    async def handler(none: None = Depends(dependency)) -> None:
        raise HTTPException(400)

    seen.get()
    return seen.outcome


@row("middleware raises after call_next", "never runs; ValueError")
def _() -> str:
    seen = Seen()

    async def dispatch(request: Request, call_next: Callable[[Request], Any]) -> Response:
        await call_next(request)
        raise ValueError

    seen.app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.note)

    seen.get()
    return seen.outcome


@row("generator of a StreamingResponse raises", "never runs; ValueError")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> StreamingResponse:
        tasks.add_task(seen.note)

        async def parts() -> AsyncIterator[str]:
            yield "a"
            raise ValueError

        return StreamingResponse(parts())

    seen.get()
    return seen.outcome


@row("file of a FileResponse is missing", "never runs; RuntimeError")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> FileResponse:
        tasks.add_task(seen.note)
        return FileResponse("missing.txt")

    seen.get()
    return seen.outcome


@row("background of the injected Response", "never runs")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(response: Response) -> None:
        response.background = BackgroundTask(seen.note)

    seen.get()
    return seen.outcome


@row("handler raises after add_task: HTTPException, handled class, from finally", "never runs")
def _() -> str:
    seen = Seen()

    @seen.app.exception_handler(ValueError)
    async def handle(request: Request, error: Exception) -> Response:
        return JSONResponse({})

    @seen.app.get("/http")
    async def http(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.note)
        raise HTTPException(400)

    @seen.app.get("/handled")
    async def handled(tasks: BackgroundTasks) -> None:
        try:
            raise ValueError
        finally:
            tasks.add_task(seen.note)

    seen.get("/http")
    seen.get("/handled")
    return seen.outcome


@row("returned value fails response_model validation", "never runs")
def _() -> str:
    seen = Seen()

    @seen.app.get("/", response_model=int)
    async def handler(tasks: BackgroundTasks) -> str:
        tasks.add_task(seen.note)
        return "not a number"

    seen.get()
    return "never runs" if seen.errors and not seen.log else seen.outcome


@row("parameter without annotation, default BackgroundTasks()", "never runs")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks=BackgroundTasks()) -> None:  # type: ignore[no-untyped-def]
        tasks.add_task(seen.note)

    seen.get()
    return seen.outcome


@row("Depends(factory) that builds a BackgroundTasks", "never runs")
def _() -> str:
    seen = Seen()

    def factory() -> Any:
        return BackgroundTasks()

    @seen.app.get("/")
    async def handler(tasks=Depends(factory)) -> None:  # type: ignore[no-untyped-def]
        tasks.add_task(seen.note)

    seen.get()
    return seen.outcome


@row("add_task in a WebSocket handler", "never runs")
def _() -> str:
    seen = Seen()

    @seen.app.websocket("/")
    async def handler(socket: WebSocket, tasks: BackgroundTasks) -> None:
        await socket.accept()
        tasks.add_task(seen.note)
        await socket.close()

    with TestClient(seen.app).websocket_connect("/"):
        pass
    return seen.outcome


@row("asyncio.wait_for round run_in_threadpool", "returns in time, the thread runs on")
def _() -> str:
    seen = Seen()

    def slow() -> None:
        time.sleep(0.3)
        seen.note("thread")

    async def task() -> None:
        try:
            await asyncio.wait_for(asyncio.to_thread(slow), 0.05)
        except TimeoutError:
            seen.note("returns in time")

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(task)

    seen.get()
    return "returns in time, the thread runs on" if seen.log == ["returns in time", "thread"] else seen.outcome


@row("add_task(f()) of an async f", "when the task runs")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.note_later())  # type: ignore[arg-type]

    seen.get()
    return "when the task runs" if seen.errors == ["TypeError"] else seen.outcome


@row("run_in_threadpool(async_f), Thread(target=async_f), async function behind @contextmanager", "never runs")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(run_in_threadpool, seen.note_later)
        tasks.add_task(lambda: threading.Thread(target=seen.note_later).start())
        tasks.add_task(contextlib.contextmanager(seen.note_later))  # type: ignore[arg-type]

    seen.get()
    return seen.outcome


@row(".aclose of an async generator as the task", "never runs")
def _() -> str:
    seen = Seen()

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            seen.note()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        generator = numbers()
        kept_alive.append(generator)
        await anext(generator)
        tasks.add_task(generator.aclose)  # type: ignore[attr-defined]
        tasks.add_task(seen.note, "next task")

    kept_alive: list[object] = []
    seen.get()
    return "never runs" if seen.log[0] == "next task" else seen.outcome


@row("BackgroundTasks returned as part of a dict", "injected")
def _() -> str:
    seen = Seen()

    @seen.app.get("/", response_model=None)
    async def handler(tasks: BackgroundTasks) -> Any:
        tasks.add_task(seen.note, "injected")
        own = BackgroundTasks()
        own.add_task(seen.note, "own")
        return {"tasks": str(own)}

    seen.get()
    return seen.outcome


@row("anyio.fail_after round run_in_threadpool", "does not fire, thread")
def _() -> str:
    seen = Seen()

    def slow() -> None:
        time.sleep(0.2)
        seen.note("thread")

    async def task() -> None:
        before = time.monotonic()
        with contextlib.suppress(TimeoutError), anyio.fail_after(0.05):
            await run_in_threadpool(slow)
        seen.log.insert(0, "fires in time" if time.monotonic() - before < 0.15 else "does not fire")

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(task)

    seen.get()
    return seen.outcome


@split("a yield endpoint adds tasks before and between its items", {"<0.122": "not streamed", ">=0.122": "a, b"})
def _() -> str:
    seen = Seen()

    @seen.app.get("/", response_class=StreamingResponse, response_model=None)
    async def handler(tasks: BackgroundTasks) -> AsyncIterator[str]:
        tasks.add_task(seen.note, "a")
        yield "1"
        tasks.add_task(seen.note, "b")
        yield "2"

    seen.get()
    return seen.outcome if not seen.errors and seen.log else "not streamed"


@row("several tasks, the second exits", "a; SystemExit")
def _() -> str:
    seen = Seen()

    async def leave() -> None:
        raise SystemExit(1)

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.note, "a")
        tasks.add_task(leave)
        tasks.add_task(seen.note, "c")

    try:
        asyncio.run(_asked(seen.app))
    except SystemExit:
        seen.errors.append("SystemExit")
    return seen.outcome


async def _asked(app: FastAPI) -> None:
    """One request without a client's thread, which would not survive an exit."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.get("/")


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("name", ROWS.observations)
def test_fastapi_does_what_the_tool_takes_for_granted(name: str) -> None:
    ROWS.prove(name)
