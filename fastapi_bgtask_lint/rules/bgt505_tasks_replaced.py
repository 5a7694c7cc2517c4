"""Response's own background replaces the registered tasks

FastAPI attaches the injected tasks to the response only if the response has no background of its own. When a handler
adds tasks to the injected `BackgroundTasks` and returns a response with another `background=`, only the latter runs.
The injected tasks never run, and no error is raised, on every version of FastAPI. A custom `APIRoute` that sets
`response.background` does the same to the tasks of all its path operations.

Add all tasks to the injected object and return the response without `background`, or with that object. Or merge them:
`BackgroundTasks([*tasks.tasks, BackgroundTask(...)])`.

Suppress it where the earlier tasks are dropped on purpose.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

app = FastAPI()
log: list[str] = []


@app.post("/orders/{order}")
async def place(order: str, tasks: BackgroundTasks) -> JSONResponse:
    tasks.add_task(log.append, f"reserve {order}")  # BGT505
    return JSONResponse({"status": "accepted"}, background=BackgroundTask(log.append, f"confirm {order}"))
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()
log: list[str] = []


@app.post("/orders/{order}")
async def place(order: str, tasks: BackgroundTasks) -> JSONResponse:
    tasks.add_task(log.append, f"reserve {order}")
    tasks.add_task(log.append, f"confirm {order}")
    return JSONResponse({"status": "accepted"})
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration, injected
from fastapi_bgtask_lint.framework.responses.responses import Responses
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule

rule = Rule(
    __doc__,
    code="BGT505",
    name="tasks-replaced",
    severity=Severity.ERROR,
    harms=(Harm("never runs"),),
    phase=Phase.REGISTRATION,
)

_TEXT = (
    "the response's own background takes the place of the injected tasks, which never run;"
    " add this work to the injected BackgroundTasks, or merge the two"
)


@rule.check
def replaced(registration: Registration, app: Application) -> Iterator[Report]:
    """Every way from the registration returns a response with another background."""
    if registration.receiver is None or registration.call_path.calls:
        return
    values = app.attachment.receiver(registration)
    if not injected(values):
        return
    exits = app.exits.after(registration.context, registration.call)
    if not exits.returns or exits.falls_through or exits.raises:
        return
    responses = Responses(app.evaluator)
    sites = [responses.other_background(found, registration.context, values) for found in exits.returns]
    if all(site is not None for site in sites):
        related = tuple((site, "this background replaces them") for site in sites if site is not None)
        yield Report(f"this task never runs: {_TEXT}", registration.site, related)


@rule.check
def route_class(module: Module, app: Application) -> Iterator[Report]:
    """A custom route sets the background of the original handler's response."""
    for site in Responses(app.evaluator).replaced_by_routes(module):
        yield Report(f"the tasks of every endpoint of this route class never run: {_TEXT}", site)
