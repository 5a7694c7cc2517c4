"""Response's own background replaces the registered tasks

FastAPI attaches the injected tasks to the response only if the response has no background of its own. When a handler
adds tasks to the injected `BackgroundTasks` and returns a response with another `background=`, only the latter runs.
The injected tasks never run, and no error is raised, on every version of FastAPI. A custom `APIRoute` that sets
`response.background` does the same to the tasks of all its path operations.

Add all tasks to the injected object and return the response without `background`, or with that object. Or merge them:
`BackgroundTasks([*tasks.tasks, BackgroundTask(...)])`.

Suppress it where the earlier tasks are dropped on purpose.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

app = FastAPI()
log: list[str] = []


@app.post("/orders/{order}")
async def place(order: str, tasks: BackgroundTasks) -> JSONResponse:
    tasks.add_task(log.append, f"reserve {order}")  # BGT505
    return JSONResponse({"status": "accepted"}, background=BackgroundTask(log.append, f"confirm {order}"))
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()
log: list[str] = []


@app.post("/orders/{order}")
async def place(order: str, tasks: BackgroundTasks) -> JSONResponse:
    tasks.add_task(log.append, f"reserve {order}")
    tasks.add_task(log.append, f"confirm {order}")
    return JSONResponse({"status": "accepted"})
```
"""

from __future__ import annotations
