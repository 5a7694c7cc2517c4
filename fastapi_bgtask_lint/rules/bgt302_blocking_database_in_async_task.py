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

from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.rules.rule import Rule

rule = Rule(__doc__, code="BGT302", name="blocking-database-in-async-task", severity=Severity.ERROR)
