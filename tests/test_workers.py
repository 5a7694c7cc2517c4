"""Wherever projects are judged, the findings are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import distributed
import loky
import pytest

from fastapi_bgtask_lint import lint_paths
from fastapi_bgtask_lint.linter import Caching
from tests.doors import tool

FIXTURES = Path(__file__).parent.parent / "fixtures"
PROJECTS = [FIXTURES / name for name in ("shop", "monorepo", "effects", "endings", "request_scope", "one_file")]


@contextmanager
def dask() -> Iterator[Executor]:
    """The executor of a cluster on this machine."""
    client: Any = distributed.Client  # it is not typed
    with client(n_workers=1, threads_per_worker=1, dashboard_address=None) as connected:
        yield connected.get_executor()


EXECUTORS: dict[str, Callable[[], AbstractContextManager[Executor]]] = {
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2),
    "loky": lambda: loky.ProcessPoolExecutor(2),
    "dask": dask,
}


@pytest.mark.parametrize("name", EXECUTORS)
def test_an_executor_changes_nothing(name: str) -> None:
    alone = lint_paths(PROJECTS, caching=Caching.OFF)

    with EXECUTORS[name]() as executor:
        together = lint_paths(PROJECTS, caching=Caching.OFF, executor=executor)

    assert len(alone.findings) > 100
    assert together == alone


def test_so_do_more_jobs() -> None:
    names = [str(path) for path in PROJECTS]

    alone, together = (tool(FIXTURES.parent, "--no-cache", "--jobs", jobs, *names) for jobs in ("1", "2"))

    assert (together.status, together.out) == (alone.status, alone.out)


@pytest.mark.parametrize("jobs", ["0", "-1", "many", ""])
def test_a_number_of_jobs_that_is_none(jobs: str, tmp_path: Path) -> None:
    done = tool(tmp_path, "--jobs", jobs)

    assert done.status == 2
    assert f"{jobs!r} is no number of processes" in done.error
