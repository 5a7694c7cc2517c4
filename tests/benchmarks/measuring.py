"""Whole processes, timed."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds of the clock and of the processors, and MiB at its peak."""

    wall: float
    cpu: float
    memory: float


def cost(command: Sequence[str], folder: Path) -> Cost:
    """Run a command once. What it finds and whether it is content does not matter, but it must not fail to run."""
    before = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise RuntimeError(f"{command[:4]} ended with {process.returncode}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measured(command: Sequence[str], folder: Path, runs: int, before: Callable[[], object] = lambda: None) -> Cost:
    """The medians of several runs, each after something that is not timed."""
    costs = []
    for _ in range(runs):
        before()
        costs.append(cost(command, folder))
    return Cost(
        median(cost.wall for cost in costs), median(cost.cpu for cost in costs), median(cost.memory for cost in costs)
    )
