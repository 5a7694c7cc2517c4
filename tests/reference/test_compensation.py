"""Undo what a request that fails has left: the way that tutorials show never runs, two others do."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fastapi_bgtask_lint import lint_text
from tests.reference.servers import PATIENCE, free_port, listening, started, until

APP = """
import logging
from pathlib import Path

from fastapi import BackgroundTasks, FastAPI, HTTPException
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

app = FastAPI()


def remove(path: str) -> None:
    try:
        Path(path).unlink()
    except OSError:
        logging.exception("%s is left", path)


@app.post("/trap")
async def trap(path: str, tasks: BackgroundTasks) -> None:
    Path(path).touch()
    tasks.add_task(remove, path)  # BGT504
    raise HTTPException(409)


@app.post("/before-the-error")
async def before_the_error(path: str) -> None:
    Path(path).touch()
    remove(path)
    raise HTTPException(409)


@app.post("/on-the-response")
async def on_the_response(path: str) -> JSONResponse:
    Path(path).touch()
    return JSONResponse({"detail": "no"}, 409, background=BackgroundTask(remove, path))
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of that application."""
    (tmp_path / "app.py").write_text(APP)
    port = free_port()
    with started(["-m", "uvicorn", "app:app", "--port", str(port)], tmp_path):
        until(lambda: listening(port))
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            yield client


def test_the_trap_leaves_what_it_should_remove_and_the_cures_do_not(client: httpx.Client, tmp_path: Path) -> None:
    for route in ("trap", "before-the-error", "on-the-response"):
        assert client.post(f"/{route}", params={"path": str(tmp_path / route)}).status_code == 409

    until(lambda: not (tmp_path / "on-the-response").exists())
    assert not (tmp_path / "before-the-error").exists()
    assert (tmp_path / "trap").exists()


def test_the_linter_knows_the_trap() -> None:
    trap = next(line for line, text in enumerate(APP.splitlines(), 1) if "# BGT504" in text)

    findings = lint_text(APP, "app.py").findings

    assert [(finding.code, finding.place.line) for finding in findings] == [("BGT504", trap)]
