"""Function of the event loop as the task

`asyncio.create_task`, `ensure_future`, `gather`, `shield` are plain functions, so the task runs in a thread, where no
loop is running: `RuntimeError` after the response was sent, on every version, and the coroutine that was handed over is
never awaited. So it is with `run_until_complete` of the server's loop, which is running already.

`create_task`, `call_soon`, `call_later` and `call_at` of the loop itself do start something, but they are not safe to
call from a thread: asyncio's debug mode raises `RuntimeError`, and nothing waits for what they start or sees it fail.

Register the async function itself: `tasks.add_task(function, argument)`. For several write one `async def` that
gathers them.

There is no reason to suppress it.

## Bad
```py app.py
import asyncio

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


async def send_welcome(address: str) -> None:
    sent.append(address)


@app.post("/users")
async def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(asyncio.create_task, send_welcome(address))  # BGT516
    return {"status": "created"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


async def send_welcome(address: str) -> None:
    sent.append(address)


@app.post("/users")
async def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send_welcome, address)
    return {"status": "created"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.reading.facts import Call
from fastapi_bgtask_lint.resolving.values import External, ExternalInstance, ExternalMethod, FromCall, Value, known
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule
from fastapi_bgtask_lint.rules.wording import callable_name

rule = Rule(
    __doc__,
    code="BGT516",
    name="loop-function-as-task",
    severity=Severity.ERROR,
    harms=(Harm("RuntimeError"),),
    phase=Phase.REGISTRATION,
)

_NEEDS_LOOP = "runs in a thread here, where no event loop is running: RuntimeError, and the coroutine is never awaited"
_RUNNING = "is called in a thread here while the loop is running: RuntimeError, and the coroutine is never awaited"
_UNSAFE = (
    "is not safe to call from a thread, where it runs here: asyncio's debug mode raises RuntimeError, and nothing waits"
    " for what it starts or sees it fail"
)
_FUNCTIONS = dict.fromkeys(
    ("asyncio.create_task", "asyncio.ensure_future", "asyncio.gather", "asyncio.shield"), _NEEDS_LOOP
)
_METHODS = {"run_until_complete": _RUNNING} | dict.fromkeys(
    ("create_task", "call_soon", "call_later", "call_at"), _UNSAFE
)
_LOOP = "asyncio.AbstractEventLoop"
_RUNNING_LOOPS = frozenset({"asyncio.get_running_loop", "asyncio.get_event_loop"})


@rule.check
def loop_functions(registration: Registration, app: Application) -> Iterator[Report]:
    """The callable is a function that belongs where a loop is running."""
    target = registration.target
    if target is None or not known(target.values):
        return
    harms = [_harm(value, app) for value in target.values]
    if harms and all(harms):
        yield Report(
            f"{callable_name(target.values[0])} {harms[0]}; register the function itself",
            registration.site,
            severity=Severity.WARNING if harms[0] == _UNSAFE else None,
        )


def _harm(value: Value, app: Application) -> str:
    """What comes of it in a thread; empty where nothing is known to."""
    if isinstance(value, External):
        return _FUNCTIONS.get(value.name, "")
    if isinstance(value, ExternalMethod) and value.receiver.type == _LOOP and _is_running(value.receiver, app):
        return _METHODS.get(value.name, "")
    return ""


def _is_running(loop: ExternalInstance, app: Application) -> bool:
    """A function asked for the loop that runs it, and did not make one of its own."""
    origin = loop.origin
    if not isinstance(origin, FromCall) or origin.site.context.scope is None or not isinstance(origin.site.fact, Call):
        return False
    makers = app.evaluator.evaluate(origin.site.fact.function, origin.site.context)
    return bool(makers) and all(getattr(maker, "name", "") in _RUNNING_LOOPS for maker in makers)
