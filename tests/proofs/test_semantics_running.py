"""What FastAPI and Starlette do with background tasks: how they run, what is injected, in which order."""

# ruff: noqa: ANN401, B008

import asyncio
import contextvars
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.background import BackgroundTask
from starlette.background import BackgroundTasks as StarletteTasks
from starlette.middleware.base import BaseHTTPMiddleware

from tests.proofs.rows import Rows, Seen

ROWS = Rows()
row, split = ROWS.row, ROWS.split


class Own(BackgroundTasks):
    """A subclass."""


@row("async def task", "on the loop")
def _() -> str:
    seen = Seen()

    async def task() -> None:
        asyncio.get_running_loop()
        seen.note("on the loop")

    @seen.app.get("/")
    def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(task)

    seen.get()
    return seen.outcome


@row("def task", "in a thread")
def _() -> str:
    seen = Seen()

    def task() -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            seen.note("in a thread")

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(task)

    seen.get()
    return seen.outcome


@row("lambda, bound method, partial of async def, object with async __call__", "a, b, c, d")
def _() -> str:
    seen = Seen()

    class Caller:
        async def __call__(self) -> None:
            seen.note("d")

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(lambda: seen.note("a"))
        tasks.add_task(seen.note, "b")
        tasks.add_task(functools.partial(seen.note_later, "c"))
        tasks.add_task(Caller())

    seen.get()
    return seen.outcome


@row("several tasks", "a, b, c")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        for name in "abc":
            tasks.add_task(seen.note, name)

    seen.get()
    return seen.outcome


@row("several tasks, the second raises", "a; ValueError")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.note, "a")
        tasks.add_task(seen.fail)
        tasks.add_task(seen.note, "c")

    seen.get()
    return seen.outcome


@row("several tasks, the second is cancelled", "a; CancelledError")
def _() -> str:
    seen = Seen()

    async def cancelled() -> None:
        raise asyncio.CancelledError

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.note, "a")
        tasks.add_task(cancelled)
        tasks.add_task(seen.note, "c")

    seen.get()
    return seen.outcome


@row("task adds a further task", "a, b")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        def task() -> None:
            seen.note("a")
            tasks.add_task(seen.note, "b")

        tasks.add_task(task)

    seen.get()
    return seen.outcome


@row("handler returns its own Response without background", "ran")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> Response:
        tasks.add_task(seen.note)
        return Response()

    seen.get()
    return seen.outcome


@row("BackgroundTasks in a dependency, sub-dependency and class dependency", "sub, class, dependency, handler")
def _() -> str:
    seen = Seen()

    def sub(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.note, "sub")

    class Service:
        def __init__(self, tasks: BackgroundTasks, none: None = Depends(sub)) -> None:
            tasks.add_task(seen.note, "class")

    def dependency(tasks: BackgroundTasks, service: Any = Depends(Service)) -> None:
        tasks.add_task(seen.note, "dependency")

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks, none: None = Depends(dependency)) -> None:
        tasks.add_task(seen.note, "handler")

    seen.get()
    return seen.outcome


@row("BackgroundTasks = None and = BackgroundTasks() as an annotated default", "a, b")
def _() -> str:
    seen = Seen()

    @seen.app.get("/a")
    async def a(tasks: BackgroundTasks = None) -> None:  # type: ignore[assignment]
        tasks.add_task(seen.note, "a")

    @seen.app.get("/b")
    async def b(tasks: BackgroundTasks = BackgroundTasks()) -> None:
        tasks.add_task(seen.note, "b")

    seen.get("/a")
    seen.get("/b")
    return seen.outcome


@row("Annotated[BackgroundTasks, ...], Starlette's own, a subclass", "a, b, c")
def _() -> str:
    seen = Seen()

    @seen.app.get("/a")
    async def a(tasks: Annotated[BackgroundTasks, "x"]) -> None:
        tasks.add_task(seen.note, "a")

    @seen.app.get("/b")
    async def b(tasks: StarletteTasks) -> None:
        tasks.add_task(seen.note, "b")

    @seen.app.get("/c")
    async def c(tasks: Own) -> None:
        tasks.add_task(seen.note, "c")

    for path in ("/a", "/b", "/c"):
        seen.get(path)
    return seen.outcome


@row("two BackgroundTasks parameters", "only one is injected")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(one: BackgroundTasks, other: BackgroundTasks) -> None:
        other.add_task(seen.note, "ran")

    seen.get()
    return "only one is injected" if seen.errors else seen.outcome


@row("finally: add_task after return", "ran")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> dict[str, str]:
        try:
            return {}
        finally:
            tasks.add_task(seen.note)

    seen.get()
    return seen.outcome


@split(
    "BaseHTTPMiddleware sets response.background",
    {"<0.107": "endpoint, middleware", ">=0.107": "middleware, endpoint"},
)
def _() -> str:
    seen = Seen()

    async def dispatch(request: Request, call_next: Callable[[Request], Any]) -> Response:
        response: Response = await call_next(request)
        response.background = BackgroundTask(seen.note_later, "middleware")
        return response

    seen.app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.note_later, "endpoint")

    seen.get()
    return seen.outcome


@row("await tasks() on a hand-made BackgroundTasks", "ran, handler")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler() -> None:
        tasks = BackgroundTasks()
        tasks.add_task(seen.note)
        await tasks()
        seen.note("handler")

    seen.get()
    return seen.outcome


@row("Response with background=None, the injected object, or BackgroundTasks([*tasks, x])", "a, b, c, x")
def _() -> str:
    seen = Seen()

    @seen.app.get("/a")
    async def a(tasks: BackgroundTasks) -> Response:
        tasks.add_task(seen.note, "a")
        return JSONResponse({}, background=None)

    @seen.app.get("/b")
    async def b(tasks: BackgroundTasks) -> Response:
        tasks.add_task(seen.note, "b")
        return JSONResponse({}, background=tasks)

    @seen.app.get("/c")
    async def c(tasks: BackgroundTasks) -> Response:
        tasks.add_task(seen.note, "c")
        return JSONResponse({}, background=BackgroundTasks([*tasks.tasks, BackgroundTask(seen.note, "x")]))

    for path in ("/a", "/b", "/c"):
        seen.get(path)
    return seen.outcome


@row("add_task(BackgroundTask(f)), tasks.append(partial(async_f))", "a, b")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(BackgroundTask(seen.note, "a"))
        tasks.tasks.append(functools.partial(seen.note_later, "b"))  # type: ignore[arg-type]

    seen.get()
    return seen.outcome


@row("background= of an async function that takes nothing", "ran")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler() -> Response:
        return JSONResponse({}, background=seen.note_later)  # type: ignore[arg-type]

    seen.get()
    return seen.outcome


@row("add_task inside the generator of a StreamingResponse", "ran")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> StreamingResponse:
        def parts() -> Iterator[str]:
            yield "a"
            tasks.add_task(seen.note)

        return StreamingResponse(parts())

    seen.get()
    return seen.outcome


@row("contextvar set in an async handler, dependency, middleware", "handler, dependency, middleware")
def _() -> str:
    seen = Seen()
    variables = {name: contextvars.ContextVar(name, default="default") for name in ("h", "d", "m")}

    class Setting:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            variables["m"].set("middleware")
            await self.app(scope, receive, send)

    seen.app.add_middleware(Setting)

    async def dependency() -> None:
        variables["d"].set("dependency")

    async def task() -> None:
        seen.note(", ".join(variable.get() for variable in variables.values()))

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks, none: None = Depends(dependency)) -> None:
        variables["h"].set("handler")
        tasks.add_task(task)

    seen.get()
    return seen.outcome


@row("contextvar set in a def handler", "default")
def _() -> str:
    seen = Seen()
    variable = contextvars.ContextVar("variable", default="default")

    @seen.app.get("/")
    def handler(tasks: BackgroundTasks) -> None:
        variable.set("handler")
        tasks.add_task(lambda: seen.note(variable.get()))

    seen.get()
    return seen.outcome


@row("exception handler returns a Response with background=", "ran")
def _() -> str:
    seen = Seen()

    @seen.app.exception_handler(ValueError)
    async def handle(request: Request, error: Exception) -> Response:
        return JSONResponse({}, background=BackgroundTask(seen.note))

    @seen.app.get("/")
    async def handler() -> None:
        raise ValueError

    seen.get()
    return seen.outcome


@split(
    "contextvar that an async yield dependency sets and resets",
    {"<0.106": "set", ">=0.106,<0.118": "default", ">=0.118": "set"},
)
def _() -> str:
    seen = Seen()
    variable = contextvars.ContextVar("variable", default="default")

    async def dependency() -> AsyncIterator[None]:
        token = variable.set("set")
        yield
        variable.reset(token)

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks, none: None = Depends(dependency)) -> None:
        tasks.add_task(lambda: seen.note(variable.get()))

    seen.get()
    return seen.outcome


@row("contextvar set in a def dependency", "default")
def _() -> str:
    seen = Seen()
    variable = contextvars.ContextVar("variable", default="default")

    def dependency() -> None:
        variable.set("dependency")

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks, none: None = Depends(dependency)) -> None:
        tasks.add_task(lambda: seen.note(variable.get()))

    seen.get()
    return seen.outcome


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("name", ROWS.observations)
def test_fastapi_does_what_the_tool_takes_for_granted(name: str) -> None:
    ROWS.prove(name)
