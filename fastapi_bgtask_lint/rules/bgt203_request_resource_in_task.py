"""Resource of a yield dependency reaches a task

The provider of this value closes it after its `yield`. On FastAPI 0.106 - 0.117 that happens before the response is
sent, so the task gets a closed client, file or connection. So it does on every version from 0.121 on when the
dependency has `scope="function"`. On the other versions the code after the `yield` waits for the tasks: the value still
works, and stays open until the last task has ended.

Let the task make its own, or share one client that lives as long as the application.

Suppress it where the value can be used after its provider has closed it.

## Bad
```py app.py
import logging
from collections.abc import Iterator
from io import StringIO

from fastapi import BackgroundTasks, Depends, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
kept: list[str] = []


class Journal:
    def __init__(self) -> None:
        self.lines = StringIO()

    def write(self, line: str) -> None:
        self.lines.write(line)
        kept.append(line)

    def close(self) -> None:
        self.lines.close()


def get_journal() -> Iterator[Journal]:
    journal = Journal()
    yield journal
    journal.close()


def note(journal: Journal, order: int) -> None:
    try:
        journal.write(f"order {order}")
    except ValueError:
        logger.exception("order %d is not in the journal", order)


@app.post("/orders/{order}")
def place(order: int, tasks: BackgroundTasks, journal: Journal = Depends(get_journal)) -> dict[str, str]:
    tasks.add_task(note, journal, order)  # BGT203
    return {"status": "placed"}
```

## Good
```py app.py
import logging
from contextlib import closing
from io import StringIO

from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
kept: list[str] = []


class Journal:
    def __init__(self) -> None:
        self.lines = StringIO()

    def write(self, line: str) -> None:
        self.lines.write(line)
        kept.append(line)

    def close(self) -> None:
        self.lines.close()


def note(order: int) -> None:
    try:
        with closing(Journal()) as journal:
            journal.write(f"order {order}")
    except ValueError:
        logger.exception("order %d is not in the journal", order)


@app.post("/orders/{order}")
def place(order: int, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(note, order)
    return {"status": "placed"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.request_scope.lifetimes import ResourceKind
from fastapi_bgtask_lint.rules.escaping import ending, what
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

_OPEN = "it stays open until the last task has ended"

rule = Rule(
    __doc__,
    code="BGT203",
    name="request-resource-in-task",
    severity=Severity.WARNING,
    harms=(
        Harm("held", _OPEN, "<0.106"),
        Harm("closed", "it is closed when the task runs", ">=0.106,<0.118"),
        Harm("held", _OPEN, ">=0.118"),
    ),
)


@rule.check
def resources(registration: Registration, app: Application) -> Iterator[Report]:
    """A value that its provider closes after the request reaches the task."""
    targets = app.registrations.targets(registration)
    for escaping in app.lifetimes.of(registration, targets):
        if escaping.kind is ResourceKind.RESOURCE:
            yield Report(
                f"{what(escaping)} is closed by its dependency:"
                f" {ending(rule, escaping, registration, app)}; let the task make its own",
                registration.site,
                ((escaping.source, "it comes from this dependency"),),
            )
