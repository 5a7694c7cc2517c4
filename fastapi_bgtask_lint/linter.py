"""The run: paths in, findings out. Both front doors call this and add nothing to it."""

from __future__ import annotations

import enum
import io
import os
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from fastapi_bgtask_lint.cache import (
    Cache,
    Snapshot,
    Survey,
    record_cache,
    snapshot,
    snapshot_cache,
    still_holds,
    survey,
)
from fastapi_bgtask_lint.dependencies import Dependencies, Judgement
from fastapi_bgtask_lint.discovery import (
    NO_STAMP,
    Problem,
    Report,
    Roots,
    Stamp,
    absolute,
    bug,
    python_files,
    read_bytes,
    stamp,
    stamped_files,
)
from fastapi_bgtask_lint.findings import Finding, Place
from fastapi_bgtask_lint.noqa import Comments
from fastapi_bgtask_lint.reading.deep_stack import on_deep_stack
from fastapi_bgtask_lint.reading.facts_cache import FactsCache
from fastapi_bgtask_lint.rules import all_rules
from fastapi_bgtask_lint.settings import Codes, PathFilter, Settings
from fastapi_bgtask_lint.triage import Silences, comments_and_globs, globs_only, triage
from fastapi_bgtask_lint.workers import workers

NAMELESS = Path("-")
"""Where findings stand in standard input that has no name."""

Progress = Callable[[str], None]
"""Is told, in a few words, what the run is at."""


class Caching(enum.Enum):
    """Whether what is known from the last run may be used, and is kept for the next one."""

    ON = enum.auto()
    OFF = enum.auto()


class Noqa(enum.Enum):
    """What becomes of `noqa` comments."""

    HONOURED = enum.auto()
    DISREGARDED = enum.auto()


@dataclass(frozen=True, slots=True)
class Stdin:
    """Standard input. With a path it takes that file's place in its project, without one it is a project of its own."""

    data: bytes
    path: Path | None = None
    """Absolute."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found. Paths are absolute, except `NAMELESS`."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]
    """Silenced by a comment or a `per-file-ignores`; not among the findings."""
    problems: tuple[Problem, ...]
    """What could not be done. The findings are those of everything else."""
    files: int
    """How many Python files were given, directly or by their folder."""
    empty: tuple[Path, ...] = ()
    """Given folders that have no Python file."""
    texts: Mapping[Path, bytes] = field(default_factory=dict)
    """Content that does not stand in the file system: standard input."""


def known_codes() -> Codes:
    """Every code that a rule has, and whether the rule is pedantic; the rules are loaded when one is asked for."""
    return _KnownCodes()


class _KnownCodes(Mapping[str, bool]):
    @cached_property
    def _codes(self) -> dict[str, bool]:
        return {rule.code: rule.pedantic for rule in all_rules()}

    def __getitem__(self, code: str) -> bool:
        return self._codes[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def __len__(self) -> int:
        return len(self._codes)


def lint_paths(
    paths: Iterable[str | os.PathLike[str]],
    settings: Settings | None = None,
    *,
    stdin: Stdin | None = None,
    progress: Progress | None = None,
    noqa: Noqa = Noqa.HONOURED,
    caching: Caching = Caching.ON,
    jobs: int = 1,
    executor: Executor | None = None,
) -> Result:
    """Lints files and folders, and standard input when it is handed over.

    All files of a path's project are looked through, for a registration elsewhere can lead to a finding in the path.
    Shown is what has to do with the paths. Nothing is raised for anything that stands in a file.

    Args:
        jobs: how many processes may judge projects side by side; one project is judged by one process.
        executor: judges the projects instead, on whatever it leads to that sees the same files.
    """
    run = _Run(settings or Settings(), progress or _unheard, caching, jobs, executor)
    for path in paths:
        run.give(absolute(path))
    if stdin is not None:
        run.give_text(stdin)
    return run.result(noqa)


def lint_text(
    text: str | bytes, filename: str | os.PathLike[str] | None = None, settings: Settings | None = None
) -> Result:
    """Lints a text, in the place of the named file when there is a name."""
    path = None if filename is None else absolute(filename)
    return lint_paths((), settings, stdin=Stdin(text if isinstance(text, bytes) else encoded(text), path))


def encoded(text: str) -> bytes:
    """A text as the bytes of a file that says the same: in the encoding that its own first lines declare."""
    data = text.encode("utf-8", "surrogatepass")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return text.encode(encoding)
    except (SyntaxError, UnicodeEncodeError, LookupError):
        return data


def _unheard(_: str) -> None:
    """Nobody asked for progress."""


def judge(
    root: Path, seeds: list[Path], settings: Settings, overrides: Mapping[Path, bytes], caching: Caching
) -> Judgement:
    """Judges a project, with what earlier runs have read of its files and for later ones. Executors run this."""
    from fastapi_bgtask_lint.judging import run  # and all rules with it, only when something has to be judged

    cache = record_cache(root) if caching is Caching.ON else None
    facts_cache = FactsCache(cache.load() if cache is not None else None)
    judgement = on_deep_stack(partial(run, root, seeds, settings, overrides, facts_cache))
    if cache is not None and facts_cache.has_grown:
        cache.store(facts_cache.records())
    return judgement


@dataclass(slots=True)
class _Given:
    """What was given of one project."""

    files: set[Path] = field(default_factory=set)
    folders: set[Path] = field(default_factory=set)

    def has(self, path: Path) -> bool:
        return path in self.files or any(path.is_relative_to(folder) for folder in self.folders)


@dataclass(frozen=True)
class _Look:
    """A project's files, and what is known of them."""

    root: Path
    shown: set[str]
    """Those that were given."""
    overrides: Mapping[Path, bytes]
    seeds: list[Path]
    """Those that can hold a registration."""
    now: Survey
    cache: Cache[Snapshot] | None
    snapshot: Snapshot | None

    @cached_property
    def known(self) -> Judgement | None:
        """What is known to be found; None when it has to be judged."""
        if not self.seeds:
            return Judgement((), Dependencies())
        if self.snapshot is None or not still_holds(self.snapshot, self.now):
            return None
        return Judgement(self.snapshot.findings, self.snapshot.dependencies)

    def keep(self, judgement: Judgement) -> None:
        """Keeps what was found for the next run, unless something could not be judged: that is tried again."""
        if judgement.problems:
            return
        if self.cache is not None and (self.snapshot is None or self.now.differs or self.known is not judgement):
            self.cache.store(snapshot(self.now, judgement.findings, judgement.dependencies))


@dataclass(slots=True)
class _Run:
    settings: Settings
    progress: Progress
    caching: Caching
    jobs: int
    executor: Executor | None
    _roots: Roots = field(default_factory=Roots)
    _projects: dict[Path, _Given] = field(default_factory=dict)
    _overrides: dict[Path, bytes] = field(default_factory=dict)
    _nameless: Path | None = None
    _problems: dict[Problem, None] = field(default_factory=dict)
    _empty: list[Path] = field(default_factory=list)

    def give(self, path: Path) -> None:
        """Takes up one path of the user's."""
        if path.is_dir():
            self._project(path).folders.add(path)
        elif os.path.lexists(path):
            self._project(path).files.add(path)
        else:
            self._report(Problem(path, "no such file or directory"))

    def give_text(self, stdin: Stdin) -> None:
        """Takes up standard input. Without a name it gets a folder that does not exist, where nothing else is."""
        path = stdin.path
        if path is None:
            self._nameless = path = absolute(Path("<stdin>", "stdin.py"))
            self._projects.setdefault(path.parent, _Given()).files.add(path)
        else:
            self._project(path).files.add(path)
        self._overrides[path] = stdin.data

    def result(self, noqa: Noqa) -> Result:
        """Does the work."""
        globs = PathFilter(self.settings)
        looks = [self._look_into(root, self._projects[root], globs) for root in sorted(self._projects, key=str)]
        findings = [finding for found in self._findings(looks) for finding in found]
        given = {path for look in looks for path in look.shown if not globs.excludes(path)}
        verdict = triage(findings, settings=self.settings, given=given, silences=self._silences(noqa, globs))
        return Result(
            findings=self._named(verdict.shown),
            suppressed=self._named(verdict.suppressed),
            problems=tuple(sorted(map(self._named_problem, self._problems), key=lambda problem: problem.order)),
            files=len(given),
            empty=tuple(sorted(self._empty, key=str)),
            texts={self._name(path): data for path, data in self._overrides.items()},
        )

    def _project(self, path: Path) -> _Given:
        return self._projects.setdefault(self._roots.of(path), _Given())

    def _report(self, problem: Problem) -> None:
        self._problems.setdefault(problem)

    def _look_into(self, root: Path, given: _Given, globs: PathFilter) -> _Look:
        """Looks at the files of a project: which of them were given, can hold a registration, or have changed."""

        def report(problem: Problem) -> None:
            if given.has(problem.path) and not globs.excludes(problem.path):
                self._report(problem)

        self.progress(f"finding the files of {root}")
        listing = stamped_files(root, report)
        shown = self._shown(root, given, listing, report)
        overrides = {path: data for path, data in self._overrides.items() if path.is_relative_to(root)}
        beside = (shown | set(map(str, overrides))) - listing.keys()
        for path in beside:
            listing[path] = stamp(path) or NO_STAMP
        cache = None if beside or overrides or self.caching is Caching.OFF else snapshot_cache(root, self.settings)
        known = cache.load() if cache is not None else None
        self.progress(f"looking through {len(listing)} files of {root}")
        now = survey(listing, known.files if known is not None else {}, lambda path: self._data(path, report))
        seeds = [path for path in now.seeds if not globs.excludes(path)]
        return _Look(root, shown, overrides, seeds, now, cache, known)

    def _shown(self, root: Path, given: _Given, listing: Mapping[str, Stamp], report: Report) -> set[str]:
        shown = set(map(str, given.files))
        for folder in given.folders:
            files = set(listing) if folder == root else set(map(str, python_files(folder, report)))
            if not files:
                self._empty.append(folder)
            shown |= files
        return shown

    def _data(self, path: str | Path, report: Callable[[Problem], None]) -> bytes | None:
        text = self._overrides.get(Path(path)) if self._overrides else None
        return read_bytes(path, report) if text is None else text

    def _findings(self, looks: list[_Look]) -> Iterator[tuple[Finding, ...]]:
        """What is found in each project, judging those of which nothing is known that still holds."""
        unknown = sorted((look for look in looks if look.known is None), key=lambda look: len(look.seeds), reverse=True)
        with self._workers(unknown) as executor:
            self.progress(f"judging {sum(len(look.seeds) for look in unknown)} files")
            pending = [self._judge(executor, look) for look in unknown]
            judged = {look.root: self._outcome(look, future) for look, future in zip(unknown, pending, strict=True)}
        for look in looks:
            judgement = judged.get(look.root, look.known)
            if judgement is None:
                continue
            for problem in judgement.problems:
                self._report(problem)
            look.keep(judgement)
            yield judgement.findings

    def _judge(self, executor: Executor, look: _Look) -> Future[Judgement]:
        return executor.submit(judge, look.root, look.seeds, self.settings, look.overrides, self.caching)

    def _workers(self, looks: list[_Look]) -> AbstractContextManager[Executor]:
        if self.executor is not None:
            return nullcontext(self.executor)
        return workers(self.jobs, projects=len(looks), files=sum(len(look.seeds) for look in looks))

    def _outcome(self, look: _Look, future: Future[Judgement]) -> Judgement | None:
        try:
            return future.result()
        except Exception as error:  # noqa: BLE001 - one project's trouble must not cost the others their findings
            self._report(bug(error, look.root))
            return None

    def _silences(self, noqa: Noqa, globs: PathFilter) -> Silences:
        match noqa:
            case Noqa.HONOURED:
                return comments_and_globs(Comments(self._text), globs)
            case Noqa.DISREGARDED:
                return globs_only(globs)

    def _text(self, path: Path) -> bytes:
        return self._data(path, lambda _: None) or b""

    def _name(self, path: Path) -> Path:
        return NAMELESS if path == self._nameless else path

    def _named_problem(self, problem: Problem) -> Problem:
        return replace(problem, path=self._name(problem.path))

    def _named(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings with `NAMELESS` in the place of the folder that does not exist."""
        return tuple(findings) if self._nameless is None else tuple(map(self._renamed, findings))

    def _renamed(self, finding: Finding) -> Finding:
        def renamed(place: Place) -> Place:
            return replace(place, path=self._name(place.path))

        return replace(
            finding,
            place=renamed(finding.place),
            related=tuple(replace(related, place=renamed(related.place)) for related in finding.related),
            registrations=tuple(map(renamed, finding.registrations)),
        )
