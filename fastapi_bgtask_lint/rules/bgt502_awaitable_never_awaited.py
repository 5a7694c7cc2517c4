"""Task makes an awaitable that nobody awaits

FastAPI awaits a task only if it can see that the callable is asynchronous. A lambda, a plain function or a wrapper
that merely calls an `async def` is not: it runs in a thread, makes the coroutine, and the coroutine is dropped.
Nothing happens and no error is raised, on every version of FastAPI. The same holds for an `async def` behind
`lru_cache` or `contextmanager`, for an async function that is given to a thread, for library methods that return an
awaitable without being coroutine functions, and for a call without `await` in the task's body.

Register the `async def` itself, with its arguments, or through `functools.partial`, which is seen through. Write
wrappers as `async def` and `await` inside. In a task that has to stay a plain `def`, run the coroutine by
`asyncio.run`.

Suppress it where what the call returns is awaited or scheduled in a way that cannot be seen here.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


async def send_welcome(address: str) -> None:
    sent.append(address)


def send_twice(address: str) -> None:
    send_welcome(address)
    send_welcome(address)


@app.post("/users")
async def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(lambda: send_welcome(address))  # BGT502
    tasks.add_task(send_twice, address)  # BGT502
    return {"status": "created"}
```

## Good
```py app.py
from functools import partial

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


async def send_welcome(address: str) -> None:
    sent.append(address)


async def send_twice(address: str) -> None:
    await send_welcome(address)
    await send_welcome(address)


@app.post("/users")
async def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(partial(send_welcome, address))
    tasks.add_task(send_twice, address)
    return {"status": "created"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.registrations.unawaited import UnawaitedSearch
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule

rule = Rule(
    __doc__,
    code="BGT502",
    name="awaitable-never-awaited",
    severity=Severity.ERROR,
    harms=(Harm("never runs"),),
    phase=Phase.PRECONDITION,
)


@rule.check
def dropped(registration: Registration, app: Application) -> Iterator[Report]:
    """The task makes an awaitable that nobody awaits."""
    search = UnawaitedSearch(app.evaluator)
    for target in app.registrations.targets(registration):
        found = search.of(target, registration)
        if found is not None:
            yield Report(
                f"{found.text}: it is made and never awaited, so the work is never done and no error is raised;"
                " register the async function itself, or await it in an async task",
                registration.site,
                ((found.site, "it is made here"),) if found.site is not None else (),
            )
            return
