"""The version of FastAPI: where it is read from, and what it makes of messages, severities and silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors import by_command_line, tool, write

APP = """
from collections.abc import Iterator

from fastapi import BackgroundTasks, Depends, FastAPI, UploadFile
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

app = FastAPI()
sessions = sessionmaker(create_engine("sqlite://"))


def get_session() -> Iterator[Session]:
    with sessions() as session:
        yield session
        session.commit()


def note(*what: object) -> None:
    with sessions() as session:
        print(session, what)
        try:
            session.execute(text("SELECT 1"))
        except ValueError:
            print("failed")


def late(tasks: BackgroundTasks) -> Iterator[None]:
    yield
    tasks.add_task(note)


@app.post("/")
def handler(
    upload: UploadFile,
    tasks: BackgroundTasks,
    session: Session = Depends(get_session),
    none: None = Depends(late),
) -> None:
    session.execute(text("INSERT INTO t VALUES (1)"))
    tasks.add_task(note, session)
    tasks.add_task(note, upload)
"""
LATE, HANDED, UPLOADED = 29, 40, 41
ALWAYS = {("BGT201", HANDED), ("BGT205", UPLOADED)}
HELD = ALWAYS | {("BGT207", HANDED), ("BGT207", UPLOADED), ("BGT510", LATE)}
UNKNOWN = ALWAYS | {("BGT510", LATE)}


def found(folder: Path, *options: str) -> set[tuple[str, int]]:
    return {(one.code, one.line) for one in by_command_line(folder, *options)}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.95.2", HELD),
        ("0.105", HELD),
        ("<0.106", HELD),
        ("0.106.0", ALWAYS),
        ("0.115.14", ALWAYS),
        (">=0.106,<0.118", ALWAYS),
        ("0.118", HELD),
        (">=0.118", HELD),
        (">=0.110", UNKNOWN),
        (">=0.100", UNKNOWN),
    ],
)
def test_what_a_version_changes(tmp_path: Path, version: str, expected: set[tuple[str, int]]) -> None:
    write(tmp_path, {"pyproject.toml": "", "app.py": APP})
    assert found(tmp_path, "--target-fastapi", version) == expected


HELD_BY = [
    ("uv.lock", '[[package]]\nname = "fastapi"\nversion = "0.118.2"\n'),
    ("poetry.lock", '[[package]]\nname = "fastapi"\nversion = "0.121.0"\n'),
    ("pdm.lock", '[[package]]\nname = "fastapi"\nversion = "0.95.0"\n'),
    ("requirements.txt", "# web\nfastapi[standard]>=0.118 ; python_version > '3.8'\n"),
    ("requirements-dev.txt", "fastapi==0.165.0 --hash=sha256:00\n"),
    ("requirements/base.txt", "FastAPI ~= 0.120.1\n"),
    ("pyproject.toml", '[project]\nname = "a"\ndependencies = ["fastapi>=0.118"]\n'),
    ("pyproject.toml", '[project]\nname = "a"\n[project.optional-dependencies]\nweb = ["fastapi>=0.118"]\n'),
    ("pyproject.toml", '[dependency-groups]\nweb = ["fastapi>=0.118"]\n'),
    ("pyproject.toml", '[tool.poetry.dependencies]\nfastapi = "^0.120"\n'),
    ("pyproject.toml", '[tool.poetry.dependencies]\nfastapi = { version = ">=0.118", extras = ["all"] }\n'),
    ("pyproject.toml", '[tool.fastapi-bgtask-lint]\ntarget-fastapi = ">=0.118"\n'),
]


@pytest.mark.parametrize(("name", "text"), HELD_BY)
def test_where_the_version_is_read_from(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, {"pyproject.toml": "", "app.py": APP, name: text})
    assert found(tmp_path) == HELD


@pytest.mark.parametrize(
    "text", ["fastapi", "fastapi-users>=1", "fastapi @ git+https://example.org/x", "fastapi=>1", ""]
)
def test_what_says_nothing_is_unknown(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"pyproject.toml": "", "app.py": APP, "requirements.txt": text})
    assert found(tmp_path) == UNKNOWN


def test_a_lock_file_goes_before_what_it_locks(tmp_path: Path) -> None:
    lock = '[[package]]\nname = "fastapi"\nversion = "0.115.0"\n'
    write(tmp_path, {"pyproject.toml": '[project]\nname = "a"\ndependencies = ["fastapi>=0.100"]\n', "uv.lock": lock})
    write(tmp_path, {"app.py": APP})
    assert found(tmp_path) == ALWAYS


def test_the_nearest_project_counts(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "requirements.txt": "fastapi>=0.118\n"})
    write(tmp_path, {"old/pyproject.toml": "", "old/requirements.txt": "fastapi==0.110\n", "old/app.py": APP})
    assert found(tmp_path) == ALWAYS


@pytest.mark.parametrize(
    ("version", "severity", "words"),
    [
        ("0.115.14", "error", "it is closed before the task runs"),
        (">=0.118", "warning", "it works here"),
        (">=0.110", "error", "on FastAPI 0.106 - 0.117"),
    ],
)
def test_an_upload_is_an_error_where_it_is_closed(tmp_path: Path, version: str, severity: str, words: str) -> None:
    write(tmp_path, {"pyproject.toml": "", "app.py": APP})
    told = tool(tmp_path, "--select", "BGT205", "--target-fastapi", version).out
    assert f"{severity} BGT205" in told
    assert words in told


def test_function_scope_ends_before_the_tasks(tmp_path: Path) -> None:
    text = APP.replace("Depends(get_session)", 'Depends(get_session, scope="function")')
    text = text.replace("Depends(late)", 'Depends(late, scope="function")')
    write(tmp_path, {"pyproject.toml": "", "app.py": text})
    assert found(tmp_path, "--target-fastapi", ">=0.121") == ALWAYS
    assert "function scope" in tool(tmp_path, "--select", "BGT201", "--target-fastapi", ">=0.121").out
