"""Value of the request in work that nobody waits for

`asyncio.create_task`, a thread or a job of an executor goes on when the handler has returned. FastAPI knows nothing of
it: it ends the request, and with it the session, the uploaded file and every other value of a yield dependency, on
every version. What the work does afterwards meets a closed resource; a closed SQLAlchemy session begins a new
transaction that nobody closes, and its connection stays out.

Hand over plain values, and let the work open its own session by a factory. Or await the work before the handler
returns, or register it as a background task that does so.

Suppress it where something that the tool can't see waits for the work before the request ends.

## Bad
```py app.py
import asyncio
import logging
from collections.abc import AsyncIterator

from fastapi import BackgroundTasks, Depends, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
written: list[str] = []
running: set[asyncio.Task[None]] = set()


class Journal:
    def __init__(self) -> None:
        self.is_open = True

    def write(self, line: str) -> None:
        if not self.is_open:
            raise ValueError("the journal is closed")
        written.append(line)

    async def aclose(self) -> None:
        self.is_open = False


async def get_journal() -> AsyncIterator[Journal]:
    journal = Journal()
    yield journal
    await journal.aclose()


async def note(journal: Journal, line: str) -> None:
    await asyncio.sleep(0.05)
    try:
        journal.write(line)
    except ValueError:
        logger.exception("%s was not noted", line)


def tell(item: str) -> None:
    logger.info("ordered %s", item)


@app.post("/orders/{item}")
async def order(item: str, tasks: BackgroundTasks, journal: Journal = Depends(get_journal)) -> dict[str, str]:
    work = asyncio.create_task(note(journal, item))  # BGT209
    running.add(work)
    work.add_done_callback(running.discard)
    tasks.add_task(tell, item)
    return {"status": "ordered"}
```

## Good
```py app.py
import asyncio
import logging

from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
written: list[str] = []
running: set[asyncio.Task[None]] = set()


class Journal:
    def __init__(self) -> None:
        self.is_open = True

    def write(self, line: str) -> None:
        if not self.is_open:
            raise ValueError("the journal is closed")
        written.append(line)

    async def aclose(self) -> None:
        self.is_open = False


async def note(line: str) -> None:
    await asyncio.sleep(0.05)
    journal = Journal()
    try:
        journal.write(line)
    except ValueError:
        logger.exception("%s was not noted", line)
    finally:
        await journal.aclose()


def tell(item: str) -> None:
    logger.info("ordered %s", item)


@app.post("/orders/{item}")
async def order(item: str, tasks: BackgroundTasks) -> dict[str, str]:
    work = asyncio.create_task(note(item))
    running.add(work)
    work.add_done_callback(running.discard)
    tasks.add_task(tell, item)
    return {"status": "ordered"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.request_scope.lifetimes import ResourceKind
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule
from fastapi_bgtask_lint.rules.wording import type_name

rule = Rule(
    __doc__,
    code="BGT209",
    name="request-value-in-spawned-work",
    severity=Severity.ERROR,
    harms=(Harm("closed"),),
)

_KINDS = frozenset(
    {ResourceKind.SESSION, ResourceKind.ENTITY, ResourceKind.RESOURCE, ResourceKind.CLOSED, ResourceKind.UPLOAD}
)


@rule.check
def spawned(module: Module, app: Application) -> Iterator[Report]:
    """A value that ends with the request is handed to work that outlives the handler; once a place."""
    for context in app.spawns.scopes(module):
        for work in app.spawns.of(context):
            escaping = next((h for h in app.lifetimes.of(work, ()) if h.kind in _KINDS), None)
            if escaping is not None:
                yield Report(
                    f"the {type_name(escaping.value)} ends with the request, and this work goes on without it; hand"
                    " over plain values and let it open its own, or await it before the handler returns",
                    work.site,
                    ((escaping.source, "it comes from here"),),
                )
