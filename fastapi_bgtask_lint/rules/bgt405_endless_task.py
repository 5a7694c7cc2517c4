"""Task never ends

A task is not a service: FastAPI runs the tasks of a request one after another, and this one never gives up its turn.
The tasks that were registered after it never run. A `def` task keeps one of the 40 threads that are shared with every
`def` path operation. Each request adds another one. A server that is told to stop does not stop while it goes on (seen
with uvicorn 0.54). A retry that never gives up is the same, as long as its cause lasts.

Bound it: a number of attempts, a deadline (`asyncio.timeout`), a condition that ends the loop. Work that has to go on
for ever is started once, in the lifespan of the application, and is cancelled there.

Suppress it where something that the tool can't see ends the loop.

## Bad
```py app.py
import asyncio

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
looked: list[str] = []
archive: list[str] = []


async def watch(order: str) -> None:
    while True:  # BGT405
        looked.append(order)
        await asyncio.sleep(0.02)


@app.post("/orders/{order}")
async def place(order: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(watch, order)
    tasks.add_task(archive.append, order)
    return {"status": "accepted"}
```

## Good
```py app.py
import asyncio

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
looked: list[str] = []
archive: list[str] = []


async def watch(order: str) -> None:
    for _ in range(5):
        looked.append(order)
        await asyncio.sleep(0.02)


@app.post("/orders/{order}")
async def place(order: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(watch, order)
    tasks.add_task(archive.append, order)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import related
from fastapi_bgtask_lint.callgraph.leaves import LeafKind
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT405",
    name="endless-task",
    severity=Severity.ERROR,
    harms=(Harm("never ends"),),
)


@rule.check
def endless(task: Task, app: Application) -> Iterator[Report]:
    """A loop or retry that nothing ends, with no deadline round it."""
    for hit in app.hits(task):
        if hit.leaf.kind is LeafKind.ENDLESS and not hit.bounded:
            what = "nothing in this loop ends it" if hit.leaf.what == "loop" else "this retry never gives up"
            yield Report(
                f"{what}: the task goes on for ever, later tasks of the request never run, and the server can't stop"
                " while it does; bound it by attempts or a deadline",
                hit.site,
                related(hit, hit.site, ""),
            )
