"""Task returns a value

What a task returns is discarded, on every version of FastAPI: the response has been sent, and nobody waits for the
task. Code that returns something reads as if somebody did, and a caller that is a task by mistake goes unnoticed.

Return nothing, or write the result to where it is wanted.

Suppress it where the function is also called directly, by code that wants its result. The rule is pedantic: it speaks
with `--pedantic`, or when it is selected by its full code. Responses are BGT101's.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
totals: dict[int, int] = {}


def add_up(order: int, amounts: list[int]) -> int:
    return sum(amounts)  # BGT102


@app.post("/orders/{order}")
def close_order(order: int, amounts: list[int], tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(add_up, order, amounts)
    return {"status": "closed"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
totals: dict[int, int] = {}


def add_up(order: int, amounts: list[int]) -> None:
    totals[order] = sum(amounts)


@app.post("/orders/{order}")
def close_order(order: int, amounts: list[int], tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(add_up, order, amounts)
    return {"status": "closed"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.framework.responses.returned import Returned
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(
    __doc__,
    code="BGT102",
    name="task-returns-value",
    severity=Severity.WARNING,
    pedantic=True,
    harms=(Harm("discarded"),),
)


@rule.check
def values(task: Task, app: Application) -> Iterator[Report]:
    """A return statement of the task gives something other than None, and no response."""
    for site in Returned(app.evaluator).values(task.function, task.context):
        yield Report("the task returns a value that is discarded; return nothing, or store the result", site)
