"""Async task computes on the event loop

An `async def` task is awaited on the event loop that serves all requests, on every version of FastAPI. While it hashes
a password, derives a key, packs data, renders an image or a document, or runs a model, no other request is answered.

Make the task a plain `def`: then it runs in a thread, and the loop gets its turns. Or hand the work to
`run_in_threadpool`. Work that takes seconds belongs into a process of its own (`anyio.to_process.run_sync`) or a
worker queue.

Suppress it where the input is known to be small.

## Bad
```py app.py
import hashlib

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
stored: list[str] = []


async def store_password(name: str, password: str) -> None:
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), name.encode(), 2_000_000)  # BGT304
    stored.append(digest.hex())


@app.post("/users/{name}")
async def create_user(name: str, password: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(store_password, name, password)
    return {"status": "accepted"}
```

## Good
```py app.py
import hashlib

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
stored: list[str] = []


def store_password(name: str, password: str) -> None:
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), name.encode(), 2_000_000)
    stored.append(digest.hex())


@app.post("/users/{name}")
async def create_user(name: str, password: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(store_password, name, password)
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
    code="BGT304",
    name="cpu-bound-in-async-task",
    severity=Severity.WARNING,
    harms=(Harm("loop stands still"),),
)


@rule.check
def computing(task: Task, app: Application) -> Iterator[Report]:
    """A call that keeps the processor busy runs on the server's loop."""
    for hit in app.blocking_calls(task, "cpu"):
        what, row = hit.leaf.what, hit.leaf.row
        assert row is not None
        yield Report(
            f"{what} computes on the event loop: no request is answered until it returns; {instead(row)}",
            hit.entered,
            related(hit, hit.entered, f"{what} is called here"),
        )
