"""What is found although only a part of each file is read: every case was lost, or wrong, when reading became lazy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors import by_command_line, write

HEAD = """from functools import partial
from typing import Annotated, Optional

from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy.orm import Session, sessionmaker

Sessions = sessionmaker()
app = FastAPI()


def opened():
    session = Sessions()
    try:
        yield session
    finally:
        session.close()


def send(session): ...


"""
ROUTE = """@app.post("/")
def post(tasks: BackgroundTasks, session: Session = Depends(opened)):
    {}
"""
OPTIONAL = "tasks: Optional[BackgroundTasks] = None"
SLOW = "import time\n\n\nasync def slow():\n    time.sleep(1)\n\n\n"

CASES = {
    "a function kept on an object": (
        "def notify(queue, session):\n    queue.add_task(send, session)\n\n\n"
        "class Service:\n    def __init__(self):\n        self.notify = notify\n\n"
        "    def run(self, queue, session):\n        self.notify(queue, session)\n\n\n"
        + ROUTE.format("Service().run(tasks, session)"),
        {"BGT201"},
    ),
    "a function that another returns": (
        "def made(prefix):\n    def notify(queue, session):\n        queue.add_task(send, session)\n\n"
        "    return notify\n\n\n"
        "notify = made('x')\n\n\n" + ROUTE.format("notify(tasks, session)"),
        {"BGT201"},
    ),
    "a method under a name of the module": (
        "class Service:\n    def notify(self, queue, session):\n        queue.add_task(send, session)\n\n\n"
        "notify = Service().notify\n\n\n" + ROUTE.format("notify(tasks, session)"),
        {"BGT201"},
    ),
    "a call over lines": (
        "def notify(queue, session):\n    queue.add_task(send, session)\n\n\n"
        + ROUTE.format("notify \\\n        (tasks, session)"),
        {"BGT201"},
    ),
    "a partial as dependency": (
        (f"def need(role, {OPTIONAL}): ...\n\n\n@app.get('/', dependencies=[Depends(partial(need, 'admin'))])\n"
        f"def get(): ...\n"),
        {"BGT511"},
    ),
    "a dependency under another name": (
        (f"def need({OPTIONAL}): ...\n\n\nneeded = need\n\n\n@app.get('/', dependencies=[Depends(needed)])\n"
        f"def get(): ...\n"),
        {"BGT511"},
    ),
    "a path operation behind brackets": (
        (f"def path(name):\n    return '/' + name\n\n\ndef get({OPTIONAL}): ...\n\n\n"
        f"app.add_api_route(path('x'), get)\n"),
        {"BGT511"},
    ),
    "a class in an alias of its dependency": (
        (f"class Service:\n    def __init__(self, {OPTIONAL}): ...\n\n\n"
        f"ServiceDep = Annotated[Service, Depends()]\n\n\n"
        "@app.get('/')\ndef get(service: ServiceDep): ...\n"),
        {"BGT511"},
    ),
    "tasks of the module beside a class": (
        "tasks = BackgroundTasks()\ntasks.add_task(send, 1)\n\n\nclass Other:\n    def method(self): ...\n",
        {"BGT503"},
    ),
    "a name bound in the head of a method": (
        SLOW + "class Service:\n    def method(self, x=(job := slow)): ...\n\n    work = job\n\n\n"
        "@app.get('/')\ndef get(tasks: BackgroundTasks):\n    tasks.add_task(Service.work)\n",
        {"BGT301"},
    ),
    "comments that silence a method in a branch": (
        "import time\n\n\nclass Service:\n    if True:\n        async def work(self):  # noqa: BGT301, BGT403\n"
        "            time.sleep(1)\n\n\n"
        + ROUTE.format("tasks.add_task(Service().work)"),
        set(),
    ),
    "all callers are seen": (
        "def notify(queue):\n    queue.add_task(send, 1)\n\n\n"
        "class Service:\n    def __init__(self):\n        self.notify = notify\n\n"
        "    def run(self, queue):\n        self.notify(queue)\n\n\n" + ROUTE.format("Service().run(tasks)")
        + "\n\ndef lost():\n    notify(BackgroundTasks())\n",
        set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_found_on_demand(tmp_path: Path, case: str) -> None:
    text, codes = CASES[case]
    write(tmp_path, {"pyproject.toml": "", "app.py": HEAD + text})

    assert {found.code for found in by_command_line(tmp_path, "--no-cache")} == codes


@pytest.mark.parametrize(
    ("beside", "imported"),
    [
        ("class Job(BackgroundTask): ...\n", "from jobs import Job"),
        ("Job = BackgroundTask\n", "from jobs import Job"),
        ("", "try:\n    from starlette.background import BackgroundTask as Job\nexcept ImportError: ..."),
    ],
)
def test_tasks_under_other_names(tmp_path: Path, beside: str, imported: str) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": "",
            "jobs.py": f"from starlette.background import BackgroundTask\n\n\n{beside}",
            "app.py": f"from fastapi import BackgroundTasks\nfrom fastapi.responses import JSONResponse\n\n"
            f"{imported}\n\n\n"
            f"{SLOW}def made():\n    return Job(slow)\n\n\ndef get():\n"
            f"    return JSONResponse(1, background=made())\n",
        },
    )

    assert "BGT301" in {found.code for found in by_command_line(tmp_path, "--no-cache")}
