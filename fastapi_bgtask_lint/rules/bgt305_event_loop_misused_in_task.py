"""Task looks for an event loop on the wrong side

An `async def` task runs on the event loop of the server, a `def` task runs in a thread that has none. On every version
of FastAPI `asyncio.run` or `run_until_complete` in an async task raises `RuntimeError`, because a loop is running
already. `asyncio.create_task`, `gather`, `get_running_loop` and `get_event_loop` in a `def` task raise `RuntimeError`,
because no loop is running in that thread. The work is lost, and so are the tasks that were registered after this one.

In an async task, `await` the coroutine. A task that needs `create_task` or `gather` must be an `async def`. A `def`
task may run a coroutine by `asyncio.run`, on a loop of its own that shares no clients, queues or locks with the
server's.

Suppress it where the code finds out by itself on which side it runs.

## Bad
```py app.py
import asyncio

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
cache: dict[str, str] = {}


async def refresh(key: str) -> None:
    await asyncio.sleep(0)
    cache[key] = "fresh"


async def refresh_one(key: str) -> None:
    asyncio.run(refresh(key))  # BGT305


def refresh_soon(key: str) -> None:
    loop = asyncio.get_running_loop()  # BGT305
    loop.call_soon_threadsafe(cache.pop, key)


@app.post("/cache/{key}")
async def renew(key: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(refresh_one, key)
    return {"status": "accepted"}


@app.delete("/cache/{key}")
async def drop(key: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(refresh_soon, key)
    return {"status": "accepted"}
```

## Good
```py app.py
import asyncio

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
cache: dict[str, str] = {}


async def refresh(key: str) -> None:
    await asyncio.sleep(0)
    cache[key] = "fresh"


async def refresh_one(key: str) -> None:
    await refresh(key)


async def drop_one(key: str) -> None:
    cache.pop(key, None)


@app.post("/cache/{key}")
async def renew(key: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(refresh_one, key)
    return {"status": "accepted"}


@app.delete("/cache/{key}")
async def drop(key: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(drop_one, key)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.rules.rule import Rule

rule = Rule(__doc__, code="BGT305", name="event-loop-misused-in-task", severity=Severity.ERROR)
