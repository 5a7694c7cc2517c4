"""Resource that the handler closes reaches a task

A `with` block that ends before the response has closed its session, client or file, or deleted its temporary folder,
before the task runs. That is so on every version of FastAPI. The task finds a closed object or no file. The same holds
for what the handler closes itself.

Open the resource in the task and hand over what it is made of. Where the handler must make a file, make it with
`delete=False` or in a folder that stays, and let the task remove it.

Suppress it where the object can be used after it is closed, such as an in-memory copy.

## Bad
```py app.py
import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
published: list[str] = []


def publish(report: Path) -> None:
    try:
        published.append(report.read_text())
    except OSError:
        logger.exception("%s was not published", report)


@app.post("/reports")
def create_report(title: str, tasks: BackgroundTasks) -> dict[str, str]:
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.txt"
        report.write_text(title)
        tasks.add_task(publish, report)  # BGT204
    return {"status": "accepted"}
```

## Good
```py app.py
import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
published: list[str] = []


def publish(title: str) -> None:
    try:
        with TemporaryDirectory() as folder:
            report = Path(folder) / "report.txt"
            report.write_text(title)
            published.append(report.read_text())
    except OSError:
        logger.exception("%s was not published", title)


@app.post("/reports")
def create_report(title: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(publish, title)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.request_scope.lifetimes import ResourceKind
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule
from fastapi_bgtask_lint.rules.wording import type_name

rule = Rule(
    __doc__,
    code="BGT204",
    name="closed-resource-in-task",
    severity=Severity.ERROR,
    harms=(Harm("gone"),),
)


@rule.check
def closed(registration: Registration, app: Application) -> Iterator[Report]:
    """What a `with` of the handler closes, or the handler itself, reaches the task."""
    targets = app.registrations.targets(registration)
    for escaping in app.lifetimes.of(registration, targets):
        if escaping.kind is ResourceKind.CLOSED:
            yield Report(
                f"the {type_name(escaping.value)} handed to the task is closed or deleted before the response is sent,"
                " so before the task runs; let the task open its own, or end it in the task",
                registration.site,
                ((escaping.source, "its life ends with this"),),
            )
