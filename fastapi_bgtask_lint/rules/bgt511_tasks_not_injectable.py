"""BackgroundTasks parameter that FastAPI can't inject

FastAPI injects a parameter that is annotated with `BackgroundTasks` itself. `Optional[BackgroundTasks]`,
`BackgroundTasks | None`, the singular `BackgroundTask`, and `= Depends()` or `= Depends(BackgroundTasks)` on an
annotated one keep the application from starting, on every version. A parameter without annotation and default becomes
a required query parameter: the request is refused with 422, and with the parameter given it is a `str`.

Write `tasks: BackgroundTasks`. It never is None; as a parameter that may be left out in direct calls, `tasks:
BackgroundTasks = None` is injected as well.

Suppress it where the function is called by the project's own code only.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


@app.post("/users")
def create_user(address: str, tasks: BackgroundTasks | None = None) -> dict[str, str]:
    if tasks is not None:
        tasks.add_task(sent.append, address)  # BGT511
    return {"status": "created"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


@app.post("/users")
def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(sent.append, address)
    return {"status": "created"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.injection import problem
from fastapi_bgtask_lint.framework.registrations.task_scopes import scopes_of_tasks
from fastapi_bgtask_lint.reading.facts import (
    Attribute,
    Call,
    FunctionDef,
    Name,
    Parameter,
    ParameterKind,
)
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.scopes import calls
from fastapi_bgtask_lint.resolving.values import Context, Site
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT511",
    name="tasks-not-injectable",
    severity=Severity.ERROR,
    harms=(Harm("does not start"),),
)

_PLAIN = (ParameterKind.POSITIONAL, ParameterKind.KEYWORD_ONLY, ParameterKind.POSITIONAL_ONLY)


@rule.check
def parameters(module: Module, app: Application) -> Iterator[Report]:
    """A parameter of a path operation or dependency that is meant to be injected and is not."""
    for context in scopes_of_tasks(app.evaluator, module):
        scope = context.scope
        if not isinstance(scope, FunctionDef):
            continue
        for parameter in scope.parameters:
            found = _problem(parameter, context, app) if parameter.kind in _PLAIN else None
            if found is not None and _is_called_by_fastapi(context, app):
                place = _registration(parameter, context) or parameter
                where = Site(context, parameter)
                yield Report(
                    f"FastAPI does not inject {parameter.name}: {found}; annotate it with BackgroundTasks",
                    Site(context, place),
                    ((where, "the parameter"),) if place is not parameter else (),
                )


def _is_called_by_fastapi(context: Context, app: Application) -> bool:
    handlers = app.handlers
    return handlers.is_operation(context) or handlers.is_dependency(context) or handlers.is_depended_class(context)


def _problem(parameter: Parameter, context: Context, app: Application) -> str | None:
    if parameter.annotation is not None:
        return problem(parameter, context, app.evaluator)
    if parameter.default is None and _registration(parameter, context) is not None:
        return "without annotation it is a required query parameter"
    return None


def _registration(parameter: Parameter, context: Context) -> Call | None:
    """The first `parameter.add_task(...)`."""
    for _, call in calls(context):
        function = call.function
        if not isinstance(function, Attribute) or function.attr != "add_task":
            continue
        if isinstance(function.value, Name) and function.value.id == parameter.name:
            return call
    return None
