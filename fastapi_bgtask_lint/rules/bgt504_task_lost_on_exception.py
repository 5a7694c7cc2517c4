"""Task is registered and then the handler raises

Tasks belong to the response that the handler returns. When the handler raises instead, with `HTTPException` or
anything else, the answer is made by an exception handler, and the tasks that were registered before never run. That
is so on every version of FastAPI, also through a custom exception handler, and no error is raised for it. Typical is
a compensating task that is registered in an `except` block which then raises.

Do what must happen before you raise. Or return a response that carries the task: `JSONResponse(..., status_code=...,
background=BackgroundTask(...))`. An exception handler of the project may also return such a response.

Reported only where the handler is bound to raise. Suppress it where the loss is meant.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI, HTTPException

app = FastAPI()
alerts: list[str] = []


@app.post("/payments")
async def pay(amount: int, tasks: BackgroundTasks) -> dict[str, str]:
    if amount <= 0:
        tasks.add_task(alerts.append, f"refused: {amount}")  # BGT504
        raise HTTPException(422, "nothing to pay")
    return {"status": "paid"}
```

## Good
```py app.py
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

app = FastAPI()
alerts: list[str] = []


@app.post("/payments")
async def pay(amount: int) -> JSONResponse:
    if amount <= 0:
        alert = BackgroundTask(alerts.append, f"refused: {amount}")
        return JSONResponse({"detail": "nothing to pay"}, status_code=422, background=alert)
    return JSONResponse({"status": "paid"})
```
"""

from __future__ import annotations
