"""What a team teaches the tool about its own code, through the command line and `pyproject.toml`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

APPLICATION = """\
import time
from contextlib import contextmanager

import requests
from fastapi import BackgroundTasks, FastAPI
from house import guarded, in_pool, lookup, noted, within

app = FastAPI()


def asks(url: str) -> None:
    requests.get(url, timeout=5)


@guarded
def asks_guarded(url: str) -> None:
    requests.get(url, timeout=5)


def asks_noted(url: str) -> None:
    with noted():
        requests.get(url, timeout=5)


async def sleeps() -> None:
    await in_pool(time.sleep, 1)


async def looks_up() -> None:
    try:
        lookup("name")
    except Exception:
        print("failed")


@app.post("/")
async def create(tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(asks, "https://example.org")
    tasks.add_task(asks_guarded, "https://example.org")
    tasks.add_task(asks_noted, "https://example.org")
    tasks.add_task(sleeps)
    tasks.add_task(looks_up)
    return {"status": "ok"}
"""
HOUSE = """\
import elsewhere
from contextlib import contextmanager


def guarded(function):
    return elsewhere.guard(function)


@contextmanager
def noted():
    elsewhere.begin()
    yield


async def in_pool(function, *arguments):
    await elsewhere.pool(function, *arguments)


def within(seconds):
    return elsewhere.within(seconds)


def lookup(name):
    return elsewhere.lookup(name)
"""


def findings(project: Path) -> list[tuple[int, str]]:
    command = [sys.executable, "-m", "fastapi_bgtask_lint", "--no-cache", "--output-format", "json", "."]
    run = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stderr
    return [(one["line"], one["code"]) for one in json.loads(run.stdout)["findings"] if one["path"] == "app.py"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APPLICATION)
    (tmp_path / "house.py").write_text(HOUSE)
    return tmp_path


def table(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.fastapi-bgtask-lint]\n{text}\n")


def test_untaught_only_what_is_known_is_reported(project: Path) -> None:
    table(project, "")
    assert (12, "BGT403") in findings(project)
    assert (22, "BGT403") in findings(project)


def test_a_context_manager_that_handles_errors(project: Path) -> None:
    table(project, 'error-handlers = ["house.noted"]')
    assert (22, "BGT403") not in findings(project)
    assert (12, "BGT403") in findings(project)


def test_a_decorator_that_handles_errors_keeps_the_function_known(project: Path) -> None:
    app = project / "app.py"
    app.write_text(
        APPLICATION.replace(
            "def asks_guarded(url: str) -> None:\n    requests.get(url, timeout=5)",
            "def asks_guarded(url: str) -> None:\n    requests.get(url)",
        )
    )
    table(project, 'error-handlers = ["house.guarded"]')
    assert [one for one in findings(project) if one[0] == 17] == [(17, "BGT401")]


def test_a_blocking_call_of_the_project(project: Path) -> None:
    table(project, 'blocking-calls = ["house.lookup"]')
    assert (31, "BGT301") in findings(project)


def test_a_wait_with_its_timeout_argument(project: Path) -> None:
    table(project, '[tool.fastapi-bgtask-lint.waits]\n"house.lookup" = "seconds"')
    assert (31, "BGT401") in findings(project)
    app = project / "app.py"
    app.write_text(APPLICATION.replace('lookup("name")', 'lookup("name", seconds=5)'))
    assert (31, "BGT401") not in findings(project)


def test_a_function_that_off_loads(project: Path) -> None:
    app = project / "app.py"
    app.write_text(APPLICATION.replace("in_pool(time.sleep, 1)", "in_pool(asks, 'https://example.org')"))
    table(project, 'offloaders = ["house.in_pool"]')
    found = findings(project)
    assert (26, "BGT301") not in found
    assert (26, "BGT403") in found
