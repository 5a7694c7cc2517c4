"""Task is a generator

Calling a generator function, an async generator function or a `@contextmanager` function only makes an object. Nobody
iterates over it, so not one line of the body runs and no error is raised, on every version of FastAPI. Often a `yield`
was added to the function later, or the function is a dependency.

Let the task be a function without `yield` that loops over the generator, or enters the context manager.

There is no reason to suppress it.

## Bad
```py app.py
from collections.abc import Iterator

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


def send_all(addresses: list[str]) -> Iterator[str]:
    for address in addresses:
        sent.append(address)
        yield address


@app.post("/newsletters")
async def send_newsletter(addresses: list[str], tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send_all, addresses)  # BGT509
    return {"status": "accepted"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


def send_all(addresses: list[str]) -> None:
    for address in addresses:
        sent.append(address)


@app.post("/newsletters")
async def send_newsletter(addresses: list[str], tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send_all, addresses)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.reading.facts import FunctionDef
from fastapi_bgtask_lint.resolving.values import Function, Site, known
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule

rule = Rule(
    __doc__,
    code="BGT509",
    name="generator-task",
    severity=Severity.ERROR,
    harms=(Harm("never runs"),),
    phase=Phase.PRECONDITION,
)


@rule.check
def generators(registration: Registration, app: Application) -> Iterator[Report]:
    """Everything that the task can be is a generator function."""
    if registration.target is None or not known(registration.target.values):
        return
    functions = [target.value for target in app.registrations.targets(registration)]
    if not functions or not all(_is_generator(value) for value in functions):
        return
    (function, *_) = functions
    assert isinstance(function, Function)
    yield Report(
        "the task's body never runs: calling a generator function only makes a generator, which nobody iterates",
        registration.site,
        ((Site(function.parent, function.definition), "this function has a yield"),),
    )


def _is_generator(value: object) -> bool:
    return (
        isinstance(value, Function)
        and isinstance(value.definition, FunctionDef)
        and (value.definition.is_generator or value.manages)
    )
