"""More room for recursion than a thread has by default."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_STACK_SIZE = 512 * 1024 * 1024
"""Bytes of stack for texts that nest deep or chain long; memory is only taken as it is used."""
_LEVELS = 60_000
"""The recursion limit that goes with it."""


def on_deep_stack(work: Callable[[], T]) -> T:
    """Runs something in a thread with a big stack, and gives its result or its error."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            errors.append(error)

    size, limit = threading.stack_size(_STACK_SIZE), sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _LEVELS))
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]
