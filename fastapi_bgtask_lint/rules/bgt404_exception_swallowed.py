"""Task swallows every exception

An `except` for every exception that does nothing hides what goes wrong in the task. The client was told that it
worked, nobody is told that it did not: nothing is logged, nothing is tried again, and the work is lost without a
trace. That is so on every version of FastAPI.

Log the exception with the values that are needed to repeat the work, or record the work as failed. Where one kind of
failure does not matter, name its class. Handlers round a clean-up (`close`, `unlink`, `rollback`) are not reported,
nor are those in functions that the task calls when nothing in their `try` is known to fail.

Suppress it where any failure at all is of no interest to anybody.

## Bad
```py app.py
import logging

import httpx
from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()


def notify(url: str) -> None:
    try:
        httpx.post(url, timeout=5)
    except Exception:  # BGT404
        pass


@app.post("/orders")
async def order(url: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(notify, url)
    return {"status": "accepted"}
```

## Good
```py app.py
import logging

import httpx
from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()


def notify(url: str) -> None:
    try:
        httpx.post(url, timeout=5)
    except Exception:
        logger.exception("%s was not notified", url)


@app.post("/orders")
async def order(url: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(notify, url)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import own_part, related
from fastapi_bgtask_lint.callgraph.exceptions import caught_by
from fastapi_bgtask_lint.callgraph.leaves import LeafKind
from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.reading.facts import (
    Break,
    Call,
    Constant,
    Continue,
    ExceptHandler,
    ExprStmt,
    Pass,
    Return,
    Statement,
)
from fastapi_bgtask_lint.reading.traversal import last_name, parts
from fastapi_bgtask_lint.resolving.values import Context, External
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT404",
    name="exception-swallowed",
    severity=Severity.WARNING,
    harms=(Harm("unseen"),),
)

_CLEANING = frozenset(
    {"close", "aclose", "unlink", "remove", "rmtree", "rollback", "release", "cleanup", "shutdown", "logout", "quit",
     "disconnect", "cancel", "kill", "terminate"}
)  # fmt: skip
_ALL = frozenset({"builtins.Exception", "builtins.BaseException"})


@rule.check
def swallowed(task: Task, app: Application) -> Iterator[Report]:
    """A handler for every exception does nothing."""
    for hit in app.hits(task):
        handler = hit.site.fact
        if hit.leaf.kind is not LeafKind.HANDLER or not isinstance(handler, ExceptHandler):
            continue
        if not _is_for_all(handler, hit.site.context, app) or not all(_does_nothing(s) for s in handler.body):
            continue
        if _hides_work(hit, app):
            yield Report(
                "every exception ends here without a trace: nothing is logged, and nobody learns that it failed; log it"
                " or record the failure, or name the class that does not matter",
                hit.site,
                related(hit, hit.site, ""),
            )


def _hides_work(hit: Hit, app: Application) -> bool:
    """It stands in the task itself, round more than a clean-up; or in what it calls, round what fails at times."""
    if len(own_part(app.evaluator, hit.chain)) > 1:
        return app.graph.may_fail_inside(hit.leaf)
    body = hit.leaf.attempt.body if hit.leaf.attempt is not None else ()
    called = {last_name(c.function) for c in parts(body) if isinstance(c, Call)}
    return not called or not called <= _CLEANING


def _is_for_all(handler: ExceptHandler, context: Context, app: Application) -> bool:
    if handler.catches is None:
        return True
    caught = caught_by(app.evaluator, handler, context)
    return any(isinstance(value, External) and value.name in _ALL for value in caught)


def _does_nothing(statement: Statement) -> bool:
    match statement:
        case Break() | Continue() | Pass() | ExprStmt(value=Constant()):
            return True
        case Return(value=value):
            return value is None or (isinstance(value, Constant) and value.kind == "none")
        case _:
            return False
