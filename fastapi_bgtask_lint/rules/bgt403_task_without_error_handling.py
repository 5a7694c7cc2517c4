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

from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.rules.rule import Rule

rule = Rule(__doc__, code="BGT403", name="task-without-error-handling", severity=Severity.WARNING)
