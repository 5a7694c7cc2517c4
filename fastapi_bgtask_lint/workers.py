"""Where projects are judged: here, in processes of our own, or wherever an executor of the caller's leads."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

ENOUGH = 12
"""Files with registrations from which processes are worth their start."""


class Here(Executor):
    """An executor that does the work when it gets it."""

    def __init__(self) -> None:
        self._used = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - as the base
        """The result, or the error, at once."""
        if self._used:
            gc.collect()  # what one project leaves is one large cycle; the next needs the room
        self._used = True
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the future hands it on
            future.set_exception(error)
        return future


class Processes(ProcessPoolExecutor):
    """Processes of our own, each of which judges one project after the other."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - as the base
        """The result, when one of the processes has it."""
        return super().submit(_with_room, fn, *args, **kwargs)


def _with_room(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - what it gives
    gc.collect()  # as above
    return fn(*args, **kwargs)


@contextmanager
def workers(jobs: int, *, projects: int, files: int) -> Iterator[Executor]:
    """An executor for so many projects, with so many files to parse between them; it is done with when this ends."""
    if min(jobs, projects) < 2 or files < ENOUGH:
        yield Here()
        return
    pool = Processes(min(jobs, projects))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
