"""Task returns a response

A task runs after the response has been sent. What it returns is discarded without an error, on every version of
FastAPI: the client never sees the response that the task built. Often the function used to be a path operation, or its
author meant to tell the client about a failure.

Let the task return nothing. What the client has to know must be decided before the response: do that part of the work
in the path operation. A result that comes later needs a place where the client can ask for it. Where the same
function is also a path operation, put the shared work into a third function that both call.

Suppress it where one function has to serve as both and its response is meant to be lost as a task.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()
totals: dict[int, int] = {}


def add_up(order: int, amounts: list[int]) -> JSONResponse:
    if not amounts:
        return JSONResponse({"error": "empty order"}, status_code=422)  # BGT101
    totals[order] = sum(amounts)
    return JSONResponse({"total": totals[order]})  # BGT101


@app.post("/orders/{order}")
async def close_order(order: int, amounts: list[int], tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(add_up, order, amounts)
    return {"status": "closed"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI, HTTPException

app = FastAPI()
totals: dict[int, int] = {}


def add_up(order: int, amounts: list[int]) -> None:
    totals[order] = sum(amounts)


@app.post("/orders/{order}")
async def close_order(order: int, amounts: list[int], tasks: BackgroundTasks) -> dict[str, str]:
    if not amounts:
        raise HTTPException(422, "empty order")
    tasks.add_task(add_up, order, amounts)
    return {"status": "closed"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.framework.responses.returned import Returned
from fastapi_bgtask_lint.framework.routes.entry_points import Entry
from fastapi_bgtask_lint.reading.facts import FunctionDef
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT101",
    name="task-returns-response",
    severity=Severity.ERROR,
    harms=(Harm("discarded"),),
)


@rule.check
def responses(task: Task, app: Application) -> Iterator[Report]:
    """A return statement of the task gives a response."""
    definition = task.function.definition
    is_route = isinstance(definition, FunctionDef) and app.handlers.entry(definition) is Entry.ROUTE
    for site in Returned(app.evaluator).responses(task.function, task.context):
        yield Report(
            "the task returns a response that nobody gets: it runs after the response was sent, and what it returns is"
            " discarded; return nothing",
            site,
            severity=Severity.WARNING if is_route else None,
        )
