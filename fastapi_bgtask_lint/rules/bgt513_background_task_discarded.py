"""Background task is built and thrown away

`BackgroundTask(f, x)` starts nothing. It runs when it is the `background` of the response that is returned, or when
it is awaited. An object that is built and neither attached, returned, called, stored nor handed on never runs, and no
error is raised.

Give it to the response: `JSONResponse(..., background=BackgroundTask(f, x))`. Or take `tasks: BackgroundTasks` as a
parameter and call `tasks.add_task(f, x)`.

There is no reason to suppress it.

## Bad
```py app.py
from fastapi import FastAPI
from starlette.background import BackgroundTask

app = FastAPI()
sent: list[str] = []


def send_welcome(address: str) -> None:
    sent.append(address)


@app.post("/users")
async def create_user(address: str) -> dict[str, str]:
    BackgroundTask(send_welcome, address)  # BGT513
    return {"status": "created"}
```

## Good
```py app.py
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

app = FastAPI()
sent: list[str] = []


def send_welcome(address: str) -> None:
    sent.append(address)


@app.post("/users")
async def create_user(address: str) -> JSONResponse:
    return JSONResponse({"status": "created"}, background=BackgroundTask(send_welcome, address))
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule

rule = Rule(
    __doc__,
    code="BGT513",
    name="background-task-discarded",
    severity=Severity.ERROR,
    harms=(Harm("never runs"),),
    phase=Phase.PRECONDITION,
)


@rule.check
def discarded(registration: Registration, app: Application) -> Iterator[Report]:
    """The built task is dropped where it stands, bound to a name that nobody reads, or put on the injected response."""
    if registration.receiver is None and app.attachment.is_dropped(registration):
        yield Report(
            "this task never runs: it is built, but no returned response carries it;"
            " pass it as background= of the response, or call add_task on an injected BackgroundTasks",
            registration.site,
        )
