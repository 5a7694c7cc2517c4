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

from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.injection import problem
from fastapi_bgtask_lint.framework.mentions import scopes_of_tasks
from fastapi_bgtask_lint.framework.scopes import calls
from fastapi_bgtask_lint.reading.facts import (
    Attribute,
    Call,
    FunctionDef,
    Name,
    Parameter,
    ParameterKind,
)
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.values import Frame, Site
from fastapi_bgtask_lint.rules.application import Application
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
    for frame in scopes_of_tasks(app.evaluator, module):
        scope = frame.scope
        if not isinstance(scope, FunctionDef):
            continue
        for parameter in scope.parameters:
            found = _problem(parameter, frame, app) if parameter.kind in _PLAIN else None
            if found is not None and _is_called_by_fastapi(frame, app):
                place = _registration(parameter, frame) or parameter
                where = Site(frame, parameter)
                yield Report(
                    f"FastAPI does not inject {parameter.name}: {found}; annotate it with BackgroundTasks",
                    Site(frame, place),
                    ((where, "the parameter"),) if place is not parameter else (),
                )


def _is_called_by_fastapi(frame: Frame, app: Application) -> bool:
    handlers = app.handlers
    return handlers.is_operation(frame) or handlers.is_dependency(frame) or handlers.is_depended_class(frame)


def _problem(parameter: Parameter, frame: Frame, app: Application) -> str | None:
    if parameter.annotation is not None:
        return problem(parameter, frame, app.evaluator)
    if parameter.default is None and _registration(parameter, frame) is not None:
        return "without annotation it is a required query parameter"
    return None


def _registration(parameter: Parameter, frame: Frame) -> Call | None:
    """The first `parameter.add_task(...)`."""
    for _, call in calls(frame):
        function = call.function
        if not isinstance(function, Attribute) or function.attr != "add_task":
            continue
        if isinstance(function.value, Name) and function.value.id == parameter.name:
            return call
    return None
