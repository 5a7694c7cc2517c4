"""This tool beside others on the corpus."""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.corpus import corpus
from tests.benchmarks.measuring import Cost, measured

WALK = """
import os, sys
found = 0
for folder in sys.argv[1:]:
    for place, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".py"):
                with open(os.path.join(place, name), "rb") as file:
                    found += b"BackgroundTask" in file.read()
"""
RUFF = "ASYNC,FAST,RUF006,S113,BLE,B"
SEED = 2026


def program(name: str) -> str:
    """A command that is installed beside this interpreter."""
    return str(Path(sys.executable).with_name(name))


def mentions_tasks(path: Path) -> bool:
    """A file has to do with tasks, as far as a search can tell."""
    return b"BackgroundTask" in path.read_bytes()


def touched(path: Path) -> None:
    """Add a line to a file."""
    path.write_bytes(path.read_bytes() + b"\n# edited\n")


class Comparison:
    """Measures one thing after the other, and keeps the rows of the table."""

    def __init__(self, folder: Path, applications: list[Path], runs: int) -> None:
        self.folder = folder
        self.names = [path.name for path in applications]
        self.files = sorted(path for application in applications for path in application.rglob("*.py"))
        self.runs = runs
        self.rows: list[tuple[str, Cost]] = []

    def add(self, name: str, command: list[str], before: Callable[[], object] = lambda: None, runs: int = 0) -> None:
        """Measure a command."""
        self.rows.append((name, measured(command, self.folder, runs or self.runs, before)))
        print(f"{name}: {self.rows[-1][1]}", file=sys.stderr)

    def run(self) -> None:
        """Measure everything."""
        own = [sys.executable, "-m", "fastapi_bgtask_lint"]
        self.add("interpreter", [sys.executable, "-c", "pass"])
        self.add("--version", [*own, "--version"])
        self.add("walk that reads every file", [sys.executable, "-S", "-c", WALK, *self.names])
        self.add("ruff, no cache", [program("ruff"), "check", "--no-cache", "--isolated", "--select", RUFF, "."])
        ruff = [program("ruff"), "check", "--isolated", "--select", RUFF, "."]
        self.add("ruff, warm", ruff)
        self.add("cold, one process", [*own, "--no-cache", "--jobs", "1", *self.names])
        self.add("cold", [*own, "--no-cache", *self.names])
        self.add("first run with the cache", [*own, *self.names], self.forget, runs=1)
        self.add("warm", [*own, *self.names])
        self.add("after an edit", [*own, *self.names], self.edit)
        self.add("after an edit that matters", [*own, *self.names], self.edit_what_matters)
        self.without_tasks(own)
        self.flake8()

    def without_tasks(self, own: list[str]) -> None:
        """The applications in which no file mentions tasks."""
        mentioning = {path.relative_to(self.folder).parts[0] for path in self.files if mentions_tasks(path)}
        names = [name for name in self.names if name not in mentioning]
        self.add("walk, applications without tasks", [sys.executable, "-S", "-c", WALK, *names])
        self.add("the same, no cache", [*own, "--no-cache", *names])

    def flake8(self) -> None:
        """Flake8 over 500 files that were drawn at random, in an environment of its own and beside our plugin."""
        chosen = random.Random(SEED).sample(self.files, min(500, len(self.files)))
        names = [str(path.relative_to(self.folder)) for path in chosen]
        alone, asynchronous = self.environment("flake8"), self.environment("flake8-async")
        options = ["-m", "flake8", "--isolated", "--jobs", "1"]
        self.add("flake8 over 500 files", [str(alone / "python"), *options, *names])
        self.add("flake8 over 500 files, with our plugin", [sys.executable, *options, *names])
        self.add("flake8-async's own command over them", [str(asynchronous / "flake8-async"), *names], runs=1)

    def environment(self, package: str) -> Path:
        """The programs of an environment in which nothing but a package is installed."""
        folder = self.folder / f".{package}"
        if not folder.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", package], check=True)
        return folder / "bin"

    def forget(self) -> None:
        """Remove all caches."""
        for name in self.names:
            shutil.rmtree(self.folder / name / ".fastapi_bgtask_lint_cache", ignore_errors=True)

    def edit(self) -> None:
        """Add a line to a file that has nothing to do with tasks."""
        touched(next(path for path in self.files if not mentions_tasks(path)))

    def edit_what_matters(self) -> None:
        """Add a line to a file with registrations, in the application that has most of them."""
        mentioning = [path for path in self.files if mentions_tasks(path)]
        most, _ = Counter(path.relative_to(self.folder).parts[0] for path in mentioning).most_common(1)[0]
        touched(next(path for path in mentioning if path.is_relative_to(self.folder / most)))

    def table(self) -> str:
        """The rows as a page's table, with ratios to the walk and to ruff."""
        costs = dict(self.rows)
        walk, ruff = costs["walk that reads every file"].wall, costs["ruff, no cache"].wall
        lines = ["| | seconds | x walk | x ruff | CPU seconds | MiB |", "|---|---|---|---|---|---|"]
        for name, cost in self.rows:
            lines.append(
                f"| {name} | {cost.wall:.2f} | {cost.wall / walk:.2f} | {cost.wall / ruff:.2f} |"
                f" {cost.cpu:.2f} | {cost.memory:.0f} |"
            )
        return "\n".join(lines)


def main() -> None:
    """Get the corpus, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the corpus is, or comes to be")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    applications = corpus(options.folder.resolve())
    comparison = Comparison(options.folder.resolve(), applications, options.runs)
    comparison.run()
    lines = sum(path.read_bytes().count(b"\n") for path in comparison.files)
    print(f"{len(applications)} applications, {len(comparison.files):,} files, {lines:,} lines\n")
    print(comparison.table())


if __name__ == "__main__":
    main()
