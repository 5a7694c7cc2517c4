"""Task raises an exception that has a handler

The response has already been sent when a task runs, so an exception handler has nothing to answer. On every version
of FastAPI an `HTTPException` (or another exception for which the application registers a handler) that leaves a task
ends as `RuntimeError: Caught handled exception, but response already started.` The handler is not called, the client
does not learn of it, and the tasks that were registered after this one never run.

Decide before the response what the client has to be told. Inside the task, log the failure or record it where the
client can ask for it. A function that is shared with path operations should raise an exception of its own, which the
path operation turns into an answer and the task catches.

There is hardly a reason to suppress it: the later tasks are lost in any case.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI, HTTPException

app = FastAPI()
stock = {"pen": 3}
shipped: list[str] = []


def take_from_stock(item: str) -> None:
    if item not in stock:
        raise HTTPException(404, "no such item")  # BGT103
    stock[item] -= 1


@app.post("/orders")
async def order(item: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(take_from_stock, item)
    tasks.add_task(shipped.append, item)
    return {"status": "accepted"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI, HTTPException

app = FastAPI()
stock = {"pen": 3}
shipped: list[str] = []


def take_from_stock(item: str) -> None:
    stock[item] -= 1


@app.post("/orders")
async def order(item: str, tasks: BackgroundTasks) -> dict[str, str]:
    if item not in stock:
        raise HTTPException(404, "no such item")
    tasks.add_task(take_from_stock, item)
    tasks.add_task(shipped.append, item)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import own_part, related
from fastapi_bgtask_lint.callgraph.leaves import LeafKind
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.resolving.scopes import statement_of
from fastapi_bgtask_lint.resolving.values import Site
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule
from fastapi_bgtask_lint.rules.wording import type_name

rule = Rule(
    __doc__,
    code="BGT103",
    name="task-raises-handled-exception",
    severity=Severity.ERROR,
    harms=(Harm("RuntimeError"),),
)


@rule.check
def handled(task: Task, app: Application) -> Iterator[Report]:
    """An exception with a registered handler leaves the task."""
    for hit in app.hits(task):
        if hit.leaf.kind is not LeafKind.RAISE or not hit.fails:
            continue
        raised = app.exceptions.is_handled(hit.leaf.raised)
        if raised is None:
            continue
        first = own_part(app.evaluator, hit.chain)[0]
        place = Site(first.context, statement_of(first.context, first.fact))
        yield Report(
            f"{type_name(raised)} leaves the task after the response was sent: its handler is not called, a"
            " RuntimeError takes its place and later tasks never run; handle it in the task, or check earlier",
            place,
            related(hit, first, f"{type_name(raised)} is raised here") if hit.site.fact is not place.fact else (),
        )
