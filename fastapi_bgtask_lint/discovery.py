"""Which files belong to a project, and which of them can hold a registration.

Only names and bytes are looked at here: nothing is decoded or parsed, so that a project of many files costs little.
"""

from __future__ import annotations

import enum
import itertools
import os
import re
import stat
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_ROOT_MARKS = ("pyproject.toml", "setup.cfg", "setup.py", ".git")
_LEFT_OUT = frozenset(
    {"__pycache__", "__pypackages__", "_build", "buck-out", "build", "dist", "node_modules", "site-packages", "venv"}
)
_SETS_BACKGROUND = re.compile(rb"background(?:\b(?<=\.background)|(?<!\wbackground)\s*=)")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be done. The run goes on and its exit status is 2."""

    path: Path
    message: str
    traceback: str = ""
    """Where a bug of this tool showed; empty for everything that is not one."""
    line: int | None = None
    """The line in the file, where one can be named."""

    @property
    def place(self) -> str:
        """The path, and the line if there is one."""
        return str(self.path) if self.line is None else f"{self.path}:{self.line}"

    @property
    def order(self) -> tuple[str, int, str, str]:
        """Sorts by path, line and message."""
        return str(self.path), self.line or 0, self.message, self.traceback


def bug(error: Exception, path: Path, line: int | None = None, *, during: str = "") -> Problem:
    """The report of an exception that this tool should not have raised, while it worked on something at a place."""
    name = f"this is a bug of fastapi-bgtask-lint{during and f' ({during})'}: {type(error).__name__}: {error}"
    return Problem(path, name, "".join(traceback.format_exception(error, limit=-8)), line)


Report = Callable[[Problem], None]


class Stamp(NamedTuple):
    """How a file looks from outside. A file whose stamp is the same has the same content, for all that is known."""

    size: int
    mtime_ns: int
    inode: int


NO_STAMP = Stamp(-1, 0, 0)
"""The stamp of no file: what has it is read again."""


def absolute(path: str | os.PathLike[str]) -> Path:
    """The path from the file system's root, without `.` and `..`, symbolic links kept."""
    return Path(os.path.abspath(path))  # Path.absolute keeps "..", resolve() follows links


def project_root(path: Path) -> Path:
    """The root of the project that a file or folder belongs to."""
    return Roots().of(path)


class Roots:
    """Finds the roots of projects; what was found stays so for as long as the object lives."""

    def __init__(self) -> None:
        self._marked: dict[str, str | None] = {}

    def of(self, path: Path) -> Path:
        """The nearest folder upward that looks like a project's root, else the folder itself (a file's own folder)."""
        folder = str(path if path.is_dir() else path.parent)
        return Path(self._nearest(folder) or folder)

    def _nearest(self, folder: str) -> str | None:
        if folder not in self._marked:
            above = os.path.dirname(folder)
            is_marked = any(os.path.lexists(os.path.join(folder, mark)) for mark in _ROOT_MARKS)
            self._marked[folder] = folder if is_marked else None if above == folder else self._nearest(above)
        return self._marked[folder]


class Seed(enum.IntEnum):
    """Whether a file can hold a registration, by the test that spares the others from being parsed."""

    NONE = 0
    HELPER = 1
    """It can where another file of its project says what its `add_task` is called on."""
    SURE = 2

    @classmethod
    def of(cls, data: bytes) -> Seed:
        """What a file's content is."""
        if b"BackgroundTask" in data:
            return cls.SURE
        speaks_of_framework = b"background" in data and (b"fastapi" in data or b"starlette" in data)
        if speaks_of_framework and _SETS_BACKGROUND.search(data) is not None:
            return cls.SURE
        return cls.HELPER if b"add_task" in data else cls.NONE


def read_bytes(path: str | os.PathLike[str], report: Report) -> bytes | None:
    """A regular file's content, or None when it cannot be had: then that is reported. A pipe is not waited for."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                with os.fdopen(handle, "rb", closefd=False) as file:
                    return file.read()
        finally:
            os.close(handle)
        report(Problem(Path(path), "is not a regular file"))
    except OSError as error:
        report(Problem(Path(path), reason(error)))
    return None


def reason(error: OSError) -> str:
    """An operating system's error in its own words, without the number and the path."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def python_files(root: Path, report: Report | None = None) -> Iterator[Path]:
    """The Python files below a folder, always in the same order.

    Left out are what git ignores, virtual environments, hidden folders, build output and what lies behind links to
    folders. The folder itself is never left out: whoever names it wants it. What cannot be read goes to `report`.
    """
    yield from map(Path, stamped_files(root, report))


def stamped_files(root: Path, report: Report | None = None) -> dict[str, Stamp]:
    """`python_files`, each with its stamp."""
    walk = _Walk(root, report or _unheard)
    return dict(walk.files(root, _ignores_above(root)))


def stamp(path: str) -> Stamp | None:
    """The stamp of a regular file; None when there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return _stamp(found) if stat.S_ISREG(found.st_mode) else None


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ino)


def _unheard(_: Problem) -> None:
    """Nobody asked for problems."""


@dataclass(frozen=True, slots=True)
class _Ignores:
    """The ignore files that hold for a folder, outermost first."""

    specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()

    def cover(self, path: str, suffix: str = "") -> bool:
        """Whether git ignores the path: the innermost file that speaks of it decides. A folder's suffix is `/`."""
        for base, spec in reversed(self.specs):
            verdict = spec.check_file(path[len(base) :] + suffix).include
            if verdict is not None:
                return verdict
        return False

    def and_of(self, folder: str, *names: str) -> _Ignores:
        """These and the ignore files of one more folder."""
        base = folder if folder.endswith(os.sep) else folder + os.sep
        lines = [line for name in names for line in _lines(os.path.join(folder, name))]
        if not lines:
            return self
        return _Ignores((*self.specs, (base, _compiled(lines))))


def _compiled(lines: Sequence[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    good = []
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue  # git skips a pattern that it cannot read
        good.append(line)
    return GitIgnoreSpec.from_lines(good)


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _ignores_above(folder: Path) -> _Ignores:
    """The ignore files above a folder; none when they ignore the folder itself: it was named on purpose."""
    above = [*reversed(folder.parents)]
    tops = [at for at, parent in enumerate(above) if os.path.lexists(parent / ".git")]
    if not tops or os.path.lexists(folder / ".git"):
        return _Ignores()
    ignores = _Ignores()
    chain = [*above[tops[-1] :], folder]
    for outer, inner in itertools.pairwise(chain):
        ignores = ignores.and_of(str(outer), ".git/info/exclude", ".gitignore")
        if ignores.cover(str(inner), "/"):
            return _Ignores()
    return ignores


@dataclass(slots=True)
class _Walk:
    root: Path
    report: Report
    _seen: set[str] = field(default_factory=set)

    def files(self, folder: Path, ignores: _Ignores) -> Iterator[tuple[str, Stamp]]:
        pending = [(str(folder), ignores)]
        while pending:
            place, outer = pending.pop()
            entries = self._entries(place)
            inner = outer.and_of(place, ".git/info/exclude", ".gitignore")
            folders = []
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not self._leaves_out(entry) and not inner.cover(entry.path, "/"):
                        folders.append((entry.path, inner))
                elif entry.name.endswith(".py") and not inner.cover(entry.path):
                    found = self._source(entry)
                    if found is not None:
                        yield entry.path, found
            pending.extend(reversed(folders))

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as found:
                return sorted(found, key=lambda entry: entry.name)
        except FileNotFoundError:
            return []  # it went away since its parent was read
        except OSError as error:
            self.report(Problem(Path(folder), reason(error)))
            return []

    def _leaves_out(self, entry: os.DirEntry[str]) -> bool:
        return (
            entry.name.startswith(".")
            or entry.name in _LEFT_OUT
            or os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))
        )

    def _source(self, entry: os.DirEntry[str]) -> Stamp | None:
        """The stamp of a regular file, or of a link to one that this walk does not meet anyway."""
        if entry.name.startswith(".#"):
            return None  # an editor's lock: a link that leads nowhere on purpose
        try:
            found = entry.stat()
            if stat.S_ISDIR(found.st_mode):
                return None
            if not stat.S_ISREG(found.st_mode):
                self.report(Problem(Path(entry.path), "is not a regular file"))
                return None
            if entry.is_symlink() and Path(entry.path).resolve().is_relative_to(self.root.resolve()):
                return None
            return _stamp(found)
        except FileNotFoundError:
            message = "is a link that leads nowhere" if entry.is_symlink() else "no such file or directory"
        except OSError as error:
            message = reason(error)
        self.report(Problem(Path(entry.path), message))
        return None
