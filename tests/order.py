"""Judges projects with everything in random orders, and compares the reports.

`python -m tests.order FOLDER...` does so for each project given, or for each project in a folder of several, and prints
what differs. The order of files, registrations, rules and questions is random; a seed gives the same order every time.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from fastapi_bgtask_lint.cache import survey
from fastapi_bgtask_lint.dependencies import Judgement
from fastapi_bgtask_lint.discovery import read_bytes, stamped_files
from fastapi_bgtask_lint.judging import run
from fastapi_bgtask_lint.reading.deep_stack import on_deep_stack
from fastapi_bgtask_lint.reading.facts_cache import FactsCache
from fastapi_bgtask_lint.reading.source import Source
from fastapi_bgtask_lint.reporting import FORMATS, Report
from fastapi_bgtask_lint.reporting.palette import PLAIN
from fastapi_bgtask_lint.rules import Rule, all_rules
from fastapi_bgtask_lint.settings import PathFilter, Settings
from fastapi_bgtask_lint.triage import globs_only, triage

_SETTINGS = Settings(pedantic=True)
_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg")
_FRESH = 10
"""One of so many runs reads the files again, the others take what was read before: that is a third of the time."""


class _Sources(FactsCache):
    """Reads each file once."""

    def __init__(self) -> None:
        super().__init__()
        self._read: dict[tuple[Path, bytes], Source] = {}

    def source(self, path: Path, data: bytes) -> Source:
        """As read before."""
        if (path, data) not in self._read:
            self._read[path, data] = super().source(path, data)
        return self._read[path, data]


@dataclass
class Project:
    """A project that is judged several times."""

    root: Path
    rules: Sequence[Rule] = field(default_factory=all_rules)
    _sources: FactsCache = field(default_factory=_Sources)

    @cached_property
    def _files(self) -> dict[str, None]:
        return dict.fromkeys(stamped_files(self.root))

    @cached_property
    def seeds(self) -> list[Path]:
        """The files that can hold a registration, in order."""
        return survey(stamped_files(self.root), {}, lambda path: read_bytes(path, lambda _: None)).seeds

    def report(self, seed: int | None = None) -> str:
        """The report in JSON when everything is asked in a random order; without a seed in the usual one."""
        judgement = self._judgement(seed)
        assert not judgement.problems, judgement.problems[0].message + judgement.problems[0].traceback
        silences = globs_only(PathFilter(_SETTINGS))
        verdict = triage(judgement.findings, settings=_SETTINGS, given=self._files, silences=silences)
        report = Report(
            findings=verdict.shown,
            silenced=(),
            suppressed=0,
            problems=0,
            files=len(self._files),
            here=self.root,
            read=lambda _: b"",
            palette=PLAIN,
            with_statistics=False,
            with_summary=True,
        )
        return "\n".join(FORMATS["json"](report))

    def _judgement(self, seed: int | None) -> Judgement:
        seeds, rules = list(self.seeds), list(self.rules)
        if seed is None:
            return on_deep_stack(partial(run, self.root, seeds, _SETTINGS, {}, FactsCache(), rules=rules))
        shuffle = random.Random(seed).shuffle
        shuffle(seeds)
        shuffle(rules)
        sources = self._sources if seed % _FRESH else FactsCache()
        return on_deep_stack(partial(run, self.root, seeds, _SETTINGS, {}, sources, rules=rules, arrange=shuffle))


def differences(usual: str, other: str) -> list[str]:
    """The findings that only one of two reports has, one a line."""
    before, after = (_lines(report) for report in (usual, other))
    return [f"- {line}" for line in before if line not in after] + [f"+ {line}" for line in after if line not in before]


def _lines(report: str) -> dict[str, None]:
    return dict.fromkeys(
        f"{one['path']}:{one['line']}:{one['column']}: {one['code']} {one['severity']} {one['message']}"
        + "".join(f"\n    {r['path']}:{r['line']}:{r['column']}: {r['message']}" for r in one["related"])
        for one in json.loads(report)["findings"]
    )


def projects(folders: Sequence[Path]) -> Iterator[Path]:
    """The folders that are projects, and the folders in the others."""
    for folder in folders:
        if any((folder / mark).exists() for mark in _MARKS):
            yield folder
        else:
            yield from (path for path in sorted(folder.iterdir()) if path.is_dir())


def compared(root: Path, permutations: int) -> Iterator[str]:
    """What differs in a project, in lines; the first sums it up."""
    started = time.monotonic()
    project = Project(root)
    usual = project.report()
    reports = [project.report(seed) for seed in range(permutations)]
    differing = [seed for seed, report in enumerate(reports) if report != usual]
    count = len(json.loads(usual)["findings"])
    seconds = time.monotonic() - started
    yield f"{root.name}: {count} findings, {len(differing)} of {permutations} orders differ ({seconds:.0f} s)"
    seen: set[str] = set()
    for seed in differing:
        found = [line for line in differences(usual, reports[seed]) if line not in seen]
        seen.update(found)
        yield from (f"  seed {seed}: {line}" for line in found)


def main() -> int:
    """The command: its exit status is 1 when something differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.order", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="projects, or folders of projects")
    parser.add_argument("--permutations", type=int, default=5, metavar="N", help="orders for each project (default: 5)")
    options = parser.parse_args()
    status = 0
    for root in projects([folder.resolve() for folder in options.folders]):
        first, *differing = compared(root, options.permutations)
        print(first, *differing, sep="\n", flush=True)
        status = 1 if differing else status
    return status


if __name__ == "__main__":
    raise SystemExit(main())
