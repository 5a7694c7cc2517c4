"""Arguments do not fit the task

`add_task(f, a, b=c)` only stores the arguments. Whether they fit the function is found out when the task runs, after
the response: then `TypeError` is raised, the client has been told that it worked, and the tasks that were registered
after this one never run. That is so on every version of FastAPI.

Pass what the function takes. A type checker sees the same mistake, since `add_task` is typed with the parameters of
the function it is given.

Not reported where `*args` or `**kwargs` hide what is passed, or where a decorator that cannot be read changes the
signature. There is no reason to suppress it otherwise.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


def send(address: str, text: str) -> None:
    sent.append(f"{address}: {text}")


@app.post("/users")
async def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send, address)  # BGT508
    tasks.add_task(send, address, body="welcome")  # BGT508
    return {"status": "created"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


def send(address: str, text: str) -> None:
    sent.append(f"{address}: {text}")


@app.post("/users")
async def create_user(address: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send, address, "welcome")
    tasks.add_task(send, address, text="how to begin")
    return {"status": "created"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.targets import Target
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.resolving.annotations import PARAMETERS, is_parameter
from fastapi_bgtask_lint.resolving.signatures import mismatch, not_given
from fastapi_bgtask_lint.resolving.values import Function, Site, known
from fastapi_bgtask_lint.rules.rule import Harm, Phase, Report, Rule

rule = Rule(
    __doc__,
    code="BGT508",
    name="task-arguments-mismatch",
    severity=Severity.ERROR,
    harms=(Harm("TypeError"),),
    phase=Phase.REGISTRATION,
)


@rule.check
def mismatched(registration: Registration, app: Application) -> Iterator[Report]:
    """The arguments fit the signature of none of the functions that the task can be."""
    if registration.target is None or not known(registration.target.values):
        return
    targets = app.registrations.targets(registration)
    problems = []
    for target in targets:
        problem = mismatch(target.value, target.arguments)
        if problem is None or not isinstance(target.value, Function) or _expects_injection(target.value, target, app):
            return
        problems.append((target.value, problem))
    if problems:
        function, problem = problems[0]
        where = Site(function.parent, function.definition)
        yield Report(
            f"the task fails with a TypeError after the response: {problem}",
            registration.site,
            ((where, "defined here"),),
        )


def _expects_injection(function: Function, target: Target, app: Application) -> bool:
    """What is missing is left to FastAPI to inject: BGT514 says so."""
    context = app.evaluator.context(function.module, function.definition, function.parent)
    described = [app.evaluator.annotations.described(p, context) for p in not_given(function, target.arguments)]
    return any(is_parameter(value, PARAMETERS) for values in described for value in values)
