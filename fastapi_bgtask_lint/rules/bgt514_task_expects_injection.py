"""Task expects FastAPI to inject a value

FastAPI fills in `Depends(...)`, `Query(...)` and their like in the functions that it calls itself. It does not call
tasks that way: a parameter that the registration does not give keeps its default, which is the marker object. The task
fails with `AttributeError` or `TypeError` after the response has been sent, on every version. A parameter that has the
marker in `Annotated` and no default is missing altogether. It is the same with `Depends(...)` in the body of a task,
and with `with` on a bare generator dependency, which is no context manager.

Resolve the dependency in the handler and hand over plain values; for a session hand over a factory,
`Depends(get_session_factory)`, and open the session in the task.

Suppress it where the project's own code resolves the markers before it calls the task.

## Bad
```py app.py
from fastapi import BackgroundTasks, Depends, FastAPI

app = FastAPI()
sent: list[str] = []


class Mailer:
    def send(self, address: str) -> None:
        sent.append(address)


def get_mailer() -> Mailer:
    return Mailer()


def send_welcome(address: str, mailer: Mailer = Depends(get_mailer)) -> None:
    mailer.send(address)


@app.post("/users")
def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send_welcome, address)  # BGT514
    return {"status": "created"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, Depends, FastAPI

app = FastAPI()
sent: list[str] = []


class Mailer:
    def send(self, address: str) -> None:
        sent.append(address)


def get_mailer() -> Mailer:
    return Mailer()


def send_welcome(address: str, mailer: Mailer) -> None:
    mailer.send(address)


@app.post("/users")
def create_user(address: str, tasks: BackgroundTasks, mailer: Mailer = Depends(get_mailer)) -> dict[str, str]:
    tasks.add_task(send_welcome, address, mailer)
    return {"status": "created"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.targets import Target
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.reading.facts import Attribute, Expression, FunctionDef, Name, With
from fastapi_bgtask_lint.reading.traversal import statements
from fastapi_bgtask_lint.resolving.annotations import PARAMETERS, is_parameter
from fastapi_bgtask_lint.resolving.scopes import body_of, function_name, steps
from fastapi_bgtask_lint.resolving.signatures import not_given
from fastapi_bgtask_lint.resolving.values import Context, Function, Generator, Site
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule

rule = Rule(
    __doc__,
    code="BGT514",
    name="task-expects-injection",
    severity=Severity.ERROR,
    harms=(Harm("AttributeError"),),
    phase=Phase.REGISTRATION,
)


@rule.check
def injections(registration: Registration, app: Application) -> Iterator[Report]:
    """The task leaves something to FastAPI that FastAPI does not do for it."""
    for target in app.registrations.targets(registration):
        if isinstance(target.value, Function):
            found = next(_found(target, target.value, registration, app), None)
            if found is not None:
                text, site = found
                yield Report(f"{text}: {_INSTEAD}", registration.site, ((site, "here"),))


_INSTEAD = "FastAPI injects nothing into tasks; resolve it in the handler and hand over the value"


def _found(
    target: Target, function: Function, registration: Registration, app: Application
) -> Iterator[tuple[str, Site]]:
    context = app.evaluator.calls.enter(function, target.arguments, registration.site)
    for parameter in not_given(function, target.arguments):
        described = app.evaluator.annotations.described(parameter, context)
        if any(is_parameter(value, PARAMETERS) for value in described):
            name = function_name(context)
            yield (
                f"{name} is not given {parameter.name}, and gets the marker object in its place",
                Site(context, parameter),
            )
    yield from _bound(context, app)
    yield from _entered(context, app)


def _bound(context: Context, app: Application) -> Iterator[tuple[str, Site]]:
    """`session = Depends(get_session)` in the body, and `session.x` later."""
    for step in steps(context):
        used = step.expression
        if (
            isinstance(used, Attribute)
            and isinstance(used.value, Name)
            and _is_bound_to_marker(used.value, context, app)
        ):
            yield f"{used.value.id} is the marker object that Depends(...) returns", Site(context, used)


def _is_bound_to_marker(name: Name, context: Context, app: Application) -> bool:
    if not isinstance(context.scope, FunctionDef) or name.id in {p.name for p in context.scope.parameters}:
        return False
    values = app.evaluator.evaluate(name, context)
    return bool(values) and all(is_parameter(value, PARAMETERS) for value in values)


def _entered(context: Context, app: Application) -> Iterator[tuple[str, Site]]:
    """`with get_session() as session`, where `get_session` is a generator function."""
    for statement in statements(body_of(context)):
        if isinstance(statement, With):
            for item in statement.items:
                if _is_bare(item.context_expr, context, app):
                    yield (
                        "a generator dependency is no context manager, so this `with` fails",
                        Site(context, item.context_expr),
                    )


def _is_bare(context_expr: Expression, context: Context, app: Application) -> bool:
    values = app.evaluator.evaluate(context_expr, context)
    return bool(values) and all(isinstance(v, Generator) and not v.function.manages for v in values)
