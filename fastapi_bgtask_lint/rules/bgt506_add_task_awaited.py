"""Registration is awaited

`add_task` only notes the task and returns `None`. `await` on that raises `TypeError: object NoneType can't be used in
'await' expression`: the request fails and the task never runs. That is so on every version of FastAPI.

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
