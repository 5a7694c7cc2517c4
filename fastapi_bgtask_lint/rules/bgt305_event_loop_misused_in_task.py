"""Task looks for an event loop on the wrong side

An `async def` task runs on the event loop of the server, a `def` task runs in a thread that has none. On every version
of FastAPI `asyncio.run` or `run_until_complete` in an async task raises `RuntimeError`, because a loop is running
already. `asyncio.create_task`, `gather`, `get_running_loop` and `get_event_loop` in a `def` task raise `RuntimeError`,
because no loop is running in that thread. The work is lost, and so are the tasks that were registered after this one.

In an async task, `await` the coroutine. A task that needs `create_task` or `gather` must be an `async def`. A `def`
task may run a coroutine by `asyncio.run`, on a loop of its own that shares no clients, queues or locks with the
server's.

Suppress it where the code finds out by itself on which side it runs.

## Bad
```py app.py
import asyncio

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
cache: dict[str, str] = {}


async def refresh(key: str) -> None:
    await asyncio.sleep(0)
    cache[key] = "fresh"


async def refresh_one(key: str) -> None:
    asyncio.run(refresh(key))  # BGT305


def refresh_soon(key: str) -> None:
    loop = asyncio.get_running_loop()  # BGT305
    loop.call_soon_threadsafe(cache.pop, key)


@app.post("/cache/{key}")
async def renew(key: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(refresh_one, key)
    return {"status": "accepted"}


@app.delete("/cache/{key}")
async def drop(key: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(refresh_soon, key)
    return {"status": "accepted"}
```

## Good
```py app.py
import asyncio

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
cache: dict[str, str] = {}


async def refresh(key: str) -> None:
    await asyncio.sleep(0)
    cache[key] = "fresh"


async def refresh_one(key: str) -> None:
    await refresh(key)


async def drop_one(key: str) -> None:
    cache.pop(key, None)


@app.post("/cache/{key}")
async def renew(key: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(refresh_one, key)
    return {"status": "accepted"}


@app.delete("/cache/{key}")
async def drop(key: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(drop_one, key)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import related
from fastapi_bgtask_lint.callgraph.leaves import LeafKind, Side
from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.reading.facts import Call, FunctionDef
from fastapi_bgtask_lint.reading.traversal import last_name
from fastapi_bgtask_lint.resolving.scopes import calls, is_tried
from fastapi_bgtask_lint.resolving.values import ExternalInstance, FromCall, Value
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT305",
    name="event-loop-misused-in-task",
    severity=Severity.ERROR,
    harms=(Harm("RuntimeError"),),
)

_NEED_NO_LOOP = frozenset(
    {
        "asyncio.run",
        "asyncio.AbstractEventLoop.run_until_complete",
        "asyncio.Runner.run",
        "asgiref.sync.async_to_sync().__call__",
        "asgiref.sync.AsyncToSync.__call__",
        "anyio.from_thread.run",
        "anyio.run",
    }
)
_NEED_A_LOOP = frozenset(
    {
        "asyncio.create_task",
        "asyncio.ensure_future",
        "asyncio.gather",
        "asyncio.get_running_loop",
        "asyncio.get_event_loop",
    }
)
_QUESTIONS = frozenset({"get_running_loop", "get_event_loop", "is_running"})


@rule.check
def misused(task: Task, app: Application) -> Iterator[Report]:
    """A call that needs a running loop has none, or one that must not have one has it."""
    side = Side.HERE if task.on_loop else None
    for hit in app.hits(task):
        if hit.leaf.kind is not LeafKind.CALL:
            continue
        what = hit.leaf.what
        if side is not None and hit.side is side and what in _NEED_NO_LOOP:
            text = f"{what} raises RuntimeError here: the task already runs on the event loop; await the coroutine"
        elif side is not None and hit.side is side and _waits_for_itself(hit, app):
            text = "this waits on the event loop for a coroutine of that loop: neither goes on; await the coroutine"
        elif not task.on_loop and hit.side is Side.HERE and hit.leaf.what in _NEED_A_LOOP:
            text = (
                f"{hit.leaf.what} raises RuntimeError here: a def task runs in a thread without an event loop;"
                " make the task async def"
            )
        else:
            continue
        if hit.leaf.what in _NEED_NO_LOOP | _NEED_A_LOOP and _looks_first(hit):
            continue
        yield Report(text, hit.site, related(hit, hit.site, ""))


def _waits_for_itself(hit: Hit, app: Application) -> bool:
    """`run_coroutine_threadsafe(coroutine, loop).result()`, `loop` being the one that runs here."""
    origin = hit.leaf.receiver.origin if isinstance(hit.leaf.receiver, ExternalInstance) else None
    site = origin.site if isinstance(origin, FromCall) else None
    if not hit.leaf.what.endswith(".Future.result") or site is None or not isinstance(site.fact, Call):
        return False
    if last_name(site.fact.function) != "run_coroutine_threadsafe" or len(site.fact.arguments) < 2:
        return False
    loops = app.evaluator.evaluate(site.fact.arguments[1].value, site.context)
    return any(_is_running_here(loop) for loop in loops)


def _is_running_here(loop: Value) -> bool:
    origin = loop.origin if isinstance(loop, ExternalInstance) else None
    made = origin.site if isinstance(origin, FromCall) else None
    if made is None or not isinstance(made.fact, Call) or not isinstance(made.context.scope, FunctionDef):
        return False
    return made.context.scope.is_async and last_name(made.fact.function) in ("get_running_loop", "get_event_loop")


def _looks_first(hit: Hit) -> bool:
    """The function asks for a running loop and acts on the answer, or handles that there is none."""
    context = hit.site.context
    if hit.leaf.what in _NEED_A_LOOP:
        return is_tried(context, hit.site.fact)
    asked = [call for _, call in calls(context) if last_name(call.function) in _QUESTIONS]
    return any(last_name(call.function) == "is_running" or is_tried(context, call) for call in asked)
