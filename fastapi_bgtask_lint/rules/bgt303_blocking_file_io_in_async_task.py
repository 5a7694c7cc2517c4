"""Async task reads or writes files on the event loop

An `async def` task is awaited on the event loop that serves all requests, on every version of FastAPI. While it reads,
writes, copies or packs a file, no other request is answered. On a local disk that is short for a small file; it is
long for a big one, on a network drive, and when the disk is busy.

Make the task a plain `def`: then it runs in a thread. Or hand the work to `run_in_threadpool` or `asyncio.to_thread`,
or use `anyio.open_file`. Metadata (`exists`, `unlink`, `mkdir`) is reported with `--pedantic` only, or when this rule
is selected by its full code.

Suppress it where the file is small and local.

## Bad
```py app.py
import logging
from pathlib import Path

from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
counted: list[int] = []


async def count_words(path: str) -> None:
    try:
        text = Path(path).read_text()  # BGT303
    except OSError:
        logger.exception("%s was not counted", path)
    else:
        counted.append(len(text.split()))


@app.post("/reports")
async def count(path: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(count_words, path)
    return {"status": "accepted"}
```

## Good
```py app.py
import logging
from pathlib import Path

from fastapi import BackgroundTasks, FastAPI

logger = logging.getLogger(__name__)
app = FastAPI()
counted: list[int] = []


def count_words(path: str) -> None:
    try:
        text = Path(path).read_text()
    except OSError:
        logger.exception("%s was not counted", path)
    else:
        counted.append(len(text.split()))


@app.post("/reports")
async def count(path: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(count_words, path)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import related
from fastapi_bgtask_lint.callgraph.memoised import is_kept
from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.reading.facts import Call
from fastapi_bgtask_lint.resolving.values import ExternalInstance, FromCall, Site
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule
from fastapi_bgtask_lint.rules.wording import instead

rule = Rule(
    __doc__,
    code="BGT303",
    name="blocking-file-io-in-async-task",
    severity=Severity.WARNING,
    harms=(Harm("loop stands still"),),
)

_BUFFERS = frozenset({"io.BytesIO", "io.StringIO"})


@rule.check
def files(task: Task, app: Application) -> Iterator[Report]:
    """File content is read or written on the server's loop; not again for what the file's own call has opened, and not
    what is read once and kept.
    """
    hits = list(app.blocking_calls(task, "file"))
    opened = {hit.site for hit in hits}
    for hit in hits:
        row = hit.leaf.row
        if row is None or _opening(hit) in opened or is_kept(app.evaluator, hit) or _is_in_memory(hit, app):
            continue
        what = hit.leaf.what
        yield Report(
            f"{what} works on a file on the event loop: no request is answered until it returns; {instead(row)}",
            hit.entered,
            related(hit, hit.entered, f"{what} is called here"),
            pedantic=row.metadata,
        )


def _is_in_memory(hit: Hit, app: Application) -> bool:
    """It is given a buffer in the place of a file: `ZipFile(BytesIO())`."""
    call, context = hit.site.fact, hit.site.context
    arguments = app.evaluator.calls.evaluated_arguments(call, context) if isinstance(call, Call) else ()
    return any(
        isinstance(v, ExternalInstance) and v.type in _BUFFERS for argument in arguments for v in argument.values
    )


def _opening(hit: Hit) -> Site | None:
    """Where the object was made that this is called on."""
    receiver = hit.leaf.receiver
    origin = receiver.origin if isinstance(receiver, ExternalInstance) else None
    if isinstance(origin, FromCall):
        return origin.site
    return getattr(origin, "site", None)
