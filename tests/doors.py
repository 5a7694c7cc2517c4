"""The front doors as a user opens them: real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

_COLOURS = ("NO_COLOR", "FORCE_COLOR")


@dataclass(frozen=True)
class Done:
    """A process that has ended."""

    status: int
    out: str
    error: str


class Found(NamedTuple):
    """Where a door says that something is wrong."""

    path: str
    line: int
    column: int
    code: str


def module(
    name: str,
    arguments: Sequence[str],
    folder: Path,
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> Done:
    """Runs `python -m name` in a folder."""
    variables = {key: value for key, value in os.environ.items() if key not in _COLOURS} | dict(environment or {})
    done = subprocess.run(
        [sys.executable, "-m", name, *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        check=False,
        env=variables,
        timeout=120,
    )
    return Done(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))


def tool(folder: Path, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> Done:
    """Runs the command line in a folder."""
    return module("fastapi_bgtask_lint", arguments, folder, stdin=stdin, environment=environment)


def document(folder: Path, *arguments: str, stdin: bytes = b"") -> Any:  # noqa: ANN401 - JSON
    """The JSON of a run."""
    done = tool(folder, "--output-format", "json", *arguments, stdin=stdin)
    assert done.status in {0, 1}, done.error
    return json.loads(done.out)


def by_command_line(folder: Path, *arguments: str, stdin: bytes = b"") -> list[Found]:
    """What the command line finds, in its order."""
    found = document(folder, *arguments, stdin=stdin)["findings"]
    return [Found(one["path"], one["line"], one["column"], one["code"]) for one in found]


def flake8(folder: Path, *arguments: str, stdin: bytes = b"") -> Done:
    """Runs flake8, free of any configuration of its own but the folder's."""
    return module("flake8", arguments, folder, stdin=stdin)


def by_flake8(folder: Path, *arguments: str, stdin: bytes = b"") -> list[Found]:
    """What flake8 says, in the order of place and code."""
    done = flake8(folder, "--format", "%(path)s\t%(row)d\t%(col)d\t%(code)s", *arguments, stdin=stdin)
    assert done.status in {0, 1}, done.error
    rows = (line.split("\t") for line in done.out.splitlines())
    return sorted(Found(path.removeprefix("./"), int(row), int(column), code) for path, row, column, code in rows)


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Writes files below a folder and gives the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return folder


APP = """\
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()


def note() -> None:
    return None


@app.get("/")
async def index(tasks: BackgroundTasks) -> None:
    await tasks.add_task(note)
"""
"""A module with one finding: BGT506 at line 12, column 11."""

AWAITED = Found("app.py", 12, 11, "BGT506")

HANDLER = """\
from fastapi import BackgroundTasks, FastAPI

from shop.tasks import answer

app = FastAPI()


@app.get("/one")
async def one(tasks: BackgroundTasks) -> None:
    tasks.add_task(answer)


@app.get("/two")
async def two(tasks: BackgroundTasks) -> None:
    tasks.add_task(answer)
"""

TASK = """\
from starlette.responses import Response


def answer() -> Response:
    return Response()
"""

SHOP = {"pyproject.toml": "", "shop/__init__.py": "", "shop/main.py": HANDLER, "shop/tasks.py": TASK}
"""A task in one file (BGT101 at line 5, column 5), registered twice in another (lines 10 and 15)."""

RETURNED = Found("shop/tasks.py", 5, 5, "BGT101")
FIRST = Found("shop/main.py", 10, 5, "BGT101")
SECOND = Found("shop/main.py", 15, 5, "BGT101")
