"""Uploaded file reaches a task

FastAPI closes the files of a request's form. On 0.106 - 0.117 it does so before the response is sent, so in the task
every `read()` raises `ValueError: I/O operation on closed file`. On the other versions the file is still open when the
task runs, and the same code works until FastAPI is upgraded or pinned to another version.

Read the content in the handler and hand over the bytes. Where they are many, copy them to a file that stays, hand over
its path, and let the task remove it.

Suppress it where the project is tied to versions on which the file stays open.

## Bad
```py app.py
import logging

from fastapi import BackgroundTasks, FastAPI, UploadFile

logger = logging.getLogger(__name__)
app = FastAPI()
lines: list[int] = []


async def count_lines(upload: UploadFile) -> None:
    try:
        content = await upload.read()
        lines.append(content.count(b"\\n"))
    except ValueError:
        logger.exception("%s was not counted", upload.filename)


@app.post("/reports")
async def receive(report: UploadFile, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(count_lines, report)  # BGT205
    return {"status": "accepted"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI, UploadFile

app = FastAPI()
lines: list[int] = []


async def count_lines(content: bytes) -> None:
    lines.append(content.count(b"\\n"))


@app.post("/reports")
async def receive(report: UploadFile, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(count_lines, await report.read())
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.request_scope.lifetimes import ResourceKind
from fastapi_bgtask_lint.rules.escaping import what
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule, said

rule = Rule(
    __doc__,
    code="BGT205",
    name="upload-file-in-task",
    severity=Severity.ERROR,
    harms=(
        Harm("works", versions="<0.106"),
        Harm("closed", "it is closed before the task runs, so reading it raises ValueError", ">=0.106,<0.118"),
        Harm("works", versions=">=0.118"),
    ),
)


@rule.check
def uploads(registration: Registration, app: Application) -> Iterator[Report]:
    """An uploaded file, or what it reads from, reaches the task."""
    targets = app.registrations.targets(registration)
    harms = rule.harms_on(app.versions.allowed_for(registration.module.path))
    harmful = any(harm.is_harmful for harm in harms)
    for escaping in app.lifetimes.of(registration, targets):
        if escaping.kind is ResourceKind.UPLOAD:
            harm = said(harms) if harmful else "it works here, but on FastAPI 0.106 - 0.117 it is closed by then"
            yield Report(
                f"{what(escaping)} belongs to the request: {harm}; read it in the handler and hand over its content or"
                " the path of a copy",
                registration.site,
                ((escaping.source, "it comes from this parameter"),),
                None if harmful else Severity.WARNING,
            )
