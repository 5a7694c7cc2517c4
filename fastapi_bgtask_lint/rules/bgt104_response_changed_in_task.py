"""Task changes the response

The `Response` parameter of a path operation or dependency is where FastAPI takes headers, cookies and the status from
when it sends the response. A task runs after that: what it sets there has no effect, on every version, and nothing
says so.

Set headers and cookies in the handler. What a task finds out later has to reach the client some other way.

Suppress it where the task only reads from the response.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI, Response

app = FastAPI()


def remember(response: Response, name: str) -> None:
    response.set_cookie("name", name)


@app.post("/login")
def login(name: str, response: Response, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(remember, response, name)  # BGT104
    return {"status": "welcome"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI, Response

app = FastAPI()
seen: list[str] = []


def remember(response: Response, name: str) -> None:
    response.set_cookie("name", name)


@app.post("/login")
def login(name: str, response: Response, tasks: BackgroundTasks) -> dict[str, str]:
    remember(response, name)
    tasks.add_task(seen.append, name)
    return {"status": "welcome"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.request_scope.lifetimes import EscapingResource, ResourceKind
from fastapi_bgtask_lint.reading.facts import FunctionDef
from fastapi_bgtask_lint.resolving.values import FromParameter
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT104",
    name="response-changed-in-task",
    severity=Severity.ERROR,
    harms=(Harm("no effect"),),
)


@rule.check
def responses(registration: Registration, app: Application) -> Iterator[Report]:
    """The response parameter of a handler reaches the task."""
    targets = app.registrations.targets(registration)
    for escaping in app.lifetimes.of(registration, targets):
        if escaping.kind is ResourceKind.RESPONSE and _is_injected(escaping, app):
            yield Report(
                "the injected response is handed to a task that runs after it was sent: what the task sets on it has no"
                " effect; set it in the handler",
                registration.site,
                ((escaping.source, "the response is injected here"),),
            )


def _is_injected(escaping: EscapingResource, app: Application) -> bool:
    origin = getattr(escaping.value, "origin", None)
    if not isinstance(origin, FromParameter) or not isinstance(origin.context.scope, FunctionDef):
        return False
    return app.handlers.is_operation(origin.context) or app.handlers.is_dependency(origin.context)
