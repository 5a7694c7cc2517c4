"""Runs that need environments of their own: `nox -s proofs` on every version of FastAPI that the tool speaks of."""

from __future__ import annotations

import tomllib
from pathlib import Path

import nox

nox.options.sessions = ["proofs"]
nox.options.reuse_existing_virtualenvs = True

_OLD = ("starlette==0.27.0", "httpx<0.28", "python-multipart<0.0.13")
FITTING = {
    "0.95.2": (*_OLD, "pydantic<2"),
    "0.105.0": _OLD,
    "0.106.0": _OLD,
    "0.115.14": ("starlette==0.46.2",),
    "0.117.1": ("starlette==0.48.0",),
    "0.118.0": ("starlette==0.48.0",),
    "0.121.3": ("starlette==0.50.0",),
    "newest": (),
}
"""What each version of FastAPI was measured with."""


@nox.session
@nox.parametrize("fastapi", list(FITTING))
def proofs(session: nox.Session, fastapi: str) -> None:
    """The proofs on one version; `WRITE_PROOFS=1` before it keeps what they see."""
    wanted = "fastapi" if fastapi == "newest" else f"fastapi=={fastapi}"
    session.install("--upgrade", wanted, *FITTING[fastapi], ".[proofs]")
    session.run("pytest", "tests/proofs", "-q", *session.posargs)


@nox.session
def generated(session: nox.Session) -> None:
    """Writes what is generated: the README's table of rules, and the page of what the proofs saw."""
    session.install(".[proofs]")
    session.run("python", "-m", "tests.proofs.kept")
    session.run("pytest", "tests/test_house.py", "-q", "-k", "table_of_rules", env={"UPDATE_README": "1"})


@nox.session
def knowledge(session: nox.Session) -> None:
    """The table of libraries against the libraries: each row, with everything installed that pip can install."""
    tables = [tomllib.loads(path.read_text("utf-8")) for path in Path("fastapi_bgtask_lint/knowledge").glob("*.toml")]
    session.install(
        ".[proofs]", *sorted({name for table in tables for name in table.get("distributions", {}).values()})
    )
    tests = ("tests/test_knowledge_libraries.py", "tests/test_knowledge_endings.py")
    session.run("pytest", *tests, "-q", *session.posargs, env={"ALL_LIBRARIES": "1"})
    session.run("python", "-c", "from tests.test_knowledge_libraries import counted; print(counted())")


@nox.session
def mutation(session: nox.Session) -> None:
    """What the fast tests of the engine notice: mutmut, for all mutants or those that are named (`-- 'name*'`)."""
    session.install("-e", ".[dev]", "mutmut>=3.8")
    session.run("mutmut", "run", *session.posargs)
    session.run("mutmut", "results")
