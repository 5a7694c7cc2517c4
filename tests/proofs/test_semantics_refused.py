"""What is no task, and no parameter that FastAPI injects: what fails, and when."""

# ruff: noqa: ANN001, B008

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Optional

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

from tests.proofs.rows import Rows, Seen

ROWS = Rows()
row, split = ROWS.row, ROWS.split


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


@row("None as an alternative in Annotated, in a class dependency, with add_api_route", "does not start")
def _() -> str:
    class Mailer:
        def __init__(self, tasks: Optional[BackgroundTasks] = None) -> None: ...  # noqa: UP045

    def labelled(app: FastAPI) -> None:
        @app.get("/")
        async def handler(tasks: Annotated[Optional[BackgroundTasks], "x"] = None) -> None: ...  # noqa: UP045

    def depending(app: FastAPI) -> None:
        @app.get("/")
        async def handler(mailer: Mailer = Depends()) -> None: ...

    def added(app: FastAPI) -> None:
        async def handler(tasks: BackgroundTasks | None = None) -> None: ...

        app.add_api_route("/", handler)

    started = [_starts(define) == "starts" for define in (labelled, depending, added)]
    return "starts" if any(started) else "does not start"


@row("Annotated[BackgroundTasks, Depends()]", "does not start")
def _() -> str:
    def define(app: FastAPI) -> None:
        @app.get("/")
        async def handler(tasks: Annotated[BackgroundTasks, Depends()]) -> None: ...

    return "starts" if _starts(define) == "starts" else "does not start"


@row("methods of the running loop as the task", "start something, in debug mode RuntimeError")
def _() -> str:
    plain = {_method_of_loop(name, lambda _: None) for name in _SCHEDULING}
    debugged = {_method_of_loop(name, lambda loop: loop.set_debug(True)) for name in _SCHEDULING}
    started = "start something" if plain == {"ran"} else " and ".join(sorted(plain))
    return f"{started}, in debug mode {' and '.join(sorted(debugged))}"


@row("run_until_complete of the running loop as the task", "RuntimeError")
def _() -> str:
    return _method_of_loop("run_until_complete", lambda _: None)


_SCHEDULING: dict[str, list[float]] = {"create_task": [], "call_soon": [], "call_later": [0.0], "call_at": [0.0]}
"""Methods of a loop, and the arguments that come before what they run."""


def _method_of_loop(name: str, prepare: Callable[[asyncio.AbstractEventLoop], None]) -> str:
    seen = Seen()

    async def work() -> None:
        seen.note("ran")

    async def turn() -> None:
        await asyncio.sleep(0.05)

    @seen.app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        loop = asyncio.get_running_loop()
        prepare(loop)
        arguments: list[Any] = [*_SCHEDULING.get(name, []), seen.note if name.startswith("call") else work()]
        tasks.add_task(getattr(loop, name), *arguments)
        tasks.add_task(turn)

    seen.get()
    return ", ".join(seen.errors) or seen.outcome


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


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("name", ROWS.observations)
def test_fastapi_does_what_the_tool_takes_for_granted(name: str) -> None:
    ROWS.prove(name)
