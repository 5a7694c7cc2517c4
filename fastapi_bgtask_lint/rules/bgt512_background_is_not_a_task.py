"""Background of a response is not a task

A response awaits its `background` when it has been sent. A plain function given there is called without arguments, on
the event loop, and then `TypeError` is raised, because what it returns cannot be awaited. A coroutine cannot be
called at all. That is so on every version of FastAPI.

Wrap the function and its arguments: `background=BackgroundTask(f, x)`. Several go into a `BackgroundTasks`.

There is no reason to suppress it.

## Bad
```py app.py
from fastapi import FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()
visits: list[str] = []


def count_visit() -> None:
    visits.append("home")


@app.get("/")
async def home() -> JSONResponse:
    return JSONResponse({"page": "home"}, background=count_visit)  # BGT512
```

## Good
```py app.py
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

app = FastAPI()
visits: list[str] = []


def count_visit() -> None:
    visits.append("home")


@app.get("/")
async def home() -> JSONResponse:
    return JSONResponse({"page": "home"}, background=BackgroundTask(count_visit))
```
"""

from __future__ import annotations
