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
