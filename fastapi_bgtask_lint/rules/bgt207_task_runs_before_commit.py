"""Task runs before the request is committed

The dependency commits after its `yield`. Before FastAPI 0.106 and from 0.118 on that happens after the tasks have run.
A task that opens a session of its own reads the database without what the request has written: the row that it was told
to work on is not there yet. When it fails, the exception is thrown into the dependency, and what the client was told is
rolled back. On 0.106 - 0.117 the dependency commits first, and the same code works.

Commit in the handler before it returns, or give the dependency `scope="function"` (FastAPI 0.121 and newer).

The rule speaks where every FastAPI that the project allows is of the first kind. Suppress it where the task reads
nothing that the request writes.

## Bad
```txt requirements.txt
fastapi>=0.118
```
```py app.py
import logging
from collections.abc import Iterator

from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

logger = logging.getLogger(__name__)
app = FastAPI()
session_factory = sessionmaker(create_engine("sqlite:///shop.db"))
confirmed: list[str] = []
with session_factory.begin() as setup:
    setup.execute(text("CREATE TABLE orders (item TEXT)"))


def get_session() -> Iterator[Session]:
    with session_factory() as session:
        yield session
        session.commit()


def get_session_factory() -> sessionmaker[Session]:
    return session_factory


def confirm(make_session: sessionmaker[Session], item: str) -> None:
    try:
        with make_session() as session:
            found = session.execute(text("SELECT item FROM orders WHERE item = :item"), {"item": item})
            confirmed.extend(found.scalars())
    except SQLAlchemyError:
        logger.exception("the order of %s was not confirmed", item)


@app.post("/orders/{item}")
def order(
    item: str,
    tasks: BackgroundTasks,
    session: Session = Depends(get_session),
    make_session: sessionmaker[Session] = Depends(get_session_factory),
) -> dict[str, str]:
    session.execute(text("INSERT INTO orders VALUES (:item)"), {"item": item})
    tasks.add_task(confirm, make_session, item)  # BGT207
    return {"status": "ordered"}
```

## Good
```txt requirements.txt
fastapi>=0.118
```
```py app.py
import logging
from collections.abc import Iterator

from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

logger = logging.getLogger(__name__)
app = FastAPI()
session_factory = sessionmaker(create_engine("sqlite:///shop.db"))
confirmed: list[str] = []
with session_factory.begin() as setup:
    setup.execute(text("CREATE TABLE orders (item TEXT)"))


def get_session() -> Iterator[Session]:
    with session_factory() as session:
        yield session
        session.commit()


def get_session_factory() -> sessionmaker[Session]:
    return session_factory


def confirm(make_session: sessionmaker[Session], item: str) -> None:
    try:
        with make_session() as session:
            found = session.execute(text("SELECT item FROM orders WHERE item = :item"), {"item": item})
            confirmed.extend(found.scalars())
    except SQLAlchemyError:
        logger.exception("the order of %s was not confirmed", item)


@app.post("/orders/{item}")
def order(
    item: str,
    tasks: BackgroundTasks,
    session: Session = Depends(get_session),
    make_session: sessionmaker[Session] = Depends(get_session_factory),
) -> dict[str, str]:
    session.execute(text("INSERT INTO orders VALUES (:item)"), {"item": item})
    session.commit()
    tasks.add_task(confirm, make_session, item)
    return {"status": "ordered"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import related
from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.resolving.values import Site
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

_BEFORE = "the task runs before that commit and does not see what the request has written"

rule = Rule(
    __doc__,
    code="BGT207",
    name="task-runs-before-commit",
    severity=Severity.ERROR,
    harms=(
        Harm("before the commit", _BEFORE, "<0.106"),
        Harm("works", versions=">=0.106,<0.118"),
        Harm("before the commit", _BEFORE, ">=0.118"),
    ),
)


@rule.check
def uncommitted(registration: Registration, app: Application) -> Iterator[Report]:
    """The handler leaves the commit to its dependency, and the task opens a session of its own."""
    harms = rule.harms_on(app.versions.allowed_for(registration.module.path))
    if not all(harm.is_harmful for harm in harms):
        return
    hit = _own_session(registration, app)
    left = app.transactions.left_open(registration) if hit is not None else None
    if hit is None or left is None:
        return
    yield Report(
        f"the request's session is committed after its dependency's yield: {_BEFORE}; commit in the handler before it"
        " returns",
        registration.site,
        (
            (Site(left.source.context, left.source.parameter), "the session that the dependency commits"),
            (left.written, "written here"),
            *related(hit, registration.site, "the task's own session"),
        ),
    )


def _own_session(registration: Registration, app: Application) -> Hit | None:
    """The first use of a session that the task itself opens."""
    contexts = (registration.context, *(caller.context for caller in registration.call_path.calls))
    for target in app.registrations.targets(registration):
        for hit in app.target_hits(target, registration):
            value = hit.leaf.receiver
            if value is not None and app.lifetimes.is_session(value) and app.ownership.is_own(value, contexts):
                return hit
    return None
