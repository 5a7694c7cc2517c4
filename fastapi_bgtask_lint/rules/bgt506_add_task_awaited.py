"""Registration is awaited

`add_task` only notes the task and returns `None`. `await` on that raises `TypeError`, since `None` cannot be awaited:
the request fails and the task never runs. That is so on every version of FastAPI.

Leave the `await` out. FastAPI awaits an asynchronous task itself, after the response.

There is no reason to suppress it.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


async def send_welcome(address: str) -> None:
    sent.append(address)


@app.post("/users")
async def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    await tasks.add_task(send_welcome, address)  # BGT506
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

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.reading.facts import Await
from fastapi_bgtask_lint.resolving.scopes import steps
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule

rule = Rule(
    __doc__,
    code="BGT506",
    name="add-task-awaited",
    severity=Severity.ERROR,
    harms=(Harm("TypeError"),),
    phase=Phase.PRECONDITION,
)


@rule.check
def awaited(registration: Registration, app: Application) -> Iterator[Report]:
    """The result of `add_task` is awaited."""
    if registration.receiver is None:
        return
    for step in steps(registration.context):
        if isinstance(step.expression, Await) and step.expression.value is registration.call:
            yield Report(
                "add_task returns None, which cannot be awaited: the request fails with a TypeError and the task never"
                " runs; call it without await",
                registration.site,
            )
