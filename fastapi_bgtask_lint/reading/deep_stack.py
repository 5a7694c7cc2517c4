"""Runs code that recurses deeply in a thread with a large stack.

The recursion limit and the stack size of new threads are settings of the whole process. Only this module changes them:
under one lock, and only for as long as a thread needs them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from threading import Lock, Thread, current_thread, stack_size
from typing import Generic, TypeVar

T = TypeVar("T")

_STACK_SIZES = (512 * 1024 * 1024, 64 * 1024 * 1024)
"""In bytes. Memory is only taken as it is used, but a process whose address space is limited may get the second only."""
_RECURSION_LIMIT = 60_000
_JOIN_TIMEOUT = 0.2
"""In seconds. On Windows a signal is handled only when `join` returns."""


def on_deep_stack(work: Callable[[], T]) -> T:
    """Calls `work` where it may recurse up to 60,000 levels, and returns its result or raises its error.

    A call from inside such a `work` runs in the same thread. An exception that a signal handler raises in the calling
    thread meanwhile, such as `KeyboardInterrupt`, ends `work` as well.
    """
    if isinstance(current_thread(), _DeepThread):
        return work()
    outcome: Future[T] = Future()
    thread = _start(work, outcome)
    try:
        _join(thread)
    except BaseException as error:
        _raise_in(thread, type(error))
        _join(thread)
        raise
    return outcome.result()


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


class _DeepThread(Thread, Generic[T]):
    def __init__(self, work: Callable[[], T], outcome: Future[T]) -> None:
        super().__init__(name="deep stack", daemon=True)
        self._work = work
        self._outcome = outcome

    def run(self) -> None:
        try:
            with _LIMIT.raised():
                result = self._work()
        except BaseException as error:  # noqa: BLE001 - it is raised again in the calling thread
            self._outcome.set_exception(error)
        else:
            self._outcome.set_result(result)


def _start(work: Callable[[], T], outcome: Future[T]) -> _DeepThread[T]:
    with _START_LOCK:
        for size in _STACK_SIZES:
            thread = _DeepThread(work, outcome)
            original = stack_size(size)
            try:
                with suppress(RuntimeError):  # there is no memory for such a stack
                    thread.start()
                    return thread
            finally:
                stack_size(original)
    raise MemoryError("a thread with a large stack cannot be started")


def _join(thread: Thread) -> None:
    while thread.is_alive():
        thread.join(_JOIN_TIMEOUT)


def _raise_in(thread: Thread, error: type[BaseException]) -> None:
    """Raises an exception in another thread, as soon as that executes Python code again."""
    with suppress(ImportError):
        import ctypes

        set_error = ctypes.pythonapi.PyThreadState_SetAsyncExc
        set_error(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(error))
