"""Task drives a dependency by hand

`next(get_session())` runs the dependency up to its `yield`, and then nothing holds the generator: Python ends it at
once. Its `finally` or `with` closes the session before the first use, and the code after the `yield` never runs, so
a commit there is skipped. The closed session begins anew on its next use, and nobody closes it then: its connection
stays out until the garbage collector takes the session. The same holds for `anext(get_session())` and for a loop over
`get_session()` that is left by `return` or `break`: what stands after the `yield` is skipped. That is plain Python, on
every version of FastAPI.

Make a context manager of it, `with contextmanager(get_session)() as session`, or open the session from the factory that
the dependency itself uses.

Suppress it where the dependency only closes, and the task closes the session itself.

## Bad
```py app.py
import logging
from collections.abc import Iterator

from fastapi import BackgroundTasks, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

logger = logging.getLogger(__name__)
app = FastAPI()
session_factory = sessionmaker(create_engine("sqlite:///shop.db"))
with session_factory.begin() as setup:
    setup.execute(text("CREATE TABLE visits (page TEXT)"))


def get_session() -> Iterator[Session]:
    with session_factory() as session:
        yield session
        session.commit()


def count_visit(page: str) -> None:
    try:
        session = next(get_session())
        session.execute(text("INSERT INTO visits VALUES (:page)"), {"page": page})
    except SQLAlchemyError:
        logger.exception("a visit of %s was not counted", page)


@app.get("/pages/{page}")
def show(page: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(count_visit, page)  # BGT210
    return {"page": page}
```

## Good
```py app.py
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import BackgroundTasks, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

logger = logging.getLogger(__name__)
app = FastAPI()
session_factory = sessionmaker(create_engine("sqlite:///shop.db"))
with session_factory.begin() as setup:
    setup.execute(text("CREATE TABLE visits (page TEXT)"))


def get_session() -> Iterator[Session]:
    with session_factory() as session:
        yield session
        session.commit()


def count_visit(page: str) -> None:
    try:
        with contextmanager(get_session)() as session:
            session.execute(text("INSERT INTO visits VALUES (:page)"), {"page": page})
    except SQLAlchemyError:
        logger.exception("a visit of %s was not counted", page)


@app.get("/pages/{page}")
def show(page: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(count_visit, page)
    return {"page": page}
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
from fastapi_bgtask_lint.reading.facts import For
from fastapi_bgtask_lint.resolving.values import Site
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT210",
    name="dependency-driven-by-hand",
    severity=Severity.ERROR,
    harms=(Harm("not committed"),),
)


@rule.check
def driven(registration: Registration, app: Application) -> Iterator[Report]:
    """The task gets a session from a dependency that it does not run to its end; once a place."""
    for target in app.registrations.targets(registration):
        for hit in app.target_hits(target, registration):
            if hit.leaf.kind is LeafKind.PARTIAL_CONSUMPTION and _gives_session(hit, app):
                yield from _report(hit, registration, app)


def _gives_session(hit: Hit, app: Application) -> bool:
    assert hit.leaf.generator is not None
    values = app.evaluator.calls.yields(hit.leaf.generator.function, hit.leaf.generator.context)
    return any(app.lifetimes.is_session(value) for value in values)


def _report(hit: Hit, registration: Registration, app: Application) -> Iterator[Report]:
    assert hit.leaf.generator is not None
    skips = app.providers.commits_after(hit.leaf.generator.context)
    in_loop = isinstance(hit.site.fact, For)
    closed, surely = (True, in_loop) if in_loop else _closing(hit.site, app)
    if surely and not skips and not in_loop:
        return
    how = "left in its loop" if in_loop else "ended before the session is used"
    harm = "its commit after the yield is skipped" if skips else "what follows its yield is skipped or comes too early"
    if not closed:
        harm += ", and nobody closes the session"
    yield Report(
        f"the task gets its session from {hit.leaf.what}() by hand, which is {how}: {harm};"
        f" use contextmanager({hit.leaf.what})() or the session factory itself",
        registration.site,
        related(hit, registration.site, f"{hit.leaf.what}() is driven here"),
        None if skips or not closed else Severity.WARNING,
    )


def _closing(site: Site, app: Application) -> tuple[bool, bool]:
    """Whether the function closes the session that a place gives, and whether for sure."""
    values = app.evaluator.evaluate(site.fact, site.context)  # type: ignore[arg-type]
    verdicts = [app.ownership.closes(site, value) for value in values]
    return any(closed for closed, _ in verdicts), any(surely for _, surely in verdicts)
