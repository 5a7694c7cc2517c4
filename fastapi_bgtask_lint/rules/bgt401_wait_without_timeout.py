"""Task waits without a timeout

The library does not bound this wait by itself, and nothing else does: a peer that accepts the connection and never
answers holds the task for ever. A `def` task then keeps one of the 40 threads that are shared with every `def` path
operation and dependency; when 40 wait, none of those answers any more. That is so on every version of FastAPI. A
server that is told to stop does not stop while a task waits (seen with uvicorn 0.54). Nothing is logged.

Give the call a timeout, or its client one for all calls. What is awaited on the event loop can be bounded from
outside, by `asyncio.timeout` or `asyncio.wait_for`. A deadline on the loop does not bound what runs in a thread: the
thread runs on.

Suppress it where the wait is bounded by something that cannot be seen here, such as a proxy or a socket option.

## Bad
```py app.py
import logging
from urllib.request import urlopen

from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()


def notify(url: str) -> None:
    try:
        urlopen(url)  # BGT401
    except OSError:
        logger.exception("%s was not notified", url)


@app.post("/orders")
async def order(url: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(notify, url)
    return {"status": "accepted"}
```

## Good
```py app.py
import logging
from urllib.request import urlopen

from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()


def notify(url: str) -> None:
    try:
        urlopen(url, timeout=0.2)
    except OSError:
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
from fastapi_bgtask_lint.callgraph.waits import timeout_site, unbounded_waits
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT401",
    name="wait-without-timeout",
    severity=Severity.WARNING,
    harms=(Harm("waits on"),),
)


@rule.check
def unbounded(task: Task, app: Application) -> Iterator[Report]:
    """A wait that neither its arguments, its client, the library nor a deadline bounds."""
    for hit in unbounded_waits(app.hits(task), Timing.UNBOUNDED):
        argument = hit.leaf.row.timeout if hit.leaf.row is not None else None
        outside = "set a timeout where its client is made" if hit.leaf.client is not None else "set a deadline round it"
        advice = f"pass {argument}=" if argument else outside
        yield Report(
            f"{hit.leaf.what} may wait for ever: nothing bounds it; {advice}",
            timeout_site(hit),
            related(hit, timeout_site(hit), f"{hit.leaf.what} waits here"),
        )
