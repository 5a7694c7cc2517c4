"""Task is registered in a WebSocket handler

A WebSocket handler has no response, and tasks run after a response. FastAPI injects `BackgroundTasks` into it all the
same, but what is added never runs and no error is raised, on every version of FastAPI.

Await the work in the handler, or start it there and keep it: `asyncio.TaskGroup` ends with the block, so the work
cannot outlive the connection unseen. A synchronous function goes through `run_in_threadpool`.

There is no reason to suppress it.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI, WebSocket

app = FastAPI()
seen: list[str] = []


async def note(text: str) -> None:
    seen.append(text)


@app.websocket("/chat")
async def chat(websocket: WebSocket, tasks: BackgroundTasks) -> None:
    await websocket.accept()
    text = await websocket.receive_text()
    tasks.add_task(note, text)  # BGT507
    await websocket.close()
```

## Good
```py app.py
from fastapi import FastAPI, WebSocket

app = FastAPI()
seen: list[str] = []


async def note(text: str) -> None:
    seen.append(text)


@app.websocket("/chat")
async def chat(websocket: WebSocket) -> None:
    await websocket.accept()
    text = await websocket.receive_text()
    await note(text)
    await websocket.close()
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration, injected
from fastapi_bgtask_lint.framework.routes.entry_points import Entry
from fastapi_bgtask_lint.reading.facts import FunctionDef
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule

rule = Rule(
    __doc__,
    code="BGT507",
    name="task-in-websocket",
    severity=Severity.ERROR,
    harms=(Harm("never runs"),),
    phase=Phase.PRECONDITION,
)


@rule.check
def in_websocket(registration: Registration, app: Application) -> Iterator[Report]:
    """The function at the head of the way is a WebSocket handler, and FastAPI made the object."""
    head = registration.call_path.handler.scope
    if registration.receiver is None or not isinstance(head, FunctionDef):
        return
    if app.handlers.entry(head) is not Entry.WEBSOCKET:
        return
    if injected(app.attachment.receiver(registration)):
        yield Report(
            "this task never runs: a WebSocket handler sends no response that would carry its tasks;"
            " await the work here, or start it on its own and keep a reference to it",
            registration.site,
        )
