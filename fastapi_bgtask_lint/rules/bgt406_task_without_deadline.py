"""Async task has no deadline over the whole of it

Each wait in this task may have a timeout of its own, and the task can still take as long as all of them together, or
for ever, when a peer keeps sending a little in time. The tasks after it wait as long, and a server that is told to
stop waits for it (seen with uvicorn 0.54). That is so on every version of FastAPI.

Put the whole body within `async with asyncio.timeout(seconds)`, or `anyio.fail_after`, and handle what that raises.

Suppress it where the waits are few and short. The rule is pedantic: it speaks with `--pedantic`, or when it is
selected by its full code.

## Bad
```py app.py
import logging

import httpx
from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
ended: list[str] = []


async def fetch(url: str) -> None:  # BGT406
    try:
        async with httpx.AsyncClient(timeout=1) as client:
            await client.get(url)
    except httpx.HTTPError:
        logger.exception("%s was not fetched", url)
    ended.append(url)


@app.post("/pages")
async def order(url: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(fetch, url)
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
ended: list[str] = []


async def fetch(url: str) -> None:
    try:
        async with asyncio.timeout(0.3), httpx.AsyncClient(timeout=1) as client:
            await client.get(url)
    except (httpx.HTTPError, TimeoutError):
        logger.exception("%s was not fetched", url)
    ended.append(url)


@app.post("/pages")
async def order(url: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(fetch, url)
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
from fastapi_bgtask_lint.resolving.values import Site
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT406",
    name="task-without-deadline",
    severity=Severity.WARNING,
    pedantic=True,
    harms=(Harm("waits on"),),
)

_KINDS = frozenset({"network", "process", "lock"})


@rule.check
def without_deadline(task: Task, app: Application) -> Iterator[Report]:
    """Something is awaited on the loop with no deadline round it; once a task."""
    if not task.on_loop:
        return
    hit = next((e for e in app.hits(task) if _waits(e)), None)
    if hit is not None:
        place = Site(task.function.parent, task.function.definition)
        yield Report(
            f"no deadline covers the whole of this task, which waits for {hit.leaf.what}; put its body within"
            " asyncio.timeout",
            place,
            related(hit, place, f"{hit.leaf.what} waits here"),
        )


def _waits(hit: Hit) -> bool:
    row = hit.leaf.row
    if hit.leaf.kind is not LeafKind.CALL or hit.bounded or hit.side is not Side.HERE or not hit.leaf.awaited:
        return False
    if row is None or row.cleanup:
        return False
    # Starting a process or building a client is no wait; a database is waited for by whatever is awaited of it.
    return row.kind == "database" or (row.waits and row.kind in _KINDS)
