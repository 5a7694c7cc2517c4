"""Task disables a timeout

The library would bound this wait, or takes a timeout, and the code switches it off. A peer that accepts the
connection and never answers then holds the task for ever. A `def` task keeps one of the 40 threads that are shared
with every `def` path operation and dependency, on every version of FastAPI. A server that is told to stop does not stop
while a task waits (seen with uvicorn 0.54).

Write the longest time for which waiting makes sense. Ten minutes are better than no end. Where only one phase is slow,
set that one, for instance `httpx.Timeout(5, read=300)`. Or put a deadline round the whole: `asyncio.timeout`.

Suppress it where the wait has to be endless, and something else ends it.

## Bad
```py app.py
import logging

import httpx
from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()


def notify(url: str) -> None:
    try:
        httpx.post(url, timeout=None)  # BGT402
    except httpx.HTTPError:
        logger.exception("%s was not notified", url)


@app.post("/orders")
async def order(url: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(notify, url)
    return {"status": "accepted"}
```

## Good
```py app.py
import logging

import httpx
from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()


def notify(url: str) -> None:
    try:
        httpx.post(url, timeout=0.2)
    except httpx.HTTPError:
        logger.exception("%s was not notified", url)


@app.post("/orders")
async def order(url: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(notify, url)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import related
from fastapi_bgtask_lint.callgraph.timing import Timing
from fastapi_bgtask_lint.callgraph.waits import disabled_site, unbounded_waits
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT402",
    name="timeout-disabled",
    severity=Severity.WARNING,
    harms=(Harm("waits on"),),
)


@rule.check
def disabled(task: Task, app: Application) -> Iterator[Report]:
    """A wait whose timeout, or whose client's, is switched off, with no deadline round it."""
    for hit in unbounded_waits(app.hits(task), Timing.DISABLED):
        yield Report(
            f"the timeout of {hit.leaf.what} is switched off: the task may wait for ever; give it seconds",
            disabled_site(hit),
            related(hit, disabled_site(hit), f"{hit.leaf.what} waits here"),
        )
