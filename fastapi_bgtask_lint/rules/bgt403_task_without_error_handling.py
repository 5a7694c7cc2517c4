"""Failure leaves the task

When an exception leaves a task, the server logs the traceback, and that is all that happens for this request: the
client was told that it worked, nothing tries again, and the tasks that were registered after this one never run.
Where a dependency commits after its `yield`, the request's transaction is rolled back (FastAPI before 0.106, and from
0.118 on).

Catch what can go wrong in the task, and say there what was lost: log it with the values that are needed to repeat the
work, or record the work as failed. A decorator or a context manager of the project that does this is recognised; one
for an async task has to be an `async def` itself. `finally` and retries that raise in the end do not catch.

Suppress it where the task is the last one, and the traceback in the server's log is all that anybody wants.

## Bad
```py app.py
import httpx
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
archive: list[str] = []


def notify(url: str, order: str) -> None:
    httpx.post(url, json={"order": order}, timeout=5)  # BGT403


@app.post("/orders/{order}")
async def place(order: str, url: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(notify, url, order)
    tasks.add_task(archive.append, order)
    return {"status": "accepted"}
```

## Good
```py app.py
import logging

import httpx
from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
archive: list[str] = []


def notify(url: str, order: str) -> None:
    try:
        httpx.post(url, json={"order": order}, timeout=5)
    except httpx.HTTPError:
        logger.exception("%s was not notified of order %s", url, order)


@app.post("/orders/{order}")
async def place(order: str, url: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(notify, url, order)
    tasks.add_task(archive.append, order)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import own_part, related
from fastapi_bgtask_lint.callgraph.leaves import LeafKind
from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.resolving.rows import row_of
from fastapi_bgtask_lint.resolving.scopes import statement_of
from fastapi_bgtask_lint.resolving.values import Site
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule, said
from fastapi_bgtask_lint.rules.wording import callable_name

_LOST = "the server logs a traceback, later tasks of the request never run, and the client was told it worked"
_ROLLED_BACK = "a dependency that commits after its yield rolls back"

rule = Rule(
    __doc__,
    code="BGT403",
    name="task-without-error-handling",
    severity=Severity.WARNING,
    harms=(
        Harm("later tasks lost", _ROLLED_BACK, "<0.106"),
        Harm("later tasks lost", versions=">=0.106,<0.118"),
        Harm("later tasks lost", _ROLLED_BACK, ">=0.118"),
    ),
)


@rule.check
def unhandled(task: Task, app: Application) -> Iterator[Report]:
    """A failure can leave the task: once, at the first statement of its own body from which one does."""
    failing = [hit for hit in app.hits(task) if hit.fails and not hit.leaf.is_exit]
    parts = [(_statement(own_part(app.evaluator, hit.chain)[0]), hit) for hit in failing]
    told = {place for place, hit in parts if _stands_in_103(hit, app)}
    parts = [(place, hit) for place, hit in parts if place not in told]
    if not parts:
        return
    first, hit = min(parts, key=lambda part: (part[0].order, len(part[1].chain)))
    harm = _consequence(task.registrations[0], app)
    yield Report(
        f"{_what(hit)} and nothing here handles it: {harm}; catch it, log it and record the outcome",
        first,
        related(hit, first, "it fails here"),
    )


@rule.check
def library_function(registration: Registration, app: Application) -> Iterator[Report]:
    """A library's function is the task, and may fail."""
    for target in app.registrations.targets(registration):
        row = row_of(app.evaluator, target.value)
        if row is not None and row.kind in ("network", "process") and row.fails and not row.cleanup:
            harm = _consequence(registration, app)
            yield Report(
                f"{callable_name(target.value)} may fail and nothing here handles it: {harm};"
                " register a function of your own that catches, logs and records the outcome",
                registration.site,
            )


def _statement(site: Site) -> Site:
    return Site(site.context, statement_of(site.context, site.fact))


def _consequence(registration: Registration, app: Application) -> str:
    """What a failing task does, on the versions of FastAPI that the project allows."""
    further = said(rule.harms_on(app.versions.allowed_for(registration.module.path)))
    return f"{_LOST}; {further}" if further else _LOST


def _stands_in_103(hit: Hit, app: Application) -> bool:
    return hit.leaf.kind is LeafKind.RAISE and app.exceptions.is_handled(hit.leaf.raised) is not None


def _what(hit: Hit) -> str:
    if hit.leaf.kind is LeafKind.RAISE:
        return "an exception leaves the task here"
    return f"{hit.leaf.what} may fail"
