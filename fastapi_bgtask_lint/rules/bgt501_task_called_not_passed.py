"""Task is called instead of passed

`add_task(f(x))` calls `f` at once and registers what it returns. A plain function then runs inside the request, and the
client waits for it; a coroutine is never awaited. What was registered cannot be called: on every version of FastAPI
`TypeError` follows: at the registration, which fails the request, or after the response, when the task should run.

Pass the function and its arguments apart: `add_task(f, x)`.

Calls that return a function, or an object that can be called, are not reported. There is no reason to suppress it.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


async def send_welcome(address: str) -> None:
    sent.append(address)


@app.post("/users")
async def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send_welcome(address))  # BGT501
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
