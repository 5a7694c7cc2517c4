"""Task is registered after a dependency's yield

What a dependency does after its `yield` comes after the response on FastAPI before 0.106 and from 0.118 on: the tasks
have run by then, and one that is added is never looked at. Nothing is logged. On 0.106 - 0.117, and with
`Depends(..., scope="function")` from 0.121 on, the code runs before the response, and the task runs.

Register the task before the `yield`. What it needs to know of the handler's work, hand over as an object that the
handler fills in. Or do the work in the dependency itself, without a task.

Suppress it where the project is tied to versions on which it runs.

## Bad
```py app.py
from collections.abc import Iterator

from fastapi import BackgroundTasks, Depends, FastAPI

app = FastAPI()
audited: list[str] = []


def audit(what: str) -> None:
    audited.append(what)


def get_audit(tasks: BackgroundTasks) -> Iterator[list[str]]:
    actions: list[str] = []
    yield actions
    tasks.add_task(audit, ", ".join(actions))  # BGT510


@app.post("/orders")
def order(actions: list[str] = Depends(get_audit)) -> dict[str, str]:
    actions.append("ordered")
    return {"status": "ordered"}
```

## Good
```py app.py
from collections.abc import Iterator

from fastapi import BackgroundTasks, Depends, FastAPI

app = FastAPI()
audited: list[str] = []


def audit(actions: list[str]) -> None:
    audited.append(", ".join(actions))


def get_audit(tasks: BackgroundTasks) -> Iterator[list[str]]:
    actions: list[str] = []
    tasks.add_task(audit, actions)
    yield actions


@app.post("/orders")
def order(actions: list[str] = Depends(get_audit)) -> dict[str, str]:
    actions.append("ordered")
    return {"status": "ordered"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.request_scope.providers import has_function_scope
from fastapi_bgtask_lint.reading.facts import FunctionDef
from fastapi_bgtask_lint.resolving.calls import yields
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule, said

_NEVER = "it never runs: the tasks have run when the code after the yield does"

rule = Rule(
    __doc__,
    code="BGT510",
    name="task-added-after-yield",
    severity=Severity.ERROR,
    harms=(
        Harm("never runs", _NEVER, "<0.106"),
        Harm("works", versions=">=0.106,<0.118"),
        Harm("never runs", _NEVER, ">=0.118"),
    ),
    phase=Phase.REGISTRATION,
)


@rule.check
def after_yield(registration: Registration, app: Application) -> Iterator[Report]:
    """The registration of a dependency is only reached after its `yield`."""
    context = registration.context
    scope = context.scope
    harms = rule.harms_on(app.versions.allowed_for(registration.module.path))
    if not isinstance(scope, FunctionDef) or not scope.is_generator or not any(harm.is_harmful for harm in harms):
        return
    markers = app.handlers.markers(context)
    if not markers or all(has_function_scope(marker) for marker in markers):
        return
    before = [found for found in yields(scope) if found.at < registration.call.at]
    if any(app.exits.passes(context, found, registration.call) for found in before):
        yield Report(f"a task added after the dependency's yield: {said(harms)}; add it before", registration.site)
