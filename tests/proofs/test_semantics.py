"""What FastAPI and Starlette do with background tasks: how they run, what is injected, in which order.

Each row is a small application and what it lets be seen of the tasks. Outcomes are declared here, by ranges of versions
where they differ, and kept beside those of the rules.
"""

# ruff: noqa: ANN001, ANN401, B008

import asyncio
import contextlib
import contextvars
import functools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import anyio
import fastapi
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from packaging.specifiers import SpecifierSet
from starlette.background import BackgroundTask
from starlette.background import BackgroundTasks as StarletteTasks
from starlette.middleware.base import BaseHTTPMiddleware

from tests.proofs import kept

Row = Callable[[], str]
ROWS: dict[str, tuple[Row, dict[str, str]]] = {}
"""What happens, and the outcome by ranges of versions; the empty range is every version."""


def row(name: str, outcome: str) -> Callable[[Row], Row]:
    """Declares a row that is the same on every version."""

    def add(function: Row) -> Row:
        ROWS[name] = (function, {"": outcome})
        return function

    return add


def split(name: str, outcomes: dict[str, str]) -> Callable[[Row], Row]:
    """Declares a row whose outcome depends on the version."""

    def add(function: Row) -> Row:
        ROWS[name] = (function, outcomes)
        return function

    return add


class Own(BackgroundTasks):
    """A subclass."""


class Seen:
    """What tasks have done, and what reached the server."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.log: list[str] = []
        self.errors: list[str] = []

    def note(self, what: str = "ran") -> None:
        self.log.append(what)

    async def note_later(self, what: str = "ran") -> None:
        self.log.append(what)

    def fail(self) -> None:
        raise ValueError("failed")

    def get(self, path: str = "/") -> Any:
        """The answer to a request; what escapes the application is noted by its class."""
        try:
            return TestClient(self.app).get(path)
        except Exception as error:
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            self.errors.append(type(error).__name__)
            return None

    @property
    def outcome(self) -> str:
        """What ran, in order, and what escaped."""
        ran = ", ".join(self.log) or "never runs"
        return f"{ran}; {', '.join(self.errors)}" if self.errors else ran


# --- how tasks run ----------------------------------------------------------------------------------------------------


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
        response.background = BackgroundTask(seen.note, "middleware")
        return response

    seen.app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.note, "endpoint")

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


# --- what goes wrong --------------------------------------------------------------------------------------------------


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


@split("add_task(f()): when the TypeError comes", {"": "when the task runs"})
def _() -> str:
    seen = Seen()

    def task() -> None:
        seen.note("ran in the request")

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        try:
            tasks.add_task(task())  # type: ignore[func-returns-value,arg-type]
        except TypeError:
            seen.note("at add_task")

    seen.get()
    if "at add_task" in seen.log:
        return "at add_task"
    return "when the task runs" if seen.errors == ["TypeError"] else seen.outcome


@row("background=plain_function", "ran; TypeError")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler() -> Response:
        return JSONResponse({}, background=seen.note)  # type: ignore[arg-type]

    seen.get()
    return seen.outcome


def _starts(define: Callable[[FastAPI], object]) -> str:
    try:
        define(FastAPI())
    except Exception as error:
        return type(error).__name__
    return "starts"


@row("Optional[BackgroundTasks]", "FastAPIError")
def _() -> str:
    def define(app: FastAPI) -> None:
        @app.get("/")
        async def handler(tasks: BackgroundTasks | None = None) -> None: ...

    return _starts(define)


@row("bg: BackgroundTasks = Depends() and = Depends(BackgroundTasks)", "does not start")
def _() -> str:
    def bare(app: FastAPI) -> None:
        @app.get("/")
        async def handler(tasks: BackgroundTasks = Depends()) -> None: ...

    def named(app: FastAPI) -> None:
        @app.get("/")
        async def handler(tasks: BackgroundTasks = Depends(BackgroundTasks)) -> None: ...

    return "starts" if "starts" in (_starts(bare), _starts(named)) else "does not start"


@split(
    "unannotated bg=Depends(BackgroundTasks)",
    {"<0.107": "does not start", ">=0.107,<0.122": "starts", ">=0.122": "does not start"},
)
def _() -> str:
    def define(app: FastAPI) -> None:
        @app.get("/")
        async def handler(tasks=Depends(BackgroundTasks)) -> None: ...  # type: ignore[no-untyped-def]

    return "starts" if _starts(define) == "starts" else "does not start"


@row("singular BackgroundTask as a parameter's annotation", "does not start")
def _() -> str:
    def define(app: FastAPI) -> None:
        @app.get("/")
        async def handler(task: BackgroundTask) -> None: ...

    return "starts" if _starts(define) == "starts" else "does not start"


@row("unannotated parameter without default", "422, then a str")
def _() -> str:
    seen = Seen()

    @seen.app.get("/")
    async def handler(tasks) -> str:  # type: ignore[no-untyped-def]
        return type(tasks).__name__

    return f"{seen.get().status_code}, then a {seen.get('/?tasks=a').json()}"


@split("bg: BackgroundTasks = Depends(get_bg)", {"<0.122": "AssertionError", ">=0.122": "starts"})
def _() -> str:
    def get_tasks(tasks: BackgroundTasks) -> BackgroundTasks:
        return tasks

    def define(app: FastAPI) -> None:
        @app.get("/")
        async def handler(tasks: BackgroundTasks = Depends(get_tasks)) -> None: ...

    return _starts(define)


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


# --- the rows ---------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("name", ROWS)
def test_fastapi_does_what_the_tool_takes_for_granted(name: str) -> None:
    observe, declared = ROWS[name]
    outcome = observe()
    matching = [
        expected
        for versions, expected in declared.items()
        if SpecifierSet(versions).contains(fastapi.__version__, prereleases=True)
    ]
    assert [outcome] == matching
    kept.keep(name, outcome)
