"""Runs code that recurses deeply in a thread with a large stack.

The recursion limit and the stack size of new threads are settings of the whole process. Only this module changes them:
under one lock, and only for as long as a thread needs them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from threading import Lock, Thread, current_thread, get_ident, stack_size
from typing import Generic, TypeVar

T = TypeVar("T")

_STACK_SIZES = (512 * 1024 * 1024, 64 * 1024 * 1024)
"""In bytes. Memory is only taken as it is used, but an address space that is limited may leave the second only."""
_RECURSION_LIMIT = 60_000
_TIMEOUT = 0.2
"""In seconds. On Windows a signal is handled only when waiting ends."""


def on_deep_stack(work: Callable[[], T]) -> T:
    """Calls `work` where it may recurse up to 60,000 levels, and returns its result or raises its error.

    A call from inside such a `work` runs in the same thread. An exception that a signal handler raises in the calling
    thread meanwhile, such as `KeyboardInterrupt`, ends `work` as well.
    """
    if isinstance(current_thread(), _DeepThread):
        return work()
    task = _Task(work)
    try:
        _start(task)
        _wait(task.outcome)
    except BaseException as error:
        if not task.outcome.cancel() and task.outcome.running():
            _raise_in(task.thread_id, type(error))
            _wait(task.outcome)
        raise
    return task.outcome.result()


class _RecursionLimit:
    """The recursion limit of the interpreter, raised while at least one thread asks for it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._threads = 0
        self._original = 0

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Raises the limit; the last thread to leave restores it, unless somebody else has changed it meanwhile."""
        with self._lock:
            self._threads += 1
            if self._threads == 1:
                self._original = sys.getrecursionlimit()
                sys.setrecursionlimit(max(self._original, _RECURSION_LIMIT))
        try:
            yield
        finally:
            with self._lock:
                self._threads -= 1
                if self._threads == 0 and sys.getrecursionlimit() == max(self._original, _RECURSION_LIMIT):
                    sys.setrecursionlimit(self._original)


_LIMIT = _RecursionLimit()
_START_LOCK = Lock()


class _Task(Generic[T]):
    """Work for a deep thread, and what comes of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.outcome: Future[T] = Future()
        self.thread_id = 0

    def run(self) -> None:
        """Does the work, unless it has been cancelled."""
        self.thread_id = get_ident()
        if not self.outcome.set_running_or_notify_cancel():
            return
        try:
            with _LIMIT.raised():
                result = self._work()
            self.outcome.set_result(result)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the calling thread
            self.outcome.set_exception(error)


class _DeepThread(Thread):
    """A thread that `on_deep_stack` has started."""


def _start(task: _Task[T]) -> None:
    with _START_LOCK:
        for size in _STACK_SIZES:
            original = stack_size(size)
            try:
                with suppress(RuntimeError):  # there is no memory for such a stack
                    _DeepThread(target=task.run, name="deep stack", daemon=True).start()
                    return
            finally:
                stack_size(original)
    raise MemoryError("a thread with a large stack cannot be started")


def _wait(outcome: Future[T]) -> None:
    """Waits for an outcome. (An interrupted `Thread.join` takes the thread for ended in CPython 3.11 and 3.12.)"""
    while not outcome.done():
        wait([outcome], _TIMEOUT)


def _raise_in(thread_id: int, error: type[BaseException]) -> None:
    """Raises an exception in another thread, as soon as that executes Python code again."""
    with suppress(ImportError):
        import ctypes

        set_error = ctypes.pythonapi.PyThreadState_SetAsyncExc
        set_error(ctypes.c_ulong(thread_id), ctypes.py_object(error))
