"""Async task uses a synchronous database session

An `async def` task is awaited on the event loop that serves all requests. A synchronous session, connection or cursor
waits for the database in that very place: the loop stands still until the answer is there, and no other request is
answered. That is so on every version of FastAPI. It shows under load, when the database is slow or a row is locked.

Make the task a plain `def`: then it runs in a thread. Or use an asynchronous session, or put the database work into a
function that `run_in_threadpool` or `asyncio.to_thread` runs. A session is reported once in a function, at its first
blocking call.

Suppress it where the database is in memory.

## Bad
```py app.py
import logging

from fastapi import BackgroundTasks, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker

logger = logging.getLogger(__name__)
session_factory = sessionmaker(create_engine("sqlite:///app.db"))
app = FastAPI()


async def count_visit(page: str) -> None:
    try:
        with session_factory() as session:
            session.execute(text("SELECT :page"), {"page": page})  # BGT302
            session.commit()
    except SQLAlchemyError:
        logger.exception("the visit of %s was not counted", page)


@app.get("/pages/{page}")
async def read_page(page: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(count_visit, page)
    return {"page": page}
```

## Good
```py app.py
import logging

from fastapi import BackgroundTasks, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker

logger = logging.getLogger(__name__)
session_factory = sessionmaker(create_engine("sqlite:///app.db"))
app = FastAPI()


def count_visit(page: str) -> None:
    try:
        with session_factory() as session:
            session.execute(text("SELECT :page"), {"page": page})
            session.commit()
    except SQLAlchemyError:
        logger.exception("the visit of %s was not counted", page)


@app.get("/pages/{page}")
async def read_page(page: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(count_visit, page)
    return {"page": page}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import related
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.reading.facts import Call
from fastapi_bgtask_lint.resolving.values import ExternalInstance, ExternalMethod, FromCall, Value
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule
from fastapi_bgtask_lint.rules.wording import instead

rule = Rule(
    __doc__,
    code="BGT302",
    name="blocking-database-in-async-task",
    severity=Severity.ERROR,
    harms=(Harm("on the loop"),),
)


@rule.check
def blocking(task: Task, app: Application) -> Iterator[Report]:
    """A synchronous session, connection or cursor is used on the server's loop: once for each and each function."""
    seen = set()
    for hit in sorted(app.blocking_calls(task, "database"), key=lambda hit: hit.entered.order):
        key = (hit.entered.context.scope, _root(hit.leaf.receiver, app))
        if key in seen:
            continue
        seen.add(key)
        assert hit.leaf.row is not None
        yield Report(
            f"{hit.leaf.what} waits for the database on the event loop: no request is answered until it returns;"
            f" {instead(hit.leaf.row)}",
            hit.entered,
            related(hit, hit.entered, f"{hit.leaf.what} is called here"),
        )


def _root(value: Value | None, app: Application) -> Value | None:
    """The session or connection that an object was got from."""
    while isinstance(value, ExternalInstance) and isinstance(value.origin, FromCall):
        site = value.origin.site
        if not isinstance(site.fact, Call):
            return value
        makers = app.evaluator.evaluate(site.fact.function, site.context)
        owners = [maker.receiver for maker in makers if isinstance(maker, ExternalMethod)]
        if not owners:
            return value
        value = owners[0]
    return value
