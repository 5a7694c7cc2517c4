"""Task is registered and then the handler raises

Tasks belong to the response that the handler returns. When the handler raises instead, with `HTTPException` or
anything else, the answer is made by an exception handler, and the tasks that were registered before never run. That
is so on every version of FastAPI, also through a custom exception handler, and no error is raised for it. Typical is
a compensating task that is registered in an `except` block which then raises.

Do what must happen before you raise. Or return a response that carries the task: `JSONResponse(..., status_code=...,
background=BackgroundTask(...))`. An exception handler of the project may also return such a response.

Reported only where the handler is bound to raise. Suppress it where the loss is meant.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI, HTTPException

app = FastAPI()
alerts: list[str] = []


@app.post("/payments")
async def pay(amount: int, tasks: BackgroundTasks) -> dict[str, str]:
    if amount <= 0:
        tasks.add_task(alerts.append, f"refused: {amount}")  # BGT504
        raise HTTPException(422, "nothing to pay")
    return {"status": "paid"}
```

## Good
```py app.py
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

app = FastAPI()
alerts: list[str] = []


@app.post("/payments")
async def pay(amount: int) -> JSONResponse:
    if amount <= 0:
        alert = BackgroundTask(alerts.append, f"refused: {amount}")
        return JSONResponse({"detail": "nothing to pay"}, status_code=422, background=alert)
    return JSONResponse({"status": "paid"})
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration, injected
from fastapi_bgtask_lint.framework.routes.entry_points import Entry
from fastapi_bgtask_lint.reading.facts import FunctionDef
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule

rule = Rule(
    __doc__,
    code="BGT504",
    name="task-lost-on-exception",
    severity=Severity.ERROR,
    harms=(Harm("never runs"),),
    phase=Phase.REGISTRATION,
)


@rule.check
def lost(registration: Registration, app: Application) -> Iterator[Report]:
    """From the registration every way leads to an exception that leaves the handler."""
    if registration.receiver is None or not _is_judged(registration, app):
        return
    if not injected(app.evaluator.evaluate(registration.receiver, registration.context)):
        return
    call_paths = [one.call_path for one in app.registrations.alternatives(registration)]
    if all(app.exits.lost(call_path, registration.call) for call_path in call_paths):
        yield Report(
            "this task never runs: the handler is bound to raise after the registration, and FastAPI drops the tasks of"
            " a request that fails; do the work before raising, or return a response that carries the task",
            registration.site,
        )


def _is_judged(registration: Registration, app: Application) -> bool:
    """FastAPI runs the function at the head of the way, so that an exception which leaves it reaches FastAPI."""
    head = registration.call_path.handler
    if not isinstance(head.scope, FunctionDef):
        return False
    entry = app.handlers.entry(head.scope)
    return entry in (Entry.ROUTE, Entry.EXCEPTION_HANDLER) or app.handlers.is_dependency(head)
