"""Task swallows its cancellation

A task is cancelled by a deadline round it, or by a server that stops. The cancellation is an exception,
`asyncio.CancelledError`, which `except CancelledError`, `except BaseException` and a bare `except` catch. When it is
not raised again, the task goes on as if nothing had happened: the deadline does not end it, and the server waits for
it. That is so on every version of FastAPI.

Clean up in the handler and `raise`, or use `finally`. `except Exception` does not catch it.

Suppress it where the task ends right after the handler, and nothing waits for its cancellation.

## Bad
```py app.py
import asyncio
import logging

from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
seen: list[int] = []


async def poll() -> None:
    for attempt in range(20):
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:  # BGT407
            logger.info("interrupted")
        seen.append(attempt)


async def watch() -> None:
    try:
        async with asyncio.timeout(0.12):
            await poll()
    except TimeoutError:
        logger.info("watched long enough")


@app.post("/orders")
async def order(tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(watch)
    return {"status": "accepted"}
```

## Good
```py app.py
import asyncio
import logging

from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
seen: list[int] = []


async def poll() -> None:
    for attempt in range(20):
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            logger.info("interrupted")
            raise
        seen.append(attempt)


async def watch() -> None:
    try:
        async with asyncio.timeout(0.12):
            await poll()
    except TimeoutError:
        logger.info("watched long enough")


@app.post("/orders")
async def order(tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(watch)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import related
from fastapi_bgtask_lint.callgraph.exceptions import caught_by
from fastapi_bgtask_lint.callgraph.leaves import LeafKind, Side
from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.reading.facts import (
    Assign,
    Attribute,
    Await,
    ExceptHandler,
    For,
    FunctionDef,
    Name,
    Raise,
    Try,
    With,
)
from fastapi_bgtask_lint.reading.traversal import expressions, parts, statements, walk
from fastapi_bgtask_lint.resolving.scopes import calls
from fastapi_bgtask_lint.resolving.values import Context, External
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT407",
    name="cancellation-swallowed",
    severity=Severity.WARNING,
    harms=(Harm("goes on"),),
)

_BASE = "builtins.BaseException"


@rule.check
def swallowed(task: Task, app: Application) -> Iterator[Report]:
    """A handler takes the cancellation of what it awaits and never raises it again."""
    if not task.on_loop:
        return
    for hit in app.hits(task):
        if hit.leaf.kind is LeafKind.HANDLER and hit.side is Side.HERE and _swallows(hit, app):
            yield Report(
                "a cancellation ends here and what comes after it runs on: a deadline round it goes unnoticed, and a"
                " server that stops waits for the rest; raise it again, or catch Exception",
                hit.site,
                related(hit, hit.site, ""),
            )


def _swallows(hit: Hit, app: Application) -> bool:
    handler, attempt, context = hit.site.fact, hit.leaf.attempt, hit.site.context
    if not isinstance(handler, ExceptHandler) or attempt is None or not _is_async(context) or not _awaits(attempt):
        return False
    if not _takes(handler, context, app) or any(isinstance(s, Raise) for s in statements(handler.body)):
        return False
    before = attempt.handlers[: attempt.handlers.index(handler)]
    if any(_takes(earlier, context, app) for earlier in before) or _cancels(context):
        return False
    return not _keeps_for_later(handler, context)


def _keeps_for_later(handler: ExceptHandler, context: Context) -> bool:
    """The handler binds a name that stands elsewhere in the function, perhaps to raise in the end: `stopped = True`."""
    bound = {
        target.id
        for statement in statements(handler.body)
        if isinstance(statement, Assign)
        for target in statement.targets
        if isinstance(target, Name)
    }
    inside = {part.at for part in parts(handler.body)}
    body = context.scope.body if isinstance(context.scope, FunctionDef) else ()
    read = {part.id for part in parts(body) if isinstance(part, Name) and part.at not in inside}
    raises = any(isinstance(statement, Raise) for statement in statements(body))
    return raises and bool(bound & read)


def _is_async(context: Context) -> bool:
    return isinstance(context.scope, FunctionDef) and context.scope.is_async


def _awaits(attempt: Try) -> bool:
    for statement in statements(attempt.body):
        if isinstance(statement, For | With) and statement.is_async:
            return True
        if any(isinstance(part, Await) for top in expressions(statement) for part in walk(top)):
            return True
    return False


def _takes(handler: ExceptHandler, context: Context, app: Application) -> bool:
    """It is known to catch a cancellation."""
    if handler.catches is None:
        return True
    caught = caught_by(app.evaluator, handler, context)
    names = {value.name for value in caught if isinstance(value, External)}
    return any(name == _BASE or name.endswith(".CancelledError") for name in names)


def _cancels(context: Context) -> bool:
    """The function cancels something itself, and then waits for it to end."""
    return any(isinstance(call.function, Attribute) and call.function.attr == "cancel" for _, call in calls(context))
