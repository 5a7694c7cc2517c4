"""Task is called instead of passed

`add_task(f(x))` calls `f` at once and registers what it returns. A plain function then runs inside the request, and the
client waits for it; a coroutine is never awaited. What was registered cannot be called: on every version of FastAPI
`TypeError` follows: at the registration, which fails the request, or after the response, when the task should run.

Pass the function and its arguments apart: `add_task(f, x)`.

Calls that return a function, or an object that can be called, are not reported. There is no reason to suppress it.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


async def send_welcome(address: str) -> None:
    sent.append(address)


@app.post("/users")
async def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send_welcome(address))  # BGT501
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
from fastapi_bgtask_lint.reading.facts import Await, Call
from fastapi_bgtask_lint.resolving.values import Awaitable, Coroutine, Data, Generator, Instance, Literal, Value, known
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule

rule = Rule(
    __doc__,
    code="BGT501",
    name="task-called-not-passed",
    severity=Severity.ERROR,
    harms=(Harm("TypeError"),),
    phase=Phase.PRECONDITION,
)


@rule.check
def called(registration: Registration, app: Application) -> Iterator[Report]:
    """The callable is a call whose every value can't be called."""
    target = registration.target
    if target is None or not isinstance(target.expression, Call | Await) or not known(target.values):
        return
    if all(_not_callable(value, app) for value in target.values):
        kind = _kind(target.values[0])
        yield Report(
            f"the task is called here, not passed: what is registered is {kind}, which cannot be called;"
            " pass the function and its arguments apart",
            registration.site,
        )


def _not_callable(value: Value, app: Application) -> bool:
    match value:
        case Coroutine() | Literal() | Data() | Generator():
            return True
        case Awaitable():
            return value.coroutine
        case Instance():
            bases = list(app.evaluator.classes.external_bases(value.cls))
            return not bases and not app.evaluator.classes.method(value.cls, "__call__", (value,))
        case _:
            return False


def _kind(value: Value) -> str:
    match value:
        case Coroutine() | Awaitable():
            return "a coroutine that is never awaited"
        case Literal(value=None):
            return "None"
        case Generator():
            return "a generator"
        case _:
            return "a plain value"
