"""Function of the event loop as the task

`asyncio.create_task`, `ensure_future`, `gather`, `shield` and the methods of a loop are plain functions, so the task
runs in a thread, where no loop is running: `RuntimeError` after the response was sent, on every version, and the
coroutine that was handed over is never awaited.

Register the async function itself: `tasks.add_task(function, argument)`. For several write one `async def` that
gathers them.

There is no reason to suppress it.

## Bad
```py app.py
import asyncio

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


async def send_welcome(address: str) -> None:
    sent.append(address)


@app.post("/users")
async def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(asyncio.create_task, send_welcome(address))  # BGT516
    return {"status": "created"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


async def send_welcome(address: str) -> None:
    sent.append(address)


@app.post("/users")
async def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send_welcome, address)
    return {"status": "created"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.dropped import is_loop_function
from fastapi_bgtask_lint.framework.registrations import Registration
from fastapi_bgtask_lint.resolving.values import known
from fastapi_bgtask_lint.rules.application import Application
from fastapi_bgtask_lint.rules.names import callable_name
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT516",
    name="loop-function-as-task",
    severity=Severity.ERROR,
    harms=(Harm("RuntimeError"),),
)


@rule.check
def loop_functions(registration: Registration, app: Application) -> Iterator[Report]:
    """The callable is a function that only works where a loop is running."""
    target = registration.target
    if target is None or not known(target.values):
        return
    if all(is_loop_function(value) for value in target.values):
        yield Report(
            f"{callable_name(target.values[0])} runs in a thread here, where no event loop is running: RuntimeError,"
            " and the coroutine is never awaited; register the async function itself",
            registration.site,
        )
