"""File cannot be read as Python

The file has to be read, because it registers tasks or because a task leads there, but it cannot be decoded or parsed.
Nothing in it was checked, and a task whose code stands there is unknown. All other files are checked as usual. Place
and reason are those that Python gives where it refuses the file too.

Repair the syntax, or the encoding that the file declares. Where the file is broken on purpose (a template, a sample
for a test), leave it out with `exclude`. Do not suppress it: that hides the next broken file as well.

## Bad
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
created: list[str] = []


@app.post("/users")
async def create_user(name: str, tasks: BackgroundTasks -> dict[str, str]:  # BGT001
    tasks.add_task(created.append, name)
    return {"status": "created"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
created: list[str] = []


@app.post("/users")
async def create_user(name: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(created.append, name)
    return {"status": "created"}
```
"""

from __future__ import annotations

from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.rules.rule import Harm, Rule

# Its findings come from reading, before any check runs.
rule = Rule(
    __doc__,
    code="BGT001",
    name="unreadable-file",
    severity=Severity.ERROR,
    harms=(Harm("SyntaxError"),),
)
