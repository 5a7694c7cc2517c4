"""Async task makes a blocking call

An `async def` task is awaited on the event loop that serves all requests. While it sleeps, waits for the network, for
a process or for a lock in a synchronous library, the loop stands still and no other request is answered. That is so
on every version of FastAPI. Handing the response over first does not help: the loop is shared.

Make the task a plain `def`: then it runs in a thread. Or use the asynchronous counterpart, or hand the blocking
function to `run_in_threadpool` or `asyncio.to_thread`. Threads are few: 40 are shared with every `def` path
operation, so bound the wait as well.

Suppress it where the call is known to return at once, for instance because its answer is cached.

## Bad
```py app.py
import time

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


def wait_for_quota() -> None:
    time.sleep(0.5)


async def send_newsletter(address: str) -> None:
    wait_for_quota()  # BGT301
    sent.append(address)


@app.post("/newsletters")
async def request_newsletter(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send_newsletter, address)
    return {"status": "accepted"}
```

## Good
```py app.py
import asyncio

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


async def wait_for_quota() -> None:
    await asyncio.sleep(0.5)


async def send_newsletter(address: str) -> None:
    await wait_for_quota()
    sent.append(address)


@app.post("/newsletters")
async def request_newsletter(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send_newsletter, address)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import related
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule
from fastapi_bgtask_lint.rules.wording import instead

rule = Rule(
    __doc__,
    code="BGT301",
    name="blocking-call-in-async-task",
    severity=Severity.ERROR,
    harms=(Harm("loop stands still"),),
)


@rule.check
def blocking(task: Task, app: Application) -> Iterator[Report]:
    """A call that blocks runs on the server's loop."""
    for hit in app.blocking_calls(task, "network", "sleep", "process", "lock"):
        assert hit.leaf.row is not None
        yield Report(
            f"{hit.leaf.what} blocks the event loop: no request is answered until it returns; {instead(hit.leaf.row)}",
            hit.entered,
            related(hit, hit.entered, f"{hit.leaf.what} is called here"),
        )
