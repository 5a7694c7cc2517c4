"""The deep stack: work that recurses deeply, and settings of the process that are as before when it is done."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fastapi_bgtask_lint.linter import Caching, lint_paths
from fastapi_bgtask_lint.reading.deep_stack import on_deep_stack
from tests.doors import APP, write

LEVELS = 20_000
REPOSITORY = Path(__file__).parent.parent


def depth(levels: int) -> int:
    return 0 if levels == 0 else 1 + depth(levels - 1)


def settings() -> tuple[int, int]:
    return sys.getrecursionlimit(), threading.stack_size()


def test_work_recurses_deeply_and_the_settings_are_restored() -> None:
    before = settings()
    with pytest.raises(RecursionError):
        depth(LEVELS)
    assert on_deep_stack(lambda: depth(LEVELS)) == LEVELS
    assert settings() == before


def test_nested_calls_run_in_the_same_thread() -> None:
    def work() -> tuple[threading.Thread, threading.Thread]:
        return threading.current_thread(), on_deep_stack(threading.current_thread)

    outer, inner = on_deep_stack(work)
    assert outer is inner
    assert outer is not threading.current_thread()


def test_an_error_is_raised_in_the_caller_and_the_settings_are_restored() -> None:
    before = settings()

    def fail() -> None:
        raise KeyError("missing")

    with pytest.raises(KeyError, match="missing"):
        on_deep_stack(fail)
    with pytest.raises(RecursionError):
        on_deep_stack(lambda: depth(1_000_000))
    assert settings() == before


def test_a_thread_that_ends_early_leaves_the_others_their_depth() -> None:
    """Each thread starts before the one before it has ended, and recurses when that has ended."""
    before = settings()
    count = 8
    running = [threading.Event() for _ in range(count)]
    ended = [threading.Event() for _ in range(count)]

    def work(number: int) -> int:
        running[number].set()
        if number + 1 < count:
            assert running[number + 1].wait(20)
        if number > 0:
            assert ended[number - 1].wait(20)
        return depth(LEVELS)

    def task(number: int) -> int:
        result = on_deep_stack(lambda: work(number))
        ended[number].set()
        return result

    with ThreadPoolExecutor(count) as executor:
        assert list(executor.map(task, range(count))) == [LEVELS] * count
    assert settings() == before


def test_many_threads_at_once_restore_the_settings() -> None:
    before = settings()
    with ThreadPoolExecutor(16) as executor:
        results = list(executor.map(lambda levels: on_deep_stack(lambda: depth(levels)), [2_000] * 400))
    assert results == [2_000] * 400
    assert settings() == before


def test_a_limit_that_somebody_else_sets_meanwhile_is_kept() -> None:
    before = sys.getrecursionlimit()
    try:
        on_deep_stack(lambda: sys.setrecursionlimit(before + 123))
        assert sys.getrecursionlimit() == before + 123
    finally:
        sys.setrecursionlimit(before)


def test_projects_judged_in_several_threads_restore_the_settings(tmp_path: Path) -> None:
    chain = " + ".join(["x"] * 900)
    for number in range(4):
        write(tmp_path / str(number), {"pyproject.toml": "", "app.py": f"{APP}\n\ntotal = {chain}\n"})
    before = settings()
    with ThreadPoolExecutor(4) as executor:
        result = lint_paths([tmp_path / str(number) for number in range(4)], caching=Caching.OFF, executor=executor)
    assert [finding.code for finding in result.findings] == ["BGT506"] * 4
    assert result.problems == ()
    assert settings() == before


PROGRAM = """
import itertools
from fastapi_bgtask_lint.reading.deep_stack import on_deep_stack

def work():
    try:
        print("working", flush=True)
        for _ in itertools.count():
            pass
    finally:
        print("ended", flush=True)

try:
    on_deep_stack(work)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="other signals")
def test_an_interrupt_ends_the_work() -> None:
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[0] == "ended\ninterrupted\n"
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="its address space is measured by proc")
def test_a_limited_address_space_gets_a_smaller_stack() -> None:
    program = (
        "import resource, sys; from fastapi_bgtask_lint.reading.deep_stack import on_deep_stack\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 200 * 1024 * 1024,) * 2)\n"
        "print(on_deep_stack(sys.getrecursionlimit))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=REPOSITORY, timeout=60
    )
    assert (done.stdout, done.stderr) == ("60000\n", "")
