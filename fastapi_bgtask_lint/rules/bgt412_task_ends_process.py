"""Task ends the process

`sys.exit()`, `exit()`, `quit()` and `raise SystemExit` raise an exception that `except Exception` does not catch. In a
task it reaches the server: later tasks never run, and with any `BaseHTTPMiddleware` in the application the uvicorn
process ends with that exit status, and with it everything that was running. `os._exit` ends the process at once, in
any case. That is so on every version of FastAPI.

Return from the task, or raise an exception of your own and handle it in the task.

Suppress it where ending the server is what the task is for.

## Bad
```py app.py
import sys
from collections.abc import Awaitable, Callable

from fastapi import BackgroundTasks, FastAPI, Request, Response

app = FastAPI()


@app.middleware("http")
async def timed(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    return await call_next(request)


def import_file(path: str) -> None:
    if not path.endswith(".csv"):
        sys.exit("not a CSV file")  # BGT412


@app.post("/imports")
async def start(path: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(import_file, path)
    return {"status": "accepted"}
```

## Good
```py app.py
import logging
from collections.abc import Awaitable, Callable

from fastapi import BackgroundTasks, FastAPI, Request, Response

logger = logging.getLogger(__name__)
app = FastAPI()


@app.middleware("http")
async def timed(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    return await call_next(request)


def import_file(path: str) -> None:
    if not path.endswith(".csv"):
        logger.error("%s is no CSV file", path)


@app.post("/imports")
async def start(path: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(import_file, path)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import related
from fastapi_bgtask_lint.callgraph.leaves import LeafKind
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT412",
    name="task-ends-process",
    severity=Severity.ERROR,
    harms=(Harm("server stops"),),
)


@rule.check
def exits(task: Task, app: Application) -> Iterator[Report]:
    """`SystemExit` leaves the task, or the process is ended on the spot."""
    for hit in app.hits(task):
        if hit.leaf.kind is LeafKind.EXIT:
            text = f"{hit.leaf.what} ends the whole server process at once"
        elif hit.leaf.kind is LeafKind.RAISE and hit.fails and hit.leaf.is_exit:
            text = "SystemExit leaves the task: later tasks never run, and with a BaseHTTPMiddleware the server stops"
        else:
            continue
        yield Report(
            f"{text}; return from the task, or raise an exception and handle it in the task",
            hit.site,
            related(hit, hit.site, ""),
        )
