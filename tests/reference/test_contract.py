"""What is promised: the OpenAPI page and the types."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fastapi_bgtask_lint.reference_app.application import app as application
from tests.reference.servers import App

OPENAPI: dict[str, Any] = application.openapi()
OPERATIONS = [
    pytest.param(path, method, id=f"{method} {path}")
    for path, methods in OPENAPI["paths"].items()
    for method in methods
]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_route_is_described(path: str, method: str) -> None:
    operation = OPENAPI["paths"][path][method]

    assert operation["description"]
    assert operation["tags"]
    success = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
    assert success["content"]["application/json"]["schema"]
    parameters, body = "{" in path, "requestBody" in operation
    expected = {"503"} if path != "/health" else set()
    expected |= {"404"} if parameters else set()
    expected |= {"400", "413"} if body else set()
    expected |= {"422"} if parameters or body else set()
    assert expected <= set(operation["responses"])


def test_the_page_is_served(app: App) -> None:
    assert app.client.get("/openapi.json").json() == OPENAPI
    assert app.client.get("/docs").status_code == 200


PROMISES = """
from fastapi import BackgroundTasks

from fastapi_bgtask_lint.reference_app.jobs import background_task


@background_task(deadline=1)
async def right(user_id: str) -> None: ...


@background_task(deadline=1)  # rejected
async def returns_a_value(user_id: str) -> int:
    return 1


@background_task(deadline=1)  # rejected
def is_not_async(user_id: str) -> None: ...


right.job("a")
right.job(1)  # rejected
right.job()  # rejected
BackgroundTasks().add_task(right, right.job("a").id)
BackgroundTasks().add_task(right)  # rejected
"""


def test_a_type_checker_rejects_tasks_that_return_values_and_arguments_that_do_not_fit(tmp_path: Path) -> None:
    file = tmp_path / "promises.py"
    file.write_text(PROMISES)

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(file)], capture_output=True, text=True, check=False
    )

    rejected = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert rejected == {line for line, text in enumerate(PROMISES.splitlines(), 1) if "# rejected" in text}, done.stdout
