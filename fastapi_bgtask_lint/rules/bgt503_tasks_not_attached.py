"""Tasks are collected but belong to no response

Only two kinds of `BackgroundTasks` run: the object that FastAPI injects for a parameter annotated with it, and an
object that is the `background` of the response that is returned. An object made by hand in a handler or by a
dependency's factory, or the default of a parameter without annotation, is forgotten together with its tasks. They
never run and no error is raised, on every version of FastAPI. A dependency that is `BackgroundTasks` itself, without
an annotation, fails at import or is forgotten, depending on the version.

Take `tasks: BackgroundTasks` as a parameter, of the handler or of a dependency: within a request all get the same
object. Or return a response with `background=tasks`.

Objects that are returned, stored, awaited or handed on are not reported. Suppress it where the object is run in
another way that cannot be seen here.
## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


@app.post("/users")
async def create_user(address: str) -> dict[str, str]:
    tasks = BackgroundTasks()
    tasks.add_task(sent.append, address)  # BGT503
    return {"status": "created"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()
sent: list[str] = []


@app.post("/users")
async def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(sent.append, address)
    return {"status": "created"}


@app.post("/guests")
async def create_guest(address: str) -> JSONResponse:
    tasks = BackgroundTasks()
    tasks.add_task(sent.append, address)
    return JSONResponse({"status": "created"}, background=tasks)
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.attachment import Attachment
from fastapi_bgtask_lint.framework.registrations.injection import problem
from fastapi_bgtask_lint.framework.registrations.registrations import Registration, hand_made
from fastapi_bgtask_lint.reading.facts import ClassDef, Name
from fastapi_bgtask_lint.resolving.bindings import Bound
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule

rule = Rule(
    __doc__,
    code="BGT503",
    name="tasks-not-attached",
    severity=Severity.ERROR,
    harms=(Harm("never runs"),),
    phase=Phase.REGISTRATION,
)


@rule.check
def unattached(registration: Registration, app: Application) -> Iterator[Report]:
    """The receiver was made by hand and goes nowhere but to registrations, in every way that leads here."""
    if registration.receiver is None:
        return
    attachment = app.attachment
    if _is_refused(registration, app):
        return
    if all(_is_forgotten(one, attachment) for one in app.registrations.alternatives(registration)):
        yield Report(
            "these tasks never run: FastAPI did not inject this BackgroundTasks and no returned response carries it;"
            " take it as a parameter annotated with BackgroundTasks, or return a response with background=",
            registration.site,
        )


def _is_refused(registration: Registration, app: Application) -> bool:
    """FastAPI does not start with this parameter: BGT511 says so."""
    receiver, context = registration.receiver, registration.context
    bindings = app.evaluator.reaching(context).at_use.get(receiver.at, ()) if isinstance(receiver, Name) else ()
    parameters = [binding.parameter for binding in bindings if isinstance(binding, Bound)]
    return any(problem(parameter, context, app.evaluator) is not None for parameter in parameters)


def _is_forgotten(registration: Registration, attachment: Attachment) -> bool:
    made = hand_made(attachment.receiver(registration))
    if registration.call_path.calls and _is_method(registration):
        # A method may have callers that are not seen: what one of them made says nothing of the others.
        return False
    if not made or not attachment.is_first(registration):
        return False
    return not any(attachment.escapes(value, registration) for value in made)


def _is_method(registration: Registration) -> bool:
    parent = registration.context.parent
    return parent is not None and isinstance(parent.scope, ClassDef)
