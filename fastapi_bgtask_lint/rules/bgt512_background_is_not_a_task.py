"""Background of a response is not a task

A response awaits its `background` when it has been sent. A plain function given there is called without arguments, on
the event loop, and then `TypeError` is raised, because what it returns cannot be awaited. A coroutine cannot be
called at all. That is so on every version of FastAPI.

Wrap the function and its arguments: `background=BackgroundTask(f, x)`. Several go into a `BackgroundTasks`.

There is no reason to suppress it.

## Bad
```py app.py
from fastapi import FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()
visits: list[str] = []


def count_visit() -> None:
    visits.append("home")


@app.get("/")
async def home() -> JSONResponse:
    return JSONResponse({"page": "home"}, background=count_visit)  # BGT512
```

## Good
```py app.py
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

app = FastAPI()
visits: list[str] = []


def count_visit() -> None:
    visits.append("home")


@app.get("/")
async def home() -> JSONResponse:
    return JSONResponse({"page": "home"}, background=BackgroundTask(count_visit))
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.responses.responses import Responses
from fastapi_bgtask_lint.resolving.comparison import is_async
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.values import Coroutine, Function, Value, known
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT512",
    name="background-is-not-a-task",
    severity=Severity.ERROR,
    harms=(Harm("TypeError"),),
)


@rule.check
def not_a_task(module: Module, app: Application) -> Iterator[Report]:
    """Everything that a response's background can be is a plain function or a coroutine."""
    for site, values in Responses(app.evaluator).backgrounds(module):
        if known(values) and all(_is_no_task(value) for value in values):
            yield Report(
                "the background of a response has to be a BackgroundTask or BackgroundTasks: this one is not awaitable"
                " when it is called, so the request ends in a TypeError; wrap it in BackgroundTask(...)",
                site,
            )


def _is_no_task(value: Value) -> bool:
    return isinstance(value, Coroutine) or (isinstance(value, Function) and is_async(value) is False)
