"""Database session of the request reaches a task

A session that a dependency yields belongs to the request, and the request is over when the task runs. What happens
then depends on the version of FastAPI.

- 0.106 to 0.117, and with `Depends(..., scope="function")` (0.121 and later): the session is closed before the task
  runs. Its next use silently begins a transaction that nobody closes, and the connection stays checked out until the
  task commits or the session is garbage collected. Loaded objects raise
  `DetachedInstanceError` as soon as an attribute has to be loaded.
- Before 0.106, and from 0.118 on: the session is open, and its connection is held until the task has ended. Where the
  dependency commits after its `yield`, the task runs before that commit, and a task that raises rolls the request's
  work back although the client was told that it succeeded.

Hand the task plain values, such as the key of a row, and let it open a session of its own. Inject the session factory
by a dependency: then the `dependency_overrides` of your tests keep working. Opening the module's own factory in the
task works as well.

Suppress it where a session is known to be made for the task alone and closed by it.

## Bad
```py app.py
import logging
from collections.abc import Iterator

from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

logger = logging.getLogger(__name__)
engine = create_engine("sqlite:///app.db")
session_factory = sessionmaker(engine)
app = FastAPI()


def get_session() -> Iterator[Session]:
    with session_factory() as session:
        yield session


def count_visit(session: Session, page: str) -> None:
    try:
        session.execute(text("SELECT :page"), {"page": page})
        session.commit()
    except SQLAlchemyError:
        logger.exception("the visit of %s was not counted", page)


@app.get("/pages/{page}")
def read_page(page: str, tasks: BackgroundTasks, session: Session = Depends(get_session)) -> dict[str, int]:
    tasks.add_task(count_visit, session, page)  # BGT201
    return {"answer": session.execute(text("SELECT 42")).scalar_one()}
```

## Good
```py app.py
import logging
from collections.abc import Iterator

from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

logger = logging.getLogger(__name__)
engine = create_engine("sqlite:///app.db")
session_factory = sessionmaker(engine)
app = FastAPI()


def get_session_factory() -> sessionmaker[Session]:
    return session_factory


def get_session() -> Iterator[Session]:
    with session_factory() as session:
        yield session


def count_visit(make_session: sessionmaker[Session], page: str) -> None:
    try:
        with make_session() as session:
            session.execute(text("SELECT :page"), {"page": page})
            session.commit()
    except SQLAlchemyError:
        logger.exception("the visit of %s was not counted", page)


@app.get("/pages/{page}")
def read_page(
    page: str,
    tasks: BackgroundTasks,
    session: Session = Depends(get_session),
    make_session: sessionmaker[Session] = Depends(get_session_factory),
) -> dict[str, int]:
    tasks.add_task(count_visit, make_session, page)
    return {"answer": session.execute(text("SELECT 42")).scalar_one()}
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

_HELD = "its connection is held until the task ends, and a failing task rolls back what the dependency would commit"

rule = Rule(
    __doc__,
    code="BGT201",
    name="request-session-in-task",
    severity=Severity.ERROR,
    harms=(
        Harm("held", _HELD, "<0.106"),
        Harm(
            "closed",
            "it is closed when the task runs, and its next use begins a transaction that nobody closes",
            ">=0.106,<0.118",
        ),
        Harm("held", _HELD, ">=0.118"),
    ),
)


@rule.check
def sessions(registration: Registration, app: Application) -> Iterator[Report]:
    """A database session or connection of the request reaches the task."""
    targets = app.registrations.targets(registration)
    for escaping in app.lifetimes.of(registration, targets):
        if escaping.kind is ResourceKind.SESSION:
            harm = ending(rule, escaping, registration, app)
            yield Report(
                f"{what(escaping)} belongs to the request: {harm}; hand over plain values and let the task open a"
                " session of its own, by an injected session factory",
                registration.site,
                ((escaping.source, "it comes from this dependency"),),
            )
