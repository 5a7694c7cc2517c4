"""Task touches an object of the event loop from a thread

A `def` task runs in a thread. `asyncio` objects belong to the event loop and are not safe to touch from elsewhere:
`Event.set`, `Semaphore.release`, `Queue.put_nowait`, `Future.set_result` and `loop.call_soon` change the object, and
do not wake the loop. Whoever waits goes on when the loop next has something else to do: late on a quiet server, or
never. That is so on every version of FastAPI; no error tells of it.

Make the task `async def`, or hand the call to the loop: `loop.call_soon_threadsafe(event.set)`.

Suppress it where nobody waits for the object.

## Bad
```py app.py
import asyncio
import time

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
done = asyncio.Event()


def work() -> None:
    done.set()  # BGT306
    time.sleep(1)


@app.post("/orders")
async def order(tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(work)
    return {"status": "accepted"}


@app.get("/orders")
async def wait() -> dict[str, str]:
    await done.wait()
    return {"status": "done"}
```

## Good
```py app.py
import asyncio

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
done = asyncio.Event()


async def work() -> None:
    done.set()
    await asyncio.sleep(1)


@app.post("/orders")
async def order(tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(work)
    return {"status": "accepted"}


@app.get("/orders")
async def wait() -> dict[str, str]:
    await done.wait()
    return {"status": "done"}
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
from fastapi_bgtask_lint.resolving.values import ExternalInstance, FromCall
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT306",
    name="asyncio-object-in-thread",
    severity=Severity.WARNING,
    harms=(Harm("wakes late"),),
)

_LIBRARIES = ("asyncio.", "anyio.")
_WAKING = frozenset(
    {"set", "release", "put_nowait", "get_nowait", "set_result", "set_exception", "notify", "notify_all", "call_soon",
     "call_later", "call_at"}
)  # fmt: skip


@rule.check
def touched(task: Task, app: Application) -> Iterator[Report]:
    """A method that wakes waiters is called on an asyncio object from the task's thread."""
    if task.on_loop:
        return
    for hit in app.hits(task):
        if hit.leaf.kind is LeafKind.CALL and hit.side is Side.HERE and _wakes(hit, app):
            yield Report(
                f"{hit.leaf.what} is called from the task's thread: it does not wake the event loop, so whoever waits"
                " goes on late or never; use loop.call_soon_threadsafe, or make the task async def",
                hit.site,
                related(hit, hit.site, ""),
            )


def _wakes(hit: Hit, app: Application) -> bool:
    value = hit.leaf.receiver
    if not isinstance(value, ExternalInstance) or hit.leaf.what.rpartition(".")[2] not in _WAKING:
        return False
    row = app.table.type(value.type)
    if row is None or not row.asyncio_object or not value.type.startswith(_LIBRARIES):
        return False
    return not _is_made_here(value, hit)


def _is_made_here(value: ExternalInstance, hit: Hit) -> bool:
    """The task's own object: nobody on the loop waits for it."""
    if not isinstance(value.origin, FromCall):
        return False
    return any(value.origin.site.context is site.context for site in hit.chain)
