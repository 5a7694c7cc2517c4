"""Task uses a session that all requests share

A session that is made once, at module level or in an object that lives as long as the process, is used by every request
and every task at the same time, on every version of FastAPI. A session is one unit of work of one owner: a commit here
commits what another has begun, a rollback undoes it, a failed statement leaves it unusable for all until somebody rolls
back, and its identity map keeps what it has loaded once. A `scoped_session` gives each thread its own; without
`.remove()` the thread keeps it, with its connection and what it has loaded, for whatever runs there next.

Make a factory at module level, `sessionmaker(engine)`, and open a session in the task: `with session_factory() as
session`. Hand the factory over through a dependency, so that tests can override it.

Suppress it in a script that runs one task at a time.

## Bad
```py app.py
import logging

from fastapi import BackgroundTasks, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

logger = logging.getLogger(__name__)
app = FastAPI()
engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)
session = Session(engine)
session.execute(text("CREATE TABLE visits (page TEXT NOT NULL)"))
session.commit()


def count_visit(page: str | None) -> None:
    try:
        session.execute(text("INSERT INTO visits VALUES (:page)"), {"page": page})
        session.commit()
    except SQLAlchemyError:
        session.rollback()
        logger.exception("a visit was not counted")


@app.get("/pages")
def show(tasks: BackgroundTasks, page: str | None = None) -> dict[str, str]:
    tasks.add_task(count_visit, page)  # BGT208
    return {"status": "shown"}
```

## Good
```py app.py
import logging

from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import StaticPool

logger = logging.getLogger(__name__)
app = FastAPI()
engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)
session_factory = sessionmaker(engine)
with session_factory.begin() as setup:
    setup.execute(text("CREATE TABLE visits (page TEXT NOT NULL)"))


def get_session_factory() -> sessionmaker[Session]:
    return session_factory


def count_visit(make_session: sessionmaker[Session], page: str | None) -> None:
    try:
        with make_session.begin() as session:
            session.execute(text("INSERT INTO visits VALUES (:page)"), {"page": page})
    except SQLAlchemyError:
        logger.exception("a visit was not counted")


@app.get("/pages")
def show(
    tasks: BackgroundTasks,
    page: str | None = None,
    make_session: sessionmaker[Session] = Depends(get_session_factory),
) -> dict[str, str]:
    tasks.add_task(count_visit, make_session, page)
    return {"status": "shown"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import related
from fastapi_bgtask_lint.callgraph.leaves import LeafKind
from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.resolving.values import ExternalInstance, Site
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule
from fastapi_bgtask_lint.rules.wording import type_name

rule = Rule(
    __doc__,
    code="BGT208",
    name="shared-session-in-task",
    severity=Severity.ERROR,
    harms=(Harm("shared"),),
)


@rule.check
def shared(registration: Registration, app: Application) -> Iterator[Report]:
    """The task calls a session that was made once; once a registration."""
    for target in app.registrations.targets(registration):
        hits = [e for e in app.target_hits(target, registration) if _is_session_call(e, app)]
        found = next(((e, site) for e in hits if (site := _shared(e, app)) is not None), None)
        if found is not None:
            yield from _report(*found, hits, registration)


def _is_session_call(hit: Hit, app: Application) -> bool:
    return (
        hit.leaf.kind is LeafKind.CALL and hit.leaf.receiver is not None and app.lifetimes.is_session(hit.leaf.receiver)
    )


def _shared(hit: Hit, app: Application) -> Site | None:
    assert hit.leaf.receiver is not None
    return app.ownership.shared(hit.chain, hit.leaf.receiver)


def _report(hit: Hit, made: Site, hits: list[Hit], registration: Registration) -> Iterator[Report]:
    assert hit.leaf.receiver is not None
    name = type_name(hit.leaf.receiver)
    scoped = isinstance(hit.leaf.receiver, ExternalInstance) and name.endswith("scoped_session")
    if scoped and any(other.leaf.what.endswith(".remove") for other in hits):
        return
    places = ((made, "it is made here, once"), *related(hit, registration.site, "the task uses it here"))
    if scoped:
        message = f"the task uses a {name} and never removes it: the thread keeps its session for what runs there next"
    else:
        message = f"the task uses a {name} that is made once for all: requests and tasks share its transaction"
    yield Report(
        f"{message}; open a session of its own in the task, by a session factory",
        registration.site,
        places,
        Severity.WARNING if scoped else None,
    )
