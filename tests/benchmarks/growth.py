"""Time and memory against the size of a project: of N copies of an application, and of chains of calls."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measuring import Cost, measured

COPIES = (1, 2, 4, 8, 16, 32, 64)
DEPTHS = (1, 2, 5, 10, 20)
FILES = 20
"""Files of an application; two of them have to do with tasks."""

APP = """from fastapi import BackgroundTasks, FastAPI

from app{n}.tasks import work

app = FastAPI()


@app.post("/")
async def post(tasks: BackgroundTasks) -> None:
    tasks.add_task(work, 1)
"""
TASKS = """import time


async def work(number: int) -> None:
    first(number)


def first(number: int) -> None:
    time.sleep(number)
"""
OTHER = "".join(f"def f{i}(x: int) -> int:\n    y = x + {i}\n    return y\n\n\n" for i in range(60))


def copies(folder: Path, number: int) -> None:
    """A project of so many applications."""
    for n in range(number):
        package = folder / f"app{n}"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "main.py").write_text(APP.format(n=n))
        (package / "tasks.py").write_text(TASKS)
        for other in range(FILES - 3):
            (package / f"other{other}.py").write_text(OTHER)


def chain(folder: Path, depth: int) -> None:
    """A project whose task blocks after so many calls, each in a module of its own."""
    package = folder / "app0"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "main.py").write_text(APP.format(n=0))
    for level in range(depth):
        name = "tasks" if level == 0 else f"level{level}"
        kind = "async def work" if level == 0 else f"def call{level}"
        if level + 1 < depth:
            head = f"from app0.level{level + 1} import call{level + 1}\n\n\n"
            body = f"    call{level + 1}(number)\n"
        else:
            head, body = "import time\n\n\n", "    time.sleep(number)\n"
        (package / f"{name}.py").write_text(f"{head}{kind}(number: int) -> None:\n{body}")


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    command = [sys.executable, "-m", "fastapi_bgtask_lint", "--no-cache", "--jobs", "1"]
    with tempfile.TemporaryDirectory() as place:
        empty = Path(place, "empty")
        empty.mkdir()
        start = measured(command, empty, runs)
        print(f"an empty folder: {start.wall:.2f} s, {start.memory:.0f} MiB\n")
        print("| copies | files | seconds | ms a file | MiB |\n|---|---|---|---|---|")
        for number in COPIES:
            folder = Path(place, f"copies{number}")
            copies(folder, number)
            print(row(number, number * FILES, measured(command, folder, runs), start))
        print("\n| depth of the chain | files | seconds | ms a file | MiB |\n|---|---|---|---|---|")
        for depth in DEPTHS:
            folder = Path(place, f"chain{depth}")
            chain(folder, depth)
            print(row(depth, depth + 2, measured(command, folder, runs), start))


def row(size: int, files: int, cost: Cost, start: Cost) -> str:
    """A line of a table; what an empty folder takes is left out of the time for each file."""
    return f"| {size} | {files} | {cost.wall:.2f} | {(cost.wall - start.wall) / files * 1000:.2f} | {cost.memory:.0f} |"


if __name__ == "__main__":
    main()
