"""Task uses an object of the server's loop on a loop of its own

A `def` task that calls `asyncio.run` starts a second event loop in its thread. Clients, queues, locks and the
connections of an async engine that were made for the server's loop stay bound to that one: used on the second loop
they raise `RuntimeError`, "bound to a different event loop" or "Event loop is closed", or wait for ever. The first use
may still work, when the object has no connection yet; the next task then meets one of a closed loop. That is so on
every version of FastAPI.

Make the task `async def` and await the work on the server's loop. Or make the client inside the coroutine. For an
async engine use `NullPool`, or `await engine.dispose()` before the loop ends.

Suppress it where the object is known not to be bound to a loop.

## Bad
```py app.py
import asyncio
import logging

import httpx
from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
client = httpx.AsyncClient(timeout=5)
fetched: list[int] = []


async def fetch(url: str) -> None:
    response = await client.get(url)  # BGT307
    fetched.append(response.status_code)


def refresh(url: str) -> None:
    try:
        asyncio.run(fetch(url))
    except (httpx.HTTPError, RuntimeError):
        logger.exception("%s was not fetched", url)


@app.post("/pages")
async def order(url: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(refresh, url)
    return {"status": "accepted"}
```

## Good
```py app.py
import asyncio
import logging

import httpx
from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
fetched: list[int] = []


async def fetch(url: str) -> None:
    async with httpx.AsyncClient(timeout=5) as client:
        response = await client.get(url)
    fetched.append(response.status_code)


def refresh(url: str) -> None:
    try:
        asyncio.run(fetch(url))
    except (httpx.HTTPError, RuntimeError):
        logger.exception("%s was not fetched", url)


@app.post("/pages")
async def order(url: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(refresh, url)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import related
from fastapi_bgtask_lint.callgraph.leaves import LeafKind, Side
from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.resolving.values import ExternalInstance, Site
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule
from fastapi_bgtask_lint.rules.wording import type_name

rule = Rule(
    __doc__,
    code="BGT307",
    name="loop-bound-object-in-new-loop",
    severity=Severity.ERROR,
    harms=(Harm("RuntimeError"),),
)

_DISPOSING = "AsyncEngine.dispose"


@rule.check
def bound(task: Task, app: Application) -> Iterator[Report]:
    """What runs on the task's own loop awaits something of an object that was made once for all."""
    if task.on_loop:
        return
    hits = [e for e in app.hits(task) if e.side is Side.NEW_LOOP]
    disposes = any(hit.leaf.what.endswith(_DISPOSING) for hit in hits)
    for hit in hits:
        found = _made(hit, app)
        if found is None or (disposes and found[0].endswith("Engine")):
            continue
        name, made = found
        yield Report(
            f"this {name} is made once, for the server's loop, and used on a loop of the task's own: it raises"
            " RuntimeError or waits for ever; make it inside, or make the task async def",
            hit.site,
            ((made, "it is made here"), *related(hit, hit.site, "")),
        )


def _made(hit: Hit, app: Application) -> tuple[str, Site] | None:
    """The name of a loop-bound object that is awaited, and where it was made once."""
    value = hit.leaf.receiver
    if hit.leaf.kind is not LeafKind.CALL or not hit.leaf.awaited or not isinstance(value, ExternalInstance):
        return None
    engine = app.ownership.engine(value)
    if engine is not None:
        return "AsyncEngine", engine
    row = app.table.type(value.type)
    if row is None or not row.asyncio_object:
        return None
    made = app.ownership.shared(hit.chain, value)
    return None if made is None else (type_name(value), made)
