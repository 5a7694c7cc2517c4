"""Task reads a loop's variable when the loop is over

A lambda or nested function looks its outer variables up when it runs. A task runs after the response, so after the
loop: each of the tasks sees the value of the last round, on every version of FastAPI, and the other values are lost.

Hand the value over: `tasks.add_task(function, value)`. A default argument, `lambda value=value: ...`, and
`functools.partial` keep it as well.

There is no reason to suppress it.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


def send(address: str) -> None:
    sent.append(address)


@app.post("/newsletters")
def send_all(addresses: list[str], tasks: BackgroundTasks) -> dict[str, str]:
    for address in addresses:
        tasks.add_task(lambda: send(address))  # BGT517
    return {"status": "accepted"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


def send(address: str) -> None:
    sent.append(address)


@app.post("/newsletters")
def send_all(addresses: list[str], tasks: BackgroundTasks) -> dict[str, str]:
    for address in addresses:
        tasks.add_task(send, address)
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.request_scope.escape_analysis import free_names
from fastapi_bgtask_lint.reading.facts import Comprehension, Expression, For, Name
from fastapi_bgtask_lint.reading.traversal import expressions, holds, statements, walk
from fastapi_bgtask_lint.resolving.scopes import body_of
from fastapi_bgtask_lint.resolving.values import Function, Partial, Values
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule

rule = Rule(
    __doc__,
    code="BGT517",
    name="late-bound-loop-variable",
    severity=Severity.ERROR,
    harms=(Harm("last value only"),),
    phase=Phase.REGISTRATION,
)


@rule.check
def late_bound(registration: Registration, app: Application) -> Iterator[Report]:
    """A function of the handler that reads the variable of a loop round its registration."""
    variables = set(_variables(registration, app))
    if not variables or registration.target is None:
        return
    for value in _functions(registration.target.values):
        if value.parent is not registration.context:
            continue
        read = sorted(variables & free_names(value.definition, app.evaluator, registration.context))
        if read:
            yield Report(
                f"the task reads {read[0]} when the loop is over: every task sees its last value; hand it over as an"
                " argument of add_task",
                registration.site,
            )
            return


def _functions(values: Values) -> Iterator[Function]:
    """The functions of the project among them, and those in partials, which keep arguments but no outer variables."""
    stack = list(values)
    while stack:
        value = stack.pop()
        if isinstance(value, Function):
            yield value
        if isinstance(value, Partial):
            stack.extend(value.function)


def _variables(registration: Registration, app: Application) -> Iterator[str]:
    """The variables of the loops and comprehensions round the registration that come to it again."""
    context, call = registration.context, registration.call
    again = app.exits.passes(context, call, call)
    for statement in statements(body_of(context)):
        if isinstance(statement, For) and again and holds(statement.body, call):
            yield from _bound(statement.target)
        for part in (part for top in expressions(statement) for part in walk(top)):
            if isinstance(part, Comprehension) and any(inner is call for inner in walk(part.element)):
                yield from (name for clause in part.clauses for name in _bound(clause.target))


def _bound(target: Expression) -> Iterator[str]:
    yield from (part.id for part in walk(target) if isinstance(part, Name))
